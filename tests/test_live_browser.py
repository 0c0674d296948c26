"""Two people on one board: what one does appears at the other's, and disturbs nothing there."""

from __future__ import annotations

import time

import pytest
from playwright.sync_api import Page, Route, expect
from pytest_django.live_server_helper import LiveServer

from crm.models import User
from pipeline import deals, moves
from pipeline.live.hub import hub
from pipeline.models import Deal, Stage
from tests.browsing import Open
from tests.test_board_browser import World, card, drag, grip, into, opened, world  # noqa: F401

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

SOON = 2000
"""Milliseconds in which another's change has to be there."""


@pytest.fixture
def at(opened: Open, world: World) -> Page:  # noqa: F811
    page = opened()
    listening(1)
    return page


def listening(streams: int) -> None:
    end = time.monotonic() + 5
    while len(hub.streams()) < streams and time.monotonic() < end:
        time.sleep(0.02)
    assert len(hub.streams()) >= streams


def move(world: World, to: Stage, deal: Deal | None = None, by: User | None = None) -> None:  # noqa: F811
    moved = moves.move_deal((deal or world.deal).pk, to.pk, by=by or world.manager, via="board")
    assert isinstance(moved, moves.Moved)


def test_a_move_of_another_appears_with_its_heads(opened: Open, at: Page, world: World) -> None:  # noqa: F811
    manager = opened(world.manager)
    asked: list[str] = []
    at.on("request", lambda request: asked.append(request.url.split("?")[0]))
    drag(manager, world.deal, world.second)
    expect(card(at, world.deal, world.second)).to_be_visible(timeout=SOON)
    expect(card(at, world.deal, world.first)).to_have_count(0)
    expect(at.locator(f"#column-{world.second.pk} .column-values")).to_have_text("€1,000")
    expect(at.locator(f"#column-{world.first.pk} .column-count")).to_have_text("0")
    assert asked == [f"{world.board}cards/"]


def test_an_edit_a_new_deal_and_a_deleted_one_appear(at: Page, world: World) -> None:  # noqa: F811
    deals.edit(world.deal.pk, {"title": "Renamed meters"}, version=None, by=world.manager, via="page")
    expect(card(at, world.deal).locator(".deal-title")).to_have_text("Renamed meters", timeout=SOON)
    made = moves.create_deal(world.first.pk, {"title": "Quite new", "owner": world.rep}, by=world.manager, via="board")
    assert isinstance(made, moves.Moved)
    expect(card(at, made.deal, world.first)).to_be_visible(timeout=SOON)
    deals.delete(world.deal.pk, by=world.manager, via="page")
    expect(card(at, world.deal)).to_have_count(0, timeout=SOON)
    expect(at.locator(f"#column-{world.first.pk} .column-count")).to_have_text("1")


def test_a_deal_that_goes_to_somebody_else_leaves(at: Page, world: World) -> None:  # noqa: F811
    deals.edit(world.deal.pk, {"owner": world.manager}, version=None, by=world.manager, via="page")
    expect(card(at, world.deal)).to_have_count(0, timeout=SOON)


def test_what_oneself_does_is_not_fetched_again(at: Page, world: World) -> None:  # noqa: F811
    asked: list[str] = []
    at.on("request", lambda request: asked.append(request.url) if "/cards/" in request.url else None)
    drag(at, world.deal, world.second)
    expect(card(at, world.deal, world.second)).to_be_visible()
    at.wait_for_timeout(1200)
    assert asked == []


def test_a_card_that_is_held_is_not_disturbed(at: Page, world: World) -> None:  # noqa: F811
    other = world.add("Another one")
    expect(card(at, other)).to_be_visible(timeout=SOON)
    at.mouse.move(*grip(at, world.deal, ".deal-days"))
    at.mouse.down()
    at.mouse.move(*into(at, world.third), steps=8)
    move(world, world.second, other)
    deals.edit(world.deal.pk, {"title": "Renamed meters"}, version=None, by=world.manager, via="page")
    at.wait_for_timeout(1200)
    expect(card(at, other, world.first)).to_be_visible()
    expect(at.locator("#board.is-dragging")).to_have_count(1)
    at.mouse.up()
    expect(card(at, world.deal, world.third)).to_be_visible()
    expect(card(at, other, world.second)).to_be_visible(timeout=SOON)
    expect(card(at, world.deal).locator(".deal-title")).to_have_text("Renamed meters")


