"""The page of a deal in a real browser: ticking, logging, moving on, editing in place, by keyboard, on a phone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.utils import timezone
from playwright.sync_api import BrowserContext, Page, expect
from pytest_django.live_server_helper import LiveServer

from leads.models import Activity
from pipeline import approvals, followups, people
from pipeline.models import Resource
from tests import factories as make
from tests.browsing import listen, sign_in, until
from tests.deal_world import World

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def world() -> World:
    world = World()
    make.condition(world.second, label="Agrees to a demo")
    make.condition(world.second, "field", field="expected_close", operator="filled", label="Close date is filled")
    make.activity_type("note", icon="note", directed=False, counts_as_touch=False)
    make.activity_type("call", icon="phone")
    Resource.objects.create(stage=world.first, title="Opening lines", text="**Hello**")
    with followups.holding(world.deal.pk) as locked:
        anna = make.contact(world.rep, name="Anna Berg")
        people.set_contact(locked, anna, by=world.rep, via="page", role="champion", now=timezone.now())
    followups.add(world.deal.pk, "Send the recap", timezone.localdate(), by=world.rep)
    return world


@pytest.fixture
def at(context: BrowserContext, live_server: LiveServer, world: World, page: Page) -> Iterator[Page]:
    """The deal, open before Rita. Whatever the content policy or a script complains about fails the test."""
    complaints: list[str] = []
    listen(page, complaints, every_error=True)
    sign_in(context, live_server.url, world.rep)
    page.goto(live_server.url + world.url("deal"))
    yield page
    assert [each for each in complaints if "favicon" not in each and "422" not in each and "409" not in each] == []


def test_what_is_missing_is_ticked_filled_in_and_then_it_moves(at: Page, world: World) -> None:
    expect(at.locator("#gate-heading")).to_have_text("2 things are missing to move to Second")
    at.get_by_role("checkbox", name="Agrees to a demo").click()
    expect(at.locator("#gate-heading")).to_have_text("1 thing is missing to move to Second")
    expect(at.locator("#timeline")).to_contain_text("Anna Berg agreed, noted by Rita Rep: Agrees to a demo")
    at.get_by_role("link", name="Fill in").click()
    at.locator("#gate").get_by_label("Expected close").fill("2027-01-31")
    at.keyboard.press("Enter")
    expect(at.locator("#gate-heading")).to_have_text("Nothing is missing to move to Second")
    at.get_by_role("button", name="Move to Second").click()
    expect(at.locator('#way [aria-current="step"]')).to_contain_text("Second")
    assert world.fresh().stage == world.second


def test_a_call_is_one_key_a_text_and_enter_with_what_they_agreed(at: Page, world: World) -> None:
    at.keyboard.press("c")
    text = at.get_by_label("What was said")
    expect(text).to_be_focused()
    at.get_by_role("checkbox", name="Agrees to a demo").last.check()
    text.fill("She wants to see it on Friday.")
    at.keyboard.press("Shift+Enter")
    text.press_sequentially("Second line")
    at.keyboard.press("Enter")
    expect(at.locator("#timeline")).to_contain_text("They agreed to: Agrees to a demo")
    expect(at.locator("#log-form")).to_have_count(0)
    activity = Activity.objects.get()
    assert activity.text.splitlines() == ["She wants to see it on Friday.", "Second line"]
    expect(at.locator("#gate-heading")).to_have_text("1 thing is missing to move to Second")


def test_after_the_call_that_opens_the_gate_the_move_is_offered(at: Page, world: World) -> None:
    world.second.conditions.exclude(kind="commitment").delete()
    at.locator("#log-call").click()
    at.locator("#log").get_by_role("checkbox", name="Agrees to a demo").check()
    at.get_by_role("button", name="Log call").click()
    at.locator("#log").get_by_role("button", name="Move to Second").click()
    expect(at.locator('#way [aria-current="step"]')).to_contain_text("Second")


def test_a_value_is_edited_with_enter_and_left_with_escape(at: Page, world: World) -> None:
    at.locator("#edit-value").focus()
    at.keyboard.press("Enter")
    value = at.locator("#facts").get_by_label("Value")
    expect(value).to_be_focused()
    value.fill("nonsense")
    at.keyboard.press("Escape")
    expect(at.locator("#edit-value")).to_be_focused()
    at.keyboard.press("Enter")
    value.fill("2500")
    at.keyboard.press("Enter")
    expect(at.locator("#deal-head")).to_contain_text("€2,500")
    expect(at.locator("#edit-value")).to_be_focused()
    assert world.fresh().value == 2500


def test_a_wrong_value_is_told_beside_the_field_and_kept(at: Page, world: World) -> None:
    at.locator("#edit-value").click()
    at.locator("#facts").get_by_label("Value").fill("12.345")
    at.keyboard.press("Enter")
    expect(at.locator("#facts .field-error")).to_contain_text("EUR has 2 decimals.")
    expect(at.locator("#facts").get_by_label("Value")).to_have_value("12.345")
    expect(at.locator("#facts").get_by_label("Value")).to_be_focused()


def test_a_task_is_finished_and_another_one_added_by_keys(at: Page, world: World) -> None:
    at.get_by_role("button", name="Done: Send the recap").click()
    expect(at.locator("#tasks")).to_contain_text("1 finished")
    expect(at.locator("#dialog").get_by_label("When")).to_be_focused()
    at.keyboard.press("Escape")
    expect(at.locator("#dialog")).to_be_hidden()
    at.locator("body").press("t")
    at.locator("#task-form").get_by_label("What").fill("Call Anna again")
    at.locator("#task-form").get_by_label("Due").fill("in 2 months")
    at.keyboard.press("Enter")
    expect(at.locator("#tasks")).to_contain_text("Call Anna again")
    assert world.fresh().next_task_due_at is not None


def test_move_to_opens_the_dialog_and_the_page_shows_the_outcome(at: Page, world: World) -> None:
    world.second.conditions.all().delete()
    at.locator("#move-to").click()
    at.locator("#dialog").get_by_role("button", name="Second").click()
    expect(at.locator('#way [aria-current="step"]')).to_contain_text("Second")
    expect(at.locator("#dialog")).to_be_hidden()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_no_serious_fault(at: Page, theme: str) -> None:
    at.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
    for opener in ("#log-call", "#edit-value", "#add-contact", "#new-task"):
        at.locator(opener).click()
        expect(at.locator(at.locator(opener).get_attribute("hx-target") or "").locator("> *").first).to_be_visible()
    found = Axe().run(at)
    serious = [each for each in found.response["violations"] if each["impact"] in ("serious", "critical")]
    assert [(each["id"], [node["target"] for node in each["nodes"]]) for each in serious] == []


def test_axe_finds_no_serious_fault_in_what_waits(
    at: Page, context: BrowserContext, live_server: LiveServer, world: World
) -> None:
    asked = make.condition(world.second, "approval", label="A manager approves")
    approvals.ask(world.deal.pk, asked.pk, by=world.rep, why="They sign this week")
    context.clear_cookies()
    at.goto("about:blank")  # the deal's page listens as long as it is there
    sign_in(context, live_server.url, world.manager)
    at.goto(f"{live_server.url}/approvals/")
    found = Axe().run(at)
    assert [each["id"] for each in found.response["violations"] if each["impact"] in ("serious", "critical")] == []
    expect(at.locator(".count-bubble")).to_contain_text("1")
    at.get_by_role("button", name="Approve").click()
    expect(at.get_by_role("heading", name="Nothing waits for you")).to_be_visible()
    expect(at.locator(".count-bubble")).to_be_empty()


def test_on_a_phone_nothing_is_cut_off_and_the_present_stage_is_in_sight(at: Page, world: World) -> None:
    world.post("deal-field", "title", version=world.fresh().version, title="Energiemonitoringvertrag " * 3 + "1")
    at.set_viewport_size({"width": 390, "height": 844})
    at.reload()
    expect(at.locator('#way [aria-current="step"]')).to_be_in_viewport()
    for opener in ("#edit-title", "#edit-organization", "#add-contact", "#log-call", "#new-task"):
        at.locator(opener).click()
    assert at.evaluate("document.documentElement.scrollWidth <= innerWidth")
    # A finger that just misses the box still ticks it; looked at until the forms that were opened stand still.
    until(
        at,
        """() => {
          const tick = document.querySelector(".tick-box");
          tick.scrollIntoView({ block: "center", behavior: "instant" });
          const { x, y } = tick.getBoundingClientRect();
          return document.elementFromPoint(x - 8, y + 10) === tick;
        }""",
    )


def test_without_scripts_the_page_still_works(at: Page, live_server: LiveServer, world: World) -> None:
    browser = at.context.browser
    assert browser is not None
    plain = browser.new_context(java_script_enabled=False)
    sign_in(plain, live_server.url, world.rep)
    page = plain.new_page()
    page.goto(live_server.url + world.url("deal"))
    page.get_by_role("checkbox", name="Agrees to a demo").click()
    expect(page.locator("#gate-heading")).to_have_text("1 thing is missing to move to Second")
    page.locator("#log-note").click()
    page.get_by_label("What was said").fill("Written without scripts")
    page.get_by_role("button", name="Log note").click()
    expect(page.locator("#timeline")).to_contain_text("Written without scripts")
    page.get_by_role("link", name="Fill in").click()
    page.get_by_label("Expected close").fill("2027-01-31")
    page.get_by_role("button", name="Save").click()
    page.get_by_role("button", name="Move to Second").click()
    expect(page.locator('#way [aria-current="step"]')).to_contain_text("Second")
    plain.close()
