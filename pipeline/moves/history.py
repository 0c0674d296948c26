"""Whole histories: deals that an import brings with their past, and dates that a manager corrects."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext as _

from crm import clock, records
from crm.models import User
from leads.writing import name_key
from pipeline import followups, marking, totals
from pipeline.models import Deal, Kind, MoveAttempt, StageVisit, Tag, Task
from pipeline.moves import write
from pipeline.moves.create import check_new
from pipeline.moves.outcomes import Stay

LetIn = StageVisit.LetIn


def create_with_history(
    deals: Sequence[tuple[Mapping[str, Any], Sequence[Stay]]],
    *,
    by: User | None,
    via: str,
    now: datetime.datetime | None = None,
) -> list[Deal]:
    """Deals that come with their past: history is accepted in place of conditions. All of them or none.

    Each is (fields, stays in order); the first stay starts the deal, the last one is where it stands. Plans no tasks:
    what the process asks for now is planned at the next entry. Raises ValidationError for a history that cannot be.
    """
    with transaction.atomic():
        now = now or clock.now()
        versions: dict[int, int] = {}
        new = [_new(fields, stays, by, now) for fields, stays in deals]
        made = [deal for deal, _tags in new]
        visits = [
            visit
            for deal, (_fields, stays) in zip(made, deals, strict=True)
            for visit in _chain(deal, stays, versions, by=by, via=via, let_in=LetIn.HISTORY, reason="", now=now)
        ]
        Deal.objects.bulk_create(made)
        tagging = Deal.tags.through
        tagging.objects.bulk_create(tagging(deal=deal, tag=tag) for deal, tags in new for tag in tags)
        StageVisit.objects.bulk_create(visits)
        _finish(made, [visit for visit in visits if visit.left_at is None], by, via, now)
        return made


def rewrite_history(
    deal_id: int, stays: Sequence[Stay], *, by: User, via: str, reason: str, now: datetime.datetime | None = None
) -> Deal:
    """Replace the whole chain, for a corrected date. The former stays are kept, marked undone; tasks follow their stage.

    The reason is required. The deal's present stage must stay what it is: changing that is a move.
    """
    with transaction.atomic():
        deal = followups.lock(deal_id)
        now = now or clock.now()
        if not reason.strip():
            raise ValidationError({"reason": _("Say why the dates are corrected.")})
        if not stays or stays[-1].stage.pk != deal.stage_id:
            raise ValidationError(_("A corrected history ends in the stage where the deal is now."))
        old = list(StageVisit.objects.standing().filter(deal=deal).order_by("seq"))
        if _is_as_told(old, stays):
            return deal
        chain = _chain(deal, stays, {}, by=by, via=via, let_in=LetIn.HISTORY, reason=reason.strip()[:500], now=now)
        _keep_what_was_known(chain, old)
        StageVisit.objects.filter(pk__in=[visit.pk for visit in old]).update(undone_at=now, undone_by=by)
        if chain[0].entered_at != deal.started_at:
            # The start goes first, because the database holds it against the first stay at the update of the stage.
            deal.started_at = chain[0].entered_at
        StageVisit.objects.bulk_create(chain)
        Deal.objects.filter(pk=deal.pk).update(
            started_at=deal.started_at, stage_entered_at=chain[-1].entered_at, closed_at=chain[-1].closed_at
        )
        _move_tasks(old, chain)
        write.bring_in_line(deal, chain[-1], chain[-1].stage, by=by, via=via, now=now, worked=False)
        records.note(
            deal, {"history": (_dates(old), _dates(chain))}, by=by, via=via, now=now, reason=reason.strip()[:500]
        )
        return deal


def _new(
    fields: Mapping[str, Any], stays: Sequence[Stay], by: User | None, now: datetime.datetime
) -> tuple[Deal, Iterable[Tag]]:
    if not stays:
        raise ValidationError(_("A deal has at least one stage."))
    owner = fields.get("owner") or by
    if owner is None:
        raise ValidationError({"owner": _("A deal needs an owner.")})
    last, first = stays[-1], stays[0]
    checked = check_new(last.stage.pipeline.currency, fields, owner)
    tags = checked.pop("tags", None) or ()
    deal = Deal(
        pipeline_id=last.stage.pipeline_id, stage=last.stage, status=last.stage.kind, started_at=first.entered_at,
        stage_entered_at=last.entered_at, stage_entered_precision=last.precision, last_worked_at=last.entered_at,
        created_at=now, created_by=by, updated_at=now, updated_by=by, title_key=name_key(checked["title"]), **checked,
    )  # fmt: skip
    return deal, tags


def _chain(
    deal: Deal, stays: Sequence[Stay], versions: dict[int, int], *, by: User | None, via: str, let_in: str, reason: str,
    now: datetime.datetime,
) -> list[StageVisit]:  # fmt: skip
    """The stays as rows, each ending where the next begins; the deal takes the closing of the last one."""
    chain: list[StageVisit] = []
    for place, stay in enumerate(stays):
        following = stays[place + 1].entered_at if place + 1 < len(stays) else None
        if stay.entered_at > now or (following is not None and following < stay.entered_at):
            raise ValidationError(_("The dates of the stages must follow one another, and none may lie in the future."))
        if stay.stage.pipeline_id not in versions:
            versions[stay.stage.pipeline_id] = write.version_in_force(stay.stage)
        before = chain[-1] if chain and chain[-1].stage.kind == stay.stage.kind else None
        deal.status = before.stage.kind if before else Kind.OPEN
        chain.append(
            StageVisit(
                deal=deal, seq=place + 1, stage=stay.stage, pipeline_version_id=versions[stay.stage.pipeline_id],
                entered_at=stay.entered_at,
                entered_precision=stay.precision, left_at=following, recorded_at=now, by=stay.by or by, via=via, let_in=let_in,
                reason=reason, **write.closing(stay.stage, deal, before, stay.close, stay.entered_at),
            )
        )  # fmt: skip
    last = chain[-1]
    deal.status = last.stage.kind
    for name in ("closed_at", "close_reason_id", "close_note", "credited_owner_id", "credited_team_id"):
        setattr(deal, name, getattr(last, name))
    return chain


def _finish(made: list[Deal], open_visits: list[StageVisit], by: User | None, via: str, now: datetime.datetime) -> None:
    """Closing, the check by the database, totals, changes and attempts of many new deals."""
    for start in range(0, len(made), 500):
        # The update is what SQLite's trigger checks the new history at; it changes nothing.
        Deal.objects.filter(pk__in=[deal.pk for deal in made[start : start + 500]]).update(
            stage_entered_at=F("stage_entered_at"), **marking.card()
        )
    totals.shift((None, totals.cell(deal)) for deal in made)
    MoveAttempt.objects.bulk_create(
        MoveAttempt(
            deal=visit.deal,
            to_stage=visit.stage,
            visit=visit,
            by=by,
            via=via,
            at=now,
            outcome=MoveAttempt.Outcome.MOVED,
        )
        for visit in open_visits
    )
    records.note_created(made, by=by, via=via, now=now)


def _is_as_told(old: list[StageVisit], stays: Sequence[Stay]) -> bool:
    """Nothing is corrected, or the same form was sent before."""
    there = [(visit.stage_id, visit.entered_at, visit.entered_precision) for visit in old]
    return there == [(stay.stage.pk, stay.entered_at, stay.precision) for stay in stays if stay.close is None]


def _keep_what_was_known(chain: list[StageVisit], old: list[StageVisit]) -> None:
    """A corrected date does not take away why a stay was let in, by whom, and with whom it was closed."""
    if [visit.stage_id for visit in chain] != [visit.stage_id for visit in old]:
        return
    for new, former in zip(chain, old, strict=True):
        new.by_id, new.let_in, new.pipeline_version_id = former.by_id, former.let_in, former.pipeline_version_id
        new.reason = former.reason or new.reason
        if former.closed_at is not None:
            new.close_reason_id, new.close_note = former.close_reason_id, former.close_note
            new.credited_owner_id, new.credited_team_id = former.credited_owner_id, former.credited_team_id


def _move_tasks(old: list[StageVisit], chain: list[StageVisit]) -> None:
    successor = {visit.stage_id: visit for visit in chain}
    for former in old:
        if former.stage_id in successor:
            Task.objects.filter(visit=former).update(visit=successor[former.stage_id])
            Task.objects.filter(cancelled_by_visit=former).update(cancelled_by_visit=successor[former.stage_id])


def _dates(chain: list[StageVisit]) -> list[str]:
    return [f"{visit.seq} {visit.stage_id} {visit.entered_at.isoformat()}" for visit in chain]
