"""The rows of tasks and what deals say of them: locks, states, days. Nothing outside `pipeline.followups` writes them."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import DateTimeField, F, Min, OuterRef, Subquery, Value
from django.db.models.functions import Greatest
from django.utils.translation import gettext as _

from crm import fields, records
from crm.fields import Field, FieldKind
from crm.models import User
from pipeline import calendar, marking
from pipeline.models import (
    Deal,
    Task,
)

FIELDS = [
    Field("title", _("Title"), FieldKind.TEXT, required=True),
    Field("owner", _("Owner"), FieldKind.REFERENCE, required=True, reference="crm.User"),
]
fields.declare("task", FIELDS)
_DUE = Field("due_on", _("The day"), FieldKind.DATE, required=True)
Due = datetime.date | datetime.datetime
"""A day, which is over with its last moment in the owner's time zone; or a moment, which knows its zone."""


def lock(deal_id: int) -> Deal:
    """Without a join: a joined lock raises DoesNotExist for the loser of a race on PostgreSQL."""
    return Deal.objects.select_for_update().get(pk=deal_id)


class _Elsewhere(Exception):
    """The task went to another deal while we waited for the lock of the one that it was on."""


def lock_with(task_id: int) -> tuple[Deal | None, Task]:
    """The deal first: every writer of a deal's tasks locks it before the task, so none waits for another in a circle.

    A task without a deal has its own lock only.

    In a savepoint of its own, because a merge may carry the task to another deal meanwhile: then the lock of the
    former one is let go before that of the other is asked for.
    """
    while True:
        try:
            with transaction.atomic():
                deal_id = Task.objects.values_list("deal_id", flat=True).get(pk=task_id)
                deal = lock(deal_id) if deal_id is not None else None
                task = Task.objects.select_for_update().select_related(None).get(pk=task_id)
                if task.deal_id != deal_id:
                    raise _Elsewhere
            return deal, task
        except _Elsewhere:
            continue


def hold(task_id: int) -> Task:
    """The task under the locks that its writers take. Inside a transaction."""
    return lock_with(task_id)[1]


@contextmanager
def holding(deal_id: int) -> Iterator[Deal]:
    """A transaction around the deal's lock, for rules that take a deal which their caller has locked."""
    with transaction.atomic():
        yield lock(deal_id)


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


def worked(deal_id: int, at: datetime.datetime) -> None:
    """Somebody touched the deal at that time: the clock of “idle” starts anew, and never runs backward."""
    later = Greatest(F("last_worked_at"), Value(at, DateTimeField()))
    Deal.objects.filter(pk=deal_id).update(last_worked_at=later, **marking.card())


def refresh_deal(deal: Deal | None, worked_at: datetime.datetime | None = None) -> None:
    if deal is None:
        return
    Deal.objects.filter(pk=deal.pk).update(next_task_due_at=next_due(), **marking.card())
    if worked_at is not None:
        worked(deal.pk, worked_at)


def set_state(task: Task, state: str, by: User | None, via: str, now: datetime.datetime) -> None:
    closed = state != Task.State.OPEN
    task.closed_at, task.closed_by = (now, by) if closed else (None, None)
    also = ["closed_at", "closed_by", "cancelled_by_activity"]
    records.save(task, {"state": (task.state, state)}, by=by, via=via, now=now, also=also)


def touched(by: User | None, now: datetime.datetime) -> dict[str, Any]:
    return {"version": F("version") + 1, "updated_at": now, "updated_by": by}


def moment_of(due: Due, owner: User) -> tuple[datetime.datetime, bool]:
    """When it is due, and whether at a time of day."""
    if not isinstance(due, datetime.datetime):
        return calendar.end_of_day(check_day(due), owner), False
    if due.tzinfo is None:
        raise ValueError("a moment without a zone")
    check_day(due.date())
    return due.astimezone(datetime.UTC), True


def check_day(due_on: datetime.date) -> datetime.date:
    try:
        day: datetime.date = _DUE.check(due_on)
    except ValidationError as error:
        raise ValidationError({"due_on": error}) from error
    return day
