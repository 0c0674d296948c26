"""A card is dragged out of a column of 5,000, of which a few are on the screen."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browsing import Open
from tests.test_board_browser import World, card, drag, opened, world  # noqa: F401
from tests.test_large_column import MANY, copies

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_a_card_leaves_a_column_of_five_thousand_and_the_next_one_moves_up(opened: Open, world: World) -> None:  # noqa: F811
    copies(world.deal, MANY - 1)
    page = opened()
    left, there = page.locator(f"#column-{world.first.pk}"), page.locator(f"#column-{world.second.pk}")
    expect(left.locator(".column-count")).to_have_text("5000")
    drag(page, world.deal, world.second)
    expect(card(page, world.deal, world.second)).to_be_visible()
    expect(left.locator(".column-count")).to_have_text("4999")
    expect(there.locator(".column-count")).to_have_text("1")
    expect(left.locator(".deal-card")).to_have_count(25)
    assert world.stage() == world.second
