"""Tasks: the one writer of Task, of a deal's next due time, of when it was last worked on, and of its pause.

What the process plans and cancels in a move has no change rows of its own: the stay it belongs to says who and when.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F, Max, Min, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce, Greatest
from django.utils.translation import gettext as _

from crm import clock, fields, once, records
from crm.fields import Field, FieldKind
from crm.models import Company, User
from crm.models.audit import Via
from leads.models import Direction
from pipeline import calendar
from pipeline.models import Commitment, Deal, DealActivity, Kind, StageTask, StageVisit, Task

FIELDS = [
    Field("title", _("Title"), FieldKind.TEXT, required=True),
    Field("owner", _("Owner"), FieldKind.REFERENCE, required=True, reference="crm.User"),
]
fields.declare("task", FIELDS)
_DUE = Field("due_on", _("The day"), FieldKind.DATE, required=True)


# --- What a rep does


def add(
    deal_id: int, title: str, due_on: datetime.date, *, by: User, owner: User | None = None, kind: str = "other",
    via: str = Via.PAGE, once_key: str = "", now: datetime.datetime | None = None,
) -> Task | None:  # fmt: skip
    """A task by hand, due at the end of that day in its owner's time zone. None: the form was saved already."""
    with transaction.atomic():
        deal = lock(deal_id)
        now = now or clock.now()
        if once_key and once.claim(by, once_key, now) is None:
            return None
        title, due_on = records.check("task", {"title": title})["title"], _check_day(due_on)
        owner = owner or by
        task = Task(deal=deal, title=title, kind=kind, owner=owner, due_at=calendar.end_of_day(due_on, owner))
        records.create(task, by=by, via=via, now=now)
        _refresh_deal(deal)
        return task


def complete(task_id: int, *, by: User, via: str = Via.PAGE, now: datetime.datetime | None = None) -> list[Task]:
    """Done; returns the tasks that the process plans after it. Doing it twice changes nothing."""
    return _close(task_id, Task.State.DONE, by, via, now)


def skip(task_id: int, *, by: User, via: str = Via.PAGE, now: datetime.datetime | None = None) -> list[Task]:
    """Not needed this time; a required task cannot be skipped."""
    return _close(task_id, Task.State.SKIPPED, by, via, now)


def _close(task_id: int, state: str, by: User, via: str, now: datetime.datetime | None) -> list[Task]:
    with transaction.atomic():
        # The deal first: every writer of a deal's tasks locks it before the task, so none waits for another in a circle.
        deal = lock(Task.objects.values_list("deal_id", flat=True).get(pk=task_id))
        task = Task.objects.select_for_update().get(pk=task_id)
        now = now or clock.now()
        if task.state != Task.State.OPEN:
            return []
        if state == Task.State.SKIPPED and task.required:
            raise ValidationError(_("“%(task)s” is required here and cannot be skipped.") % {"task": task.title})
        _set_state(task, state, by, via, now)
        planned = _plan_next(task, deal, now)
        _refresh_deal(deal, worked_at=now if state == Task.State.DONE else None)
        return planned


def reopen(task_id: int, *, by: User, via: str = Via.PAGE, now: datetime.datetime | None = None) -> None:
    """Back to open, as before it was finished; what the process planned after it goes, unless it was worked on."""
    with transaction.atomic():
        deal = lock(Task.objects.values_list("deal_id", flat=True).get(pk=task_id))
        task = Task.objects.select_for_update().get(pk=task_id)
        now = now or clock.now()
        if task.state in (Task.State.DONE, Task.State.SKIPPED) and task.closed_at is not None:
            later = Task.objects.open().filter(
                deal=deal, visit=task.visit, stage_task__isnull=False, created_at=task.closed_at
            )
            for each in later.exclude(pk=task.pk):
                _set_state(each, Task.State.CANCELLED, by, via, now)
            _set_state(task, Task.State.OPEN, by, via, now)
            _refresh_deal(deal)


def reschedule(
    task_id: int, due_on: datetime.date, *, by: User, via: str = Via.PAGE, now: datetime.datetime | None = None
) -> None:
    with transaction.atomic():
        deal = lock(Task.objects.values_list("deal_id", flat=True).get(pk=task_id))
        task = Task.objects.select_for_update().select_related(None).get(pk=task_id)
        now = now or clock.now()
        due_at = calendar.end_of_day(_check_day(due_on), User.objects.get(pk=task.owner_id))
        if task.state == Task.State.OPEN and due_at != task.due_at:
            records.save(task, {"due_at": (task.due_at, due_at)}, by=by, via=via, now=now)
            _refresh_deal(deal)


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
        changed = {"paused_until": (deal.paused_until, ends), "pause_reason": (deal.pause_reason, reason)}
        records.save(deal, changed, by=by, via=via, now=now)


