"""The second chapter: shops and warehouses that could buy, and the people in them."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from crm.demo.company import Staff, plain
from crm.demo.world import World, deal_out, pick, read
from crm.models import User
from crm.models.audit import Via
from leads import lists, writing
from leads.models import Contact, Organization

_FACTS = read(__file__, "customers.toml")
_COUNTRIES: dict[str, dict[str, Any]] = {country["name"]: country for country in _FACTS["countries"]}
_TRADES: dict[str, dict[str, Any]] = _FACTS["trades"]
_LEGAL = {"Germany": " GmbH", "United Kingdom": " Ltd", "Netherlands": " BV", "Sweden": " AB"}


@dataclass
class Customer:
    """An organization with its people, each by what they mean for a deal: decision maker, champion, influencer, user."""

    organization: Organization
    people: dict[str, Contact]
    currency: str
    met_days_ago: int

    @property
    def sites(self) -> int:
        """How many shops or halls it runs."""
        return max(1, round(math.sqrt(self.organization.employees or 1) * 0.9))


class Customers(list[Customer]):
    """In the order in which Brightwater came to know them."""


def chapter(world: World) -> None:
    lists.load_lists()
    chance = world.random("customers")
    owners = [
        rep
        for crew in world.of(Staff).crews
        for rep in crew.reps
        for _ in range(_FACTS["owners"]["each"][crew.team.name])
    ]
    chance.shuffle(owners)
    places = deal_out({name: country["share"] for name, country in _COUNTRIES.items()}, len(owners), chance)
    trades = deal_out({name: trade["share"] for name, trade in _TRADES.items()}, len(owners), chance)
    names = {country: _Names(country, chance) for country in _COUNTRIES}
    made = Customers(
        _customer(place, names[place].next(trade), trade, days_ago, owner, chance, world)
        for place, trade, days_ago, owner in zip(places, trades, _met(len(owners), chance), owners, strict=True)
    )
    writing.add_past(Organization, [customer.organization for customer in made], via=Via.IMPORT)
    writing.add_past(Contact, [contact for customer in made for contact in customer.people.values()], via=Via.IMPORT)
    world.keep(made)


def _met(count: int, chance: random.Random) -> list[int]:
    """Days ago, the oldest first."""
    from_the_start = round(count * _FACTS["owners"]["known_from_the_start"])
    days = [chance.randrange(575, 640) for _ in range(from_the_start)]
    return sorted(days + [chance.randrange(20, 575) for _ in range(count - from_the_start)], reverse=True)


class _Names:
    """Names of organizations of one country, none twice; where stem and ending are used up, a place tells them apart."""

    def __init__(self, country: str, chance: random.Random) -> None:
        self.country, self.chance = _COUNTRIES[country], chance
        self.left = {trade: self._all(trade) for trade in _TRADES}

    def _all(self, trade: str) -> Iterator[str]:
        stems, endings = list(self.country["stems"]), self.country["endings"][trade]
        self.chance.shuffle(stems)
        yield from (f"{stem} {ending}" for ending in endings for stem in stems)
        yield from (
            f"{stem} {ending} {city}" for city in self.country["cities"] for ending in endings for stem in stems
        )

    def next(self, trade: str) -> str:
        return next(self.left[trade])


def _customer(
    place: str, name: str, trade: str, days_ago: int, owner: User, chance: random.Random, world: World
) -> Customer:  # fmt: skip
    country, site, then = _COUNTRIES[place], plain(name).replace(" ", "-"), world.moment(days_ago)
    low, high = _TRADES[trade]["employees"]
    employees = round(low * (high / low) ** (chance.random() * chance.random() ** 0.3))
    stamp = {"owner": owner, "created_at": then, "created_by": owner, "updated_at": then, "updated_by": owner}
    legal = _LEGAL.get(place, "") if chance.random() < 0.15 else ""
    organization = Organization(
        name=name + legal, website=f"https://www.{site}.example", phone=_phone(country, chance),
        industry=_TRADES[trade]["industry"], employees=employees, city=pick(country["cities"], chance), country=place, **stamp,
    )  # fmt: skip
    roles = ["champion", "decision_maker", *chance.sample(["influencer", "user"], chance.choice([0, 1, 1, 2]))]
    people: dict[str, Contact] = {}
    for role in roles:
        person = _person_name(country, {contact.name for contact in people.values()}, chance)
        people[role] = Contact(
            name=person, title=pick(_FACTS["titles"][role], chance), email=f"{'.'.join(plain(person).split())}@{site}.example",
            phone=_phone(country, chance) if chance.random() < 0.7 else "", organization=organization, **stamp,
        )  # fmt: skip
    return Customer(organization, people, country.get("currency", "EUR"), days_ago)


def _person_name(country: dict[str, Any], taken: set[str], chance: random.Random) -> str:
    """Mostly a name of the country; some people have come from elsewhere."""
    while True:
        home = pick(list(_COUNTRIES.values()), chance) if chance.random() < 0.12 else country
        name = f"{pick(home['first'], chance)} {pick(home['last'], chance)}"
        if name not in taken:
            return name


def _phone(country: dict[str, Any], chance: random.Random) -> str:
    number: str = country["phone"].format(n=chance.randrange(1000))
    return number
