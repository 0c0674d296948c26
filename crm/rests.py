"""When somebody is not to be reminded: in their quiet hours, on days on which the company does not work, while away."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from crm import absences, wall_time
from crm.models import Absence, Company, User
from crm.working_days import WorkingDays

MORNING = time(8)
"""After days off, reminders come at this hour."""
_FURTHEST = 4 * 366


@dataclass(frozen=True)
class Rest:
    """`absence` only if the person is away at that moment."""

    until: datetime
    absence: Absence | None


def resting(people: Iterable[User], now: datetime) -> dict[int, Rest]:
    """Of these people those who rest now, until when: at most three queries."""
    by_pk = {person.pk: person for person in people}
    away = absences.of(by_pk, now)
    working = WorkingDays.of(Company.current(), now.date() - timedelta(days=2))
    found = {pk: _rest(person, away.get(pk, []), working, now) for pk, person in by_pk.items()}
    return {pk: rest for pk, rest in found.items() if rest is not None}


def _rest(person: User, away: Sequence[Absence], working: WorkingDays, now: datetime) -> Rest | None:
    begins = wall_time.wall(now, person.time_zone)
    until = _next_moment(person, away, working, begins)
    if until == begins:
        return None
    return Rest(wall_time.instant(until, person.time_zone), _absence_on(begins.date(), away))


def _next_moment(person: User, away: Sequence[Absence], working: WorkingDays, wall: datetime) -> datetime:
    for _day in range(_FURTHEST):
        if not working.works(wall.date()) or _absence_on(wall.date(), away) is not None:
            wall = datetime.combine(wall.date() + timedelta(days=1), MORNING)
        elif is_quiet(person, wall.time()):
            wall = _end_of_quiet(person, wall)
        else:
            break
    return wall


def is_quiet(person: User, hour: time) -> bool:
    begins, ends = person.quiet_from, person.quiet_until
    if begins is None or ends is None or begins == ends:
        return False
    return begins <= hour < ends if begins < ends else hour >= begins or hour < ends


def _end_of_quiet(person: User, wall: datetime) -> datetime:
    ends = datetime.combine(wall.date(), person.quiet_until or MORNING)
    return ends if ends > wall else ends + timedelta(days=1)


def _absence_on(day: date, away: Sequence[Absence]) -> Absence | None:
    return next((row for row in away if row.first_day <= day <= row.last_day), None)
