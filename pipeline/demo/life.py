"""How long each deal stayed in each stage, and which customer it is with."""

from __future__ import annotations

import datetime
from collections import defaultdict
from random import Random

from crm.demo.world import World, spread
from crm.models import User
from leads.demo.customers import Customer, Customers
from pipeline.demo.plan import Plan, Step
from pipeline.demo.process import FACTS

LONGEST_AGO = 556
"""Days before today on which the first deals began: eighteen months, and a week."""
_AGE, _BUSY_AGE = 0.62, 1.15
"""Median time that open deals have been in their stage, in target times; the latter where it is slow."""


def live(world: World, plans: list[Plan]) -> None:
    chance = world.random("life")
    for plan in plans:
        plan.steps = [Step(place) for place in _path(plan, chance)]
    lengths = _lengths(plans, chance)
    for plan in plans:
        _date(plan, [lengths[id(step)] for step in plan.steps])
        _set_times(plan, world)
    _let_some_rest(plans, chance)
    _find_customers(plans, world.of(Customers))


def _path(plan: Plan, chance: Random) -> list[int]:
    places = list(range(plan.last + 1))
    if plan.last >= 2 and plan.process.key != "renewal" and chance.random() < FACTS["open"]["moved_back"]:
        places[plan.last : plan.last] = [plan.last, plan.last - 1]
    return places


def _lengths(plans: list[Plan], chance: Random) -> dict[int, float]:
    """Days of each stay, by the step's identity: one deck for each stage, so that its median is what the story says."""
    ended: dict[tuple[str, int, bool], list[Step]] = defaultdict(list)
    running: dict[tuple[str, int, bool], list[Step]] = defaultdict(list)
    for plan in plans:
        for step in plan.steps:
            slow = _is_slow(plan, step)
            (running if plan.is_open and step is plan.here else ended)[plan.process.key, step.place, slow].append(step)
    lengths: dict[int, float] = {}
    for (key, place, slow), steps in ended.items():
        facts = FACTS["pipelines"][key]
        middle = facts["unnamed_stay"]["days"] if slow else facts["stay"][place]
        lengths |= zip(map(id, steps), spread(middle, 0.5, len(steps), chance), strict=True)
    targets = {
        (plan.process.key, place): stage.target_days
        for plan in plans
        for place, stage in enumerate(plan.process.stages)
    }
    for (key, place, slow), steps in running.items():
        middle = (targets[key, place] or 14) * (_BUSY_AGE if slow else _AGE)
        ages = [min(max(age, 0.4), 75.0) for age in spread(middle, 0.8, len(steps), chance)]
        lengths |= zip(map(id, steps), ages, strict=True)
    return lengths


def _is_slow(plan: Plan, step: Step) -> bool:
    slow = plan.process.facts.get("unnamed_stay")
    return slow is not None and step.place == slow["stage"] and not plan.named


def _date(plan: Plan, lengths: list[float]) -> None:
    """From the end backward; what would begin before the company did is shortened."""
    room = LONGEST_AGO - plan.closed
    shorter = min(1.0, room / sum(lengths))
    at = plan.closed
    for step, length in zip(reversed(plan.steps), reversed(lengths), strict=True):
        step.ended, at = at, at + length * shorter
        step.began = at


def _set_times(plan: Plan, world: World) -> None:
    """Each entry at least half an hour after the one before, because weekends move some together."""
    earliest = plan.steps[0].entered_at
    for step in plan.steps:
        step.entered_at = max(world.moment(step.began), earliest)
        earliest = step.entered_at + datetime.timedelta(minutes=35)
    ends = world.now if plan.is_open else max(world.moment(plan.closed), earliest)
    for step, left_at in zip(plan.steps, [*(each.entered_at for each in plan.steps[1:]), ends], strict=True):
        step.left_at = left_at


def _let_some_rest(plans: list[Plan], chance: Random) -> None:
    """The share of open deals that nobody has worked on for longer than their stage allows."""
    shown = [plan for plan in plans if plan.is_open]
    able = [
        plan
        for plan in shown
        if not plan.special and plan.next_step != "paused" and plan.here.began > _idle_after(plan) + 3
    ]
    for plan in chance.sample(able, min(round(len(shown) * FACTS["open"]["idle"]), len(able))):
        plan.idle = True


def _idle_after(plan: Plan) -> int:
    return plan.process.stages[plan.last].idle_days or 7


def worked_until(plan: Plan, chance: Random) -> float:
    """Days before today of the last thing that was done on an open deal."""
    step, idle = plan.here, _idle_after(plan)
    if plan.idle:
        return min(idle + 1 + chance.random() * (step.began - idle - 2), step.began)
    return min(0.3 + chance.random() * max(idle - 3.5, 1.0), step.began)


def _find_customers(plans: list[Plan], customers: Customers) -> None:
    """One of the rep's own that was known by then and has no other deal going; the least asked first."""
    own: dict[User, list[Customer]] = defaultdict(list)
    for customer in customers:
        own[customer.organization.owner].append(customer)
    free_from = {id(customer): float("inf") for customer in customers}
    asked: dict[int, int] = defaultdict(int)
    for plan in sorted(plans, key=lambda each: -each.steps[0].began):
        began = plan.steps[0].began
        known = [customer for customer in own[plan.rep] if customer.met_days_ago > began]
        idle = [customer for customer in known if free_from[id(customer)] > began]
        plan.customer = min(idle or known or own[plan.rep][:5], key=lambda each: asked[id(each)])
        asked[id(plan.customer)] += 1
        free_from[id(plan.customer)] = plan.closed if not plan.is_open else 0.0
