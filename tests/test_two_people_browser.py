"""While one holds a card, somebody else does something to its deal or to the process: the drop ends with what is true."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from pipeline import deals, moves
from pipeline.models import Deal, Stage
from tests import factories as make
from tests.browsing import Open
from tests.test_board_browser import World, assert_true, card, grip, into, opened, world  # noqa: F401

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def drop_after(page: Page, world: World, to: Stage, meanwhile: Callable[[], object]) -> None:  # noqa: F811
    """The board hears of nothing: it is as it was when the card was taken."""
    page.mouse.move(*grip(page, world.deal, ".deal-days"))
    page.mouse.down()
    page.mouse.move(*into(page, to), steps=8)
    expect(page.locator("#board.is-dragging")).to_have_count(1)
    meanwhile()
    page.wait_for_timeout(150)
    page.mouse.up()


def test_a_deal_that_was_given_away_meanwhile_leaves_and_nothing_tells_where_it_went(
    opened: Open,  # noqa: F811
    world: World,  # noqa: F811
) -> None:
    page = opened(deaf=True)
    other = make.user(team=make.team(), name="Olga Other")
    drop_after(
        page,
        world,
        world.second,
        lambda: deals.edit(world.deal.pk, {"owner": other}, version=None, by=world.manager, via="page"),
    )
    expect(page.get_by_text("This no longer exists, or you can no longer see it.")).to_be_visible()
    expect(card(page, world.deal)).to_have_count(0)
    expect(page.locator("body")).not_to_contain_text("Olga")
    assert world.stage() == world.first


def test_a_deal_that_was_deleted_meanwhile_leaves(opened: Open, world: World) -> None:  # noqa: F811
    page = opened(deaf=True)
    drop_after(page, world, world.second, lambda: deals.delete(world.deal.pk, by=world.manager, via="page"))
    expect(card(page, world.deal)).to_have_count(0)
    expect(page.locator("#toasts .note")).to_have_count(1)
    assert_true(page, world)


def test_a_condition_that_was_added_meanwhile_is_asked_at_the_drop(opened: Open, world: World) -> None:  # noqa: F811
    page = opened(deaf=True)
    drop_after(page, world, world.second, lambda: make.condition(world.second, label="Agrees to a demo"))
    page.locator("#dialog").get_by_label("Agrees to a demo").check()
    page.locator("#dialog").get_by_role("button", name="Save and move to Second").click()
    expect(card(page, world.deal, world.second)).to_be_visible()
    assert_true(page, world)


def test_of_won_and_lost_at_once_the_first_holds_and_the_second_is_told(opened: Open, world: World) -> None:  # noqa: F811
    page, reason = opened(deaf=True), make.lost_reason()
    drop_after(
        page,
        world,
        world.won,
        lambda: moves.move_deal(
            world.deal.pk, world.lost.pk, by=world.manager, via="board", close=moves.Close(reason=reason)
        ),
    )
    expect(page.locator("#toasts .note")).to_contain_text("Max Manager moved “Meters for the depot” to Lost at ")
    expect(card(page, world.deal, world.lost)).to_have_count(1)
    assert Deal.objects.get(pk=world.deal.pk).status == "lost"


def test_a_stage_that_was_renamed_meanwhile_takes_the_card_under_its_new_name(
    opened: Open,  # noqa: F811
    world: World,  # noqa: F811
) -> None:
    page = opened(deaf=True)
    drop_after(page, world, world.second, lambda: Stage.objects.filter(pk=world.second.pk).update(name="Demo"))
    expect(card(page, world.deal, world.second)).to_be_visible()
    expect(page.get_by_role("heading", name="Demo", level=2)).to_be_visible()
    expect(page.get_by_text("“Meters for the depot” is in Demo now.")).to_be_visible()
