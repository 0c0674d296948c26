"""A session that ends while somebody writes in a form that was opened within a page: what was typed is there again."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from django.conf import settings
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from pipeline.models import Commitment, Deal
from tests import factories as make
from tests.browsing import Open, visitors
from tests.deal_world import World
from tests.factories import PASSWORD

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def world() -> World:
    world = World()
    make.condition(world.second, label="Agrees to a demo")
    make.condition(world.second, "field", field="expected_close", operator="filled", label="Close date is known")
    make.activity_type("call")
    return world


@pytest.fixture
def opened(
    browser: Browser, browser_context_args: dict[str, object], live_server: LiveServer, world: World
) -> Iterator[Open]:
    with visitors(browser, browser_context_args, f"{live_server.url}/healthz", world.rep) as visit:
        yield visit


def gate(page: Page, world: World) -> str:
    page.locator(f"#deal-{world.deal.pk} .deal-move").click()
    page.locator("#dialog").get_by_role("button", name="Second").click()
    page.get_by_label("Agrees to a demo").check()
    page.locator("[name=f_expected_close]").fill("2030-03-01")
    return "[name=f_expected_close]"


def quick(page: Page, world: World) -> str:
    page.locator("body").press("ArrowDown")
    page.keyboard.press("e")
    page.locator("#dialog").get_by_label("Value").fill("2500")
    return "#dialog [name=value]"


def new_deal(page: Page, world: World) -> str:
    page.get_by_role("link", name="New deal in First").click()
    page.locator(".new-deal [name=title]").fill("Night buses")
    return ".new-deal [name=title]"


def field(page: Page, world: World) -> str:
    page.locator("#edit-title").click()
    page.locator("#deal-head [name=title], .slot [name=title]").first.fill("Meters for 20 shops")
    return "[name=title]"


def call(page: Page, world: World) -> str:
    page.locator("#log-call").click()
    page.get_by_label("What was said").fill("She wants to see it.")
    return "#log-form [name=text]"


def comment(page: Page, world: World) -> str:
    page.locator("#comment-text").fill("Shall we?")
    return "#comment-text"


ON_BOARD, ON_DEAL = [gate, quick, new_deal], [field, call, comment]


@pytest.mark.parametrize("write", [*ON_BOARD, *ON_DEAL], ids=lambda write: write.__name__)
def test_what_was_typed_is_there_again_after_signing_in(
    opened: Open, live_server: LiveServer, world: World, write: Callable[[Page, World], str]
) -> None:
    page = opened()
    page.goto(live_server.url + (f"/board/{world.pipeline.pk}/" if write in ON_BOARD else world.url("deal")))
    page.wait_for_load_state("load")
    place = write(page, world)
    typed = page.locator(place).input_value()
    page.context.clear_cookies(name=settings.SESSION_COOKIE_NAME)
    page.locator(place).evaluate("field => field.form.requestSubmit()")
    page.get_by_label("Email").fill(world.rep.email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_text("We put back what you had typed")).to_be_visible()
    expect(page.locator(place)).to_have_value(typed)
    page.locator(place).evaluate("field => field.form.requestSubmit()")
    expect(page.locator(place)).not_to_have_value(typed) if write is comment else expect(
        page.locator(place)
    ).to_have_count(0)
    if write is gate:
        assert (Commitment.objects.count(), world.fresh().stage) == (1, world.second)
    if write is new_deal:
        assert Deal.objects.filter(title="Night buses").count() == 1
