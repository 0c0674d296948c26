"""One deal or task of a change of many: the ordinary rule, and what came of it."""

from __future__ import annotations

import datetime
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.db import DatabaseError, transaction
from django.utils.translation import gettext as _

from crm.models import User
from crm.models.audit import Via
from pipeline import access, deals, followups, moves
from pipeline.models import BulkItem, BulkRun, CloseReason, Deal, Stage, Tag
from pipeline.moves import Moved, Refused

logger = logging.getLogger("pipeline.bulk")

Action, Is = BulkRun.Action, BulkItem.Outcome


@dataclass(frozen=True)
class Did:
    """What came of one deal; for a change also what taking it back needs."""

    outcome: str
    detail: str = ""
    before: Any = None
    visit: int | None = None
    version: int | None = None


def guarded(act: Callable[[BulkRun, BulkItem, User], Did], run: BulkRun, item: BulkItem, by: User, failed: str) -> Did:
    """A rule that fails on one deal or task does not keep the others back: its outcome is `failed`."""
    try:
        with transaction.atomic():
            return act(run, item, by)
    except ValidationError as refusal:
        return Did(failed, " ".join(refusal.messages))
    except DatabaseError:
        raise  # of the connection or of a lock, not of this one: the run goes on later
    except Exception:
        known = {"run": run.pk, "deal": item.deal_id, "task": item.task_id}
        logger.exception("one of a bulk change failed", extra={"fields": known})
        return Did(
            failed, _("This task could not be changed.") if run.of_tasks else _("This deal could not be changed.")
        )


def change(run: BulkRun, item: BulkItem, by: User) -> Did:
    return guarded(_change, run, item, by, Is.REFUSED)


def _change(run: BulkRun, item: BulkItem, by: User) -> Did:
    deal = followups.lock(item.about)
    if not _may(run, deal, by):
        return Did(Is.REFUSED, _("You may not change this deal any more."))
    return _move(run, item, by) if run.action in (Action.MOVE, Action.LOSE) else _edit(run, item, deal, by)


def _may(run: BulkRun, deal: Deal, by: User) -> bool:
    if not by.is_active or not Deal.objects.editable_by(by).filter(pk=deal.pk).exists():
        return False
    return run.action != Action.OWNER or access.manages_owner(by, deal.owner_id)


def _move(run: BulkRun, item: BulkItem, by: User) -> Did:
    outcome = moves.move_deal(
        item.about, _target(run), by=by, via=Via.BULK, version=item.seen_version, close=_close(run)
    )
    if isinstance(outcome, Moved):
        if outcome.visit is None:
            return Did(Is.SAME)
        return Did(Is.DONE, visit=outcome.visit.pk, version=outcome.deal.version)
    if isinstance(outcome, Refused):
        return Did(Is.REFUSED, outcome.message)
    return Did(Is.STALE, _("It is in %(stage)s now.") % {"stage": outcome.deal.stage.name})


def _target(run: BulkRun) -> int:
    if run.action == Action.MOVE:
        return int(run.given["stage"])
    lost = Stage.objects.in_use().filter(pipeline=run.pipeline_id, kind="lost").order_by("order", "pk").first()
    return lost.pk if lost else 0


def _close(run: BulkRun) -> moves.Close | None:
    if run.action != Action.LOSE:
        return None
    day = run.given.get("come_back_on")
    reason = CloseReason.objects.filter(pk=run.given["reason"]).first()
    return moves.Close(reason, run.given.get("note", ""), datetime.date.fromisoformat(day) if day else None)


def _edit(run: BulkRun, item: BulkItem, deal: Deal, by: User) -> Did:
    changes, before = _changes(run, deal)
    # A tag joins those that are there by now; what replaces a value is held against what was on the screen.
    version = None if "tags" in changes else item.seen_version
    along = bool(run.given.get("tasks_along", True))
    outcome = deals.edit(deal.pk, changes, version=version, by=by, via=Via.BULK, tasks_along=along)
    if isinstance(outcome, deals.Conflict):
        return Did(Is.STALE, _("Somebody else changed it meanwhile."))
    if not outcome.changed:
        return Did(Is.SAME)
    return Did(Is.DONE, before=before, version=outcome.deal.version)


def _changes(run: BulkRun, deal: Deal) -> tuple[dict[str, Any], Any]:
    """What is written, and what was there before as it is kept."""
    if run.action == Action.OWNER:
        return {"owner": User.objects.get(pk=run.given["owner"])}, deal.owner_id
    if run.action == Action.CLOSE:
        day = run.given.get("day")
        return {"expected_close": datetime.date.fromisoformat(day) if day else None}, _iso(deal.expected_close)
    tags = list(deal.tags.all())
    others = [tag for tag in tags if tag.pk != run.given["tag"]]
    added = list(Tag.objects.filter(pk=run.given["tag"])) if run.action == Action.TAG else []
    return {"tags": [*others, *added]}, [tag.pk for tag in tags]


def _iso(day: datetime.date | None) -> str | None:
    return day.isoformat() if day else None
