"""One task of a change of many: another day, another owner, or finished; and put back as it was."""

from __future__ import annotations

import datetime
from typing import Any

from django.utils.translation import gettext as _

from crm.models import User
from crm.models.audit import Via
from pipeline import followups
from pipeline.bulk.change import Did, guarded
from pipeline.models import BulkItem, BulkRun, Task

Action, Is = BulkRun.Action, BulkItem.Outcome


def change(run: BulkRun, item: BulkItem, by: User) -> Did:
    return guarded(_change, run, item, by, Is.REFUSED)


def put_back(run: BulkRun, item: BulkItem, by: User) -> Did | None:
    return guarded(_put_back, run, item, by, Is.LEFT) if item.outcome == Is.DONE else None


def _change(run: BulkRun, item: BulkItem, by: User) -> Did:
    task = followups.hold(item.about)
    if not _may(task, by):
        return Did(Is.REFUSED, _("You may not change this task any more."))
    if task.version != item.seen_version:
        return Did(Is.STALE, _("Somebody else changed it meanwhile."))
    if task.state != Task.State.OPEN:
        return Did(Is.SAME)
    _act(run, task, by)
    made = Task.objects.values_list("version", flat=True).get(pk=task.pk)
    return Did(Is.DONE, version=made) if made > task.version else Did(Is.SAME)


def _act(run: BulkRun, task: Task, by: User) -> None:
    match run.action:
        case Action.DUE:
            followups.reschedule(task.pk, due_of(run.given), by=by, via=Via.BULK)
        case Action.GIVE:
            followups.edit(task.pk, {"owner": User.objects.get(pk=run.given["owner"])}, by=by, via=Via.BULK)
        case Action.FINISH:
            followups.complete(task.pk, by=by, via=Via.BULK)


def due_of(given: dict[str, Any]) -> followups.Due:
    """As it was kept: a day, or a moment."""
    if given.get("at"):
        return datetime.datetime.fromisoformat(given["at"])
    return datetime.date.fromisoformat(given["day"])


def _put_back(run: BulkRun, item: BulkItem, by: User) -> Did:
    task = followups.hold(item.about)
    if not _may(task, by):
        return Did(Is.LEFT, _("You may not change this task any more."))
    followups.put_back(task.pk, item.made_version or 0, by=by, via=Via.BULK)
    return Did(Is.BACK)


def _may(task: Task, by: User) -> bool:
    return by.is_active and Task.objects.editable_by(by).filter(pk=task.pk).exists()
