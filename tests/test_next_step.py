"""An open deal has something to do: finishing the last task asks for the next, proposes it, and forces nobody."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from leads.activities import NewActivity
from leads.models import Activity
from pipeline import bulk, calendar, deals, followups, logbook, moves
from pipeline.models import Deal, Task
from tests import factories as make
from tests.api_world import Program
from tests.deal_world import World, digest
from tests.test_races import at_once

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
ASKED = "nextstep:ask"


@pytest.fixture
def world() -> World:
    return World()


def plan(world: World, title: str = "Call", days: int = 0, **more: Any) -> Task:
    task = followups.add(world.deal.pk, title, timezone.localdate() + days * DAY, by=world.rep, **more)
    assert task is not None
    return task


def finish(world: World, task: Task, name: str = "task-done", user: Any = None, *, part: bool = True) -> Any:
    return world.client(user, part).post(reverse(name, args=[task.pk]))


def asks(answer: Any) -> bool:
    return ASKED in str(answer.headers)


def titles(world: World) -> list[str]:
    return list(Task.objects.open().filter(deal=world.deal).order_by("due_at").values_list("title", flat=True))


# --- When it is asked


@pytest.mark.parametrize("name", ["task-done", "task-skip"])
def test_finishing_the_last_task_asks_for_the_next(world: World, name: str) -> None:
    first, last = plan(world), plan(world, "Write")
    assert not asks(finish(world, first, name)) and asks(finish(world, last, name))


def test_without_scripts_the_question_is_the_next_page(world: World) -> None:
    answer = finish(world, plan(world), part=False)
    assert answer["Location"].startswith(world.url("deal-next") + "?next=")
    page = world.client().get(answer["Location"]).content.decode()
    assert "What comes next on" in page and "Leave it without" in page


def test_nothing_is_asked_on_a_paused_or_a_closed_deal(world: World) -> None:
    task, other = plan(world), plan(world, "Hand over")
    followups.pause(world.deal.pk, timezone.localdate() + 5 * DAY, "Later", by=world.rep)
    assert not asks(finish(world, task))
    moves.move_deal(world.deal.pk, world.won.pk, by=world.rep, via="board")
    assert not asks(finish(world, other))


def test_whoever_does_not_work_on_the_deal_is_not_asked(world: World) -> None:
    task = plan(world, "Check the terms", owner=world.stranger)
    assert not asks(finish(world, task, user=world.stranger, part=False))
    assert world.fresh().next_task_due_at is None


def test_many_at_once_ask_nothing(world: World) -> None:
    task = plan(world)
    run = bulk.start_tasks({task.pk: 1}, "done", {}, by=world.rep, words="Finish tasks")
    bulk.work(run.pk, 10)
    assert titles(world) == [] and Deal.objects.without_next_step(timezone.now()).get() == world.deal


def test_a_program_is_told_and_not_asked(world: World) -> None:
    first, last = plan(world), plan(world, "Write")
    rita = Program(world.rep)
    told = [rita.patch(f"tasks/{task.pk}/", {"state": "done"}).json()["next_step_missing"] for task in (first, last)]
    assert told == [False, True]


def test_the_board_counts_the_open_deals_that_have_none(world: World) -> None:
    there = reverse("board-no-next", args=[world.pipeline.pk])
    other = make.deal(world.first, world.rep, now=world.began)
    paused = make.deal(world.first, world.rep, now=world.began)
    followups.pause(paused.pk, timezone.localdate() + 5 * DAY, "Later", by=world.rep)
    make.deal(world.first, world.stranger, now=world.began)
    assert world.client().get(there).content.split() == [b"2"]
    followups.add(other.pk, "Call", timezone.localdate(), by=world.rep)
    plan(world)
    assert world.client().get(there).content.split() == []
    assert there in world.client().get(reverse("board", args=[world.pipeline.pk])).content.decode()


# --- What is proposed


def test_what_the_stage_asks_for_is_proposed_with_its_day(world: World) -> None:
    make.stage_task(world.first, "Needs assessment", offset_days=2, working_days=False)
    text = world.get("deal-next", part=True).content.decode()
    day = calendar.day_of(timezone.now(), world.rep) + 2 * DAY
    assert 'value="Needs assessment"' in text and f'value="{day:%a}"'.lower() in text.lower()


def test_taking_the_proposal_plans_the_stages_own_task(world: World) -> None:
    template = make.stage_task(world.first, "Needs assessment", required=True, kind="assessment")
    world.post(
        "deal-next", part=True, title="Needs assessment", due_on="tomorrow", stage_task=template.pk, once_key="k"
    )
    task = Task.objects.open().get()
    assert (task.stage_task, task.required, task.created_by) == (template, True, world.rep)
    assert task.visit is not None and world.fresh().next_task_due_at == task.due_at


def test_what_somebody_writes_instead_is_a_task_by_hand(world: World) -> None:
    template = make.stage_task(world.first, "Needs assessment", required=True)
    world.post("deal-next", part=True, title="Send flowers", due_on="fri 9:00", stage_task=template.pk, once_key="k")
    task = Task.objects.open().get()
    assert (task.title, task.stage_task, task.has_time, task.required) == ("Send flowers", None, True, False)


def test_what_is_planned_or_done_in_this_stay_is_not_proposed_again(world: World) -> None:
    make.stage_task(world.second, "Call")
    make.stage_task(world.second, "Write", after_previous=True)
    make.stage_task(world.second, "Try again", repeat_days="2", repeat_limit=1, repeat_until="answer")
    moves.move_deal(world.deal.pk, world.second.pk, by=world.rep, via="board")
    for title in ("Call", "Write", "Try again"):
        followups.complete(Task.objects.open().get(deal=world.deal, title=title).pk, by=world.rep)
    assert followups.next_of_stage(world.fresh(), timezone.now()) is None
    assert 'value="Follow up"' in world.get("deal-next", part=True).content.decode()


def test_taking_it_twice_is_once(world: World) -> None:
    template = make.stage_task(world.first, "Needs assessment")
    sent: dict[str, Any] = {"title": "Needs assessment", "due_on": "tomorrow", "stage_task": template.pk}
    for key in ("k1", "k1", "k2"):
        answer = world.post("deal-next", part=True, once_key=key, **sent)
    assert Task.objects.open().filter(stage_task=template).count() == 1 and answer.status_code == 200


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"title": ""}, "required"),
        ({"due_on": ""}, "required"),
        ({"due_on": "someday"}, "no day that is understood"),
        ({"due_on": "yesterday"}, "has passed"),
        ({"stage_task": "x"}, "whole number"),
    ],
)
def test_a_bad_answer_is_told_and_plans_nothing(world: World, data: dict[str, Any], words: str) -> None:
    sent = {"title": "Call", "due_on": "fri", "once_key": "k", **data}
    answer = world.post("deal-next", part=True, **sent)
    assert answer.status_code == 422 and words in answer.content.decode() and titles(world) == []


def test_a_stage_task_of_another_stage_is_not_smuggled_in(world: World) -> None:
    elsewhere = make.stage_task(world.third, "Sign")
    make.stage_task(world.first, "Call")
    assert followups.plan_next(world.deal.pk, elsewhere.pk, timezone.localdate(), by=world.rep) is None
    world.post("deal-next", part=True, title="Call", due_on="fri", stage_task=elsewhere.pk, once_key="k")
    assert not Task.objects.filter(stage_task=elsewhere).exists()


def test_who_may_not_edit_plans_nothing(world: World) -> None:
    world.denied("deal-next", title="Call", due_on="fri", once_key="k")


def test_what_was_planned_by_mistake_is_taken_back(world: World) -> None:
    world.post("deal-next", part=True, title="Call", due_on="fri", once_key="k")
    task = Task.objects.open().get()
    world.client().post(reverse("task-back", args=[task.pk, 1]))
    assert titles(world) == [] and world.fresh().next_task_due_at is None


def test_a_task_out_of_turn_is_put_back_in_the_state_that_it_had(world: World) -> None:
    """What the process planned after it goes, as when it is reopened."""
    make.stage_task(world.second, "Call")
    make.stage_task(world.second, "Write", after_previous=True)
    moves.move_deal(world.deal.pk, world.second.pk, by=world.rep, via="board")
    call = Task.objects.open().get(deal=world.deal)
    followups.complete(call.pk, by=world.rep)
    followups.put_back(call.pk, 2, by=world.rep)
    assert titles(world) == ["Call"]


# --- When the buyer answers


def follow_up(world: World) -> Task:
    make.stage_task(world.second, "Try again", repeat_days="2", repeat_limit=4, repeat_until="answer")
    moves.move_deal(world.deal.pk, world.second.pk, by=world.rep, via="board")
    return Task.objects.open().get(deal=world.deal)


def hear(world: World, direction: str = "in") -> Activity:
    entry = NewActivity(make.activity_type("email"), direction=direction, text="Call me")
    made = logbook.log(world.deal.pk, entry, by=world.rep, via="page")
    assert made is not None
    return made


def test_an_answer_stops_the_follow_up_at_once_and_its_deletion_lets_it_go_on(world: World) -> None:
    task = follow_up(world)
    assert "1 of 4" in world.page()
    said = hear(world)
    stopped = Task.objects.get(pk=task.pk)
    assert (stopped.state, stopped.cancelled_by_activity) == ("cancelled", said)
    assert world.fresh().next_task_due_at is None
    logbook.delete(said.pk, by=world.rep, via="page")
    assert titles(world) == ["Try again"] and world.fresh().next_task_due_at == task.due_at


def test_what_we_say_ourselves_stops_nothing(world: World) -> None:
    follow_up(world)
    hear(world, "out")
    assert titles(world) == ["Try again"]


def test_with_another_answer_it_stays_stopped(world: World) -> None:
    follow_up(world)
    first = hear(world)
    hear(world)
    logbook.delete(first.pk, by=world.rep, via="page")
    assert titles(world) == []


def test_a_follow_up_that_was_stopped_is_not_proposed_again(world: World) -> None:
    follow_up(world)
    hear(world)
    assert followups.next_of_stage(world.fresh(), timezone.now()) is None


def test_who_logs_the_answer_is_told_and_asked_what_comes_next(world: World) -> None:
    follow_up(world)
    email = make.activity_type("email")
    answer = world.post("deal-log", part=True, type=email.pk, direction="in", text="Call me", once_key="k")
    assert "“Try again” is no longer needed" in answer.content.decode() and asks(answer)


def test_one_that_the_process_stopped_is_opened_by_nobody(world: World) -> None:
    task = follow_up(world)
    hear(world)
    before = digest()
    finish(world, task, "task-reopen")
    assert digest() == before


# --- Handing over


def test_a_deal_is_handed_over_with_its_open_tasks_or_without(world: World) -> None:
    plan(world)
    deals.edit(world.deal.pk, {"owner": world.colleague}, version=None, by=world.manager, via="page", tasks_along=False)
    assert Task.objects.open().get().owner == world.rep
    deals.edit(world.deal.pk, {"owner": world.rep}, version=None, by=world.manager, via="page")
    deals.edit(world.deal.pk, {"owner": world.colleague}, version=None, by=world.manager, via="page")
    assert Task.objects.open().get().owner == world.colleague


@pytest.mark.parametrize(("more", "owner"), [({}, "colleague"), ({"tasks_stay": "on"}, "rep")])
def test_the_dialog_of_the_owner_asks_whether_they_go_along(world: World, more: dict[str, str], owner: str) -> None:
    plan(world)
    assert "tasks_stay" in world.get("deal-field", "owner", user=world.manager).content.decode()
    sent: dict[str, Any] = {"owner": world.colleague.pk, "version": world.fresh().version, **more}
    world.post("deal-field", "owner", user=world.manager, **sent)
    assert world.fresh().owner == world.colleague and Task.objects.open().get().owner == getattr(world, owner)


# --- At the same time


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_of_two_who_plan_the_same_next_step_at_once_one_does() -> None:
    world = World()
    template = make.stage_task(world.first, "Needs assessment")
    day = timezone.localdate() + DAY
    at_once(
        *[
            lambda by=by: followups.plan_next(world.deal.pk, template.pk, day, by=by)
            for by in (world.rep, world.manager)
        ]
    )
    assert Task.objects.open().filter(deal=world.deal).count() == 1


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_an_answer_and_the_end_of_its_follow_up_at_once_leave_nothing_open() -> None:
    world = World()
    task = follow_up(world)
    entry = NewActivity(make.activity_type("email"), direction="in", text="Call me")
    at_once(
        lambda: followups.complete(task.pk, by=world.rep),
        lambda: logbook.log(world.deal.pk, entry, by=world.manager, via="page"),
    )
    assert titles(world) == [] and world.fresh().next_task_due_at is None
