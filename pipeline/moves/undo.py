"""Taking back the last move: the stay is marked undone, the one before it is open again, tasks come back."""

from __future__ import annotations

import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from crm import clock
from crm.models import User
from pipeline import followups
from pipeline.models import MoveAttempt, Stage, StageVisit
from pipeline.moves import write
from pipeline.moves.outcomes import Moved, Outcome, Refused, Stale


def undo_move(deal_id: int, visit_id: int, *, by: User, via: str, now: datetime.datetime | None = None) -> Outcome:
    """Stale when somebody has moved on since; Refused for a deal's first stay or a stage that is gone. Twice is once."""
    with transaction.atomic():
        deal = followups.lock(deal_id)
        now = now or clock.now()
        last = StageVisit.objects.current().select_related("stage", "by").get(deal=deal)
        if last.pk != visit_id:
            undone = StageVisit.objects.filter(deal=deal, pk=visit_id, undone_at__isnull=False).exists()
            return Moved(deal, None) if undone else Stale(deal, last.by, last.recorded_at)
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
        return Moved(deal, before)


def _take_back(last: StageVisit, before: StageVisit, by: User, now: datetime.datetime) -> None:
    last.undone_at, last.undone_by = now, by
    last.save(update_fields=["undone_at", "undone_by"])
    before.left_at = None
    before.save(update_fields=["left_at"])


def last_move(deal_id: int) -> tuple[StageVisit, Stage] | None:
    """The stay that an undo would take back, and the stage it would return to."""
    chain = list(StageVisit.objects.standing().filter(deal=deal_id).select_related("stage").order_by("-seq")[:2])
    return (chain[0], chain[1].stage) if len(chain) == 2 else None
