"""Goals for activities: what counts, in whose day and week, and who sees how far somebody is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from crm.models import Company, User
from leads import activities
from leads.activities import NewActivity
from leads.models import ActivityOutcome, Organization
from pipeline import goals
from pipeline.models import ActivityGoal
from tests import factories as make

pytestmark = pytest.mark.django_db
NOW = make.NOW  # a Tuesday, 10:00 UTC
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


class World:
    def __init__(self) -> None:
        self.team = make.team()
        self.rita, self.max = make.user(team=self.team, name="Rita Rep"), make.user("manager", team=self.team)
        self.call, self.meeting = make.activity_type("call"), make.activity_type("meeting")
        self.taken = ActivityOutcome.objects.create(type=self.call, name="Connected")
        self.nobody = ActivityOutcome.objects.create(type=self.call, name="No answer", held=False)

    def log(
        self, at: datetime, type: Any = None, by: User | None = None, about: Organization | None = None, **more: Any
    ) -> None:
        entry = NewActivity(type or self.call, happened_at=at, **more)
        activities.log(entry, by=by or self.rita, via="page", organization=about, now=NOW)

    def goal(self, count: int = 10, **more: Any) -> ActivityGoal:
        given = {"type": self.call, "count": count, "role": "rep", **more}
        return ActivityGoal.objects.create(**given)

    def done(self, user: User | None = None, now: datetime = NOW) -> list[int]:
        return [each.done for each in goals.read(user or self.rita, now).own]


@pytest.fixture
def world() -> World:
    return World()


def test_calls_of_the_day_and_of_the_week(world: World) -> None:
    world.goal(period="day")
    world.goal(period="week")
    for back in (1 * HOUR, 2 * HOUR, 1 * DAY, 2 * DAY, 8 * DAY):  # Tuesday twice, Monday, Sunday, last Monday
        world.log(NOW - back)
    assert world.done() == [2, 3]


def test_the_week_begins_when_the_company_says(world: World) -> None:
    Company.objects.create(pk=1, week_starts_on=6)
    world.goal()
    for back in (0 * DAY, 2 * DAY, 3 * DAY):  # Tuesday, Sunday, Saturday
        world.log(NOW - back)
    assert world.done() == [2]


def test_a_day_is_that_of_the_person(world: World) -> None:
    far = make.user(
        team=world.team, time_zone="Pacific/Auckland"
    )  # 22:00 there; its day began at 12:00 UTC the day before
    world.goal(period="day")
    for at in (datetime(2026, 9, 14, 11, 59, tzinfo=UTC), datetime(2026, 9, 14, 12, 1, tzinfo=UTC)):
        world.log(at, by=far)
        world.log(at)
    assert (world.done(far), world.done()) == ([1], [0])


def test_only_what_took_place_counts_where_the_goal_says_so(world: World) -> None:
    world.goal(period="week")
    world.goal(period="week", held_only=True)
    world.log(NOW, outcome=world.taken)
    world.log(NOW, outcome=world.nobody)
    world.log(NOW)
    assert sorted(world.done()) == [2, 3]


def test_first_meetings_are_the_first_with_an_organization(world: World) -> None:
    world.goal(type=world.meeting, first_only=True)
    known, new = make.organization(world.rita), make.organization(world.rita)
    missed = ActivityOutcome.objects.create(type=world.meeting, name="No-show", held=False)
    world.log(NOW - 30 * DAY, world.meeting, about=known, by=world.max)
    world.log(NOW - 30 * DAY, world.meeting, about=new, outcome=missed)
    for about in (known, new, new, None):
        world.log(NOW, world.meeting, about=about)
    assert world.done() == [1]


def test_deleted_activities_and_those_of_others_do_not_count(world: World) -> None:
    world.goal()
    world.log(NOW)
    world.log(NOW, by=make.user())
    gone = world.rita.activities.get()
    activities.delete(gone.pk, by=world.rita, via="page", now=NOW)
    assert world.done() == [0]


def test_a_persons_own_goal_stands_in_place_of_the_roles(world: World) -> None:
    world.goal(10)
    world.goal(3, role="", user=world.rita)
    world.goal(5, role="manager")
    world.goal(7, period="day", is_active=False)
    assert [each.goal.count for each in goals.read(world.rita, NOW).own] == [3]


def test_a_manager_has_one_line_for_each_of_their_people(world: World) -> None:
    other, foreign = make.user(team=world.team, name="Anna"), make.user(team=make.team())
    world.goal(2)
    for _ in range(2):
        world.log(NOW)
        world.log(NOW, by=foreign)
    lines = goals.read(world.max, NOW).team
    assert [(line.person, [each.done for each in line.progress], line.reached) for line in lines] == [
        (other, [0], 0),
        (world.rita, [2], 1),
    ]
    assert goals.read(world.rita, NOW).team == []


def test_it_takes_as_many_queries_for_thirty_people_as_for_one(world: World) -> None:
    world.goal()
    world.goal(type=world.meeting, first_only=True)

    def cost() -> int:
        boss = User.objects.get(pk=world.max.pk)
        with CaptureQueriesContext(connection) as asked:
            assert goals.read(boss, NOW).team
        return len(asked)

    one = cost()
    for number in range(30):
        world.log(NOW, by=make.user(team=world.team, time_zone=("UTC", "Asia/Tokyo", "America/Lima")[number % 3]))
    assert cost() == one <= 9


def test_the_page_and_its_part(world: World) -> None:
    client = Client()
    client.force_login(world.rita)
    assert "No goals and no regular work" in client.get(reverse("goals")).content.decode()
    world.goal(2)
    whole = client.get(reverse("goals")).content.decode()
    part = client.get(reverse("goals"), headers={"HX-Request": "true"}).content.decode()
    assert "0 of 2" in whole and "0 of 2" in part and part.lstrip().startswith('<section id="goals"')


def test_the_administration_wants_a_person_or_a_role(world: World) -> None:
    client = Client()
    client.force_login(make.user("admin"))
    sent = {"count": 5, "type": world.call.pk, "period": "week", "is_active": "on"}
    url = reverse("admin:pipeline_activitygoal_add")
    assert "one of the two" in client.post(url, sent).content.decode() and not ActivityGoal.objects.exists()
    client.post(url, {**sent, "role": "rep"})
    assert ActivityGoal.objects.get().role == "rep"
    again = client.post(url, {**sent, "role": "rep"}).content.decode()
    assert ActivityGoal.objects.count() == 1 and "error" in again


def test_my_day_brings_the_goals_after_its_lines(world: World) -> None:
    client = Client()
    client.force_login(world.rita)
    page = client.get(reverse("my-day")).content.decode()
    assert f'hx-get="{reverse("goals")}" hx-trigger="load"' in page and "css/goals.css" in page
