"""Boards that were left alone: open since yesterday, asleep with moves under way, cut off; and stages that went meanwhile."""

from __future__ import annotations

import time

import pytest
from playwright.sync_api import Page, Route, expect

from pipeline import moves
from pipeline.models import Deal, MoveAttempt, Stage, StageVisit
from tests import factories as make
from tests.browsing import Open, until
from tests.test_board_browser import World, assert_true, card, drag, opened, world  # noqa: F401
from tests.test_two_people_browser import drop_after

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
QUEUED = 20
"""Moves under way when a tab falls asleep."""


def where(deal: Deal) -> Stage:
    return Deal.objects.get(pk=deal.pk).stage


def test_on_a_board_that_is_open_since_yesterday_the_first_drag_is_right_or_told(opened: Open, world: World) -> None:  # noqa: F811
    moved, other = world.add("Moved on long ago"), world.add("Still there")
    page = opened(deaf=True)
    moves.move_deal(moved.pk, world.third.pk, by=world.manager, via="board")
    make.condition(world.second, label="Agrees to a demo")
    drag(page, moved, world.second)
    expect(page.locator("#toasts .note")).to_contain_text("Max Manager moved “Moved on long ago” to Third")
    expect(card(page, moved, world.third)).to_have_count(1)
    drag(page, other, world.second)
    page.locator("#dialog").get_by_label("Agrees to a demo").check()
    page.locator("#dialog").get_by_role("button", name="Save and move to Second").click()
    expect(card(page, other, world.second)).to_be_visible()
    assert_true(page, world)


def test_moves_that_waited_while_a_tab_slept_act_once_each_and_the_late_ones_are_told(
    opened: Open,  # noqa: F811
    world: World,  # noqa: F811
) -> None:
    deals = [world.deal, *(world.add(f"Deal {number}") for number in range(QUEUED - 1))]
    page, asleep = opened(deaf=True), []
    page.route("**/deals/*/move/", lambda route: asleep.append(route))
    for deal in deals:
        drag(page, deal, world.second)
    assert StageVisit.objects.filter(deal__in=deals).count() == QUEUED
    for deal in deals[:2]:
        moves.move_deal(deal.pk, world.third.pk, by=world.manager, via="board")
    wake(page, asleep, QUEUED)
    for deal in deals[2:]:
        expect(card(page, deal, world.second)).to_be_visible()
    for deal in deals[:2]:
        expect(page.locator("#toasts")).to_contain_text(f"Max Manager moved “{deal.title}” to Third")
        expect(card(page, deal, world.third)).to_have_count(1)
    assert StageVisit.objects.filter(deal__in=deals).count() == 2 * QUEUED
    assert_true(page, world)


def wake(page: Page, asleep: list[Route], count: int) -> None:
    end = time.monotonic() + 10
    while len(asleep) < count:
        assert time.monotonic() < end, f"{len(asleep)} moves are under way"
        page.wait_for_timeout(20)
    for route in asleep:
        route.continue_()


def test_drops_without_a_connection_are_put_back_and_nothing_moves_by_itself_later(
    opened: Open,  # noqa: F811
    world: World,  # noqa: F811
) -> None:
    deals = [world.deal, *(world.add(f"Deal {number}") for number in range(3))]
    page, tried = opened(deaf=True), MoveAttempt.objects.count()
    page.context.set_offline(True)
    for deal in deals:
        drag(page, deal, world.second)
        expect(card(page, deal, world.first)).to_be_visible()
    expect(page.locator("#toasts .note")).to_have_count(1)
    page.context.set_offline(False)
    until(page, "navigator.onLine && !document.querySelector('.is-moving')")
    assert (MoveAttempt.objects.count(), [where(deal) for deal in deals]) == (tried, [world.first] * 4)
    page.locator("#toasts").get_by_role("button", name="Retry").click()
    expect(card(page, deals[-1], world.second)).to_be_visible()
    assert [where(deal) for deal in deals] == [world.first] * 3 + [world.second]
    assert_true(page, world)


def test_a_stage_that_is_deleted_while_a_card_is_held_is_told_and_leaves(opened: Open, world: World) -> None:  # noqa: F811
    page = opened(deaf=True)
    drop_after(page, world, world.third, lambda: Stage.objects.get(pk=world.third.pk).delete())
    expect(page.locator("#toasts .note")).to_have_count(1)
    expect(page.get_by_role("heading", level=2)).to_have_text(["First", "Second", "Won", "Lost"])
    assert world.stage() == world.first
    assert_true(page, world)


def test_a_stage_that_is_put_behind_others_meanwhile_asks_for_what_lies_before_it_now(
    opened: Open,  # noqa: F811
    world: World,  # noqa: F811
) -> None:
    make.condition(world.third, label="Agrees to a trial")
    page = opened(deaf=True)
    drop_after(page, world, world.second, lambda: Stage.objects.filter(pk=world.second.pk).update(order=50))
    page.locator("#dialog").get_by_label("Agrees to a trial").check()
    page.locator("#dialog").get_by_role("button", name="Save and move to Second").click()
    expect(card(page, world.deal, world.second)).to_be_visible()
    assert_true(page, world)
