"""Deals whose whole life lies back, told move by move: what the rules would have written, had they been called at the time.

For generated data, where thousands of moves have to be there in seconds. The caller answers for the conditions: what a
stay says about why it was let in has to be true of the commitments, activities and approvals that it records too.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction
from django.db.models import F

from crm import records
from crm.models import User
from crm.models.audit import Via
from crm.records import PastChange
from pipeline import marking, totals
from pipeline.models import AttemptCondition, Deal, EntryCondition, MoveAttempt, Stage, StageVisit, Tag
from pipeline.moves import history
from pipeline.moves.outcomes import Close, Stay

LetIn = StageVisit.LetIn
Result = AttemptCondition.Result
Tried = MoveAttempt.Outcome


@dataclass(frozen=True)
class PastMove:
    """An entry into a stage. `warned` and `overridden` are the conditions that were not met."""

    stage: Stage
    at: datetime.datetime
    by: User
    let_in: str = LetIn.CONDITIONS
    reason: str = ""
    close: Close | None = None
    warned: Sequence[EntryCondition] = ()
    overridden: Sequence[EntryCondition] = ()


@dataclass(frozen=True)
class PastRefusal:
    origin: Stage
    to_stage: Stage
    at: datetime.datetime
    by: User
    stopped: Sequence[EntryCondition]


@dataclass
class Past:
    """`fields` as for a new deal."""

    fields: Mapping[str, Any]
    moves: list[PastMove]
    refusals: list[PastRefusal] = field(default_factory=list)


def create_with_past(pasts: Sequence[Past], *, via: str = Via.BOARD, now: datetime.datetime) -> list[Deal]:
    """All of them or none; in the order given. Plans no tasks. Raises ValidationError for a past that cannot be."""
    with transaction.atomic():
        versions: dict[int, int] = {}
        lives = [_live(past, versions, via, now) for past in pasts]
        made, visits = [deal for deal, _tags, _chain in lives], [chain for _deal, _tags, chain in lives]
        Deal.objects.bulk_create(made)
        StageVisit.objects.bulk_create([visit for chain in visits for visit in chain])
        for start in range(0, len(made), 500):
            # SQLite's trigger checks the new history at this update, which changes nothing.
            ids = [deal.pk for deal in made[start : start + 500]]
            Deal.objects.filter(pk__in=ids).update(stage_entered_at=F("stage_entered_at"), **marking.card())
        totals.shift((None, totals.cell(deal)) for deal in made)
        tagged = Deal.tags.through
        tagged.objects.bulk_create(
            tagged(deal_id=deal.pk, tag_id=tag.pk) for deal, tags, _chain in lives for tag in tags
        )
        _keep_attempts(made, pasts, visits, via)
        changes = (each for deal, chain in zip(made, visits, strict=True) for each in _changes(deal, chain))
        records.note_past(changes, via=via)
        return made


def _live(
    past: Past, versions: dict[int, int], via: str, now: datetime.datetime
) -> tuple[Deal, Iterable[Tag], list[StageVisit]]:  # fmt: skip
    first, last = past.moves[0], past.moves[-1]
    stays = [Stay(move.stage, move.at, by=move.by, close=move.close) for move in past.moves]
    deal, tags = history._new(past.fields, stays, first.by, now)
    chain = history._chain(deal, stays, versions, by=first.by, via=via, let_in=LetIn.CONDITIONS, reason="", now=now)
    for visit, move in zip(chain, past.moves, strict=True):
        visit.let_in, visit.reason, visit.recorded_at = move.let_in, move.reason, move.at
    deal.version = len(chain)
    deal.created_at, deal.created_by, deal.updated_at, deal.updated_by = first.at, first.by, last.at, last.by
    return deal, tags, chain


def _keep_attempts(made: list[Deal], pasts: Sequence[Past], visits: list[list[StageVisit]], via: str) -> None:
    """In the order of time, as they would have been numbered."""
    tries: list[tuple[MoveAttempt, list[AttemptCondition]]] = []
    for deal, past, chain in zip(made, pasts, visits, strict=True):
        tries += _tries(deal, past, chain, via)
    tries.sort(key=lambda each: each[0].at)
    MoveAttempt.objects.bulk_create([attempt for attempt, _unmet in tries])
    AttemptCondition.objects.bulk_create([row for _attempt, unmet in tries for row in unmet])


def _tries(
    deal: Deal, past: Past, chain: list[StageVisit], via: str
) -> Iterator[tuple[MoveAttempt, list[AttemptCondition]]]:
    origin: Stage | None = None
    for move, visit in zip(past.moves, chain, strict=True):
        attempt = MoveAttempt(
            deal=deal, from_stage=origin, to_stage=move.stage, visit=visit, by=move.by, via=via, at=move.at, outcome=Tried.MOVED,
            reason=move.reason,
        )  # fmt: skip
        origin = move.stage
        yield attempt, _unmet(attempt, move.warned, Result.WARNED) + _unmet(attempt, move.overridden, Result.OVERRIDDEN)
    for refusal in past.refusals:
        attempt = MoveAttempt(
            deal=deal, from_stage=refusal.origin, to_stage=refusal.to_stage, by=refusal.by, via=via, at=refusal.at,
            outcome=Tried.REFUSED,
        )  # fmt: skip
        yield attempt, _unmet(attempt, refusal.stopped, Result.STOPPED)


def _unmet(attempt: MoveAttempt, conditions: Sequence[EntryCondition], result: str) -> list[AttemptCondition]:
    return [AttemptCondition(attempt=attempt, condition=condition, result=result) for condition in conditions]


_MOVED = ("stage", "status", "closed_at", "close_reason", "close_note", "credited_owner", "credited_team")


def _changes(deal: Deal, chain: list[StageVisit]) -> Iterator[PastChange]:
    """The creation, then what each move changed of the deal."""
    yield records.created_then(deal)
    before = _shown(chain[0])
    for number, visit in enumerate(chain[1:], start=2):
        after = _shown(visit)
        changed = {name: (before[name], after[name]) for name in _MOVED if before[name] != after[name]}
        yield PastChange(deal, number, changed, visit.by, visit.entered_at)
        before = after


def _shown(visit: StageVisit) -> dict[str, Any]:
    """As moves.write notes it: ids for references."""
    return {
        "stage": visit.stage_id, "status": visit.stage.kind, "closed_at": visit.closed_at, "close_reason": visit.close_reason_id,
        "close_note": visit.close_note, "credited_owner": visit.credited_owner_id, "credited_team": visit.credited_team_id,
    }  # fmt: skip
