"""How far somebody is with the activities that they mean to do, and with the regular work of the day.

A fixed number of queries, whatever the number of people. Days and weeks are those of each person's time zone.
"""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import reduce
from operator import or_
from typing import Any, NamedTuple

from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from crm import access
from crm.models import Company, User
from leads.models import Activity
from pipeline import calendar
from pipeline.models import ActivityGoal, Task

Period = ActivityGoal.Period
PEOPLE_SHOWN = 100


class Counter(NamedTuple):
    """What is counted; several people's goals may share one."""

    type_id: int
    first_only: bool
    held_only: bool
    period: str


@dataclass(frozen=True)
class Progress:
    goal: ActivityGoal
    done: int

    @property
    def is_reached(self) -> bool:
        return self.done >= self.goal.count

    @property
    def shown(self) -> int:
        """For a bar that is full at the goal."""
        return min(self.done, self.goal.count)


@dataclass(frozen=True)
class Line:
    person: User
    progress: list[Progress]

    @property
    def reached(self) -> int:
        return sum(each.is_reached for each in self.progress)


@dataclass(frozen=True)
class Goals:
    own: list[Progress]
    work: list[Task]
    """Regular work that is due, and what of it was finished today."""
    team: list[Line] = field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        return not (self.own or self.work or self.team)


def read(user: User, now: datetime.datetime | None = None) -> Goals:
    """Of a manager, with a line for each of their people who has goals."""
    now = now or timezone.now()
    people = [user, *_people(user)]
    goals = _goals(people)
    done = _done(people, goals, now)
    lines = [
        Line(person, [Progress(goal, done.get((person.pk, counter), 0)) for counter, goal in goals[person.pk].items()])
        for person in people
    ]
    return Goals(lines[0].progress, _work(user, now), [line for line in lines[1:] if line.progress])


def _people(user: User) -> list[User]:
    bounds = access.reach(user)
    if not user.is_manager:
        return []
    reps = User.objects.active().filter(role=User.Role.REP).exclude(pk=user.pk)
    mine = reps if bounds.everyone else reps.filter(pk__in=bounds.managed_users)
    return list(mine.order_by("name", "pk")[:PEOPLE_SHOWN])


def _goals(people: Sequence[User]) -> dict[int, dict[Counter, ActivityGoal]]:
    """A person's own goal stands in place of the role's for the same."""
    theirs = Q(user__in=people) | Q(role__in={person.role for person in people})
    rows = list(
        ActivityGoal.objects.active().filter(theirs).select_related("type").order_by("period", "type__order", "pk")
    )
    found: dict[int, dict[Counter, ActivityGoal]] = {}
    for person in people:
        by_role = {_counter(goal): goal for goal in rows if goal.role == person.role}
        own = {_counter(goal): goal for goal in rows if goal.user_id == person.pk}
        found[person.pk] = by_role | own
    return found


def _counter(goal: ActivityGoal) -> Counter:
    return Counter(goal.type_id, goal.first_only, goal.held_only, goal.period)


def _done(
    people: Sequence[User], goals: dict[int, dict[Counter, ActivityGoal]], now: datetime.datetime
) -> dict[tuple[int, Counter], int]:
    counters = sorted({counter for theirs in goals.values() for counter in theirs})
    if not counters:
        return {}
    windows = _windows(people, now)
    earliest = now - datetime.timedelta(days=9)
    rows = Activity.objects.existing().filter(by__in=people, happened_at__gte=earliest).order_by()
    if any(counter.first_only for counter in counters):
        rows = rows.annotate(repeated=Exists(_earlier()))
    named = {f"c{place}": counter for place, counter in enumerate(counters)}
    counts = {name: Count("pk", filter=_where(counter) & windows[counter.period]) for name, counter in named.items()}
    found: QuerySet[Any, Any] = rows.values("by").annotate(**counts)
    return {(row["by"], counter): row[name] for row in found for name, counter in named.items()}


def _windows(people: Iterable[User], now: datetime.datetime) -> dict[str, Q]:
    """Since when it counts: one bound for each time zone."""
    company, zones = Company.current(), defaultdict(list)
    for person in people:
        zones[person.time_zone].append(person)
    day, week = [], []
    for there in zones.values():
        today = calendar.day_of(now, there[0])
        first = today - datetime.timedelta(days=(today.weekday() - company.week_starts_on) % 7)
        day.append(Q(by__in=there, happened_at__gte=calendar.start_of_day(today, there[0])))
        week.append(Q(by__in=there, happened_at__gte=calendar.start_of_day(first, there[0])))
    return {Period.DAY: reduce(or_, day), Period.WEEK: reduce(or_, week)}


def _where(counter: Counter) -> Q:
    held = Q(outcome__isnull=True) | Q(outcome__held=True)
    wanted = Q(type=counter.type_id)
    if counter.held_only or counter.first_only:
        wanted &= held
    return wanted & Q(organization__isnull=False, repeated=False) if counter.first_only else wanted


def _earlier() -> QuerySet[Activity]:
    """Of the same kind, with the same organization, that took place before."""
    before = Q(happened_at__lt=OuterRef("happened_at")) | Q(happened_at=OuterRef("happened_at"), pk__lt=OuterRef("pk"))
    same = {"type": OuterRef("type"), "organization": OuterRef("organization")}
    return Activity.objects.existing().filter(before, Q(outcome__isnull=True) | Q(outcome__held=True), **same)


def _work(user: User, now: datetime.datetime) -> list[Task]:
    today = calendar.day_of(now, user)
    finished = Q(state=Task.State.DONE, closed_at__gte=calendar.start_of_day(today, user))
    due = Q(state=Task.State.OPEN, due_at__lte=calendar.end_of_day(today, user))
    rows = Task.objects.editable_by(user).filter(due | finished, owner=user, planned_work__isnull=False)
    return list(rows.order_by("due_at", "pk")[:50])
