"""One deal or task of a change of many is put back as it was, unless somebody has changed it since."""

from __future__ import annotations

import datetime
from typing import Any

from django.utils.translation import gettext as _

from crm.models import User
from crm.models.audit import Via
from pipeline import deals, followups, moves
from pipeline.bulk.change import Did, guarded
from pipeline.models import BulkItem, BulkRun, Deal, Tag
from pipeline.moves import Moved

Action, Is = BulkRun.Action, BulkItem.Outcome

ANY_TIME = datetime.timedelta(days=3650)
"""Whether it is too late is asked of the whole run."""


def put_back(run: BulkRun, item: BulkItem, by: User) -> Did | None:
    if item.outcome != Is.DONE:
        return None
    return guarded(_put_back, run, item, by, Is.LEFT)


def _put_back(run: BulkRun, item: BulkItem, by: User) -> Did:
    deal = followups.lock(item.about)
    if deal.version != item.made_version or deal.deleted_at is not None:
        return Did(Is.LEFT, _("Somebody changed it since."))
    if not by.is_active or not Deal.objects.editable_by(by).filter(pk=deal.pk).exists():
        return Did(Is.LEFT, _("You may not change this deal any more."))
    return _undo(run, item, by)


def _undo(run: BulkRun, item: BulkItem, by: User) -> Did:
    if item.visit_id is not None:
        outcome = moves.undo_move(item.about, item.visit_id, by=by, via=Via.BULK, within=ANY_TIME)
        return Did(Is.BACK) if isinstance(outcome, Moved) else Did(Is.LEFT, getattr(outcome, "message", ""))
    along = bool(run.given.get("tasks_along", True))
    deals.edit(item.about, _before(run, item.before), version=None, by=by, via=Via.BULK, tasks_along=along)
    return Did(Is.BACK)


def _before(run: BulkRun, before: Any) -> dict[str, Any]:
    if run.action == Action.OWNER:
        return {"owner": User.objects.get(pk=before)}
    if run.action == Action.CLOSE:
        return {"expected_close": datetime.date.fromisoformat(before) if before else None}
    return {"tags": list(Tag.objects.filter(pk__in=before))}
