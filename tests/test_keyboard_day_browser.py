"""A rep's day at the keyboard alone: nothing is clicked, the keyboard is never lost, and what happened is told."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from pytest_django.live_server_helper import LiveServer

from pipeline.models import Commitment, Deal
from tests import factories as make
from tests.browsing import visitors
from tests.deal_world import World
from tests.factories import PASSWORD

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

FOCUS = """() => {
  const here = document.activeElement;
  if (!here || here === document.body) return "nowhere";
  const box = here.getBoundingClientRect();
  const style = getComputedStyle(here);
  const shown = box.width && style.visibility === "visible";
  const marked = style.outlineStyle !== "none" || style.boxShadow !== "none" || here.matches("input, textarea, select, dialog, main");
  return shown && marked ? "" : `unseen: ${here.outerHTML.slice(0, 200)}`;
}"""


@pytest.fixture
def world() -> World:
    world = World()
    make.condition(world.second, label="Agrees to a demo")
    make.deal(world.first, world.rep, now=world.began, title="Night buses")
    return world


@pytest.fixture
def page(
    browser: Browser, browser_context_args: dict[str, object], live_server: LiveServer, world: World
) -> Iterator[Page]:
    with visitors(browser, browser_context_args, f"{live_server.url}/healthz", world.rep) as visit:
        page = visit()
        page.context.clear_cookies()
        page.goto(f"{live_server.url}/")
        yield page


def held(page: Page) -> None:
    """The keyboard is somewhere, and one sees where: an answer may take a moment to settle."""
    for _moment in range(100):
        found = page.evaluate(FOCUS)
        if not found:
            return
        page.wait_for_timeout(50)
    raise AssertionError(found)


def told(page: Page, words: str) -> None:
    """In a part of the page that is read out when it changes."""
    expect(page.locator("[role=status], [role=alert], [aria-live]").filter(has_text=words).first).to_be_attached()


def tab_to(page: Page, place: Locator, most: int = 40) -> None:
    for _step in range(most):
        if place.evaluate("element => element === document.activeElement"):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"{place} is not reached by Tab")


def test_a_working_day_by_keys_alone(page: Page, world: World) -> None:
    keys = page.keyboard

    # Signing in: the first field has the keyboard.
    expect(page.get_by_label("Email")).to_be_focused()
    keys.type(world.rep.email)
    keys.press("Tab")
    keys.type(PASSWORD)
    keys.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("My day")
    page.wait_for_load_state("load")
    tab_to(page, page.get_by_role("navigation", name="Sections").get_by_role("link", name="Board"))
    keys.press("Enter")
    expect(page.locator("#board")).to_be_visible()
    page.wait_for_load_state("load")

    # Over the cards, and a move that is refused, filled in, saved.
    card = page.locator(f"#deal-{world.deal.pk}")
    keys.press("ArrowDown")
    held(page)
    while not card.evaluate("card => card === document.activeElement"):
        keys.press("ArrowDown")
    keys.press("m")
    expect(page.locator("#dialog").get_by_role("button", name="Second")).to_be_focused()
    held(page)
    keys.press("Enter")
    expect(page.get_by_label("Agrees to a demo")).to_be_focused()
    keys.press("Space")
    keys.press("Enter")
    expect(page.locator(f"#cards-{world.second.pk} > #deal-{world.deal.pk}")).to_be_visible()
    told(page, "is in Second now")
    expect(card).to_be_focused()
    held(page)
    assert Commitment.objects.count() == 1

    # Back, by two keys.
    keys.press("Control+z")
    expect(page.locator(f"#cards-{world.first.pk} > #deal-{world.deal.pk}")).to_be_visible()
    told(page, "is in First again")
    held(page)

    # A new deal in the column where one is.
    keys.press("n")
    expect(page.locator(".new-deal [name=title]")).to_be_focused()
    keys.type("School buses")
    keys.press("Enter")
    expect(page.locator(f"#cards-{world.first.pk}")).to_contain_text("School buses")
    told(page, "School buses")
    held(page)

    # Value of a card.
    keys.press("ArrowDown")
    held(page)
    keys.press("e")
    expect(page.locator("#dialog").get_by_label("Value")).to_be_focused()
    keys.press("Control+a")
    keys.type("2500")
    keys.press("Enter")
    expect(page.locator("#dialog")).to_be_hidden()
    expect(page.locator("#board")).to_contain_text("€2,500")
    held(page)

    # A filter, and away with it.
    keys.press("f")
    expect(page.get_by_role("textbox", name="Text")).to_be_focused()
    keys.type("school")
    keys.press("Enter")
    expect(page.locator(".deal-card")).to_have_count(1)
    held(page)
    remove = page.get_by_role("link", name="Remove the filter Text: school")
    tab_to(page, remove)
    keys.press("Enter")
    expect(page.locator(".deal-card")).to_have_count(3)
    held(page)

    # Which keys are there?
    keys.press("?")
    expect(page.get_by_role("heading", name="Keys of the board")).to_be_visible()
    held(page)
    keys.press("Escape")
    expect(page.locator("#dialog")).to_be_hidden()
    held(page)

    # To another deal, and a word to the manager there.
    keys.press("Control+k")
    keys.type("night")
    expect(page.locator("#palette").get_by_role("option", name="Night buses")).to_be_visible()
    keys.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Night buses")
    page.wait_for_load_state("load")
    text = page.locator("#comment-text")
    tab_to(page, text, 120)
    keys.type("Can you look, @ma")
    expect(page.get_by_role("option", name="Max Manager")).to_be_visible()
    keys.press("Enter")
    keys.press("Enter")
    expect(page.locator("#timeline")).to_contain_text("Can you look, @Max Manager")
    held(page)

    # The list: two deals, another close date.
    tab_to(page, page.get_by_role("navigation", name="Sections").get_by_role("link", name="Board"), 120)
    keys.press("Enter")
    expect(page.locator("#board")).to_be_visible()
    tab_to(page, page.get_by_role("navigation", name="Shown as").get_by_role("link", name="List"))
    keys.press("Enter")
    expect(page.locator(".deal-table")).to_be_visible()
    page.wait_for_load_state("load")
    keys.press("ArrowDown")
    keys.press("x")
    keys.press("ArrowDown")
    keys.press("x")
    expect(page.locator(".bulk-count")).to_have_text("2 deals chosen")
    tab_to(page, page.get_by_role("button", name="Close date"), 80)
    held(page)
    keys.press("Enter")
    expect(page.locator("#dialog").get_by_label("Expected close")).to_be_focused()
    keys.type("01012031")
    keys.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Close on 1 Jan 2031")
    told(page, "2 changed")
    assert Deal.objects.filter(expected_close="2031-01-01").count() == 2

    # Home.
    menu = page.get_by_label("Menu of Rita Rep")
    tab_to(page, menu)
    keys.press("Enter")
    tab_to(page, page.get_by_role("button", name="Sign out"))
    keys.press("Enter")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
