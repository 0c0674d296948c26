"""Taking back the last move: the stay is marked undone, the one before it is open again, tasks come back."""

from __future__ import annotations

import datetime

from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils.translation import gettext as _

from crm import again, clock
from crm.models import User
from pipeline import automation, followups
from pipeline.models import ActionRun, MoveAttempt, StageVisit
from pipeline.moves import write
from pipeline.moves.outcomes import Moved, Outcome, Refused, Stale

UNDO_FOR = datetime.timedelta(seconds=10)
"""How long a move is offered to be taken back. After that it is history: moving back is a move of its own."""
TRAVEL = datetime.timedelta(seconds=5)
"""A click in the last moment is still on its way."""


def undo_until(visit: StageVisit) -> datetime.datetime:
    return visit.recorded_at + UNDO_FOR


@again.after_deadlock
def undo_move(
    deal_id: int, visit_id: int, *, by: User, via: str, within: datetime.timedelta = UNDO_FOR + TRAVEL,
    now: datetime.datetime | None = None,
) -> Outcome:  # fmt: skip
    """Stale when somebody has moved on since, deleted or merged it. Twice is once.

    Refused for a deal's first stay, when it is too late, or for a stage that is gone.
    """
    with transaction.atomic():
        deal = followups.lock(deal_id)
        now = now or clock.now()
        acted = Exists(ActionRun.objects.filter(visit=OuterRef("pk")))
        last = StageVisit.objects.current().select_related("stage", "by").annotate(acted=acted).get(deal=deal)
        if deal.deleted_at is not None:
            return Stale(deal, deal.deleted_by, deal.deleted_at)
        if last.pk != visit_id:
            undone = StageVisit.objects.filter(deal=deal, pk=visit_id, undone_at__isnull=False).exists()
            return Moved(deal, None) if undone else Stale(deal, last.by, last.recorded_at)
        if now - last.recorded_at > within:
            return Refused(deal, last.stage, "late", _("It is too late to take this back. Move the deal instead."))
        before = (
            StageVisit.objects.standing().select_related("stage__pipeline").filter(deal=deal, seq=last.seq - 1).first()
        )
        if before is None or before.stage.retired_at is not None:
            message = _("The stage it came from is no longer there.") if before else _("This is where the deal began.")
            return Refused(deal, last.stage, "stage_gone", message)
        _take_back(last, before, by, now)
        followups.restore_cancelled(last, by, now)
        write.bring_in_line(deal, before, before.stage, by=by, via=via, now=now)
        write.attempt(
            MoveAttempt.Outcome.MOVED, before.stage, deal=deal, origin=last.stage, by=by, via=via, now=now, visit=before
        )
        return Moved(deal, before, told=automation.take_back(deal, last, now=now) if last.acted else [])


def _take_back(last: StageVisit, before: StageVisit, by: User, now: datetime.datetime) -> None:
    last.undone_at, last.undone_by = now, by
    last.save(update_fields=["undone_at", "undone_by"])
    before.left_at = None
    before.save(update_fields=["left_at"])
