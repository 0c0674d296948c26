"""The rows of a move: close the open stay, open the next, bring the deal, its tasks and the totals in line.

The order is the one that SQLite's triggers check: stays first, then one update of the deal. Nothing outside
`pipeline.moves` calls this.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from typing import Any

from django.db import connection
from django.db.models import F
from django.db.models.expressions import RawSQL

from crm import clock, records
from crm.models import Membership, Team, User
from pipeline import followups, marking, totals
from pipeline.conditions import Verdict
from pipeline.models import AttemptCondition, Deal, Kind, MoveAttempt, PipelineVersion, Stage, StageVisit
from pipeline.moves.outcomes import Close


def version_in_force(stage: Stage) -> int:
    """Id of the newest version of the stage's process."""
    versions = PipelineVersion.objects.filter(pipeline=stage.pipeline_id).order_by("-number")
    return versions.values_list("pk", flat=True)[0]


def open_visit(deal: Deal, to_stage_id: int, now: datetime.datetime | None) -> tuple[StageVisit, datetime.datetime]:
    """The open stay and the present moment, read after the deal's lock was won.

    The same query holds the target stage until commit, so that it is not retired between the look at the stages and
    the entry: whoever retires it waits, and moves the deal on afterwards. On SQLite the one write lock does it.
    """
    # With the owner, whose days the tasks of the next stage go by.
    current = StageVisit.objects.current().select_related("deal__owner")
    if connection.vendor != "postgresql":
        visit = current.get(deal=deal)
        deal.owner = visit.deal.owner
        return visit, now or clock.now()
    held = RawSQL("(SELECT id FROM pipeline_stage WHERE id = %s FOR SHARE)", [to_stage_id])
    visit = current.annotate(**clock.told(), held=held).get(deal=deal)
    deal.owner = visit.deal.owner
    return visit, now or clock.told_by(visit)


def closing(
    target: Stage, deal: Deal, before: StageVisit | None, close: Close | None, at: datetime.datetime
) -> dict[str, Any]:
    """What a stay in a won or lost stage says about the closing. Between two stages of one kind nothing changes."""
    if target.kind == Kind.OPEN:
        return {}
    if before is not None and before.closed_at is not None and deal.status == target.kind:
        return {
            "closed_at": before.closed_at, "close_reason_id": before.close_reason_id, "close_note": before.close_note,
            "credited_owner_id": before.credited_owner_id, "credited_team_id": before.credited_team_id,
        }  # fmt: skip
    close = close or Close()
    owner_id = close.credited_owner.pk if close.credited_owner else deal.owner_id
    team = close.credited_team or team_of(owner_id, at)
    return {
        "closed_at": at, "close_reason_id": close.reason.pk if close.reason else None, "close_note": close.note.strip()[:500],
        "credited_owner_id": owner_id, "credited_team_id": team.pk if team else None,
    }  # fmt: skip


def team_of(user_id: int, at: datetime.datetime) -> Team | None:
    """The team that gets the credit: of several, the one joined first."""
    membership = (
        Membership.objects.current(at).filter(user=user_id).select_related("team").order_by("started_at", "pk").first()
    )
    return membership.team if membership else None


def bring_in_line(
    deal: Deal,
    visit: StageVisit,
    stage: Stage,
    *,
    by: User | None,
    via: str,
    now: datetime.datetime,
    worked: bool = True,
) -> None:
    """The deal takes stage, status and closing from its open stay. One update; the version rises by one."""
    before = totals.cell(deal)
    new: dict[str, Any] = {
        "pipeline_id": stage.pipeline_id, "stage_id": stage.pk, "status": stage.kind, "closed_at": visit.closed_at,
        "close_reason_id": visit.close_reason_id, "close_note": visit.close_note,
        "credited_owner_id": visit.credited_owner_id, "credited_team_id": visit.credited_team_id,
    }  # fmt: skip
    changed = {
        name.removesuffix("_id"): (getattr(deal, name), value)
        for name, value in new.items()
        if getattr(deal, name) != value
    }
    new |= {"stage_entered_at": visit.entered_at, "stage_entered_precision": visit.entered_precision}
    if stage.kind != Kind.OPEN:
        new |= {"paused_until": None, "pause_reason": ""}
    if worked:
        new["last_worked_at"] = max(deal.last_worked_at, now)
    for name, value in new.items():
        setattr(deal, name, value)
    deal.stage = stage
    deal.version += 1
    deal.updated_at, deal.updated_by = now, by
    Deal.objects.filter(pk=deal.pk).update(
        **new,
        version=F("version") + 1,
        updated_at=now,
        updated_by=by,
        next_task_due_at=followups.next_due(),
        **marking.card(),
    )
    records.note(deal, changed, by=by, via=via, now=now)
    totals.shift([(before, totals.cell(deal))])


def begin(deal: Deal, visit: StageVisit) -> None:
    """A new deal and its first stay: the update that the database checks, and the totals."""
    fields: dict[str, Any] = {
        "stage_entered_at": visit.entered_at, "stage_entered_precision": visit.entered_precision, "closed_at": visit.closed_at,
        "close_reason_id": visit.close_reason_id, "close_note": visit.close_note,
        "credited_owner_id": visit.credited_owner_id, "credited_team_id": visit.credited_team_id,
    }  # fmt: skip
    for name, value in fields.items():
        setattr(deal, name, value)
    Deal.objects.filter(pk=deal.pk).update(**fields, next_task_due_at=followups.next_due(), **marking.card())
    totals.shift([(None, totals.cell(deal))])


def attempt(
    outcome: str, to_stage: Stage, *, deal: Deal | None, origin: Stage | None, by: User | None, via: str, now: datetime.datetime,
    unmet: Iterable[Verdict] = (), visit: StageVisit | None = None, reason: str = "", title: str = "",
) -> None:  # fmt: skip
    """Every try is kept, with the conditions that were not met and what came of them."""
    row = MoveAttempt.objects.create(
        deal=deal, title=title[:200], from_stage=origin, to_stage=to_stage, visit=visit, by=by, via=via, at=now, outcome=outcome,
        reason=reason[:500],
    )  # fmt: skip
    moved = outcome == MoveAttempt.Outcome.MOVED
    Result = AttemptCondition.Result
    found = [
        AttemptCondition(
            attempt=row, condition=verdict.condition,
            result=Result.WARNED if not verdict.condition.blocks else Result.OVERRIDDEN if moved else Result.STOPPED,
        )
        for verdict in unmet
    ]  # fmt: skip
    if found:
        AttemptCondition.objects.bulk_create(found)
