"""Moving a deal: lock, stale?, conditions?, then the rows. Returns Moved, Stale or Refused; every attempt is kept."""

from __future__ import annotations

import datetime
from collections.abc import Callable

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from crm import again
from crm.models import Change, User
from crm.models.audit import Via
from pipeline import automation, filling, followups, in_force
from pipeline.conditions import Verdict
from pipeline.models import Deal, Kind, MoveAttempt, Stage, StageVisit
from pipeline.moves import gate, write
from pipeline.moves.create import open_linked
from pipeline.moves.outcomes import Close, Fill, Moved, Outcome, Refused, Stale, by_field

Tried = MoveAttempt.Outcome


class _Undo(Exception):
    """Takes back what was filled in when the move is refused."""

    def __init__(self, refusal: Refused) -> None:
        self.refusal = refusal


@again.after_deadlock
def move_deal(
    deal_id: int, to_stage_id: int, *, by: User | None, via: str, version: int | None = None, fill: Fill | None = None,
    override: str = "", close: Close | None = None, happened_at: datetime.datetime | None = None, reopen: bool = False,
    reason: str = "", now: datetime.datetime | None = None,
) -> Outcome:  # fmt: skip
    """Move a deal within its pipeline.

    `version` is the one that the mover saw: a stage changed since then makes it stale. `fill` is saved with the move or
    not at all. `override` is a manager's reason to let it in without its conditions. `happened_at` dates the move back,
    not before the present entry. `reason` is kept with the stay. Raises Deal.DoesNotExist; whether `by` may edit the
    deal is for the caller to ask.
    """
    with transaction.atomic():
        deal = followups.lock(deal_id)
        before, now = write.open_visit(deal, to_stage_id, now)
        process = in_force.read(deal.pipeline_id)
        target = process.stage(to_stage_id)
        if target is None:
            return _gone(deal, to_stage_id, by, via, now)
        if deal.stage_id == target.pk:
            return Moved(deal, None)
        origin = process.stage_of(deal)
        stale = _stale(deal, version)
        if stale is not None:
            write.attempt(Tried.STALE, target, deal=deal, origin=origin, by=by, via=via, now=now)
            return stale
        entry = gate.Entry(deal, origin, target, process, by, override, close, reopen, reason)

        def enter() -> Moved | Refused:
            answer = gate.ask(entry, now)
            if isinstance(answer, Refused):
                return answer
            return _enter(entry, before, answer, via, now, happened_at)

        return _settle(deal, origin, target, fill, enter, by, via, now)


@again.after_deadlock
def change_pipeline(
    deal_id: int, to_stage_id: int, *, by: User | None, via: str, version: int | None = None, fill: Fill | None = None,
    override: str = "", now: datetime.datetime | None = None,
) -> Outcome:  # fmt: skip
    """Into an open stage of another pipeline, through all its doors up to there, as for a new deal."""
    with transaction.atomic():
        deal = followups.lock(deal_id)
        before, now = write.open_visit(deal, to_stage_id, now)
        if deal.stage_id == to_stage_id:
            return Moved(deal, None)
        there = Stage.objects.in_use().filter(pk=to_stage_id, kind=Kind.OPEN).first()
        if there is None or there.pipeline_id == deal.pipeline_id or deal.status != Kind.OPEN:
            return _gone(deal, to_stage_id, by, via, now)
        process = in_force.read(there.pipeline_id)
        target = process.stage(to_stage_id) or there
        stale = _stale(deal, version)
        origin = Stage.objects.get(pk=deal.stage_id)
        if stale is not None:
            write.attempt(Tried.STALE, target, deal=deal, origin=origin, by=by, via=via, now=now)
            return stale
        entry = gate.Entry(deal, None, target, process, by, override)

        def enter() -> Moved | Refused:
            answer = gate.ask(entry, now)
            if isinstance(answer, Refused):
                return answer
            return _enter(entry, before, answer, via, now)

        return _settle(deal, origin, target, fill, enter, by, via, now)


def move_retired(deal_id: int, to_stage_id: int, *, by: User | None, now: datetime.datetime | None = None) -> Moved:
    """The stage it stands in is being retired: into a stage of the same kind, without a gate."""
    with transaction.atomic():
        deal = followups.lock(deal_id)
        before, now = write.open_visit(deal, to_stage_id, now)
        if deal.stage_id == to_stage_id:
            return Moved(deal, None)
        process = in_force.read(deal.pipeline_id)
        origin = process.stage_of(deal)
        target = process.stage(to_stage_id)
        if target is None or target.kind != origin.kind:
            raise Stage.DoesNotExist
        entry = gate.Entry(deal, origin, target, process, by)
        entered = _enter(entry, before, gate.Pass(StageVisit.LetIn.RETIRED), Via.PROCESS, now)
        if isinstance(entered, Refused):
            raise ValidationError(entered.message)
        return entered


