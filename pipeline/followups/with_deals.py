"""What becomes of tasks when their deal moves, changes its owner or becomes part of another, inside that transaction."""

from __future__ import annotations

import datetime

from django.db.models import Q

from crm.models import User
from pipeline import news
from pipeline.followups.rows import refresh_deal, touched
from pipeline.models import (
    Deal,
    StageVisit,
    Task,
)


def cancel_left_stage(
    visit: StageVisit, entered: StageVisit, *, lost: bool, by: User | None, now: datetime.datetime
) -> None:
    """Leaving a stage cancels what the process planned there; losing cancels every open task. Never deleted."""
    planned = Q() if lost else Q(stage_task__isnull=False)
    Task.objects.open().filter(planned, deal=visit.deal_id).update(
        state=Task.State.CANCELLED, closed_at=now, closed_by=by, cancelled_by_visit=entered, **touched(by, now)
    )


def restore_cancelled(undone: StageVisit, by: User | None, now: datetime.datetime) -> None:
    """An undone entry takes the tasks it planned with it and gives back those that it cancelled."""
    planned = Task.objects.open().filter(visit=undone)
    news.tasks_taken_back(planned.values_list("pk", flat=True))
    planned.update(state=Task.State.CANCELLED, closed_at=now, closed_by=by, **touched(by, now))
    Task.objects.filter(cancelled_by_visit=undone).update(
        state=Task.State.OPEN, closed_at=None, closed_by=None, cancelled_by_visit=None, **touched(by, now)
    )


def hand_over(deal: Deal, before: User, after: User, by: User | None, now: datetime.datetime) -> None:
    """Open tasks of the former owner follow the deal."""
    Task.objects.open().filter(deal=deal, owner=before).update(owner=after, **touched(by, now))


def take_over(before: User, after: User, by: User, now: datetime.datetime) -> int:
    """All open tasks of somebody who leaves, on whosever deals."""
    return Task.objects.open().filter(owner=before).update(owner=after, **touched(by, now))


def carry_over(other: Deal, deal: Deal, by: User, now: datetime.datetime) -> None:
    """All tasks of a deal that becomes part of another. The caller holds the locks of both.

    What a stage of the other planned and is still open becomes a task as if by hand: the deal is not in that stage, so
    nothing there requires it, repeats it or cancels it. Where both have the same one open, the other's is cancelled.
    """
    rows, planned = Task.objects.filter(deal=other), Q(stage_task__isnull=False)
    here = Task.objects.open().filter(planned, deal=deal).values_list("stage_task_id", flat=True)
    rows.open().filter(stage_task__in=list(here)).update(
        state=Task.State.CANCELLED, closed_at=now, closed_by=by, **touched(by, now)
    )
    rows.open().filter(planned).update(stage_task=None, visit=None, required=False, repetition=0, **touched(by, now))
    rows.update(deal=deal)
    refresh_deal(other)
    refresh_deal(deal, worked_at=other.last_worked_at)
