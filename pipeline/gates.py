"""What the next stage still asks of deals, and who could approve: for the board and the dialogs."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass

from crm.models import Membership, Team, User
from pipeline import conditions
from pipeline.conditions import Verdict
from pipeline.facts import load_facts
from pipeline.models import Deal, EntryCondition, Kind, Stage


@dataclass(frozen=True)
class NextGate:
    """The stage after the present one, and how each of its conditions stands."""

    stage: Stage
    verdicts: list[Verdict]


def next_stage(stage: Stage, stages: Sequence[Stage]) -> Stage | None:
    """The following open stage, after the last one the first won stage. `stages` are those in use, in order."""
    if stage.kind != Kind.OPEN:
        return None
    ahead = [each for each in stages if each.kind == Kind.OPEN and (each.order, each.pk) > (stage.order, stage.pk)]
    return next(iter(ahead or [each for each in stages if each.kind == Kind.WON]), None)


def next_gates(deals: Sequence[Deal], stages: Sequence[Stage], now: datetime.datetime) -> dict[int, NextGate]:
    """By deal, for open ones that have a next stage. A fixed number of queries whatever the number of deals."""
    following = {stage.pk: next_stage(stage, stages) for stage in stages}
    rows = list(EntryCondition.objects.in_use().filter(stage__in=[stage.pk for stage in stages]))
    by_pk = {stage.pk: stage for stage in stages}
    asked = {
        pk: conditions.gate_conditions(stages, rows, by_pk[pk], target, target.pipeline.jumps)
        for pk, target in following.items()
        if target is not None
    }
    moving = [deal for deal in deals if deal.stage_id in asked]
    facts = load_facts(moving, {c.pk: c for each in asked.values() for c in each}.values(), now)
    found = {}
    for deal in moving:
        target = following[deal.stage_id]
        if target is not None:
            found[deal.pk] = NextGate(target, conditions.judge(asked[deal.stage_id], facts[deal.pk]))
    return found


def approvers(owner: User, now: datetime.datetime) -> list[User]:
    """The managers of the owner's teams and of the teams above; admins where there are none."""
    parents = dict(Team.objects.values_list("pk", "parent_id"))
    teams: set[int] = set()
    for start in Membership.objects.current(now).filter(user=owner).values_list("team_id", flat=True):
        team: int | None = start
        while team is not None and team not in teams:
            teams.add(team)
            team = parents.get(team)
    active = User.objects.active()
    managers = list(active.in_teams(teams, now).filter(role=User.Role.MANAGER).exclude(pk=owner.pk))
    return managers or list(active.filter(role=User.Role.ADMIN))
