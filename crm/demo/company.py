"""The first chapter: Brightwater Controls, its teams and its people."""

from __future__ import annotations

import datetime
import unicodedata
from dataclasses import dataclass, field
from typing import Any

from crm import founding, users
from crm.demo.world import World, read
from crm.models import Company, Team, User
from crm.models.audit import Via

_FACTS = read(__file__, "company.toml")
ZONE: str = _FACTS["time_zone"]


@dataclass
class Account:
    """Somebody whose password is told, to look around with."""

    password: str
    user: User


@dataclass
class Crew:
    team: Team
    manager: User
    reps: list[User]


@dataclass
class Staff:
    company: Company
    admin: User
    crews: list[Crew] = field(default_factory=list)
    accounts: list[Account] = field(default_factory=list)

    @property
    def reps(self) -> list[User]:
        return [rep for crew in self.crews for rep in crew.reps]

    def crew_of(self, rep: User) -> Crew:
        return next(crew for crew in self.crews if rep in crew.reps)


def chapter(world: World) -> None:
    since = world.moment(_FACTS["founded"])
    company = founding.found(_FACTS["name"], ZONE, _FACTS["currency"], _holidays(world))
    staff = Staff(company, admin=users.create(**_person(_FACTS["admin"], "admin", since)))
    _tell_password(staff, _FACTS["admin"], staff.admin)
    for entry in _FACTS["teams"]:
        team = founding.add_team(entry["name"])
        manager = _hire(staff, entry["manager"], "manager", since)
        crew = Crew(team, manager, [_hire(staff, person, "rep", since) for person in entry["reps"]])
        for member in (manager, *crew.reps):
            founding.join(team, member, since)
        staff.crews.append(crew)
    world.keep(staff)


def _hire(staff: Staff, person: dict[str, str], role: str, since: datetime.datetime) -> User:
    user = users.create(**_person(person, role, since))
    _tell_password(staff, person, user)
    return user


def _person(person: dict[str, str], role: str, since: datetime.datetime) -> dict[str, Any]:
    password = _FACTS["password"] if "login" in person else None
    return {
        "email": _address(person), "name": person["name"], "role": role, "by": None, "via": Via.PROCESS,
        "time_zone": person["time_zone"], "password": password, "now": since,
    }  # fmt: skip


def _tell_password(staff: Staff, person: dict[str, str], user: User) -> None:
    if "login" in person:
        staff.accounts.append(Account(_FACTS["password"], user))


def standing_accounts() -> list[Account]:
    """Those of an earlier day whose password is still the one that was told."""
    people = [_FACTS["admin"], *(person for team in _FACTS["teams"] for person in (team["manager"], *team["reps"]))]
    users = User.objects.active().filter(email__in=[_address(person) for person in people if "login" in person])
    return [
        Account(_FACTS["password"], user) for user in users.order_by("pk") if user.check_password(_FACTS["password"])
    ]


def _address(person: dict[str, str]) -> str:
    return f"{person.get('login') or '.'.join(plain(person['name']).split())}@{_FACTS['domain']}"


_SPELT = {"ß": "ss", "ø": "o", "Ø": "O", "ł": "l", "Ł": "L", "ı": "i", "æ": "ae", "đ": "d"}


def plain(name: str) -> str:
    """The name as it stands in an address: small letters of the English alphabet, words apart."""
    letters = (
        unicodedata.normalize("NFKD", "".join(_SPELT.get(char, char) for char in name))
        .encode("ascii", "ignore")
        .decode()
        .lower()
    )
    return " ".join("".join(char if char.isalnum() else " " for char in letters).split())


def _holidays(world: World) -> list[tuple[datetime.date, str]]:
    years = range(world.today.year - 2, world.today.year + 2)
    return [
        (datetime.date(year, each["month"], each["day"]), each["name"]) for year in years for each in _FACTS["holidays"]
    ]
