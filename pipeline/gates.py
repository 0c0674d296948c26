"""What the next stage still asks of deals, and who could approve: for the board and the dialogs."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass

from crm.models import Membership, Team, User
from pipeline import conditions
from pipeline.conditions import Verdict
from pipeline.facts import Asked, load_facts
from pipeline.in_force import Process
from pipeline.models import EntryCondition, Kind, Stage


@dataclass(frozen=True)
class NextGate:
    """The stage after the present one, and how each of its conditions stands."""

    stage: Stage
    verdicts: list[Verdict]


def next_stage(stage: Stage, stages: Sequence[Stage]) -> Stage | None:
    """Of an open stage the next open one, at last the first won one; of a won stage the next won one.

    `stages` are those in use, in order.
    """
    if stage.kind == Kind.LOST:
        return None
    ahead = [each for each in stages if each.kind in (Kind.OPEN, Kind.WON)]
    last = max(ahead, key=lambda each: (each.kind == Kind.WON, each.order, each.pk), default=None)
    doors = conditions.path(stages, stage, last) if last is not None else []
    return doors[0] if doors else None


def next_gates(deals: Sequence[Asked], processes: Sequence[Process], now: datetime.datetime) -> dict[int, NextGate]:
    """By deal, for open ones that have a next stage. A fixed number of queries whatever the number of deals."""
    following: dict[int, Stage] = {}
    asked: dict[int, list[EntryCondition]] = {}
    for process in processes:
        rows = process.conditions(process.stages)
        for stage in process.stages:
            target = next_stage(stage, process.stages) if stage.kind == Kind.OPEN else None
            if target is not None:
                following[stage.pk] = target
                jumps = target.pipeline.jumps
                asked[stage.pk] = conditions.gate_conditions(process.stages, rows, stage, target, jumps)
    moving = [deal for deal in deals if deal.stage_id in asked]
    company = processes[0].company if processes else None
    facts = load_facts([(deal, asked[deal.stage_id]) for deal in moving], now, company)
    found = {}
    for deal in moving:
        found[deal.pk] = NextGate(following[deal.stage_id], conditions.judge(asked[deal.stage_id], facts[deal.pk]))
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
