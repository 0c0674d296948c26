"""Tasks that lie back, many at once, and what deals say of them counted anew."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.db.models import F, Max, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce, Greatest

from crm import records
from pipeline import marking
from pipeline.followups.rows import next_due
from pipeline.models import (
    Commitment,
    Deal,
    DealActivity,
    StageVisit,
    Task,
)


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
        _latest(DealActivity.objects.filter(deal=deal, activity__deleted_at__isnull=True), "activity__happened_at"),
        _latest(Commitment.objects.filter(deal=deal), "recorded_at"),
        _latest(Task.objects.filter(deal=deal, state=Task.State.DONE), "closed_at"),
    ]
    Deal.objects.filter(pk__in=[each.pk for each in deals]).update(
        next_task_due_at=next_due(),
        last_worked_at=Greatest(*(Coalesce(at, F("started_at")) for at in times)),
        **marking.card(),
    )


def _latest(rows: QuerySet[Any], column: str) -> Subquery:
    return Subquery(rows.order_by().values("deal").annotate(at=Max(column)).values("at"))
