"""Regular work without a deal: on whose day, how often, once whoever plans it, and how it is counted."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from crm.models import Holiday, Membership, User
from pipeline import calendar, followups, recurring
from pipeline.jobs import plan_regular_work
from pipeline.models import PlannedWork, RecurringWork, Task
from tests import factories as make
from tests.api_world import Program
from tests.deal_world import digest
from tests.test_races import at_once

pytestmark = pytest.mark.django_db
MONDAY = datetime(2026, 9, 14, 10, 0, tzinfo=UTC)
DAY = timedelta(days=1)


def work(**fields: Any) -> RecurringWork:
    given = {"title": "25 new names", "times": 25, "weekdays": "0", "starts_on": date(2026, 9, 1), **fields}
    return RecurringWork.objects.create(**given)


def planned(user: User | None = None) -> list[Task]:
    rows = Task.objects.filter(planned_work__isnull=False).order_by("pk")
    return list(rows.filter(owner=user) if user else rows)


def browser(user: User, part: bool = False) -> Client:
    client = Client(headers={"HX-Request": "true"} if part else {})
    client.force_login(user)
    return client


# --- The rule


def test_on_mondays_and_on_no_other_day_however_often_it_is_planned() -> None:
    rita = make.user()
    work(user=rita)
    made = [recurring.plan_due(MONDAY + number * DAY) for number in range(8) for _ in range(3)]
    assert made == [1, 0, 0, *[0] * 18, 1, 0, 0]
    [first, second] = planned(rita)
    assert (first.title, first.wanted, first.counted, first.deal, first.organization) == (
        "25 new names",
        25,
        0,
        None,
        None,
    )
    assert calendar.day_of(first.due_at, rita) == MONDAY.date() and second.due_at - first.due_at == 7 * DAY


@pytest.mark.parametrize(("weeks", "expected"), [(1, [0, 7, 14, 21, 28]), (2, [0, 14, 28]), (3, [0, 21])])
def test_every_n_weeks_counted_from_the_first(weeks: int, expected: list[int]) -> None:
    each = work(user=make.user(), every_weeks=weeks, starts_on=MONDAY.date())
    assert [number for number in range(-7, 30) if each.falls_on(MONDAY.date() + number * DAY)] == expected


def test_each_on_their_own_day() -> None:
    far, near = make.user(time_zone="Pacific/Auckland"), make.user(time_zone="America/Los_Angeles")
    work(role="rep")
    at = datetime(2026, 9, 13, 13, 0, tzinfo=UTC)  # Monday 01:00 in Auckland, Sunday 06:00 in Los Angeles
    assert recurring.plan_due(at) == 1 and len(planned(far)) == 1 and planned(near) == []
    assert recurring.plan_due(at + DAY) == 1 and len(planned(near)) == 1


def test_for_a_role_or_for_who_is_in_the_team_and_still_works_here() -> None:
    team = make.team()
    rita, boss, gone, left = make.user(team=team), make.user("manager", team=team), make.user(team=team), make.user()
    User.objects.filter(pk=gone.pk).update(is_active=False)
    Membership.objects.create(team=team, user=left, started_at=MONDAY - 9 * DAY, ended_at=MONDAY - DAY)
    work(team=team, title="Of the team")
    work(role="manager", title="Of managers")
    recurring.plan_due(MONDAY)
    assert sorted((task.title, task.owner_id) for task in planned()) == sorted(
        [("Of the team", rita.pk), ("Of the team", boss.pk), ("Of managers", boss.pk)]
    )


def test_not_on_a_holiday_and_not_when_it_is_off() -> None:
    Holiday.objects.create(day=MONDAY.date(), name="Fair")
    work(user=make.user())
    work(user=make.user(), is_active=False)
    assert recurring.plan_due(MONDAY) == 0 and recurring.plan_due(MONDAY + 7 * DAY) == 1


def test_the_job_plans_the_work_of_today() -> None:
    work(user=make.user(), weekdays="0123456")
    assert [plan_regular_work(), plan_regular_work()] == [1, 0] and len(planned()) == 1


def test_a_task_that_was_called_off_or_given_away_does_not_come_back() -> None:
    rita, colleague = make.user(), make.user()
    work(user=rita)
    recurring.plan_due(MONDAY)
    followups.edit(planned()[0].pk, {"owner": colleague}, by=rita)
    followups.cancel(planned()[0].pk, by=colleague)
    assert recurring.plan_due(MONDAY) == 0


def test_the_database_wants_one_of_person_role_and_team() -> None:
    for wrong in ({}, {"user": make.user(), "role": "rep"}):
        with pytest.raises(IntegrityError), transaction.atomic():
            work(**wrong)


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_workers_that_plan_at_once_plan_once() -> None:
    for _ in range(4):
        make.user()
    work(role="rep")
    made = at_once(*[partial(recurring.plan_due, MONDAY)] * 4)
    assert sum(count for count in made if isinstance(count, int)) == 4 == PlannedWork.objects.count() == len(planned())


# --- Counting


@pytest.fixture
def task() -> Task:
    work(user=make.user(name="Rita Rep"))
    recurring.plan_due(MONDAY)
    return planned()[0]


def test_the_last_one_finishes_the_task(task: Task) -> None:
    assert followups.count(task.pk, 7, by=task.owner).counted == 7
    done = followups.count(task.pk, 25, by=task.owner)
    assert (done.state, Task.objects.get(pk=task.pk).state) == ("done", "done")


@pytest.mark.parametrize("number", [-1, 26])
def test_more_than_wanted_is_refused(task: Task, number: int) -> None:
    with pytest.raises(ValidationError, match="from 0 to 25"):
        followups.count(task.pk, number, by=task.owner)


def test_a_task_with_nothing_to_count_is_not_counted() -> None:
    rita = make.user()
    other = followups.add_for(make.organization(rita).pk, "Call", date(2999, 1, 1), by=rita)
    assert other is not None
    with pytest.raises(ValidationError, match="nothing to count"):
        followups.count(other.pk, 1, by=rita)


def test_it_is_counted_on_the_page_and_by_programs(task: Task) -> None:
    answer = browser(task.owner, part=True).post(reverse("task-count", args=[task.pk]), {"counted": 7})
    assert "25 new names: 7 of 25." in answer.content.decode() and Task.objects.get(pk=task.pk).counted == 7
    told = Program(task.owner).patch(f"tasks/{task.pk}/", {"counted": 25}).json()
    assert (told["counted"], told["wanted"], told["state"]) == (25, 25, "done")
    again = Program(task.owner).patch(f"tasks/{task.pk}/", {"counted": 99})
    assert again.status_code == 400


def test_others_do_not_count_for_one(task: Task) -> None:
    client = browser(make.user())
    before = digest()
    assert client.post(reverse("task-count", args=[task.pk]), {"counted": 7}).status_code == 404 and digest() == before


@pytest.mark.parametrize("sent", ["", "x", "99"])
def test_a_number_that_is_none_is_told(task: Task, sent: str) -> None:
    answer = browser(task.owner, part=True).post(reverse("task-count", args=[task.pk]), {"counted": sent})
    assert 'role="alert"' in answer.content.decode() and Task.objects.get(pk=task.pk).counted == 0


def test_the_manager_of_its_owner_may_take_it_over(task: Task) -> None:
    team = make.team()
    boss = make.user("manager", team=team)
    Membership.objects.create(team=team, user=task.owner, started_at=MONDAY)
    assert Task.objects.editable_by(boss).filter(pk=task.pk).exists()


# --- The administration


def test_the_administration_keeps_it_with_its_weekdays_in_order() -> None:
    client = browser(make.user("admin"))
    sent = {
        "title": "New names", "kind": "research", "times": 25, "role": "rep", "weekdays": ["2", "0"], "every_weeks": 1,
        "starts_on": "2026-09-01", "is_active": "on",
    }  # fmt: skip
    url = reverse("admin:pipeline_recurringwork_add")
    wrong = client.post(url, {**sent, "role": ""}).content.decode()
    assert "one of the three" in wrong and not RecurringWork.objects.exists()
    client.post(url, sent)
    assert RecurringWork.objects.get().weekdays == "02"
