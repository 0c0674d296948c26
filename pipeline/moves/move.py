"""Moving a deal: lock, stale?, conditions?, then the rows. Returns Moved, Stale or Refused; every attempt is kept."""

from __future__ import annotations

import datetime
from collections.abc import Callable

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from crm import clock
from crm.models import Change, Company, User
from crm.models.audit import Via
from pipeline import filling, followups
from pipeline.conditions import Verdict
from pipeline.models import Deal, Kind, MoveAttempt, Stage, StageVisit
from pipeline.moves import gate, write
from pipeline.moves.outcomes import Close, Fill, Moved, Outcome, Refused, Stale

Tried = MoveAttempt.Outcome


class _Undo(Exception):
    """Takes back what was filled in when the move is refused."""

    def __init__(self, refusal: Refused) -> None:
        self.refusal = refusal


def move_deal(
    deal_id: int, to_stage_id: int, *, by: User | None, via: str, version: int | None = None, fill: Fill | None = None,
    override: str = "", close: Close | None = None, happened_at: datetime.datetime | None = None, reopen: bool = False,
    now: datetime.datetime | None = None,
) -> Outcome:  # fmt: skip
    """Move a deal within its pipeline.

    `version` is the one that the mover saw: a stage changed since then makes it stale. `fill` is saved with the move or
    not at all. `override` is a manager's reason to let it in without its conditions. `happened_at` dates the move back,
    not before the present entry. Raises Deal.DoesNotExist; whether `by` may edit the deal is for the caller to ask.
    """
    with transaction.atomic():
        deal = followups.lock(deal_id)
        before, now = write.open_visit(deal, to_stage_id, now)
        stages = gate.stages_in_use(deal.pipeline_id)
        target = next((stage for stage in stages if stage.pk == to_stage_id), None)
        if target is None:
            return _gone(deal, to_stage_id, by, via, now)
        if deal.stage_id == target.pk:
            return Moved(deal, None)
        origin = next((stage for stage in stages if stage.pk == deal.stage_id), None) or Stage.objects.get(
            pk=deal.stage_id
        )
        stale = _stale(deal, version)
        if stale is not None:
            write.attempt(Tried.STALE, target, deal=deal, origin=origin, by=by, via=via, now=now)
            return stale
        company = Company.current()
        entry = gate.Entry(deal, origin, target, stages, by, override, close, reopen)

        def enter() -> Moved | Refused:
            answer = gate.ask(entry, company, now)
            if isinstance(answer, Refused):
                return answer
            return _enter(entry, before, answer, company, via, now, happened_at)

        return _settle(deal, origin, target, fill, enter, by, via, now)


def change_pipeline(
    deal_id: int, to_stage_id: int, *, by: User | None, via: str, version: int | None = None, fill: Fill | None = None,
    override: str = "", now: datetime.datetime | None = None,
) -> Outcome:  # fmt: skip
    """Into an open stage of another pipeline, through all its doors up to there, as for a new deal."""
    with transaction.atomic():
        deal = followups.lock(deal_id)
        before, now = write.open_visit(deal, to_stage_id, now)
        target = Stage.objects.in_use().filter(pk=to_stage_id, kind=Kind.OPEN).select_related("pipeline").first()
        if target is None or target.pipeline_id == deal.pipeline_id or deal.status != Kind.OPEN:
            return _gone(deal, to_stage_id, by, via, now)
        stale = _stale(deal, version)
        origin = Stage.objects.get(pk=deal.stage_id)
        if stale is not None:
            write.attempt(Tried.STALE, target, deal=deal, origin=origin, by=by, via=via, now=now)
            return stale
        company, stages = Company.current(), gate.stages_in_use(target.pipeline_id)
        entry = gate.Entry(deal, None, target, stages, by, override)

        def enter() -> Moved | Refused:
            answer = gate.ask(entry, company, now)
            if isinstance(answer, Refused):
                return answer
            return _enter(entry, before, answer, company, via, now)

        return _settle(deal, origin, target, fill, enter, by, via, now)


def move_retired(deal_id: int, to_stage_id: int, *, by: User | None, now: datetime.datetime | None = None) -> Moved:
    """The stage it stands in is being retired: into a stage of the same kind, without a gate."""
    with transaction.atomic():
        deal = followups.lock(deal_id)
        before, now = write.open_visit(deal, to_stage_id, now)
        if deal.stage_id == to_stage_id:
            return Moved(deal, None)
        origin = Stage.objects.get(pk=deal.stage_id)
        target = (
            Stage.objects.in_use()
            .select_related("pipeline")
            .get(pk=to_stage_id, pipeline=deal.pipeline_id, kind=origin.kind)
        )
        entry = gate.Entry(deal, origin, target, [target], by)
        answer = gate.Pass(StageVisit.LetIn.RETIRED)
        entered = _enter(entry, before, answer, Company.current(), Via.PROCESS, now)
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
                filling.apply(deal, fill, by=by, via=via, now=now)
                outcome = enter()
                if isinstance(outcome, Refused):
                    raise _Undo(outcome)
        except _Undo as undo:
            deal.refresh_from_db()
            outcome = undo.refusal
        except ValidationError as error:
            deal.refresh_from_db()
            message = _("Look again at what was filled in.")
            outcome = Refused(deal, target, "invalid", message, errors=_by_field(error))
    if isinstance(outcome, Refused):
        write.attempt(Tried.REFUSED, target, deal=deal, origin=origin, by=by, via=via, now=now, unmet=outcome.missing)
    return outcome


def _enter(
    entry: gate.Entry, before: StageVisit, answer: gate.Pass, company: Company, via: str, now: datetime.datetime,
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
        deal=deal, seq=before.seq + 1, stage=target, pipeline_version_id=write.version_in_force(target), entered_at=at,
        recorded_at=now, by=by, via=via, let_in=answer.let_in, reason=entry.override.strip()[:500] if overridden else "",
        **write.closing(target, deal, before, close, at),
    )  # fmt: skip
    followups.cancel_left_stage(before, visit, lost=target.kind == Kind.LOST, by=by, now=now)
    followups.plan_stage(deal, visit, company, by, now)
    write.bring_in_line(deal, visit, target, by=by, via=via, now=now)
    if close is not None and close.come_back_on is not None and by is not None:
        title = _("Come back to %(deal)s") % {"deal": deal.title}
        followups.add(deal.pk, title[:200], close.come_back_on, by=by, owner=deal.owner, kind="call", via=via, now=now)
    write.attempt(
        Tried.MOVED, target, deal=deal, origin=entry.origin, by=by, via=via, now=now, unmet=answer.unmet, visit=visit,
        reason=visit.reason,
    )  # fmt: skip
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


def _by_field(error: ValidationError) -> dict[str, list[str]]:
    return error.message_dict if hasattr(error, "error_dict") else {"": error.messages}


def missing_for(deal: Deal, target: Stage, by: User | None, now: datetime.datetime | None = None) -> list[Verdict]:
    """How each condition of a move to `target` stands, without moving. Empty: none is asked."""
    stages = gate.stages_in_use(deal.pipeline_id)
    origin = next((stage for stage in stages if stage.pk == deal.stage_id), None) or deal.stage
    return gate.verdicts(gate.Entry(deal, origin, target, stages, by), now or clock.now())
