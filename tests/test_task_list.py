"""All tasks in a list: whose, narrowed and sorted; many of them changed together and put back."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from crm.models import Change, User
from pipeline import bulk, calendar, deals, followups
from pipeline.models import BulkItem, BulkRun, Task
from tests import factories as make
from tests.deal_world import World, digest

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
Is = BulkItem.Outcome


@pytest.fixture
def world() -> World:
    return World()


def plan(world: World, title: str = "Call", days: int = 0, owner: User | None = None, **more: Any) -> Task:
    day = timezone.localdate() + days * DAY
    task = followups.add(world.deal.pk, title, day, by=world.rep, owner=owner, **more)
    assert task is not None
    return task


def page(world: World, query: str = "", user: User | None = None) -> str:
    answer = world.client(user).get(reverse("tasks") + query)
    assert answer.status_code == 200
    text: str = answer.content.decode()
    return text


def order(text: str, *titles: str) -> list[str]:
    return sorted((title for title in titles if f">{title}<" in text), key=lambda title: text.index(f">{title}<"))


def run(world: World, tasks: list[Task], action: str, by: User | None = None, **given: Any) -> BulkRun:
    chosen = {task.pk: task.version for task in tasks}
    made = bulk.start_tasks(chosen, action, given, by=by or world.rep, words="Change")
    bulk.work(made.pk, 1000)
    made.refresh_from_db()
    return made


def told(made: BulkRun) -> list[str]:
    return list(made.items.order_by("task_id").values_list("outcome", flat=True))


def fresh(task: Task) -> Task:
    return Task.objects.get(pk=task.pk)


# --- The list


def test_ones_own_open_tasks_by_when_they_are_due(world: World) -> None:
    for title, days in (("Later", 5), ("Late", -2), ("Now", 0)):
        plan(world, title, days)
    done = plan(world, "Finished")
    followups.complete(done.pk, by=world.rep)
    plan(world, "Cleos", owner=world.colleague)
    text = page(world)
    assert order(text, "Now", "Later", "Late", "Finished", "Cleos") == ["Late", "Now", "Later"]
    assert order(page(world, "?sort=-title"), "Now", "Later", "Late") == ["Now", "Later", "Late"]


def test_it_is_narrowed_by_what_its_address_says(world: World) -> None:
    plan(world, "Ring", -1, kind="call")
    plan(world, "Post", 9, kind="email")
    titles = ("Ring", "Post")
    near = (timezone.localdate() + 3 * DAY).isoformat()
    assert order(page(world, "?kind=call"), *titles) == order(page(world, "?overdue=1"), *titles) == ["Ring"]
    assert order(page(world, f"?due_from={near}"), *titles) == ["Post"]
    assert order(page(world, f"?due_to={near}"), *titles) == ["Ring"]
    assert order(page(world, f"?deal={world.deal.pk}"), *titles) == ["Ring", "Post"]
    assert "No task passes these filters" in page(world, "?deal=987654")


def test_a_manager_sees_those_of_their_people_and_of_nobody_else(world: World) -> None:
    plan(world, "Ritas")
    plan(world, "Stans", owner=world.stranger)
    assert order(page(world, f"?owner={world.rep.pk}", world.manager), "Ritas", "Stans") == ["Ritas"]
    assert order(page(world, "?owner=all", world.manager), "Ritas", "Stans") == ["Ritas"]
    assert order(page(world, "?owner=all", world.admin), "Ritas", "Stans") == ["Ritas", "Stans"]
    for user, owner in ((world.manager, world.stranger), (world.rep, world.colleague)):
        assert world.client(user).get(reverse("tasks"), {"owner": owner.pk}).status_code == 400


def test_a_task_of_a_deal_out_of_sight_names_no_deal(world: World) -> None:
    plan(world, "Check the terms", owner=world.stranger)
    text = page(world, user=world.stranger)
    assert "Check the terms" in text and world.deal.title not in text and "Of no deal that you see" in text


@pytest.mark.parametrize(
    "query", ["?sort=x", "?owner=x", "?kind=x", "?due_from=soon", "?nonsense=1", "?deal=-1", "?overdue=2"]
)
def test_an_address_that_makes_no_sense_is_refused_in_words(world: World, query: str) -> None:
    assert world.client().get(reverse("tasks") + query).status_code == 400


def test_a_page_that_is_none(world: World) -> None:
    assert world.client().get(reverse("tasks"), {"page": 9}).status_code == 404


def test_it_says_which_one_it_is_of_a_follow_up(world: World) -> None:
    template = make.stage_task(world.first, "Try again", repeat_days="2", repeat_limit=4)
    followups.plan_next(world.deal.pk, template.pk, timezone.localdate(), by=world.rep)
    assert "1 of 4" in page(world)


def test_a_page_costs_the_same_for_one_and_for_forty(world: World) -> None:
    def cost() -> int:
        client = world.client(world.manager)
        with CaptureQueriesContext(connection) as asked:
            client.get(reverse("tasks") + "?owner=all")
        return len(asked)

    def fill(count: int) -> None:
        for _ in range(count):
            deal = make.deal(world.first, world.rep, now=world.began)
            deals.edit(deal.pk, {"organization": make.organization(world.rep)}, version=None, by=world.rep, via="page")
            followups.add(deal.pk, "Call", timezone.localdate(), by=world.rep)

    fill(1)
    one = cost()
    fill(39)
    assert cost() == one <= 16


# --- Many at once


def test_many_are_put_off_and_put_back(world: World) -> None:
    tasks = [plan(world, "Call"), plan(world, "Write")]
    made = run(world, tasks, "due", day=(timezone.localdate() + 9 * DAY).isoformat())
    due = calendar.end_of_day(timezone.localdate() + 9 * DAY, world.rep)
    assert told(made) == [Is.DONE] * 2 and {fresh(task).due_at for task in tasks} == {due}
    assert world.fresh().next_task_due_at == due
    assert set(Change.objects.filter(field="due_at", version=2).values_list("via", flat=True)) == {"bulk"}
    bulk.take_back(made.pk, by=world.rep)
    bulk.work(made.pk, 100)
    assert told(made) == [Is.BACK] * 2 and [fresh(task).due_at for task in tasks] == [task.due_at for task in tasks]


def test_many_are_due_at_a_time(world: World) -> None:
    task = plan(world)
    at = timezone.now().replace(microsecond=0) + 2 * DAY
    run(world, [task], "due", at=at.isoformat())
    assert (fresh(task).due_at, fresh(task).has_time) == (at, True)


def test_many_are_finished_and_opened_again(world: World) -> None:
    tasks = [plan(world, "Call"), plan(world, "Write")]
    made = run(world, tasks, "done")
    assert {fresh(task).state for task in tasks} == {"done"} and world.fresh().next_task_due_at is None
    bulk.take_back(made.pk, by=world.rep)
    bulk.work(made.pk, 100)
    assert {fresh(task).state for task in tasks} == {"open"}


def test_a_manager_gives_tasks_away_and_takes_them_back(world: World) -> None:
    task = plan(world)
    made = run(world, [task], "give", world.manager, owner=world.colleague.pk)
    assert fresh(task).owner == world.colleague
    bulk.take_back(made.pk, by=world.manager)
    bulk.work(made.pk, 100)
    assert fresh(task).owner == world.rep


def test_what_was_finished_or_changed_meanwhile_is_left_alone(world: World) -> None:
    done, edited, same = plan(world, "Done"), plan(world, "Edited"), plan(world, "Same", 9)
    followups.complete(done.pk, by=world.manager)
    followups.edit(edited.pk, {"title": "Theirs"}, by=world.manager)
    done.version = 2
    made = run(world, [done, edited, same], "due", day=(timezone.localdate() + 9 * DAY).isoformat())
    assert told(made) == [Is.SAME, Is.STALE, Is.SAME]


def test_what_somebody_changed_since_is_not_put_back(world: World) -> None:
    task = plan(world)
    made = run(world, [task], "due", day=(timezone.localdate() + 9 * DAY).isoformat())
    followups.edit(task.pk, {"title": "Theirs"}, by=world.manager)
    bulk.take_back(made.pk, by=world.rep)
    bulk.work(made.pk, 100)
    assert told(made) == [Is.LEFT] and fresh(task).title == "Theirs"


def test_a_rule_that_fails_on_one_keeps_no_other_back(world: World) -> None:
    one, other = plan(world), plan(world, "Write")
    made = bulk.start_tasks(
        {one.pk: 1, other.pk: 1}, "give", {"owner": world.colleague.pk}, by=world.manager, words="x"
    )
    BulkRun.objects.filter(pk=made.pk).update(given={"owner": 987654})
    bulk.work(made.pk, 100)
    made.refresh_from_db()
    assert told(made) == [Is.REFUSED] * 2 and made.finished_at is not None


@pytest.mark.parametrize(
    ("action", "given"), [("due", {}), ("give", {"owner": 987654}), ("move", {"stage": 1}), ("nonsense", {})]
)
def test_what_cannot_be_done_with_tasks_is_refused_as_a_whole(world: World, action: str, given: dict[str, Any]) -> None:
    task = plan(world)
    before = digest()
    with pytest.raises(ValidationError):
        run(world, [task], action, world.manager, **given)
    assert digest() == before


# --- The doors


def start(world: World, tasks: list[Task], user: User | None = None, **data: Any) -> Any:
    sent = {"tasks": ",".join(f"{task.pk}:{task.version}" for task in tasks), "next": reverse("tasks"), **data}
    return world.client(user).post(reverse("tasks-bulk"), sent)


def test_chosen_tasks_are_put_off_by_a_word(world: World) -> None:
    tasks = [plan(world), plan(world, "Write")]
    form = world.client().post(reverse("tasks-bulk-ask"), {"task": [f"{task.pk}:1" for task in tasks], "action": "due"})
    assert "Another day: 2 tasks" in form.content.decode()
    answer = start(world, tasks, action="due", due_on="in 2 weeks", once_key="k")
    text = world.client().get(answer["Location"]).content.decode()
    assert "2</span> changed" in text and "Take back" in text and "Write" in text and reverse("tasks") in text
    assert calendar.day_of(fresh(tasks[0]).due_at, world.rep) == timezone.localdate() + 14 * DAY


def test_the_same_form_twice_is_one_run(world: World) -> None:
    tasks = [plan(world)]
    for _ in range(2):
        start(world, tasks, action="due", due_on="in 2 weeks", once_key="k")
    assert BulkRun.objects.count() == 1


@pytest.mark.parametrize(("words", "told"), [("someday", "no day that is understood"), ("", "required")])
def test_a_bad_word_is_told_in_the_dialog(world: World, words: str, told: str) -> None:
    answer = start(world, [plan(world)], action="due", due_on=words)
    assert answer.status_code == 422 and told in answer.content.decode() and not BulkRun.objects.exists()


def test_one_foreign_task_among_many_and_nothing_is_changed(world: World) -> None:
    mine, theirs = plan(world), plan(world, "Cleos", owner=world.colleague)
    foreign = make.deal(world.first, world.stranger, now=world.began)
    hidden = followups.add(foreign.pk, "Hidden", timezone.localdate(), by=world.stranger)
    assert hidden is not None
    world.let_team_read()
    before = digest()
    assert start(world, [mine, hidden], action="done").status_code == 404
    assert start(world, [mine, theirs], world.colleague, action="done").status_code == 403
    assert start(world, [mine], action="give", owner=world.colleague.pk).status_code == 403
    assert start(world, [mine], action="move").status_code == 400
    assert digest() == before


def test_whoever_chose_nothing_is_told_so(world: World) -> None:
    client = world.client()
    answer = client.post(reverse("tasks-bulk"), {"tasks": "", "action": "done", "next": reverse("tasks")})
    assert answer["Location"] == reverse("tasks")
    assert "Choose at least one task." in client.get(reverse("tasks")).content.decode()
