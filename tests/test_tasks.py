"""Tasks: what the process plans after one is finished, and how they are worked from the page of the deal."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.urls import reverse
from django.utils import timezone

from leads.activities import NewActivity
from pipeline import calendar, deals, followups, logbook, moves
from pipeline.models import Task
from tests import factories as make
from tests.deal_world import World, digest

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
FAR = timezone.localdate() + 400 * DAY


@pytest.fixture
def world() -> World:
    return World()


def enter(world: World) -> None:
    """Into Second, which plans its tasks."""
    moves.move_deal(world.deal.pk, world.second.pk, by=world.rep, via="board")


def open_titles(world: World) -> list[str]:
    return list(Task.objects.open().filter(deal=world.deal).order_by("pk").values_list("title", flat=True))


def only(world: World) -> Task:
    return Task.objects.open().get(deal=world.deal)


def act(world: World, task: Task, action: str, user: Any = None, *, part: bool = True, **data: Any) -> Any:
    return world.client(user, part).post(reverse(f"task-{action}", args=[task.pk]), data)


# --- The rule


def test_a_task_after_the_one_before_waits_for_it(world: World) -> None:
    make.stage_task(world.second, "Call")
    make.stage_task(world.second, "Write", after_previous=True, offset_days=2, working_days=False)
    make.stage_task(world.second, "Visit", after_previous=True)
    enter(world)
    assert open_titles(world) == ["Call"]
    planned = followups.complete(only(world).pk, by=world.rep)
    assert [task.title for task in planned] == open_titles(world) == ["Write"]
    assert calendar.day_of(planned[0].due_at, world.rep) == calendar.day_of(timezone.now(), world.rep) + 2 * DAY


def test_a_skipped_task_lets_the_next_one_begin_too(world: World) -> None:
    make.stage_task(world.second, "Call")
    make.stage_task(world.second, "Write", after_previous=True)
    enter(world)
    followups.skip(only(world).pk, by=world.rep)
    assert open_titles(world) == ["Write"]


def test_a_follow_up_repeats_at_growing_distance_until_its_limit(world: World) -> None:
    make.stage_task(
        world.second, "Try again", repeat_days="2,4", repeat_limit=3, repeat_until="answer", working_days=False
    )
    enter(world)
    days = []
    while Task.objects.open().filter(deal=world.deal).exists():
        task = only(world)
        days.append((calendar.day_of(task.due_at, world.rep) - calendar.day_of(timezone.now(), world.rep)).days)
        followups.complete(task.pk, by=world.rep)
    assert days == [2, 4, 4]


def test_a_follow_up_ends_when_the_buyer_answers(world: World) -> None:
    make.stage_task(world.second, "Try again", repeat_days="2", repeat_limit=5, repeat_until="answer")
    enter(world)
    entry = NewActivity(make.activity_type("email"), direction="in", text="Yes, call me")
    task = only(world)
    logbook.log(world.deal.pk, entry, by=world.rep, via="page")
    assert followups.complete(task.pk, by=world.rep) == [] and open_titles(world) == []


def test_a_required_task_cannot_be_skipped(world: World) -> None:
    make.stage_task(world.second, "Needs assessment", required=True)
    enter(world)
    with pytest.raises(ValidationError, match="required here and cannot be skipped"):
        followups.skip(only(world).pk, by=world.rep)
    assert open_titles(world) == ["Needs assessment"]


def test_finishing_twice_is_once(world: World) -> None:
    make.stage_task(world.second, "Call")
    make.stage_task(world.second, "Write", after_previous=True)
    enter(world)
    task = only(world)
    followups.complete(task.pk, by=world.rep)
    closed_at = Task.objects.get(pk=task.pk).closed_at
    assert followups.complete(task.pk, by=world.manager) == []
    assert open_titles(world) == ["Write"] and Task.objects.get(pk=task.pk).closed_at == closed_at


def test_reopening_takes_back_what_was_planned_after_it(world: World) -> None:
    make.stage_task(world.second, "Call")
    make.stage_task(world.second, "Write", after_previous=True)
    enter(world)
    task = only(world)
    followups.complete(task.pk, by=world.rep)
    followups.reopen(task.pk, by=world.rep)
    assert open_titles(world) == ["Call"]
    followups.complete(task.pk, by=world.rep)
    assert open_titles(world) == ["Write"]


def test_the_deal_knows_when_its_next_task_is_due(world: World) -> None:
    near = followups.add(world.deal.pk, "Near", timezone.localdate() + DAY, by=world.rep)
    followups.add(world.deal.pk, "Far", timezone.localdate() + 9 * DAY, by=world.rep)
    assert near is not None and world.fresh().next_task_due_at == near.due_at
    followups.reschedule(near.pk, timezone.localdate() + 20 * DAY, by=world.rep)
    due = world.fresh().next_task_due_at
    assert due is not None and calendar.day_of(due, world.rep) == timezone.localdate() + 9 * DAY


# --- The page


def test_a_task_is_added_with_a_day(world: World) -> None:
    answer = world.post("deal-task-new", part=True, title="Call Anna", due_on=FAR.isoformat(), once_key="k")
    assert answer.status_code == 200 and "Call Anna" in answer.content.decode()
    assert calendar.day_of(only(world).due_at, world.rep) == FAR
    again = world.post("deal-task-new", part=True, title="Call Anna", due_on="in 3 days", once_key="k")
    assert "saved already" in again.content.decode() and open_titles(world) == ["Call Anna"]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"title": ""}, "This field is required."),
        ({"title": "\u200b"}, "This field is required."),
        ({"due_on": "2026-02-30"}, "no day that is understood"),
        ({"due_on": "2020-01-01"}, "has passed"),
        ({"due_on": ""}, "This field is required."),
        ({"due_on": "9999-12-31"}, "more than ten years ahead"),
    ],
)
def test_a_bad_task_is_told_beside_the_field(world: World, data: dict[str, Any], words: str) -> None:
    answer = world.post("deal-task-new", part=True, **{"title": "Call", "due_on": "in 3 days", "once_key": "k", **data})
    assert answer.status_code == 422 and words in answer.content.decode() and open_titles(world) == []


def test_finishing_shows_the_next_task(world: World) -> None:
    make.stage_task(world.second, "Call")
    make.stage_task(world.second, "Write", after_previous=True, working_days=False)
    enter(world)
    text = act(world, only(world), "done").content.decode()
    assert "Done: Call. Next: Write, today." in text and "1 finished" in text


def test_overdue_tasks_come_first_and_are_marked(world: World) -> None:
    followups.add(world.deal.pk, "Later", timezone.localdate() + 3 * DAY, by=world.rep)
    followups.add(world.deal.pk, "Late", timezone.localdate() - 2 * DAY, by=world.rep)
    text = world.page()
    assert text.index("Late<") < text.index("Later<") and text.count("Overdue:") == 1


def test_skip_reopen_and_another_day(world: World) -> None:
    task = followups.add(world.deal.pk, "Call", timezone.localdate(), by=world.rep)
    assert task is not None
    act(world, task, "skip")
    assert open_titles(world) == []
    act(world, task, "reopen")
    act(world, task, "reschedule", due_on=FAR.isoformat())
    assert calendar.day_of(only(world).due_at, world.rep) == FAR


@pytest.mark.parametrize("day", ["2026-02-30", "", "x", "9999-12-31", "0001-01-01"])
def test_a_day_that_is_none_moves_nothing(world: World, day: str) -> None:
    task = followups.add(world.deal.pk, "Call", timezone.localdate(), by=world.rep)
    assert task is not None
    answer = act(world, task, "reschedule", due_on=day)
    assert answer.status_code == 200 and 'role="alert"' in answer.content.decode()
    assert only(world).due_at == task.due_at


def test_a_required_task_is_not_skipped_from_the_page(world: World) -> None:
    make.stage_task(world.second, "Needs assessment", required=True)
    enter(world)
    task = only(world)
    assert reverse("task-skip", args=[task.pk]) not in world.page()
    assert "cannot be skipped" in act(world, task, "skip").content.decode() and open_titles(world) == [
        "Needs assessment"
    ]


@pytest.mark.parametrize("action", ["done", "skip", "reopen", "reschedule"])
def test_who_may_not_edit_works_no_task(world: World, action: str) -> None:
    task = followups.add(world.deal.pk, "Call", timezone.localdate(), by=world.rep)
    assert task is not None
    world.let_team_read()
    clients = [world.client(world.stranger), world.client(world.colleague)]
    before = digest()
    address = reverse(f"task-{action}", args=[task.pk])
    assert [client.post(address, {"due_on": "in 3 days"}).status_code for client in clients] == [404, 403]
    assert digest() == before and world.client().get(address).status_code == 405


def test_with_a_deleted_deal_its_tasks_are_gone(world: World) -> None:
    task = followups.add(world.deal.pk, "Call", timezone.now().date(), by=world.rep)
    assert task is not None
    deals.delete(world.deal.pk, by=world.manager, via="page")
    before = digest()
    assert [act(world, task, "done", user).status_code for user in (world.rep, world.manager, world.admin)] == [404] * 3
    assert digest() == before


def test_adding_a_task_is_for_those_who_edit(world: World) -> None:
    world.denied("deal-task-new", title="Call", due_on="in 3 days", once_key="k")


def test_whoever_owns_a_task_finishes_it_without_seeing_the_deal(world: World) -> None:
    task = followups.add(world.deal.pk, "Check the terms", timezone.localdate(), by=world.rep, owner=world.stranger)
    assert task is not None
    answer = act(world, task, "done", world.stranger, part=False)
    assert (answer.status_code, answer["Location"]) == (302, reverse("home")) and open_titles(world) == []
