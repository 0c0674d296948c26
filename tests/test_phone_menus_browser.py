"""On a phone, by thumb: choosing what cards and rows show, and changing a deal from its row of the list."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from pytest_django.live_server_helper import LiveServer

from pipeline.models import Deal
from tests import factories as make
from tests.browsing import visitors
from tests.deal_world import World

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
THUMB = 36
"""Pixels that a target has at least in both directions."""


@pytest.fixture
def world() -> World:
    world = World()
    firm = make.organization(world.rep, name="Northern Light")
    Deal.objects.filter(pk=world.deal.pk).update(organization=firm, value=Decimal(1000))
    return world


@pytest.fixture
def page(
    browser: Browser, browser_context_args: dict[str, object], live_server: LiveServer, world: World
) -> Iterator[Page]:
    with visitors(browser, browser_context_args, f"{live_server.url}/board/{world.pipeline.pk}/", world.rep) as visit:
        yield visit(**PHONE)


def tap(target: Locator) -> None:
    box = target.bounding_box()
    assert box is not None and min(box["width"], box["height"]) >= THUMB, box
    target.tap()


def tick(menu: Locator, name: str) -> None:
    """A thumb hits the label. Chromium's emulated finger kills its page on a label within <details>, so it takes the box."""
    label = menu.locator("label").filter(has=menu.page.get_by_text(name, exact=True))
    box = label.bounding_box()
    assert box is not None and min(box["width"], box["height"]) >= THUMB, box
    label.locator("input").tap()


def in_sight(page: Page, menu: Locator) -> None:
    box = menu.bounding_box()
    assert box is not None and box["x"] >= 0 and box["x"] + box["width"] <= 390 and box["y"] + box["height"] <= 844
    assert page.evaluate("document.documentElement.scrollWidth") == 390


def test_what_cards_show_is_chosen_by_thumb(page: Page, world: World) -> None:
    card = page.locator(f"#deal-{world.deal.pk}")
    expect(card.get_by_text("Northern Light")).to_be_visible()
    tap(page.locator(".board-shown > summary"))
    menu = page.locator(".board-shown .menu-list")
    in_sight(page, menu)
    tick(menu, "Organization")
    tap(menu.get_by_role("button", name="Show"))
    expect(card.get_by_text("Northern Light")).to_be_hidden()
    expect(card.get_by_text(world.deal.title)).to_be_visible()


def test_columns_that_were_chosen_stand_in_the_rows_of_a_phone(
    page: Page, world: World, live_server: LiveServer
) -> None:
    page.goto(f"{live_server.url}/board/{world.pipeline.pk}/list/")
    row = page.locator(f"#deal-{world.deal.pk}")
    expect(row.get_by_text("Northern Light")).to_be_hidden()
    tap(page.locator(".board-shown > summary"))
    menu = page.locator(".board-shown .menu-list")
    in_sight(page, menu)
    for name in ("Stage", "Owner"):
        tick(menu, name)
    tap(menu.get_by_role("button", name="Show"))
    expect(row.get_by_text("Northern Light")).to_be_visible()
    expect(row.get_by_text("Rita Rep")).to_have_count(0)
    in_sight(page, row)


def test_a_row_is_changed_by_its_pencil(page: Page, world: World, live_server: LiveServer) -> None:
    page.goto(f"{live_server.url}/board/{world.pipeline.pk}/list/")
    page.wait_for_load_state("load")
    tap(page.locator(f"#deal-{world.deal.pk} [data-cell='title']"))
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Value").fill("2222")
    dialog.get_by_label("Title").fill("Meters for 15 shops")
    tap(dialog.get_by_role("button", name="Save"))
    expect(dialog).to_have_count(0)
    expect(page.get_by_role("link", name="Meters for 15 shops")).to_be_visible()
    assert (world.fresh().title, world.fresh().value) == ("Meters for 15 shops", Decimal(2222))
