"""A morning in front of My day: by keys alone, by a word, with what comes next; and on a phone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from leads.models import Activity
from pipeline import calendar, followups, people
from pipeline.models import Deal, Task
from tests import factories as make
from tests.browsing import Open, visitors
from tests.deal_world import World

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
DAY = timedelta(days=1)


@pytest.fixture
def world(transactional_db: None) -> World:
    world = World()
    make.activity_type("call", icon="phone")
    anna = make.contact(world.rep, name="Anna Berg", phone="+49 30 1234")
    with followups.holding(world.deal.pk) as locked:
        people.set_contact(locked, anna, by=world.rep, via="page", now=timezone.now())
    return world


def plan(world: World, title: str, days: int = 0, deal: Deal | None = None) -> Task:
    task = followups.add((deal or world.deal).pk, title, timezone.localdate() + days * DAY, by=world.rep)
    assert task is not None
    return task


@pytest.fixture
def visit(
    browser: Browser, browser_context_args: dict[str, object], live_server: LiveServer, world: World
) -> Iterator[Open]:
    with visitors(browser, browser_context_args, f"{live_server.url}/healthz", world.rep) as visit:
        yield visit


def begin(visit: Open, live_server: LiveServer, **options: object) -> Page:
    page = visit(**options)
    page.goto(live_server.url + reverse("my-day"))
    expect(page.get_by_role("heading", level=1)).to_have_text("My day")
    page.wait_for_load_state("load")
    return page


def state(task: Task) -> str:
    return Task.objects.get(pk=task.pk).state


def test_a_rep_clears_the_morning_by_keys_alone(visit: Open, live_server: LiveServer, world: World) -> None:
    first, second, third = (
        make.deal(world.first, world.rep, now=world.began, title=title) for title in ("A", "B", "C")
    )
    done, skipped, later = (
        plan(world, "Ring", deal=first),
        plan(world, "Post", deal=second),
        plan(world, "Meet", deal=third),
    )
    for deal in (first, second, third):
        plan(world, "Afterwards", 20, deal)
    page = begin(visit, live_server)
    keys, line = page.keyboard, lambda deal: page.locator(f"#day-deal-{deal.pk}")

    keys.press("j")
    expect(line(first)).to_be_focused()
    keys.press("e")
    expect(line(first)).to_contain_text("Done: Ring.")
    expect(line(second)).to_be_focused()
    assert state(done) == "done"

    keys.press("x")
    expect(line(second)).to_contain_text("Skipped: Post.")
    expect(line(third)).to_be_focused()
    keys.press("Control+z")
    expect(line(second).get_by_role("button", name="Done: Post")).to_be_visible()
    expect(page.locator("#day-count-today")).to_have_text("2")
    assert (state(skipped), state(later)) == ("open", "open")

    page.locator(f"#day-deal-{third.pk}").focus()
    keys.press("s")
    expect(page.locator("#dialog").get_by_label("When")).to_be_focused()
    keys.type("in 2 weeks 9:00")
    keys.press("Enter")
    expect(page.locator("#dialog")).to_be_hidden()
    expect(line(third)).to_contain_text("“Meet” is due")
    put_off = Task.objects.get(pk=later.pk)
    assert put_off.has_time and calendar.day_of(put_off.due_at, world.rep) == timezone.localdate() + 14 * DAY

    line(second).focus()
    keys.press("l")
    expect(page.locator("#dialog").get_by_role("link", name="Call")).to_be_visible()
    keys.press("c")
    expect(page.get_by_label("What was said")).to_be_focused()
    keys.type("They want figures")
    keys.press("Enter")
    expect(page.locator("#dialog")).to_be_hidden()
    expect(line(second)).to_be_focused()
    assert Activity.objects.get().text == "They want figures"
    keys.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("B")


def test_a_word_that_is_none_is_told_where_it_was_typed(visit: Open, live_server: LiveServer, world: World) -> None:
    plan(world, "Ring")
    page = begin(visit, live_server)
    page.keyboard.press("j")
    page.keyboard.press("s")
    field = page.locator("#dialog").get_by_label("When")
    field.fill("someday")
    page.keyboard.press("Enter")
    expect(page.locator("#dialog .field-error")).to_contain_text("is no day that is understood")
    expect(field).to_be_focused()
    expect(field).to_have_value("someday")
    page.keyboard.press("Escape")
    expect(page.locator(f"#day-deal-{world.deal.pk}")).to_be_focused()


def test_finishing_the_last_task_asks_for_the_next_and_enter_takes_it(
    visit: Open, live_server: LiveServer, world: World
) -> None:
    make.stage_task(world.first, "Needs assessment", offset_days=20, working_days=False)
    plan(world, "Ring")
    page = begin(visit, live_server)
    page.keyboard.press("j")
    page.keyboard.press("e")
    expect(page.locator("#dialog").get_by_label("What")).to_have_value("Needs assessment")
    expect(page.locator("#dialog").get_by_label("When")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#dialog")).to_be_hidden()
    line = page.locator(f"#day-deal-{world.deal.pk}")
    expect(line).to_contain_text("Next: Needs assessment")
    assert Task.objects.open().get(deal=world.deal).stage_task is not None


def test_esc_leaves_the_deal_marked(visit: Open, live_server: LiveServer, world: World) -> None:
    plan(world, "Ring")
    page = begin(visit, live_server)
    page.keyboard.press("j")
    page.keyboard.press("e")
    expect(page.locator("#dialog").get_by_label("When")).to_be_focused()
    page.keyboard.press("Escape")
    line = page.locator(f"#day-deal-{world.deal.pk}")
    expect(line).to_contain_text("No next step")
    expect(line).to_be_focused()
    page.keyboard.press("p")
    expect(page.locator("#dialog").get_by_label("When")).to_be_focused()
    page.keyboard.type("tomorrow")
    page.keyboard.press("Enter")
    expect(line).to_contain_text("Follow up")
    assert world.fresh().next_task_due_at is not None


def test_the_last_task_on_the_deals_own_page_asks_too(visit: Open, live_server: LiveServer, world: World) -> None:
    plan(world, "Ring")
    page = visit()
    page.goto(live_server.url + world.url("deal"))
    page.wait_for_load_state("load")
    page.get_by_role("button", name="Done: Ring").click()
    expect(page.locator("#dialog").get_by_label("When")).to_be_focused()
    page.keyboard.type("fri")
    page.keyboard.press("Enter")
    expect(page.locator("#tasks")).to_contain_text("Follow up")
    expect(page.locator("#dialog")).to_be_hidden()


def test_on_a_phone_each_line_is_worked_with_the_thumb(visit: Open, live_server: LiveServer, world: World) -> None:
    plan(world, "Ring")
    plan(world, "Afterwards", 20)
    page = begin(visit, live_server, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    line = page.locator(f"#day-deal-{world.deal.pk}")
    for action in (line.get_by_role("link", name="Snooze: Ring"), line.get_by_role("link", name="+49 30 1234")):
        box = action.bounding_box()
        assert box is not None and box["height"] >= 44
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    line.get_by_role("link", name="Snooze: Ring").tap()
    page.locator("#dialog").get_by_role("button", name="Next week").tap()
    expect(page.locator("#dialog")).to_be_hidden()
    expect(line).to_contain_text("“Ring” is due")


def test_many_tasks_are_put_off_together(visit: Open, live_server: LiveServer, world: World) -> None:
    plan(world, "Ring")
    plan(world, "Post")
    page = visit()
    page.goto(live_server.url + reverse("tasks"))
    page.wait_for_load_state("load")
    page.get_by_label("Choose all tasks of this page").check()
    expect(page.locator(".bulk-count")).to_have_text("2 tasks chosen")
    page.get_by_role("button", name="Another day").click()
    page.locator("#dialog").get_by_label("When").fill("in 3 days")
    page.keyboard.press("Enter")
    expect(page.locator("#bulk-run")).to_contain_text("2 changed")
    page.get_by_role("button", name="Take back").click()
    expect(page.locator("#bulk-run")).to_contain_text("2 taken back")
