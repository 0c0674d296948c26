"""What people do with tasks: add, finish, skip, call off, put off, put back; and the pause of a deal."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from crm import clock, fields, once, records
from crm.fields import FieldKind
from crm.models import Change, User
from crm.models.audit import Via
from leads.models import Organization
from pipeline import calendar, marking, news, task_reminders
from pipeline.followups.plan import plan_after
from pipeline.followups.rows import Due, lock, lock_with, moment_of, refresh_deal, set_state
from pipeline.models import (
    Kind,
    StageVisit,
    Task,
)


def add(
    deal_id: int, title: str, due_on: Due, *, by: User, owner: User | None = None, kind: str = "other",
    via: str = Via.PAGE, once_key: str = "", visit: StageVisit | None = None, now: datetime.datetime | None = None,
) -> Task | None:  # fmt: skip
    """A task by hand. None: the form was saved already.

    `visit` is the entry that it was planned with, and goes with if that is undone.
    """
    with transaction.atomic():
        deal = lock(deal_id)
        task = Task(deal=deal, title=title, kind=kind, owner=owner or by, visit=visit)
        made = _add(task, due_on, by, via, once_key, now or clock.now())
        if made is not None:
            refresh_deal(deal)
        return made


def add_for(
    organization_id: int, title: str, due_on: Due, *, by: User, owner: User | None = None, kind: str = "other",
    via: str = Via.PAGE, once_key: str = "", now: datetime.datetime | None = None,
) -> Task | None:  # fmt: skip
    """The same for an organization itself. Its lock keeps it from being deleted meanwhile."""
    with transaction.atomic():
        organization = Organization.objects.existing().select_for_update().filter(pk=organization_id).first()
        if organization is None:
            raise ValidationError(_("This organization is no longer there."), code="gone")
        task = Task(organization=organization, title=title, kind=kind, owner=owner or by)
        return _add(task, due_on, by, via, once_key, now or clock.now())


def _add(task: Task, due_on: Due, by: User, via: str, once_key: str, now: datetime.datetime) -> Task | None:
    if once_key and once.claim(by, once_key, now) is None:
        return None
    task.title = records.check("task", {"title": task.title})["title"]
    task.due_at, task.has_time = moment_of(due_on, task.owner)
    records.create(task, by=by, via=via, now=now)
    task_reminders.planned(task, now)
    news.task_given(task, by=by, now=now)
    return task


def complete(task_id: int, *, by: User, via: str = Via.PAGE, now: datetime.datetime | None = None) -> list[Task]:
    """Done; returns the tasks that the process plans after it. Doing it twice changes nothing."""
    return _close(task_id, Task.State.DONE, by, via, now)


def skip(task_id: int, *, by: User, via: str = Via.PAGE, now: datetime.datetime | None = None) -> list[Task]:
    """Not needed this time; a required task cannot be skipped."""
    return _close(task_id, Task.State.SKIPPED, by, via, now)


def cancel(task_id: int, *, by: User, via: str = Via.PAGE, now: datetime.datetime | None = None) -> None:
    """No longer wanted: a task by hand, which stays in the history. Doing it twice changes nothing.

    ValidationError: the process planned it, whose tasks are finished or skipped, or it is finished already.
    """
    with transaction.atomic():
        deal, task = lock_with(task_id)
        if task.state == Task.State.CANCELLED:
            return
        if task.stage_task_id is not None:
            told = _("The process planned “%(task)s”: finish it, or skip it if it is not needed.")
            raise ValidationError(told % {"task": task.title}, code="planned")
        if task.state != Task.State.OPEN:
            raise ValidationError(_("“%(task)s” is finished and stays as it is.") % {"task": task.title}, code="closed")
        set_state(task, Task.State.CANCELLED, by, via, now or clock.now())
        refresh_deal(deal)


def _close(task_id: int, state: str, by: User, via: str, now: datetime.datetime | None) -> list[Task]:
    with transaction.atomic():
        deal, task = lock_with(task_id)
        now = now or clock.now()
        if task.state != Task.State.OPEN:
            return []
        if state == Task.State.SKIPPED and task.required:
            raise ValidationError(_("“%(task)s” is required here and cannot be skipped.") % {"task": task.title})
        set_state(task, state, by, via, now)
        planned = plan_after(task, deal, now) if deal is not None else []
        refresh_deal(deal, worked_at=now if state == Task.State.DONE else None)
        return planned


def reopen(task_id: int, *, by: User, via: str = Via.PAGE, now: datetime.datetime | None = None) -> None:
    """Back to open, as before it was finished; what the process planned after it goes, unless it was worked on."""
    with transaction.atomic():
        deal, task = lock_with(task_id)
        now = now or clock.now()
        if task.may_reopen:
            _reopen(task, by, via, now)
            refresh_deal(deal)


def _reopen(task: Task, by: User, via: str, now: datetime.datetime) -> None:
    if task.closed_at is not None:
        later = Task.objects.open().filter(deal=task.deal_id, visit=task.visit, stage_task__isnull=False)
        for each in later.filter(created_at=task.closed_at).exclude(pk=task.pk):
            set_state(each, Task.State.CANCELLED, by, via, now)
    set_state(task, Task.State.OPEN, by, via, now)


def put_back(
    task_id: int, version: int, *, by: User, via: str = Via.PAGE, now: datetime.datetime | None = None
) -> Task:
    """As before the change that made this version: open again, its former day, its former owner, or not there at all.

    ValidationError: somebody has changed it since.
    """
    with transaction.atomic():
        deal, task = lock_with(task_id)
        now = now or clock.now()
        if task.version != version:
            told = _("“%(task)s” was changed since and stays as it is.") % {"task": task.title}
            raise ValidationError(told, code="stale")
        changes = Change.objects.filter(object_type=records.object_type(task), object_id=task.pk, version=version)
        former = dict(changes.values_list("field", "old"))
        if version == 1:
            set_state(task, Task.State.CANCELLED, by, via, now)
        elif "state" in former and task.may_reopen:
            _reopen(task, by, via, now)
        else:
            records.save(task, _put_back(task, former), by=by, via=via, now=now)
            task_reminders.moved(task, now)
        refresh_deal(deal)
        return task


def _put_back(task: Task, former: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    values: dict[str, Any] = {name: former[name] for name in ("title", "has_time", "counted") if name in former}
    if "due_at" in former:
        values["due_at"] = datetime.datetime.fromisoformat(former["due_at"])
    if "owner" in former:
        values["owner"] = User.objects.get(pk=former["owner"])
    return records.differences(task, values)


def edit(
    task_id: int, changes: Mapping[str, Any], *, by: User, via: str = Via.PAGE, now: datetime.datetime | None = None
) -> None:
    """Title or owner; its day stays. Raises ValidationError by field. Whom `by` may choose is for the caller."""
    with transaction.atomic():
        _deal, task = lock_with(task_id)
        changed = records.differences(task, records.check("task", changes))
        if changed:
            now = now or clock.now()
            records.save(task, changed, by=by, via=via, now=now)
            if "owner" in changed:
                news.task_given(task, by=by, now=now)


def reschedule(
    task_id: int, due_on: Due, *, by: User, via: str = Via.PAGE, now: datetime.datetime | None = None
) -> Task:
    """ValidationError: it is finished, or the day is none."""
    with transaction.atomic():
        deal, task = lock_with(task_id)
        now = now or clock.now()
        due_at, has_time = moment_of(due_on, User.objects.get(pk=task.owner_id))
        if task.state != Task.State.OPEN:
            raise ValidationError(_("“%(task)s” is finished and stays as it is.") % {"task": task.title}, code="closed")
        changed = records.differences(task, {"due_at": due_at, "has_time": has_time})
        if changed:
            records.save(task, changed, by=by, via=via, now=now)
            task_reminders.moved(task, now)
            refresh_deal(deal)
        return task


def count(task_id: int, counted: int, *, by: User, via: str = Via.PAGE, now: datetime.datetime | None = None) -> Task:
    """So many of those wanted are done now; with the last one the task is done. ValidationError: more than wanted, or nothing to count."""
    with transaction.atomic():
        deal, task = lock_with(task_id)
        now = now or clock.now()
        if task.wanted is None:
            raise ValidationError(
                {"counted": ValidationError(_("There is nothing to count here."), code="not_counted")}
            )
        if not 0 <= counted <= task.wanted:
            told = _("A number from 0 to %(wanted)d.") % {"wanted": task.wanted}
            raise ValidationError({"counted": ValidationError(told, code="range")})
        if task.state == Task.State.OPEN and counted != task.counted:
            records.save(task, {"counted": (task.counted, counted)}, by=by, via=via, now=now)
            if counted == task.wanted:
                set_state(task, Task.State.DONE, by, via, now)
            refresh_deal(deal, worked_at=now)
        return task


def pause(
    deal_id: int,
    until: datetime.date,
    reason: str,
    *,
    by: User,
    via: str = Via.PAGE,
    now: datetime.datetime | None = None,
) -> None:
    """No marks and no next step asked for until that day. ValidationError: no reason, a day not in the future, a closed deal."""
    with transaction.atomic():
        deal = lock(deal_id)
        now = now or clock.now()
        reason = fields.Field("pause_reason", _("The reason"), FieldKind.TEXT, required=True).check(reason)
        if deal.status != Kind.OPEN:
            raise ValidationError(_("Only an open deal can be paused."))
        today = calendar.day_of(now, by)
        if not today < until < today + datetime.timedelta(days=3660):
            raise ValidationError({"until": _("Choose a day after today.")})
        ends = datetime.datetime.combine(until, datetime.time(), by.zone).astimezone(datetime.UTC)
        changed = records.differences(deal, {"paused_until": ends, "pause_reason": reason})
        if changed:
            records.save(deal, changed, by=by, via=via, now=now, also=marking.card_of(deal))


def resume(deal_id: int, *, by: User, via: str = Via.PAGE, now: datetime.datetime | None = None) -> None:
    with transaction.atomic():
        deal = lock(deal_id)
        if deal.paused_until is not None:
            changed = {"paused_until": (deal.paused_until, None), "pause_reason": (deal.pause_reason, "")}
            records.save(deal, changed, by=by, via=via, now=now or clock.now(), also=marking.card_of(deal))
