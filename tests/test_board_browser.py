"""The board in a real browser: dragging, the dialogs of a move, and that screen and database agree whatever happens."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Browser, Locator, Page, Route, expect
from pytest_django.live_server_helper import LiveServer

from pipeline import definition, followups
from pipeline.models import ColumnTotal, Commitment, Deal, MoveAttempt, Stage, StageVisit
from tests import factories as make
from tests.browsing import Open, visitors

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


class World:
    """A pipeline First, Second, Third with a rep, her manager, and one deal of hers in First."""

    def __init__(self, address: str) -> None:
        team = make.team()
        self.rep, self.manager = make.user(team=team, name="Rita Rep"), make.user("manager", team, name="Max Manager")
        self.pipeline = make.pipeline()
        self.first, self.second, self.third, self.won, self.lost = self.pipeline.stages.all()
        self.deal = self.add("Meters for the depot", value=Decimal(1000))
        self.board = f"{address}/board/{self.pipeline.pk}/"

    def add(self, title: str, stage: Stage | None = None, **fields: object) -> Deal:
        began = timezone.now() - timedelta(days=3)
        return make.deal(stage or self.first, self.rep, now=began, title=title, **fields)

    def stage(self) -> Stage:
        return Deal.objects.get(pk=self.deal.pk).stage

    def visits(self) -> int:
        return StageVisit.objects.filter(deal=self.deal).count()


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


def card(page: Page, deal: Deal, stage: Stage | None = None) -> Locator:
    """In a column only once it has settled there: a card that was dropped waits for the answer."""
    return page.locator(f"#cards-{stage.pk} > #deal-{deal.pk}:not(.is-moving)" if stage else f"#deal-{deal.pk}")


def grip(page: Page, deal: Deal, held: str = "") -> tuple[float, float]:
    """In the middle of a line of the card, or on the edge above the first one: wherever that stands, there is no link."""
    place = card(page, deal).locator(held) if held else card(page, deal)
    box = place.bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 3, box["y"] + (box["height"] / 2 if held else 4)


def into(page: Page, stage: Stage) -> tuple[float, float]:
    box = page.locator(f"#cards-{stage.pk}").bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + min(40, box["height"] / 2)


def drag(page: Page, deal: Deal, to: Stage, held: str = ".deal-days") -> None:
    """In steps and with a rest before letting go, as a hand does."""
    mouse = page.mouse
    mouse.move(*grip(page, deal, held))
    mouse.down()
    mouse.move(*into(page, to), steps=8)
    page.wait_for_timeout(150)
    mouse.up()


def assert_true(page: Page, world: World) -> None:
    """Each column shows the cards, and counts the deals, that the database has there."""
    for stage in Stage.objects.in_use().filter(pipeline=world.pipeline):
        ids = {f"deal-{pk}" for pk in Deal.objects.existing().filter(stage=stage).values_list("pk", flat=True)}
        shown = page.locator(f"#cards-{stage.pk} > .deal-card").evaluate_all("cards => cards.map(card => card.id)")
        assert (stage.name, set(shown), len(shown)) == (stage.name, ids, len(ids))
        expect(page.locator(f"#column-{stage.pk} .column-count")).to_have_text(str(len(ids)))


# --- Dragging


def test_a_dropped_card_stays_and_history_and_totals_follow(at: Page, world: World) -> None:
    drag(at, world.deal, world.second)
    expect(at.get_by_text("“Meters for the depot” is in Second now.")).to_be_visible()
    expect(card(at, world.deal, world.second)).to_be_visible()
    expect(at.locator(f"#column-{world.second.pk} .column-values")).to_have_text("€1,000")
    expect(at.locator(f"#column-{world.first.pk} .column-values")).to_have_text("–")
    assert_true(at, world)
    visit = StageVisit.objects.current().get(deal=world.deal)
    assert (visit.stage, visit.by, visit.via, world.visits()) == (world.second, world.rep, "board", 2)
    totals = ColumnTotal.objects.filter(deals__gt=0).values_list("stage", "deals", "value")
    assert list(totals) == [(world.second.pk, 1, Decimal(1000))]


@pytest.mark.parametrize("way", ["button", "keys"])
def test_a_move_is_taken_back_by_a_button_or_by_keys(at: Page, world: World, way: str) -> None:
    drag(at, world.deal, world.second)
    expect(card(at, world.deal, world.second)).to_be_visible()
    at.get_by_role("button", name="Undo").click() if way == "button" else at.keyboard.press("Control+z")
    expect(card(at, world.deal, world.first)).to_be_visible()
    expect(at.get_by_role("button", name="Undo")).to_have_count(0)
    assert_true(at, world)
    assert Deal.objects.get(pk=world.deal.pk).stage == world.first


def test_a_card_dropped_where_it_was_asks_nothing_of_the_server(at: Page, world: World) -> None:
    asked: list[str] = []
    at.on("request", lambda request: asked.append(request.url) if request.method == "POST" else None)
    drag(at, world.deal, world.first)
    expect(at.locator(".is-dragged")).to_have_count(0)
    assert asked == [] and MoveAttempt.objects.filter(by=world.rep, to_stage=world.second).count() == 0


def test_a_card_held_by_its_title_is_dragged_and_its_page_does_not_open(at: Page, world: World) -> None:
    drag(at, world.deal, world.second, held=".deal-title")
    expect(card(at, world.deal, world.second)).to_be_visible()
    expect(at).to_have_url(world.board)
    assert_true(at, world)


def test_a_refused_drop_asks_only_for_what_is_missing_and_saves_it_with_the_move(at: Page, world: World) -> None:
    make.condition(world.second, "field", field="value", operator="filled", label="Value is known")
    make.condition(world.second, "field", field="expected_close", operator="filled", label="Close date is known")
    make.condition(world.second, label="Agrees to a demo")
    drag(at, world.deal, world.second)
    dialog = at.locator("#dialog")
    expect(dialog.locator("fieldset.ask, .ask")).to_have_count(2)
    expect(dialog).not_to_contain_text("Value is known")
    expect(card(at, world.deal, world.first)).to_have_count(1)
    assert (world.visits(), Commitment.objects.count()) == (1, 0)
    dialog.get_by_label("Agrees to a demo").check()
    dialog.locator("[name=f_expected_close]").fill("2030-03-01")
    dialog.get_by_role("button", name="Save and move to Second").click()
    expect(dialog).to_be_hidden()
    expect(card(at, world.deal, world.second)).to_be_visible()
    assert_true(at, world)
    deal = Deal.objects.get(pk=world.deal.pk)
    assert (str(deal.expected_close), Commitment.objects.get().deal, world.visits()) == ("2030-03-01", deal, 2)


def test_what_still_lacks_is_said_beside_its_field_and_nothing_is_saved_yet(at: Page, world: World) -> None:
    make.condition(world.second, label="Agrees to a demo")
    make.condition(world.second, label="Names the budget")
    drag(at, world.deal, world.second)
    dialog = at.locator("#dialog")
    dialog.get_by_label("Agrees to a demo").check()
    dialog.get_by_role("button", name="Save and move to Second").click()
    expect(dialog.locator(".field-error")).to_have_count(1)
    expect(dialog.get_by_label("Agrees to a demo")).to_be_checked()
    assert Commitment.objects.count() == 0 and world.stage() == world.first


def test_escape_puts_the_card_back_and_nothing_is_written(at: Page, world: World) -> None:
    make.condition(world.second, label="Agrees to a demo")
    before = Deal.objects.filter(pk=world.deal.pk).values().get()
    drag(at, world.deal, world.second)
    at.locator("#dialog").get_by_label("Agrees to a demo").check()
    at.keyboard.press("Escape")
    expect(at.locator("#dialog")).to_be_hidden()
    expect(card(at, world.deal, world.first)).to_be_visible()
    assert_true(at, world)
    assert Deal.objects.filter(pk=world.deal.pk).values().get() == before
    assert (world.visits(), Commitment.objects.count()) == (1, 0)


def test_a_jump_over_a_stage_asks_for_both_in_one_dialog(at: Page, world: World) -> None:
    make.condition(world.second, label="Agrees to a demo")
    make.condition(world.third, label="Names the budget")
    drag(at, world.deal, world.third)
    dialog = at.locator("#dialog")
    dialog.get_by_label("Agrees to a demo").check()
    dialog.get_by_label("Names the budget").check()
    dialog.get_by_role("button", name="Save and move to Third").click()
    expect(card(at, world.deal, world.third)).to_be_visible()
    assert Commitment.objects.count() == 2 and world.stage() == world.third


def test_lost_asks_for_the_reason(at: Page, world: World) -> None:
    make.lost_reason(name="No budget")
    make.lost_reason(name="A competitor", asks_note="Which competitor?")
    drag(at, world.deal, world.lost)
    dialog = at.locator("#dialog")
    dialog.get_by_role("button", name="Lost").click()
    expect(dialog.locator(".field-error")).to_be_visible()
    assert world.stage() == world.first
    dialog.get_by_label("A competitor").check()
    dialog.get_by_label("Note").fill("Meterworks")
    dialog.get_by_role("button", name="Lost").click()
    expect(card(at, world.deal, world.lost)).to_contain_text("A competitor")
    deal = Deal.objects.get(pk=world.deal.pk)
    assert (deal.status, str(deal.close_reason), deal.close_note) == ("lost", "A competitor", "Meterworks")


# --- Whatever happens, screen and database agree


def test_the_slower_of_two_is_told_who_was_quicker_and_where_it_is(opened: Open, world: World) -> None:
    rita, max_ = opened(deaf=True), opened(world.manager)
    drag(max_, world.deal, world.third)
    expect(card(max_, world.deal, world.third)).to_be_visible()
    drag(rita, world.deal, world.second)
    note = rita.locator("#toasts .note")
    expect(note).to_contain_text("Max Manager moved “Meters for the depot” to Third at ")
    expect(card(rita, world.deal, world.third)).to_be_visible()
    assert_true(rita, world)
    assert world.stage() == world.third and world.visits() == 2
    note.get_by_role("link").click()
    expect(card(rita, world.deal)).to_be_focused()


def test_with_the_network_cut_the_card_goes_back_and_the_screen_becomes_true_again(at: Page, world: World) -> None:
    at.context.set_offline(True)
    drag(at, world.deal, world.second)
    expect(at.get_by_text("No connection. It may not have been saved.")).to_be_visible()
    expect(card(at, world.deal, world.first)).to_be_visible()
    assert world.visits() == 1
    added = world.add("Came in meanwhile", world.second)
    at.context.set_offline(False)
    expect(card(at, added, world.second)).to_be_visible()
    assert_true(at, world)


def test_an_answer_that_is_lost_on_its_way_does_not_hide_the_move(at: Page, world: World) -> None:
    def lose(route: Route) -> None:
        route.fetch()
        route.abort()

    at.route("**/move/", lose)
    drag(at, world.deal, world.second)
    expect(at.get_by_text("No connection. It may not have been saved.")).to_be_visible()
    expect(card(at, world.deal, world.second)).to_be_visible()
    assert_true(at, world)
    assert world.visits() == 2


def test_after_a_failure_of_the_server_the_card_goes_back_and_retry_moves_it(at: Page, world: World) -> None:
    at.route("**/move/", lambda route: route.fulfill(status=500, body="<h1>Secret trace</h1>"))
    drag(at, world.deal, world.second)
    expect(at.get_by_text("Something went wrong here. Nothing was saved.")).to_be_visible()
    expect(card(at, world.deal, world.first)).to_be_visible()
    expect(at.locator("[aria-busy]")).to_have_count(0)
    assert_true(at, world)
    at.unroute("**/move/")
    at.get_by_role("button", name="Retry").click()
    expect(card(at, world.deal, world.second)).to_be_visible()
    assert_true(at, world)


def test_a_network_cut_while_the_dialog_saves_costs_nothing_that_was_filled_in(at: Page, world: World) -> None:
    make.condition(world.second, label="Agrees to a demo")
    drag(at, world.deal, world.second)
    at.locator("#dialog").get_by_label("Agrees to a demo").check()
    at.context.set_offline(True)
    at.locator("#dialog").get_by_role("button", name="Save and move to Second").click()
    expect(at.get_by_text("No connection. It may not have been saved.")).to_be_visible()
    expect(at.locator("#dialog").get_by_label("Agrees to a demo")).to_be_checked()
    at.context.set_offline(False)
    at.get_by_role("button", name="Retry").click()
    expect(card(at, world.deal, world.second)).to_be_visible()
    expect(at.locator("#dialog")).to_be_hidden()
    assert_true(at, world)


def test_two_moves_at_once_whose_answers_cross_end_with_what_is_true(at: Page, world: World) -> None:
    """The first answer is made before the second move and comes after it."""
    other = world.add("Audit of the stores")
    at.reload()
    held: list[Any] = []

    def hold(route: Route) -> None:
        if f"/{world.deal.pk}/" in route.request.url:
            held.append((route, route.fetch()))
        else:
            route.continue_()

    at.route("**/move/", hold)
    drag(at, world.deal, world.second)
    drag(at, other, world.second)
    expect(card(at, other, world.second)).to_be_visible()
    route, answer = held[0]
    route.fulfill(response=answer)
    expect(card(at, world.deal, world.second)).to_be_visible()
    expect(card(at, other, world.second)).to_be_visible()
    expect(at.locator(f"#cards-{world.first.pk} > .deal-card")).to_have_count(0)
    assert_true(at, world)


def test_a_double_click_on_the_button_acts_once(at: Page, world: World) -> None:
    make.condition(world.second, label="Agrees to a demo")
    drag(at, world.deal, world.second)
    at.locator("#dialog").get_by_label("Agrees to a demo").check()
    at.locator("#dialog").get_by_role("button", name="Save and move to Second").dblclick()
    expect(card(at, world.deal, world.second)).to_be_visible()
    at.wait_for_load_state("networkidle")
    assert (Commitment.objects.count(), world.visits()) == (1, 2)
    expect(at.locator("#toasts .note")).to_have_count(1)


def test_the_board_obeys_what_an_admin_changed_while_it_was_open(at: Page, world: World) -> None:
    admin = make.user("admin")
    Stage.objects.filter(pk=world.second.pk).update(order=5)
    Stage.objects.filter(pk=world.third.pk).update(order=6)
    check = Stage.objects.create(pipeline=world.pipeline, step=world.first.step, name="Check", order=3, probability=5)
    make.condition(check, label="Passed the credit check")
    definition.save_version(world.pipeline, by=admin)
    drag(at, world.deal, world.second)
    dialog = at.locator("#dialog")
    dialog.get_by_label("Passed the credit check").check()
    dialog.get_by_role("button", name="Save and move to Second").click()
    expect(card(at, world.deal, world.second)).to_be_visible()
    visit = StageVisit.objects.current().get(deal=world.deal)
    assert visit.pipeline_version.number == 2
    at.reload()
    expect(at.get_by_role("heading", level=2)).to_have_text(["First", "Check", "Second", "Third", "Won", "Lost"])


def test_a_drop_on_a_stage_that_was_retired_shows_the_stages_as_they_are(at: Page, world: World) -> None:
    Stage.objects.filter(pk=world.third.pk).update(retired_at=timezone.now())
    drag(at, world.deal, world.third)
    expect(at.get_by_text("no longer part of the deal")).to_be_visible()
    expect(at.get_by_role("heading", level=2)).to_have_text(["First", "Second", "Won", "Lost"])
    assert_true(at, world)


def test_a_card_that_slid_behind_those_on_the_screen_does_not_come_twice(opened: Open, world: World) -> None:
    at = opened(deaf=True)
    for number in range(40):
        world.add(f"Deal {number}")
    at.reload()
    cards = at.locator(f"#cards-{world.first.pk} > .deal-card")
    expect(cards).to_have_count(25)
    followups.add(world.deal.pk, "Call", timezone.localdate() + timedelta(days=3), by=world.rep)  # now it is the last
    at.locator(f"#cards-{world.first.pk} .more-cards").scroll_into_view_if_needed()
    expect(at.locator(f"#cards-{world.first.pk} .more-cards")).to_have_count(0)
    expect(cards).to_have_count(40)  # one slid to the front unseen, and comes with the next drawing
    ids = cards.evaluate_all("cards => cards.map(card => card.id)")
    assert len(set(ids)) == 40


def test_a_column_that_is_scrolled_while_another_part_of_the_page_settles_stays_there(
    opened: Open, world: World
) -> None:
    at = opened(deaf=True)
    for number in range(20):
        world.add(f"Deal {number}")
    at.reload()
    column = f"#cards-{world.first.pk}"
    at.evaluate(
        """async (column) => {
          const scroll = () => { document.querySelector(column).scrollTop = 200; };
          document.addEventListener("htmx:afterSwap", scroll, { once: true });
          const settled = new Promise((done) => document.addEventListener("htmx:afterSettle", () => setTimeout(done), { once: true }));
          await htmx.ajax("GET", "/notices/count/", { target: ".bell-count", swap: "innerHTML" });
          await settled;
        }""",
        column,
    )
    assert at.locator(column).evaluate("list => list.scrollTop") == 200