def _settle(
    deal: Deal, origin: Stage, target: Stage, fill: Fill | None, enter: Callable[[], Moved | Refused], by: User | None, via: str,
    now: datetime.datetime,
) -> Moved | Refused:  # fmt: skip
    """What was filled in and the entry share a savepoint; a refusal takes both back and keeps the attempt."""
    if fill is None:
        outcome = enter()
    else:
        try:
            with transaction.atomic():
                filling.apply(deal, fill, by=by, via=via, now=now, pipeline_id=target.pipeline_id)
                outcome = enter()
                if isinstance(outcome, Refused):
                    raise _Undo(outcome)
        except _Undo as undo:
            deal.refresh_from_db()
            outcome = undo.refusal
        except ValidationError as error:
            deal.refresh_from_db()
            message = _("Look again at what was filled in.")
            outcome = Refused(deal, target, "invalid", message, errors=by_field(error))
    if isinstance(outcome, Refused):
        write.attempt(Tried.REFUSED, target, deal=deal, origin=origin, by=by, via=via, now=now, unmet=outcome.missing)
    return outcome


def _enter(
    entry: gate.Entry, before: StageVisit, answer: gate.Pass, via: str, now: datetime.datetime,
    happened_at: datetime.datetime | None = None,
) -> Moved | Refused:  # fmt: skip
    deal, target, by, close = entry.deal, entry.target, entry.by, entry.close
    if happened_at is not None and not before.entered_at <= happened_at <= now:
        message = _("Choose a time after the deal entered its present stage, and not in the future.")
        return Refused(deal, target, "when", message)
    # A clock that was set back, or another machine's: a stay never ends before it began.
    at = happened_at or max(now, before.entered_at)
    before.left_at = at
    before.save(update_fields=["left_at"])
    overridden = answer.let_in == StageVisit.LetIn.OVERRIDE
    visit = StageVisit.objects.create(
        deal=deal, seq=before.seq + 1, stage=target, pipeline_version_id=entry.process.version_id, entered_at=at,
        recorded_at=now, by=by, via=via, let_in=answer.let_in, reason=(entry.override if overridden else entry.reason).strip()[:500],
        **write.closing(target, deal, before, close, at),
    )  # fmt: skip
    followups.cancel_left_stage(before, visit, lost=target.kind == Kind.LOST, by=by, now=now)
    followups.plan_stage(deal, visit, entry.process, by, now)
    write.bring_in_line(deal, visit, target, by=by, via=via, now=now)
    if close is not None and close.come_back_on is not None and by is not None:
        title = (_("Come back to %(deal)s") % {"deal": deal.title})[:200]
        followups.add(
            deal.pk, title, close.come_back_on, by=by, owner=deal.owner, kind="call", via=via, visit=visit, now=now
        )
    write.attempt(
        Tried.MOVED, target, deal=deal, origin=entry.origin, by=by, via=via, now=now, unmet=answer.unmet, visit=visit,
        reason=visit.reason if overridden else "",
    )  # fmt: skip
    if answer.let_in != StageVisit.LetIn.RETIRED:
        automation.after_move(deal, visit, entry.origin, now=now, open_deal=open_linked)
    return Moved(deal, visit, answer.unmet)


def _stale(deal: Deal, version: int | None) -> Stale | None:
    """Edits of other fields do not make a move stale: only a stage, outcome or existence changed since then does."""
    if deal.deleted_at is not None:
        return Stale(deal, deal.deleted_by, deal.deleted_at)
    if version is None or version == deal.version:
        return None
    moves = Change.objects.filter(
        object_type="deal", object_id=deal.pk, version__gt=version, field__in=["stage", "pipeline"]
    )
    latest = moves.select_related("by").order_by("-pk").first()
    return Stale(deal, latest.by, latest.at) if latest else None


def _gone(deal: Deal, to_stage_id: int, by: User | None, via: str, now: datetime.datetime) -> Refused:
    """The stage is retired, of another pipeline, or was never there."""
    target = Stage.objects.filter(pk=to_stage_id).first()
    if target is not None:
        origin = Stage.objects.get(pk=deal.stage_id)
        write.attempt(Tried.REFUSED, target, deal=deal, origin=origin, by=by, via=via, now=now)
    return Refused(
        deal,
        target,
        "stage_gone",
        _("This stage is no longer part of the deal's pipeline. The board shows the stages as they are now."),
    )


def missing_for(deal: Deal, target: Stage, by: User | None, now: datetime.datetime | None = None) -> list[Verdict]:
    """How each condition of a move to `target` stands, without moving. Empty: none is asked."""
    process = in_force.read(deal.pipeline_id)
    origin = process.stage_of(deal)
    return gate.verdicts(gate.Entry(deal, origin, target, process, by), now or process.clock())
