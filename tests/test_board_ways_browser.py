"""The board by other ways: a new deal, a lifted card, keys, fingers, plain forms, readers of the screen, filters."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from pipeline.models import Commitment, Deal
from tests import factories as make
from tests.browsing import Open, visitors
from tests.test_board_browser import World, assert_true, card, drag, grip, into

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

HOLD = 300
"""Milliseconds that a finger rests on a card before it may be dragged."""
_fingers = itertools.count(1)


@pytest.fixture
def world(live_server: LiveServer) -> World:
    return World(live_server.url)


@pytest.fixture
def opened(browser: Browser, browser_context_args: dict[str, object], world: World) -> Iterator[Open]:
    with visitors(browser, browser_context_args, world.board, world.rep) as visit:
        yield visit


@pytest.fixture
def at(opened: Open) -> Page:
    return opened()


# --- A new deal


def test_a_plus_a_name_and_enter_make_a_deal_and_the_gate_asks_as_ever(at: Page, world: World) -> None:
    make.condition(world.second, label="Agrees to a demo")
    at.get_by_role("link", name="New deal in First").click()
    expect(at.get_by_role("textbox", name="Name of the new deal in First")).to_be_focused()
    at.keyboard.type("Night buses")
    at.keyboard.press("Enter")
    expect(at.locator(f"#cards-{world.first.pk}")).to_contain_text("Night buses")
    at.get_by_role("link", name="New deal in Second").click()
    expect(at.get_by_role("textbox", name="Name of the new deal in Second")).to_be_focused()
    at.keyboard.type("School buses")
    at.keyboard.press("Enter")
    at.locator("#dialog").get_by_label("Agrees to a demo").check()
    at.locator("#dialog").get_by_role("button", name="Add to Second").dblclick()
    expect(at.locator(f"#cards-{world.second.pk}")).to_contain_text("School buses")
    expect(at.locator(".new-deal")).to_have_count(0)
    at.wait_for_load_state("networkidle")
    assert_true(at, world)
    assert Deal.objects.filter(title="School buses").count() == 1


# --- While a card is lifted


def test_a_lifted_card_is_told_by_every_column_whether_it_may_enter(at: Page, world: World) -> None:
    make.condition(world.second, label="Agrees to a demo")
    mouse = at.mouse
    mouse.move(*grip(at, world.deal, ".deal-days"))
    mouse.down()
    mouse.move(*(part + 30 for part in grip(at, world.deal)), steps=6)
    expect(at.locator(f"#lift-{world.second.pk}")).to_have_text("Missing: Agrees to a demo")
    expect(at.locator(f"#lift-{world.lost.pk}")).to_have_text("Asks why")
    mouse.up()
    expect(at.locator(".column-lift:visible")).to_have_count(0)
    assert_true(at, world)


def test_a_card_is_won_in_the_zone_at_the_edge(at: Page, world: World) -> None:
    mouse = at.mouse
    mouse.move(*grip(at, world.deal, ".deal-days"))
    mouse.down()
    mouse.move(*(part + 30 for part in grip(at, world.deal)), steps=6)
    box = at.locator(".drop-zone.is-won").bounding_box()
    assert box is not None
    mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, steps=8)
    at.wait_for_timeout(150)
    mouse.up()
    expect(card(at, world.deal, world.won)).to_be_visible()
    assert_true(at, world)


def test_a_folded_column_stays_folded_and_still_takes_cards(at: Page, world: World) -> None:
    at.locator(f"#column-{world.second.pk}").hover()
    at.get_by_role("button", name="Fold Second").click()
    at.reload()
    folded = at.locator(f"#column-{world.second.pk}")
    expect(folded).to_have_class(re.compile("is-folded"))
    drag(at, world.deal, world.second)
    expect(folded.locator(".column-count")).to_have_text("1")
    assert_true(at, world)


# --- Keys


def test_a_whole_working_flow_by_keys_alone(at: Page, world: World) -> None:
    at.keyboard.press("ArrowDown")
    expect(at.locator(f"#deal-{world.deal.pk}")).to_be_focused()
    at.keyboard.press("e")
    expect(at.get_by_role("textbox", name="Value")).to_be_focused()
    at.keyboard.press("Control+a")
    at.keyboard.type("2500")
    at.keyboard.press("Enter")
    expect(card(at, world.deal, world.first)).to_contain_text("€2,500")
    expect(at.locator(f"#deal-{world.deal.pk}")).to_be_focused()
    at.keyboard.press("m")
    expect(at.locator(".stage-list")).to_be_visible()
    at.keyboard.press("t")
    at.keyboard.press("Enter")
    expect(card(at, world.deal, world.third)).to_be_visible()
    at.keyboard.press("Control+z")
    expect(card(at, world.deal, world.first)).to_be_visible()
    assert_true(at, world)


def test_letters_typed_the_moment_the_stages_appear_choose_and_stay(at: Page, world: World) -> None:
    """What appears takes the keyboard at once; a moment later it must not take it back."""
    card(at, world.deal).get_by_role("link", name="Meters for the depot", exact=True).focus()
    at.evaluate(
        """() => new MutationObserver((_, seen) => {
          if (!document.querySelector("dialog[open] .stage-list")) return;
          seen.disconnect();
          document.activeElement.dispatchEvent(new KeyboardEvent("keydown", { key: "t", bubbles: true }));
        }).observe(document.getElementById("dialog"), { attributes: true })"""
    )
    at.keyboard.press("m")
    expect(at.locator("#dialog").get_by_role("button", name="Third")).to_be_focused()
    at.wait_for_timeout(100)
    expect(at.locator("#dialog").get_by_role("button", name="Third")).to_be_focused()


def test_the_keys_are_told(at: Page) -> None:
    at.keyboard.press("?")
    expect(at.get_by_role("heading", name="Keys of the board")).to_be_visible()
    at.keyboard.press("Escape")
    at.keyboard.press("n")
    expect(at.locator(".new-deal input[name=title]")).to_be_focused()


# --- Without a mouse, without a script, with a finger


def test_m_opens_move_to_and_escape_leaves_it(at: Page, world: World) -> None:
    link = card(at, world.deal).get_by_role("link", name="Meters for the depot", exact=True)
    link.focus()
    at.keyboard.press("m")
    expect(at.locator("#dialog").get_by_role("button", name="Second")).to_be_focused()
    at.keyboard.press("Escape")
    expect(at.locator("#dialog")).to_be_hidden()
    assert at.evaluate(f"document.getElementById('deal-{world.deal.pk}').contains(document.activeElement)")
    at.keyboard.press("m")
    expect(at.locator("#dialog").get_by_role("button", name="Second")).to_be_focused()
    at.keyboard.press("Enter")
    expect(card(at, world.deal, world.second)).to_be_visible()
    assert_true(at, world)


def test_without_scripts_move_to_works_by_plain_forms_also_when_refused(opened: Open, world: World) -> None:
    make.condition(world.second, label="Agrees to a demo")
    page = opened(java_script_enabled=False)
    card(page, world.deal).get_by_role("link", name="Move to…").click()
    page.get_by_role("button", name="Second").click()
    page.get_by_role("button", name="Save and move to Second").click()
    expect(page.get_by_text("Tick this if it is so")).to_be_visible()
    page.get_by_label("Agrees to a demo").check()
    page.get_by_role("button", name="Save and move to Second").click()
    expect(page).to_have_url(world.board)
    expect(card(page, world.deal, world.second)).to_be_visible()
    assert world.stage() == world.second and Commitment.objects.count() == 1


def test_a_phone_shows_one_column_and_moves_by_move_to(opened: Open, world: World) -> None:
    page = opened(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    first, second = (page.locator(f"#column-{stage.pk}").bounding_box() for stage in (world.first, world.second))
    assert first is not None and second is not None
    assert first["width"] > 300 and second["x"] > 340
    assert page.evaluate("[document.documentElement.scrollWidth, innerWidth]") == [390, 390]
    link = card(page, world.deal).get_by_role("link", name="Move to… Meters for the depot")
    box = link.bounding_box()
    assert box is not None and min(box["width"], box["height"]) >= 36
    link.tap()
    page.locator("#dialog").get_by_role("button", name="Second").tap()
    expect(card(page, world.deal, world.second)).to_have_count(1)
    page.get_by_role("navigation", name="Columns").get_by_role("link", name="Second").tap()
    expect(card(page, world.deal, world.second)).to_be_in_viewport()
    assert_true(page, world)


def test_a_finger_that_rests_on_a_card_drags_it(opened: Open, world: World) -> None:
    page = opened(viewport={"width": 1180, "height": 820}, has_touch=True)
    hand = page.context.new_cdp_session(page)
    finger = next(_fingers)

    def touch(kind: str, *points: tuple[float, float]) -> None:
        there = [{"x": x, "y": y, "id": finger} for x, y in points]
        hand.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": there})

    (x, y), (to_x, to_y) = grip(page, world.deal), into(page, world.second)
    touch("touchStart", (x, y))
    page.wait_for_timeout(HOLD)
    for step in range(1, 9):
        touch("touchMove", (x + (to_x - x) * step / 8, y + (to_y - y) * step / 8))
        page.wait_for_timeout(16)
    page.wait_for_timeout(150)
    touch("touchEnd")
    expect(card(page, world.deal, world.second)).to_be_visible()
    expect(page.locator(".is-dragged")).to_have_count(0)
    assert_true(page, world)


# --- For readers of the screen


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_board_and_dialogs_have_no_serious_fault_for_readers_of_the_screen(
    opened: Open, world: World, scheme: str
) -> None:
    make.condition(world.second, label="Agrees to a demo")
    make.condition(world.second, "field", field="expected_close", operator="filled", label="Close date is known")
    make.condition(world.third, "contact_role", contact_role="decision_maker", label="Decision maker")
    make.lost_reason()
    late = timezone.now() - timedelta(days=30)
    make.deal(world.first, world.rep, now=late, title="Long here", organization=make.organization(world.rep))
    make.deal(world.lost, world.rep, now=late)
    page = opened(color_scheme=scheme)
    assert_readable(page, "board")
    drag(page, world.deal, world.third)
    expect(page.locator("#dialog")).to_be_visible()
    assert_readable(page, "gate")
    page.keyboard.press("Escape")
    for query in ("", f"?to={world.second.pk}", f"?to={world.lost.pk}"):
        page.goto(f"{world.board.split('/board/')[0]}/deals/{world.deal.pk}/move/{query}")
        assert_readable(page, f"move{query}")


def assert_readable(page: Page, where: str) -> None:
    found = Axe().run(page).response["violations"]
    serious = [
        (where, fault["id"], [node["html"][:120] for node in fault["nodes"]])
        for fault in found
        if fault["impact"] in ("serious", "critical")
    ]
    assert serious == []


# --- Filters


def test_filters_are_chosen_in_place_and_stand_in_the_address(at: Page, world: World) -> None:
    world.add("Audit of the stores")
    at.locator(".board-filter > summary").click()
    field = at.get_by_role("textbox", name="Text")
    expect(field).to_be_focused()
    field.fill("meters")
    field.press("Enter")
    expect(at.locator(".deal-card")).to_have_count(1)
    expect(at).to_have_url(f"{world.board}?q=meters")
    at.get_by_role("link", name="Remove the filter Text: meters").click()
    expect(at.locator(".deal-card")).to_have_count(2)
    at.go_back()
    expect(at.locator(".deal-card")).to_have_count(1)
    drag(at, world.deal, world.second)
    expect(card(at, world.deal, world.second)).to_be_visible()


def test_filters_have_a_page_without_scripts(opened: Open, world: World) -> None:
    page = opened(java_script_enabled=False)
    page.goto(f"{world.board}filters/?over=1")
    page.get_by_role("textbox", name="Text").fill("meters")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_role("link", name="Clear the filters")).to_be_visible()
    assert page.url.endswith("?q=meters&over=1")