def test_an_answer_that_comes_while_a_card_is_held_waits(at: Page, world: World) -> None:  # noqa: F811
    other = world.add("Another one")
    expect(card(at, other)).to_be_visible(timeout=SOON)
    waiting: list[Route] = []
    at.route("**/cards/**", lambda route: waiting.append(route), times=1)
    with at.expect_request("**/cards/**"):
        move(world, world.second, other)
    while not waiting:
        at.wait_for_timeout(20)
    at.mouse.move(*grip(at, other, ".deal-days"))
    at.mouse.down()
    waiting[0].continue_()
    at.wait_for_timeout(300)
    at.mouse.move(*into(at, world.third), steps=8)
    at.wait_for_timeout(300)
    expect(at.locator(f"#cards-{world.second.pk} > .deal-card:not(.is-gap)")).to_have_count(0)
    at.mouse.move(*into(at, world.first), steps=8)
    at.wait_for_timeout(150)
    at.mouse.up()
    expect(card(at, other, world.second)).to_be_visible(timeout=2 * SOON)


def test_an_open_dialog_the_focus_and_the_scroll_stay(at: Page, world: World) -> None:  # noqa: F811
    for number in range(12):
        world.add(f"Deal {number}")
    expect(at.locator(f"#cards-{world.first.pk} > .deal-card")).to_have_count(13, timeout=SOON)
    at.locator(f"#cards-{world.first.pk}").evaluate("list => list.scrollTop = 300")
    card(at, world.deal).locator(".deal-move").evaluate("link => link.click()")
    expect(at.locator("#dialog[open]")).to_be_visible()
    top = at.locator(f"#cards-{world.first.pk}").evaluate("list => list.scrollTop")
    focus = at.evaluate("document.activeElement.outerHTML")
    world.add("One more", world.second)
    move(world, world.second)
    expect(card(at, world.deal, world.second)).to_be_attached(timeout=SOON)
    expect(at.locator("#dialog[open]")).to_be_visible()
    assert at.evaluate("document.activeElement.outerHTML") == focus
    assert at.locator(f"#cards-{world.first.pk}").evaluate("list => list.scrollTop") == top > 0


def test_a_form_in_a_column_is_written_to_its_end(at: Page, world: World) -> None:  # noqa: F811
    at.locator(f"#column-{world.first.pk} .column-new").click()
    at.locator(".new-deal [name=title]").fill("Half written")
    move(world, world.second)
    at.wait_for_timeout(1200)
    expect(card(at, world.deal, world.first)).to_be_visible()
    at.keyboard.press("Escape")
    expect(card(at, world.deal, world.second)).to_be_visible(timeout=SOON)


def test_a_filtered_board_shows_only_what_passes(opened: Open, world: World) -> None:  # noqa: F811
    page = opened()
    page.goto(f"{world.board}?q=meters")
    listening(1)
    world.add("Cables"), world.add("More meters")
    expect(page.get_by_text("More meters")).to_be_visible(timeout=SOON)
    expect(page.get_by_text("Cables")).to_have_count(0)
    deals.edit(world.deal.pk, {"title": "Something else"}, version=None, by=world.manager, via="page")
    expect(card(page, world.deal)).to_have_count(0, timeout=SOON)


def test_a_filter_that_hid_everything_shows_what_passes_now(opened: Open, world: World) -> None:  # noqa: F811
    page = opened()
    page.goto(f"{world.board}?q=pumps")
    expect(page.locator(".board-empty")).to_be_visible()
    listening(1)
    world.add("Two pumps")
    expect(page.get_by_text("Two pumps")).to_be_visible(timeout=SOON)


def hide(page: Page, hidden: bool) -> None:
    """As a tab that goes to the back: Chromium without a window shows all tabs at once."""
    page.evaluate(
        """hidden => {
          Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
          document.dispatchEvent(new Event("visibilitychange"));
        }""",
        hidden,
    )


def test_a_hidden_tab_has_no_stream_and_catches_up(at: Page, world: World) -> None:  # noqa: F811
    hide(at, True)
    move(world, world.second)
    at.wait_for_timeout(1200)
    expect(card(at, world.deal, world.first)).to_be_visible()
    hide(at, False)
    expect(card(at, world.deal, world.second)).to_be_visible(timeout=SOON)


def test_without_streams_the_board_asks(opened: Open, world: World) -> None:  # noqa: F811
    page = opened()
    page.route("**/stream/**", lambda route: route.fulfill(status=204))
    page.goto(world.board)
    with page.expect_response("**/changes/**") as first:
        pass
    assert first.value.status == 200
    with page.expect_response(lambda answer: "/changes/" in answer.url and answer.status == 304, timeout=8000):
        pass
    move(world, world.second)
    expect(card(page, world.deal, world.second)).to_be_visible(timeout=5000)


def test_a_page_of_a_deal_names_who_else_looks(opened: Open, live_server: LiveServer, world: World) -> None:  # noqa: F811
    rep, manager = opened(), opened(world.manager)
    rep.goto(f"{live_server.url}/deals/{world.deal.pk}/")
    expect(rep.locator("#viewers")).to_be_hidden()
    manager.goto(f"{live_server.url}/deals/{world.deal.pk}/")
    expect(rep.get_by_text("Max Manager is looking at this too")).to_be_visible(timeout=SOON)
    expect(manager.get_by_text("Rita Rep is looking at this too")).to_be_visible(timeout=SOON)
