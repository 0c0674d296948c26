"""From the menu of a deal in a real browser: merging, a copy, another pipeline, and the word about a second deal."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.urls import reverse
from playwright.sync_api import BrowserContext, Page, expect
from pytest_django.live_server_helper import LiveServer

from pipeline import deals
from pipeline.models import Deal
from tests import factories as make
from tests.browsing import listen, sign_in
from tests.deal_world import World

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def world() -> World:
    world = World()
    acme = make.organization(world.rep, name="Acme")
    other = make.deal(world.second, world.rep, title="Meters, again", organization=acme)
    for deal in (world.deal, other):
        deals.edit(deal.pk, {"organization": acme}, version=None, by=world.rep, via="page")
    return world


@pytest.fixture
def at(context: BrowserContext, live_server: LiveServer, world: World, page: Page) -> Iterator[Page]:
    """The deal, open before Max. Whatever the content policy or a script complains about fails the test."""
    complaints: list[str] = []
    listen(page, complaints, every_error=True)
    sign_in(context, live_server.url, world.manager)
    page.goto(live_server.url + world.url("deal"))
    yield page
    assert [each for each in complaints if not any(code in each for code in ("favicon", "422", "409", "410"))] == []


def menu(at: Page) -> None:
    at.get_by_label("More to do with this deal").click()


def test_two_deals_become_one_and_the_history_is_a_click_away(at: Page, world: World) -> None:
    menu(at)
    at.get_by_role("link", name="Merge with…").click()
    at.get_by_role("link", name="Meters, again").click()
    expect(at.get_by_role("heading", name="Merge two deals")).to_be_visible()
    assert Axe().run(at, context="#main").response["violations"] == []
    at.get_by_role("radio", name="Meters, again").check()
    at.get_by_role("button", name="Merge them").click()
    expect(at.get_by_role("heading", name="Meters, again", exact=True)).to_be_visible()
    at.get_by_role("link", name="Read the history of that deal").click()
    expect(at.get_by_text("This deal is part of another one now")).to_be_visible()
    assert Axe().run(at, context="#main").response["violations"] == []
    assert Deal.objects.existing().get() == world.deal


def test_a_copy_is_asked_what_the_first_stage_asks_for(at: Page, world: World) -> None:
    make.condition(world.first, label="They want it again")
    menu(at)
    at.get_by_role("button", name="Duplicate").click()
    expect(at.get_by_label("Name", exact=True)).to_have_value("Meters for 14 shops (copy)")
    at.get_by_role("checkbox", name="They want it again").check()
    at.get_by_role("button", name="Add to First").click()
    expect(at.get_by_role("heading", name="Meters for 14 shops (copy)")).to_be_visible()


def test_another_pipeline_asks_in_the_dialog_and_both_are_saved_together(at: Page, world: World) -> None:
    beta = make.stage(make.pipeline("Beta", name="Renewals"), "Beta")
    make.condition(beta, label="Wants Beta")
    menu(at)
    at.get_by_role("link", name="To another pipeline…").click()
    at.get_by_role("button", name="Move there").click()
    at.get_by_role("button", name="Save and move to Beta").click()
    expect(at.locator("#dialog")).to_contain_text("without it the deal cannot enter")
    at.get_by_role("checkbox", name="Wants Beta").check()
    at.get_by_role("button", name="Save and move to Beta").click()
    expect(at.get_by_text("The deal is in Renewals now: Beta.").first).to_be_visible()
    assert world.fresh().stage == beta


def test_below_the_organization_it_says_who_works_with_it_already(at: Page, world: World) -> None:
    at.goto(at.url.split("/deals/")[0] + f"{reverse('deal-new')}?to={world.first.pk}")
    at.get_by_label("Name", exact=True).fill("Round three")
    at.get_by_role("textbox", name="Organization").fill("acme")
    at.keyboard.press("Tab")
    expect(at.locator("#open-deals")).to_contain_text("Acme has an open deal already: “Meters for 14 shops”")
    at.get_by_role("button", name="Add to First").click()
    expect(at.locator("#toasts")).to_contain_text("Acme has an open deal already")
