"""What the buyer says: follow-ups “until the buyer answers” end with it, and go on when it was none."""

from __future__ import annotations

import datetime

from crm.models import User
from leads.models import Activity, Direction
from pipeline.followups.plan import is_answered
from pipeline.followups.rows import refresh_deal, set_state
from pipeline.models import (
    Deal,
    StageTask,
    Task,
)


def stop_answered(deal: Deal, activity: Activity, *, by: User, via: str, now: datetime.datetime) -> None:
    """The buyer said something: follow-ups “until the buyer answers” are no longer needed. The caller holds the lock."""
    if activity.direction != Direction.IN:
        return
    stopped = Task.objects.open().filter(
        deal=deal, visit__deal=deal, visit__left_at__isnull=True, visit__entered_at__lte=activity.happened_at,
        stage_task__repeat_until=StageTask.Answer.ANSWER, repetition__gt=0,
    )  # fmt: skip
    found = list(stopped)
    for task in found:
        task.cancelled_by_activity = activity
        set_state(task, Task.State.CANCELLED, by, via, now)
    if found:
        refresh_deal(deal)


def go_on_unanswered(deal: Deal, activity: Activity, *, by: User, via: str, now: datetime.datetime) -> None:
    """It was no answer after all: what it had stopped goes on, unless the deal went on or another answer is there."""
    stopped = Task.objects.existing().filter(
        deal=deal, visit__deal=deal, visit__left_at__isnull=True, visit__undone_at__isnull=True,
        cancelled_by_activity=activity, state=Task.State.CANCELLED,
    )  # fmt: skip
    for task in stopped.select_related("stage_task", "visit"):
        if task.stage_task is not None and task.visit is not None and not is_answered(task.stage_task, task.visit):
            task.cancelled_by_activity = None
            set_state(task, Task.State.OPEN, by, via, now)
    refresh_deal(deal)


def stopped_by(activity: Activity) -> list[Task]:
    return list(Task.objects.existing().filter(cancelled_by_activity=activity))
