"""What stands on each deal: title, value, dates, people, tags."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from random import Random
from typing import Any

from crm import money
from crm.demo.world import World, pick
from leads.models import Contact, Source
from pipeline.demo.plan import ARCS, Plan
from pipeline.demo.process import FACTS, Processes
from pipeline.models import ContactRole, Kind

LARGE = 40_000
_PRODUCT_OF = {"Cold storage": 2, "Logistics and warehousing": 1, "Wholesale": 1}
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday")


@dataclass
class People:
    """Who takes part: the main contact, and all with the role that they have on the deal."""

    main: Contact
    roles: dict[str, Contact]


def people_of(plan: Plan, chance: Random) -> People:
    """Without a named decision maker, whoever decides is not among them."""
    roles = {
        role: contact
        for role, contact in plan.customer.people.items()
        if role != ContactRole.DECISION_MAKER or plan.named
    }
    main = roles["champion"]
    if chance.random() < 0.06:
        against = next((role for role in ("influencer", "user") if role in roles), None)
        if against is not None:
            roles["blocker"] = roles.pop(against)
    return People(main, roles)


def words(plan: Plan, people: People, world: World, chance: Random) -> dict[str, Any]:
    """What the sentences and titles name."""
    organization = plan.customer.organization
    place, places = FACTS["places"][organization.industry]
    boss = people.roles.get(ContactRole.DECISION_MAKER)
    year = world.day(round(plan.closed) - 60).year
    sites = max(plan.customer.sites, 2)
    return {
        "who": people.main.name,
        "boss": boss.name if boss else "the management",
        "rep": plan.rep.name,
        "city": organization.city,
        "country": organization.country,
        "sites": sites,
        "place": place,
        "places": places,
        "day": pick(WEEKDAYS, chance),
        "few": chance.randrange(3, 10),
        "amount": money.format_money(plan.value, plan.customer.currency),
        "year": year,
        "number": chance.randrange(20_000, 99_999),
    }


def say(sentence: str, named: dict[str, Any]) -> str:
    said = sentence.format(**named)
    return said[:1].upper() + said[1:]


def of_deal(
    plan: Plan, named: dict[str, Any], processes: Processes, world: World, sources: dict[str, Source], chance: Random
) -> dict[str, Any]:
    organization = plan.customer.organization
    product = 4 if plan.process.key == "b2b" and chance.random() < 0.3 else _PRODUCT_OF.get(organization.industry, 0)
    product = 3 if chance.random() < 0.12 else product
    return {
        "title": say(pick(FACTS["titles"][plan.process.key], chance), named), "organization": organization, "value": plan.value,
        "currency": plan.customer.currency, "expected_close": _expected_close(plan, world, chance), "owner": plan.rep,
        "source": sources.get(plan.source), "product": processes.products[product],
    }  # fmt: skip


def _expected_close(plan: Plan, world: World, chance: Random) -> datetime.date | None:
    if plan.is_open:
        return _still_expected(plan, world, chance)
    closed = plan.here.left_at.astimezone(world.zone).date()
    if (
        plan.rep.name == ARCS["late_with_large_deals"]
        and plan.outcome == Kind.WON
        and plan.value
        and plan.value >= LARGE
    ):
        return closed - datetime.timedelta(days=chance.randrange(24, 63))
    return closed + datetime.timedelta(days=round(chance.gauss(1, 5)))


def _still_expected(plan: Plan, world: World, chance: Random) -> datetime.date | None:
    if plan.late:
        return world.day(chance.randrange(1, 45))
    if plan.value is None and chance.random() < 0.4:
        return None
    left = sum(plan.process.facts["stay"][plan.last :]) * (0.6 + chance.random()) + 5
    return world.day(-round(left))


def tags_of(plan: Plan, processes: Processes, chance: Random) -> list[Any]:
    fitting = {tag.name: tag for tag in processes.tags}
    wanted = [name for name, share in _WANTED.items() if chance.random() < share(plan)]
    return [fitting[name] for name in wanted]


_WANTED = {
    "Many sites": lambda plan: 0.6 if plan.customer.sites >= 25 else 0.0,
    "Cold chain": lambda plan: 0.7 if plan.customer.organization.industry == "Cold storage" else 0.0,
    "Tender": lambda plan: 0.25 if plan.value and plan.value >= LARGE else 0.02,
    "Framework agreement": lambda plan: 0.1 if plan.process.key == "renewal" else 0.03,
    "Landlord involved": lambda plan: 0.08,
    "Solar planned": lambda plan: 0.07,
    "Reference customer": lambda plan: 0.12 if plan.process.key == "renewal" else 0.02,
}
