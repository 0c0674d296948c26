"""Reminders of tasks: when somebody wants to be reminded of one, and whether that is still to be told when it is due.

Most tasks have none: what is due on a day is told by the morning's digest. One has a reminder because it has a time of
day, or because whoever has to do it asked for one.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import OuterRef, Subquery
from django.urls import reverse
from django.utils.formats import time_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm import reminders, rests, wall_time
from crm.models import Reminder, User
from crm.notices import News
from crm.reminders import Drop, Outcome, Pass
from pipeline import calendar
from pipeline.models import Task

KIND, ABOUT = "due", "task"
DAY = 24 * 60
BEFORE = {
    0: gettext_lazy("At its time"),
    10: gettext_lazy("10 minutes before"),
    60: gettext_lazy("1 hour before"),
    DAY: gettext_lazy("1 day before"),
}


def choices(task: Task) -> dict[int, str]:
    """A task without a time of day is told at eight, of its day or of the one before."""
    if task.has_time:
        return {minutes: str(words) for minutes, words in BEFORE.items()}
    return {0: _("At 8:00 that day"), DAY: _("At 8:00 the day before")}


def ask(task_id: int, minutes_before: int, *, by: User, now: datetime.datetime | None = None) -> Reminder:
    """ValidationError: a finished task, somebody else's, a moment that has passed, or a distance that is not offered."""
    with transaction.atomic():
        task = Task.objects.select_for_update().select_related(None).get(pk=task_id)
        if task.state != Task.State.OPEN or task.deleted_at is not None:
            raise ValidationError(_("“%(task)s” is finished.") % {"task": task.title}, code="closed")
        if task.owner_id != by.pk:
            raise ValidationError(_("Only whoever has to do a task is reminded of it."), code="not_yours")
        if minutes_before not in choices(task):
            raise ValidationError(_("Choose one of the times that are offered."), code="invalid")
        wall = _wall(task, by, minutes_before)
        return reminders.plan(by, KIND, ABOUT, task.pk, wall, minutes_before=minutes_before, now=now)


def forget(task_id: int, *, by: User, now: datetime.datetime | None = None) -> None:
    reminders.cancel(by, KIND, ABOUT, task_id, now=now)


def minutes_asked(user: User) -> Subquery:
    """For a query of tasks: how long before each this person is reminded, null if not."""
    rows = Reminder.objects.pending().filter(user=user, kind=KIND, object_type=ABOUT, object_id=OuterRef("pk"))
    return Subquery(rows.values("minutes_before")[:1])


# --- What the writer of tasks calls, in its transaction


def planned(task: Task, now: datetime.datetime) -> None:
    """A new task at a time of day is told at its time; one that is due on a day costs nothing here."""
    if task.has_time and task.due_at > now:
        owner = task.owner
        row = reminders.at(owner, KIND, ABOUT, task.pk, wall_time.wall(task.due_at, owner.time_zone), now)
        reminders.plan_all([row])


def moved(task: Task, now: datetime.datetime) -> None:
    """To another time: what waits moves along, at its distance."""
    rows = Reminder.objects.pending().about(ABOUT, task.pk).filter(kind=KIND)
    waiting = list(rows.select_for_update().prefetch_related("user"))
    walls = {row.pk: _wall(task, row.user, row.minutes_before) for row in waiting}
    reminders.move(waiting, walls, {row.pk: row.user.time_zone for row in waiting})
    if task.owner_id not in [row.user_id for row in waiting]:
        planned(task, now)


def _wall(task: Task, user: User, minutes_before: int) -> datetime.datetime:
    if task.has_time:
        return wall_time.before(task.due_at, minutes_before, user.time_zone)
    day = calendar.day_of(task.due_at, task.owner) - datetime.timedelta(days=minutes_before // DAY)
    return datetime.datetime.combine(day, rests.MORNING)


# --- When it is due


def check(rows: Sequence[Reminder], now: datetime.datetime) -> Mapping[int, Outcome]:
    tasks = Task.objects.select_related("deal", "owner").in_bulk([row.object_id for row in rows])
    return {row.pk: _outcome(row, tasks.get(row.object_id)) for row in rows}


def _outcome(row: Reminder, task: Task | None) -> Outcome:
    if task is None or task.deleted_at is not None or (task.deal and task.deal.deleted_at is not None):
        return Drop(_("the task is no longer there"))
    if task.state != Task.State.OPEN:
        return Drop(_("the task is finished"))
    if task.owner_id not in (row.user_id, row.stands_in_for_id):
        return Pass(task.owner, _("the task is somebody else's now"))
    # Whoever has to do a task sees it; whoever stands in may not.
    if task.owner_id != row.user_id and not Task.objects.visible_to(row.user).filter(pk=task.pk).exists():
        return Drop(_("whoever stands in does not see the task"))
    return _news(row, task)


def _news(row: Reminder, task: Task) -> News:
    kind, who = ("due", None) if task.owner_id == row.user_id else ("due_for", task.owner)
    when = time_format(wall_time.wall(task.due_at, row.user.time_zone), "H:i") if task.has_time else ""
    text = " · ".join(each for each in (when, task.deal.title if task.deal else "") if each)
    about = ("deal", task.deal_id) if task.deal_id else ("task", task.pk)
    return News(row.key, kind, who, task.title, text, address_of(task), *about)


def address_of(task: Task) -> str:
    if task.deal_id:
        return f"{reverse('deal', args=[task.deal_id])}#task-{task.pk}"
    return reverse("organization", args=[task.organization_id]) if task.organization_id else reverse("my-day")
