"""Who works on which deals, and how each of them ends: the numbers of the story, laid out before anything happens."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from random import Random

from crm.demo.company import Crew, Staff
from crm.demo.world import World, deal_out, spread
from crm.models import User
from leads.demo.customers import Customer
from pipeline.demo.process import FACTS, KEYS, Process, Processes
from pipeline.models import Kind

MONTHS = 15
ARCS = FACTS["arcs"]
_FULL_PACE = 9
"""Whole months since the teams have been complete; before, they closed fewer deals."""

_UNKNOWN = datetime.datetime.min.replace(tzinfo=datetime.UTC)


@dataclass
class Step:
    """A stay: the place in the process, from when to when in days before today, and the times once they are known."""

    place: int
    began: float = 0.0
    ended: float = 0.0
    entered_at: datetime.datetime = _UNKNOWN
    left_at: datetime.datetime = _UNKNOWN


@dataclass
class Plan:
    """`last` is the place where the deal stands or from where it was lost; `closed` in days before today.

    `exact`: one of the deals that an arc of the story counts. `special`: one that the rep's own board shows on purpose.
    """

    process: Process
    crew: Crew
    rep: User
    outcome: str
    last: int
    closed: float = 0.0
    exact: bool = False
    special: str = ""
    source: str = ""
    value: Decimal | None = None
    named: bool = True
    next_step: str = ""
    late: bool = False
    idle: bool = False
    steps: list[Step] = field(default_factory=list)
    customer: Customer = field(init=False)

    @property
    def is_open(self) -> bool:
        return self.outcome == Kind.OPEN

    @property
    def here(self) -> Step:
        return self.steps[-1]


def make(world: World, processes: Processes) -> list[Plan]:
    staff, chance = world.of(Staff), world.random("plan")
    plans = [
        plan for crew in staff.crews for rep in crew.reps for plan in _closings(world, processes, crew, rep, chance)
    ]
    plans += [plan for crew in staff.crews for rep in crew.reps for plan in _open_deals(processes, crew, rep, chance)]
    for process in processes.by_key.values():
        _give_sizes([plan for plan in plans if plan.process is process], process, chance)
    for outcome in Kind.values:
        told = [plan for plan in plans if plan.outcome == outcome and plan.process.key != "renewal"]
        for plan, source in zip(told, deal_out(FACTS["sources"][outcome], len(told), chance), strict=True):
            plan.source = source
    account = next(each.user for each in staff.accounts if each.user.role == User.Role.REP)
    shown = [plan for plan in plans if plan.is_open]
    _show_on_purpose(shown, account, chance)
    _give_next_steps([plan for plan in shown if plan.rep == account], chance)
    _give_next_steps([plan for plan in shown if plan.rep != account], chance)
    return plans


# --- What was closed


def _closings(world: World, processes: Processes, crew: Crew, rep: User, chance: Random) -> Iterator[Plan]:
    closed = {key: FACTS["pipelines"][key]["closed"][crew.team.name] for key in KEYS}
    owed_won, owed = chance.random(), chance.random()
    for month in range(MONTHS, -1, -1):
        pace = 1.0 if month <= _FULL_PACE else 0.6
        owed += sum(closed.values()) * pace * (1.0 if month else (world.today.day - 1) / 30)
        arc = _arc(rep, month)
        if arc is not None:
            won, lost = arc
        else:
            total, owed_won = int(owed), owed_won + int(owed) * _rate(rep, crew, month)
            won, owed_won = int(owed_won), owed_won - int(owed_won)
            lost = total - won
        owed -= int(owed)
        keys = deal_out(closed, won + lost, chance)
        for number, key in enumerate(keys):
            process, is_won = processes.by_key[key], number < won
            last = process.won - 1 if is_won else _lost_from(process, chance)
            day = _day_in(world, month, chance)
            yield Plan(process, crew, rep, Kind.WON if is_won else Kind.LOST, last, day, exact=arc is not None)


def _arc(rep: User, month: int) -> tuple[int, int] | None:
    """Won and lost of that month, where the story names them."""
    for arc in (ARCS["climbs"], ARCS["slides"]):
        if arc["name"] == rep.name and 1 <= month <= len(arc["months"]):
            won, lost = arc["months"][len(arc["months"]) - month]
            return won, lost
    return None


def _rate(rep: User, crew: Crew, month: int) -> float:
    """The share won, where no month is named."""
    if crew.team.name == "Renewals":
        return 0.84
    for arc in (ARCS["climbs"], ARCS["slides"]):
        if arc["name"] == rep.name:
            won, lost = arc["months"][-1]
            return arc["before"] if month else won / (won + lost)
    return 0.28 + 0.015 * crew.reps.index(rep)


def _lost_from(process: Process, chance: Random) -> int:
    shares = process.facts["lost_from"]
    return chance.choices(range(len(shares)), shares)[0]


def _day_in(world: World, month: int, chance: Random) -> float:
    """A working day of the month that lies so many months back, in days before today; the fraction is the hour."""
    index = world.today.year * 12 + world.today.month - 1 - month
    first = datetime.date(index // 12, index % 12 + 1, 1)
    following = datetime.date((index + 1) // 12, (index + 1) % 12 + 1, 1)
    days = [first + datetime.timedelta(days=n) for n in range((min(following, world.today) - first).days)]
    working = [day for day in days if day.weekday() < 5] or days
    return (world.today - working[chance.randrange(len(working))]).days - chance.random() * 0.9


# --- What is open


def _open_deals(processes: Processes, crew: Crew, rep: User, chance: Random) -> Iterator[Plan]:
    for key in KEYS:
        process = processes.by_key[key]
        shares = {str(place): share for place, share in enumerate(process.facts["open_in"])}
        usual = process.facts["open"][crew.team.name]
        more_or_less = FACTS["open"]["more_or_less"][crew.reps.index(rep)]
        for place in deal_out(shares, usual + more_or_less if usual > 9 else usual, chance):
            yield Plan(process, crew, rep, Kind.OPEN, int(place))


def _show_on_purpose(shown: list[Plan], account: User, chance: Random) -> None:
    """On the rep's board: one ready to move, one that lacks a single word; and three deals that wait for approval."""
    standard = [plan for plan in shown if plan.process.key == "standard"]
    mine = [plan for plan in standard if plan.rep == account]
    in_pitch = [plan for plan in mine if plan.last == 3]
    in_concerns = [plan for plan in mine if plan.last == 4]
    in_pitch[0].special, in_pitch[0].named = "ready", True
    in_concerns[0].special, in_concerns[0].named, in_concerns[0].value = "one missing", True, Decimal(38_500)
    crew = in_concerns[0].crew
    others = [plan for plan in standard if plan.crew is crew and plan.rep != account and plan.last == 4]
    waiting = [in_concerns[1], others[0], next(plan for plan in others if plan.rep != others[0].rep)]
    for plan, value in zip(waiting, (64_000, 118_500, 82_000), strict=True):
        plan.special, plan.named, plan.value = "waiting", True, Decimal(value)


def _give_next_steps(shown: list[Plan], chance: Random) -> None:
    late = round(len(shown) * FACTS["open"]["close_date_past"])
    ordinary = [plan for plan in shown if not plan.special]
    for plan, state in zip(ordinary, deal_out(FACTS["open"]["next_step"], len(shown), chance), strict=False):
        plan.next_step = state
    for plan in shown:
        plan.next_step = "today" if plan.special else plan.next_step
    for plan in chance.sample(ordinary, late):
        plan.late = True


# --- What all have


def _give_sizes(plans: list[Plan], process: Process, chance: Random) -> None:
    facts = process.facts
    named = deal_out({"yes": 1 - facts["unnamed"], "no": facts["unnamed"]}, len(plans), chance)
    amounts = spread(facts["value"]["median"], facts["value"]["width"], len(plans), chance)
    for plan, known, amount in zip(plans, named, amounts, strict=True):
        early = plan.is_open and plan.last < 2 and process.key != "renewal"
        plan.named = known == "yes"
        if not early or chance.random() > FACTS["open"]["without_value"]:
            plan.value = Decimal(max(round(amount / 100), 8) * 100)
