"""My day: what stands where and in which order, what is left out, and what is done there without leaving."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from crm.models import Company, User
from pipeline import commitments, deals, followups, moves, my_day, people
from pipeline.models import Deal, Stage, Task
from tests import factories as make
from tests.deal_world import World

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture
def world() -> World:
    return World()


def plan(world: World, days: int, title: str = "Call", deal: Deal | None = None, **more: Any) -> Task:
    day = timezone.localdate() + days * DAY
    task = followups.add((deal or world.deal).pk, title, day, by=more.pop("by", world.rep), **more)
    assert task is not None
    return task


def another(world: World, value: int | None = None, **fields: Any) -> Deal:
    stage: Stage = fields.pop("stage", world.first)
    owner: User = fields.pop("owner", world.rep)
    amount = None if value is None else Decimal(value)
    return make.deal(stage, owner, now=world.began, value=amount, **fields)


def keys(world: World, section: str, user: User | None = None, now: datetime | None = None) -> list[str]:
    day = my_day.read(user or world.rep, now=now)
    return [line.key for each in day.sections if each.key == section for line in each.lines]


def line(world: World, deal: Deal | None = None, now: datetime | None = None) -> my_day.Line:
    return my_day.read(world.rep, now=now).lines[f"deal-{(deal or world.deal).pk}"]


def kinds(found: my_day.Line) -> list[str]:
    return [reason.kind for reason in found.reasons]


def go(world: World, name: str, *args: Any, user: User | None = None, **data: Any) -> Any:
    """As a part of My day."""
    client = world.client(user, part=True)
    there = "http://testserver" + reverse("my-day")
    return client.post(reverse(name, args=args), data, headers={"HX-Current-URL": there})


# --- What stands where


def test_a_deal_stands_where_its_next_task_is_due_and_counts_the_others(world: World) -> None:
    late, today, soon, far = (another(world) for _ in range(4))
    for days, deal in ((-1, late), (0, today), (6, soon), (7, far)):
        plan(world, days, deal=deal)
    plan(world, 3, "Write", deal=late)
    plan(world, 30, "Visit", deal=late)
    places = [keys(world, section) for section in (my_day.OVERDUE, my_day.TODAY, my_day.WEEK)]
    assert places == [[f"deal-{late.pk}"], [f"deal-{today.pk}"], [f"deal-{soon.pk}"]]
    found = line(world, late)
    assert found.task is not None and (found.task.title, found.more) == ("Call", 2)


def test_what_is_required_comes_first_then_what_is_at_stake(world: World) -> None:
    Stage.objects.filter(pk=world.first.pk).update(probability=10)
    Stage.objects.filter(pk=world.second.pk).update(probability=50)
    small, large = another(world, 900, stage=world.second), another(world, 4000)
    unknown, required = another(world), another(world, 1)
    for deal in (unknown, large, small, required):
        plan(world, 0, deal=deal)
    Task.objects.filter(deal=required).update(required=True)
    assert keys(world, my_day.TODAY) == [f"deal-{each.pk}" for each in (required, small, large, unknown)]


def test_currencies_are_never_held_against_each_other(world: World) -> None:
    Stage.objects.update(probability=50)
    wanted = [(5000, "EUR"), (90_000, "JPY"), (1000, "EUR"), (700, "JPY")]
    made = [another(world, value, currency=currency) for value, currency in wanted]
    for deal in reversed(made):
        plan(world, 0, deal=deal)
    assert keys(world, my_day.TODAY) == [f"deal-{each.pk}" for each in made]


def test_the_day_is_that_of_the_reader(world: World) -> None:
    world.rep.time_zone = "Pacific/Auckland"
    world.rep.save()
    now = timezone.now()
    task = plan(world, 0)
    Task.objects.filter(pk=task.pk).update(due_at=now + 30 * timedelta(hours=1))
    tomorrow = (now + timedelta(hours=30)).astimezone(world.rep.zone).date()
    assert tomorrow > now.astimezone(world.rep.zone).date() and keys(world, my_day.WEEK) == [f"deal-{world.deal.pk}"]


def test_tasks_on_won_deals_are_normal_and_nothing_else_of_a_closed_deal_is_told(world: World) -> None:
    won = another(world, stage=world.won)
    plan(world, 0, "Hand over", deal=won)
    assert keys(world, my_day.TODAY) == [f"deal-{won.pk}"] and line(world, won).reasons == []


def test_a_line_names_whom_to_call(world: World) -> None:
    anna = make.contact(world.rep, name="Anna Berg", phone="+49 (0)30 1234")
    with followups.holding(world.deal.pk) as locked:
        people.set_contact(locked, anna, by=world.rep, via="page", now=timezone.now())
    plan(world, 0)
    found = line(world)
    assert (found.person, found.phone, found.phone_link) == ("Anna Berg", "+49 (0)30 1234", "tel:+49301234")


def test_work_on_a_deal_that_one_does_not_see_names_no_deal(world: World) -> None:
    task = plan(world, 0, "Check the terms", owner=world.stranger)
    assert keys(world, my_day.TODAY, world.stranger) == [f"task-{task.pk}"]
    text = world.client(world.stranger).get(reverse("my-day")).content.decode()
    assert "Check the terms" in text and world.deal.title not in text and "Of no deal that you see" in text


def test_work_for_an_organization_stands_by_itself_with_its_name(world: World) -> None:
    shop = make.organization(world.rep, name="Nordwind")
    task = followups.add_for(shop.pk, "Ask for the new address", timezone.localdate(), by=world.rep)
    assert task is not None and keys(world, my_day.TODAY) == [f"task-{task.pk}"]
    for name in ("my-day", "tasks"):
        assert "Nordwind" in world.client().get(reverse(name)).content.decode()
    answer = go(world, "task-done", task.pk)
    assert answer["HX-Retarget"] == f"#day-task-{task.pk}" and "is-settled" in answer.content.decode()


def test_the_name_of_an_organization_out_of_sight_is_not_told(world: World) -> None:
    Company.objects.create(pk=1, everyone_sees_organizations=False)
    hidden = make.organization(world.rep, name="Nordwind")
    followups.add_for(hidden.pk, "Check the terms", timezone.localdate(), by=world.rep, owner=world.stranger)
    for name in ("my-day", "tasks"):
        text = world.client(world.stranger).get(reverse(name)).content.decode()
        assert "Check the terms" in text and "Nordwind" not in text


def test_what_others_have_to_do_is_not_here(world: World) -> None:
    plan(world, 0, owner=world.colleague)
    assert keys(world, my_day.TODAY) == [] and keys(world, my_day.TODAY, world.colleague) != []


# --- Why it matters


def test_a_deal_without_a_next_step_needs_a_look(world: World) -> None:
    assert keys(world, my_day.LOOK) == [f"deal-{world.deal.pk}"] and kinds(line(world)) == ["none"]
    plan(world, 30)
    assert keys(world, my_day.LOOK) == []


def test_a_deal_that_may_move_on_says_so(world: World) -> None:
    plan(world, 30)
    asked = make.condition(world.second, label="Agrees to a demo")
    assert keys(world, my_day.LOOK) == []
    with followups.holding(world.deal.pk) as locked:
        commitments.record(locked, asked.pk, by=world.rep)
    assert kinds(line(world)) == ["ready"] and line(world).reasons[0].words == "Ready for Second"
    assert "Move to" in world.client().get(reverse("my-day")).content.decode()


def test_a_stage_that_asks_for_nothing_makes_no_deal_ready(world: World) -> None:
    plan(world, 30)
    assert keys(world, my_day.LOOK) == []


def test_ready_is_asked_of_each_pipeline_by_its_own_stages(world: World) -> None:
    elsewhere = make.pipeline("Alpha", "Beta")
    alpha, beta = make.stage(elsewhere, "Alpha"), make.stage(elsewhere, "Beta")
    make.condition(beta, "field", field="value", operator="filled")
    make.condition(world.second, "field", field="expected_close", operator="filled")
    there = another(world, 500, stage=alpha)
    plan(world, 30)
    plan(world, 30, deal=there)
    assert keys(world, my_day.LOOK) == [f"deal-{there.pk}"] and line(world, there).reasons[0].words == "Ready for Beta"


def test_over_target_idle_and_late_are_told(world: World) -> None:
    Stage.objects.filter(pk=world.first.pk).update(target_days=2, idle_days=2)
    Deal.objects.filter(pk=world.deal.pk).update(expected_close=timezone.localdate() - 5 * DAY)
    plan(world, 30)
    assert kinds(line(world)) == ["over", "idle", "late"]


def test_a_paused_deal_shows_no_mark_and_wakes_by_itself_and_says_so(world: World) -> None:
    plan(world, -2)
    followups.pause(world.deal.pk, timezone.localdate() + 5 * DAY, "Budget in spring", by=world.rep)
    assert keys(world, my_day.OVERDUE) == keys(world, my_day.LOOK) == []
    then = timezone.now() + 5 * DAY
    found = line(world, now=then)
    assert keys(world, my_day.OVERDUE, now=then) == [f"deal-{world.deal.pk}"]
    assert found.reasons[0].words == "Back since today: Budget in spring"
    assert line(world, now=then + 2 * DAY).reasons[0].words.startswith("The pause ended on ")
    followups.worked(world.deal.pk, then + timedelta(hours=1))
    assert "woke" not in kinds(line(world, now=then + 2 * DAY))


# --- What it costs


def fill(world: World, count: int) -> None:
    for number in range(count):
        deal = another(world, 100 + number)
        with followups.holding(deal.pk) as locked:
            person = make.contact(world.rep)
            people.set_contact(locked, person, by=world.rep, via="page", now=timezone.now())
        plan(world, number % 4 - 1, deal=deal)
        plan(world, 3, deal=deal)
        another(world)


def cost(world: World) -> int:
    reader = User.objects.get(pk=world.rep.pk)  # as a request finds them, who knows nothing yet
    with CaptureQueriesContext(connection) as asked:
        my_day.read(reader)
    return len(asked)


def test_it_costs_the_same_few_queries_whatever_there_is_to_do(world: World) -> None:
    Company.objects.create(pk=1)
    make.condition(world.second)
    make.condition(world.second, "field", field="expected_close", operator="filled")
    make.condition(world.second, "contact_reachable")
    make.condition(world.second, "member_role", member_role="specialist")
    make.condition(world.second, "activity", activity_type=make.activity_type())
    make.condition(world.second, "approval")
    fill(world, 2)
    cost(world)  # the process is read once
    few = cost(world)
    fill(world, 12)
    assert cost(world) == few <= 12


def test_a_long_section_is_cut_and_shows_more_on_request(world: World) -> None:
    for number in range(my_day.SHOWN + 3):
        plan(world, 0, deal=another(world, number + 1))
    text = world.client().get(reverse("my-day")).content.decode()
    assert text.count("data-line") == my_day.SHOWN + 1 and "3 more" in text  # and the deal without a task
    more = world.client().get(reverse("my-day"), {"today": 100}).content.decode()
    assert more.count("data-line") == my_day.SHOWN + 4


@pytest.mark.parametrize("query", ["?today=0", "?today=x", "?today=99999", "?nonsense=1", "?today=-1"])
def test_an_address_that_makes_no_sense_is_refused_in_words(world: World, query: str) -> None:
    assert world.client().get(reverse("my-day") + query).status_code == 400


# --- The page


def test_reps_begin_with_their_day_and_managers_with_the_board(world: World) -> None:
    assert world.client().get("/")["Location"] == reverse("my-day")
    assert world.client(world.manager).get("/")["Location"] == reverse("board-default")
    assert "My day" in world.client(world.manager).get(reverse("my-day")).content.decode()


def test_an_empty_day_says_what_to_do_next(world: World) -> None:
    text = world.client(world.stranger).get(reverse("my-day")).content.decode()
    assert "Nothing waits for you" in text and reverse("board-default") in text


def test_a_manager_reads_which_deals_of_their_people_have_no_next_step(world: World) -> None:
    plan(world, -1, deal=another(world, owner=world.colleague), by=world.colleague)
    another(world, owner=world.stranger)
    team = my_day.read(world.manager).team
    assert [(row.name, sum(each[2] for each in row.without), row.overdue) for row in team] == [
        ("Rita Rep", 1, 0),
        ("Cleo Colleague", 0, 1),
    ]
    text = world.client(world.manager).get(reverse("my-day")).content.decode()
    assert "1 deal without a next step" in text and "Stan Stranger" not in text
    assert my_day.read(world.rep).team == []


def test_a_paused_deal_counts_for_no_manager(world: World) -> None:
    plan(world, -1)
    followups.pause(world.deal.pk, timezone.localdate() + 5 * DAY, "Later", by=world.rep)
    assert my_day.read(world.manager).team == []


# --- Done there


def test_a_finished_task_draws_its_line_alone_with_what_is_next(world: World) -> None:
    other = another(world, title="Night buses")
    plan(world, 0, deal=other)
    task, _next = plan(world, 0), plan(world, 0, "Write")
    answer = go(world, "task-done", task.pk)
    text = answer.content.decode()
    assert answer["HX-Retarget"] == f"#day-deal-{world.deal.pk}" and answer["HX-Reswap"] == "outerHTML"
    assert "Write" in text and "is-settled" not in text and "Night buses" not in text and "Done: Call." in text


def test_what_is_left_for_later_settles_and_the_numbers_follow(world: World) -> None:
    task = plan(world, 0)
    plan(world, 5, "Write")
    text = go(world, "task-done", task.pk).content.decode()
    numbers = dict(re.findall(r'id="day-count-(\w+)"[^>]*>(\d+)<', text))
    assert "is-settled" in text and numbers == {"overdue": "0", "today": "0", "week": "1", "look": "0"}


def test_done_is_taken_back_by_the_button_beside_the_message(world: World) -> None:
    task = plan(world, 0)
    plan(world, 5, "Write")
    back = reverse("task-back", args=[task.pk, 2])
    assert f'action="{back}"' in go(world, "task-done", task.pk).content.decode()
    text = go(world, "task-back", task.pk, 2).content.decode()
    assert Task.objects.get(pk=task.pk).state == "open" and "Taken back: Call." in text and "is-settled" not in text


def test_a_task_is_put_off_by_a_word_and_put_back(world: World) -> None:
    task = plan(world, 0)
    answer = go(world, "task-snooze", task.pk, due_on="in 2 weeks 9:00")
    fresh = Task.objects.get(pk=task.pk)
    assert fresh.has_time and "is-settled" in answer.content.decode() and "dialog:close" in str(answer.headers)
    go(world, "task-back", task.pk, fresh.version)
    again = Task.objects.get(pk=task.pk)
    assert (again.due_at, again.has_time) == (task.due_at, False)


@pytest.mark.parametrize("words", ["someday", "yesterday", "2099-01-01", ""])
def test_a_bad_word_is_told_in_the_form_and_moves_nothing(world: World, words: str) -> None:
    task = plan(world, 0)
    answer = go(world, "task-snooze", task.pk, due_on=words)
    assert answer.status_code == 422 and "field-error" in answer.content.decode()
    assert Task.objects.get(pk=task.pk).due_at == task.due_at


def test_what_somebody_changed_since_is_not_put_back(world: World) -> None:
    task = plan(world, 0)
    go(world, "task-snooze", task.pk, due_on="tomorrow")
    followups.edit(task.pk, {"title": "Visit"}, by=world.manager)
    text = go(world, "task-back", task.pk, 2).content.decode()
    assert "was changed since" in text and Task.objects.get(pk=task.pk).title == "Visit"


def test_work_on_a_deal_out_of_sight_settles_by_itself(world: World) -> None:
    task = plan(world, 0, "Check the terms", owner=world.stranger)
    answer = go(world, "task-done", task.pk, user=world.stranger)
    assert answer["HX-Retarget"] == f"#day-task-{task.pk}" and "is-settled" in answer.content.decode()
    assert world.deal.title not in answer.content.decode()


def test_another_ones_task_on_a_deal_out_of_sight_is_not_there(world: World) -> None:
    task = plan(world, 0)
    for name, args in (("task-done", ()), ("task-snooze", ()), ("task-back", (1,))):
        assert go(world, name, task.pk, *args, user=world.stranger, due_on="fri").status_code == 404


def test_a_task_of_a_lost_deal_is_no_longer_open_and_tells_so(world: World) -> None:
    task = plan(world, 0)
    moves.move_deal(world.deal.pk, world.lost.pk, by=world.rep, via="board", close=moves.Close(make.lost_reason()))
    text = go(world, "task-reschedule", task.pk, due_on="fri").content.decode()
    assert "is finished and stays as it is" in text and Task.objects.get(pk=task.pk).state == "cancelled"


def test_what_happened_is_logged_there_and_the_line_comes_back(world: World) -> None:
    plan(world, 0)
    call = make.activity_type("call", icon="phone")
    there = {"HX-Current-URL": "http://testserver" + reverse("my-day")}
    form = world.client(part=True).get(world.url("deal-log"), headers=there).content.decode()
    assert "dialog-heading" in form and f"?type={call.pk}" in form
    answer = go(world, "deal-log", world.deal.pk, type=call.pk, text="They want figures", once_key="k")
    assert answer["HX-Retarget"] == f"#day-deal-{world.deal.pk}" and "Logged: Call." in answer.content.decode()


def test_without_scripts_all_of_it_goes_back_to_the_day(world: World) -> None:
    first, second = plan(world, 0), plan(world, 0, "Write")
    page = reverse("my-day")
    for name, task, data in (("task-done", first, {}), ("task-snooze", second, {"due_on": "fri"})):
        answer = world.client().post(reverse(name, args=[task.pk]), {"next": page, **data})
        assert (answer.status_code, answer["Location"]) == (302, page)


def test_a_deal_that_was_deleted_takes_its_lines_along(world: World) -> None:
    plan(world, 0)
    deals.delete(world.deal.pk, by=world.manager, via="page")
    assert my_day.read(world.rep).empty
