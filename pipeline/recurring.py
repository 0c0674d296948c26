"""Planning the work that comes again without a deal: for each person on their own day, once, whoever runs it how often."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Sequence

from crm import clock
from crm.models import Company, Membership, User
from pipeline import calendar, followups
from pipeline.models import PlannedWork, RecurringWork


def plan_due(now: datetime.datetime | None = None) -> int:
    """Today's work of everybody whose day has begun. Gives how many tasks were planned."""
    now = now or clock.now()
    works = list(RecurringWork.objects.active().select_related("user"))
    if not works:
        return 0
    wanted = list(_wanted(works, now))
    days = {day for _work, _user, day in wanted}
    known = PlannedWork.objects.filter(work__in=works, day__in=days).values_list("work_id", "user_id", "day")
    planned = set(known)
    waiting = [(work, user, day) for work, user, day in wanted if (work.pk, user.pk, day) not in planned]
    return sum(followups.plan_regular(work, user, day, now) is not None for work, user, day in waiting)


def _wanted(
    works: Sequence[RecurringWork], now: datetime.datetime
) -> Iterator[tuple[RecurringWork, User, datetime.date]]:
    """Not on holidays of the company: who chose Mondays did not mean that one."""
    holidays = calendar.WorkingDays.of(Company.current(), now.date() - datetime.timedelta(days=2)).holidays
    people = {user.pk: user for user in User.objects.active()}
    teams = _teams(now)
    for work in works:
        for user in _people(work, people, teams):
            day = calendar.day_of(now, user)
            if work.falls_on(day) and day not in holidays:
                yield work, user, day


def _people(work: RecurringWork, people: dict[int, User], teams: dict[int, set[int]]) -> list[User]:
    if work.user_id is not None:
        return [people[work.user_id]] if work.user_id in people else []
    if work.team_id is not None:
        return [people[pk] for pk in sorted(teams.get(work.team_id, ())) if pk in people]
    return [user for user in people.values() if user.role == work.role]


def _teams(now: datetime.datetime) -> dict[int, set[int]]:
    found: dict[int, set[int]] = {}
    for team, user in Membership.objects.current(now).values_list("team_id", "user_id"):
        found.setdefault(team, set()).add(user)
    return found