def resume(deal_id: int, *, by: User, via: str = Via.PAGE, now: datetime.datetime | None = None) -> None:
    with transaction.atomic():
        deal = lock(deal_id)
        if deal.paused_until is not None:
            changed = {"paused_until": (deal.paused_until, None), "pause_reason": (deal.pause_reason, "")}
            records.save(deal, changed, by=by, via=via, now=now or clock.now())


# --- What a move does, inside its transaction


def plan_stage(deal: Deal, visit: StageVisit, company: Company, by: User | None, now: datetime.datetime) -> list[Task]:
    """The stage's tasks that start on entry. Those "after the task before" wait for it."""
    templates = [task for task in StageTask.objects.in_use().filter(stage=visit.stage_id) if not task.after_previous]
    return _plan(templates, deal, visit, company, by, now)


def cancel_left_stage(
    visit: StageVisit, entered: StageVisit, *, lost: bool, by: User | None, now: datetime.datetime
) -> None:
    """Leaving a stage cancels what the process planned there; losing cancels every open task. Never deleted."""
    planned = Q() if lost else Q(stage_task__isnull=False)
    Task.objects.open().filter(planned, deal=visit.deal_id).update(
        state=Task.State.CANCELLED, closed_at=now, closed_by=by, cancelled_by_visit=entered, **_touched(by, now)
    )


def restore_cancelled(undone: StageVisit, by: User | None, now: datetime.datetime) -> None:
    """An undone entry takes the tasks it planned with it and gives back those that it cancelled."""
    Task.objects.open().filter(visit=undone).update(
        state=Task.State.CANCELLED, closed_at=now, closed_by=by, **_touched(by, now)
    )
    Task.objects.filter(cancelled_by_visit=undone).update(
        state=Task.State.OPEN, closed_at=None, closed_by=None, cancelled_by_visit=None, **_touched(by, now)
    )


def hand_over(deal: Deal, before: User, after: User, by: User | None, now: datetime.datetime) -> None:
    """Open tasks of the former owner follow the deal."""
    Task.objects.open().filter(deal=deal, owner=before).update(owner=after, **_touched(by, now))


def take_over(before: User, after: User, by: User, now: datetime.datetime) -> int:
    """All open tasks of somebody who leaves, on whosever deals."""
    return Task.objects.open().filter(owner=before).update(owner=after, **_touched(by, now))


def next_due() -> Subquery:
    """For an UPDATE of deals: the earliest due time among the open tasks, null when there is none."""
    due = (
        Task.objects.open()
        .filter(deal=OuterRef("pk"))
        .order_by()
        .values("deal")
        .annotate(due=Min("due_at"))
        .values("due")
    )
    return Subquery(due)


def lock(deal_id: int) -> Deal:
    """Without a join: a joined lock raises DoesNotExist for the loser of a race on PostgreSQL."""
    return Deal.objects.select_for_update().get(pk=deal_id)


@contextmanager
def holding(deal_id: int) -> Iterator[Deal]:
    """A transaction around the deal's lock, for rules that take a deal which their caller has locked."""
    with transaction.atomic():
        yield lock(deal_id)


def worked(deal_id: int, at: datetime.datetime) -> None:
    """Somebody touched the deal at that time: the clock of “idle” starts anew, and never runs backward."""
    Deal.objects.filter(pk=deal_id, last_worked_at__lt=at).update(last_worked_at=at)


# --- What lies back


def keep_past(tasks: Sequence[Task], *, via: str) -> None:
    """Many at once, open or finished. What the process planned has no change rows of its own, as ever."""
    Task.objects.bulk_create(tasks)
    by_hand = [records.created_then(task) for task in tasks if task.stage_task_id is None]
    finished = [
        records.PastChange(task, task.version, {"state": (Task.State.OPEN, task.state)}, task.closed_by, task.closed_at)
        for task in tasks
        if task.closed_at is not None
    ]
    records.note_past(by_hand + finished, via=via)


def recount(deals: Iterable[Deal]) -> None:
    """From the rows: when each deal's next task is due, and when it was last worked on."""
    deal = OuterRef("pk")
    times = [
        _latest(StageVisit.objects.standing().filter(deal=deal), "recorded_at"),
        _latest(DealActivity.objects.filter(deal=deal), "activity__happened_at"),
        _latest(Commitment.objects.filter(deal=deal), "recorded_at"),
        _latest(Task.objects.filter(deal=deal, state=Task.State.DONE), "closed_at"),
    ]
    Deal.objects.filter(pk__in=[each.pk for each in deals]).update(
        next_task_due_at=next_due(), last_worked_at=Greatest(*(Coalesce(at, F("started_at")) for at in times))
    )


def _latest(rows: QuerySet[Any], column: str) -> Subquery:
    return Subquery(rows.order_by().values("deal").annotate(at=Max(column)).values("at"))


# --- Inside


def _check_day(due_on: datetime.date) -> datetime.date:
    try:
        day: datetime.date = _DUE.check(due_on)
    except ValidationError as error:
        raise ValidationError({"due_on": error}) from error
    return day


def _touched(by: User | None, now: datetime.datetime) -> dict[str, Any]:
    return {"version": F("version") + 1, "updated_at": now, "updated_by": by}


def _set_state(task: Task, state: str, by: User | None, via: str, now: datetime.datetime) -> None:
    closed = state != Task.State.OPEN
    task.closed_at, task.closed_by = (now, by) if closed else (None, None)
    records.save(task, {"state": (task.state, state)}, by=by, via=via, now=now, also=["closed_at", "closed_by"])


def _refresh_deal(deal: Deal, worked_at: datetime.datetime | None = None) -> None:
    Deal.objects.filter(pk=deal.pk).update(next_task_due_at=next_due())
    if worked_at is not None:
        worked(deal.pk, worked_at)


def _plan_next(task: Task, deal: Deal, now: datetime.datetime) -> list[Task]:
    """After a task of the process: its next repetition if one is due, else the tasks that waited for it."""
    visit = task.visit
    if task.stage_task is None or visit is None or visit.left_at is not None or visit.undone_at is not None:
        return []
    company = Company.current()
    template = task.stage_task
    if template.repeat_days and task.repetition < template.repeat_limit and not _answered(template, visit):
        return _plan([template], deal, visit, company, task.closed_by, now, repetition=task.repetition + 1)
    if template.repeat_days:
        return []
    # What a reopening cancelled is planned again.
    planned = Task.objects.filter(visit=visit, stage_task__isnull=False).exclude(state=Task.State.CANCELLED)
    following = StageTask.objects.in_use().filter(stage=visit.stage_id).exclude(pk__in=planned.values("stage_task"))
    waiting = []
    for each in following.filter(Q(order__gt=template.order) | Q(order=template.order, pk__gt=template.pk)).order_by(
        "order", "pk"
    ):
        if not each.after_previous:
            break
        waiting.append(each)
        break
    return _plan(waiting, deal, visit, company, task.closed_by, now)


def _answered(template: StageTask, visit: StageVisit) -> bool:
    if template.repeat_until != StageTask.Answer.ANSWER:
        return False
    said = visit.deal.activity_links.filter(activity__direction=Direction.IN, activity__deleted_at__isnull=True)
    return said.filter(activity__happened_at__gte=visit.entered_at).exists()


def _plan(
    templates: list[StageTask], deal: Deal, visit: StageVisit, company: Company, by: User | None, now: datetime.datetime,
    repetition: int = 1,
) -> list[Task]:  # fmt: skip
    if not templates:
        return []
    working = calendar.WorkingDays.of(company, now.date() - datetime.timedelta(days=2))
    roles = _holders(deal) if any(template.owner_role for template in templates) else {}
    owner = by if by is not None and by.pk == deal.owner_id else deal.owner
    planned = [
        Task(
            deal=deal, title=template.title, kind=template.kind, instructions=template.instructions, required=template.required,
            owner=(who := roles.get(template.owner_role, owner)), stage_task=template, visit=visit,
            due_at=_due(template, repetition, who, working, now), repetition=repetition if template.repeat_days else 0,
            created_at=now, created_by=by, updated_at=now, updated_by=by,
        )
        for template in templates
    ]  # fmt: skip
    return Task.objects.bulk_create(planned)


def _holders(deal: Deal) -> dict[str, User]:
    return {member.role: member.user for member in deal.members.select_related("user").order_by("-pk")}


def _due(
    template: StageTask, repetition: int, owner: User, working: calendar.WorkingDays, now: datetime.datetime
) -> datetime.datetime:
    days = template.offset_days
    if template.repeat_days:
        steps: list[Any] = template.repeat_days.split(",")
        days = int(steps[min(repetition, len(steps)) - 1])
    today = calendar.day_of(now, owner)
    day = working.after(today, days) if template.working_days else today + datetime.timedelta(days=days)
    return calendar.end_of_day(day, owner)
