"""The bell in two browsers of one person: it rings in both, and what was read in one is no news in the other."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from pipeline import followups
from tests.browsing import Open, visitors
from tests.deal_world import World

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
LOOKS_EVERY = 20_000


@pytest.fixture
def world(transactional_db: None) -> World:
    return World()


@pytest.fixture
def visit(
    browser: Browser, browser_context_args: dict[str, object], live_server: LiveServer, world: World
) -> Iterator[Open]:
    with visitors(browser, browser_context_args, f"{live_server.url}/healthz", world.rep) as visit:
        yield visit


def begin(visit: Open, live_server: LiveServer, deaf: bool = False) -> Page:
    """A deaf one hears no stream and looks by itself: on its own clock, so that nobody waits for it."""
    page = visit()
    if deaf:
        page.context.route("**/my-day/stream/**", lambda route: route.fulfill(status=204))
        page.clock.install()
    page.goto(live_server.url + reverse("my-day"))
    page.wait_for_load_state("load")
    expect(page.locator(".bell-count")).to_be_empty()
    return page


def test_it_rings_at_once_in_both_browsers(visit: Open, live_server: LiveServer, world: World) -> None:
    desk, phone = begin(visit, live_server), begin(visit, live_server)
    desk.wait_for_timeout(800)  # both have been let in
    followups.add(world.deal.pk, "Write the offer", timezone.localdate(), by=world.manager, owner=world.rep)
    for page in (desk, phone):
        expect(page.locator(".bell-count")).to_contain_text("1")


def test_what_was_read_in_one_is_no_news_in_the_other(visit: Open, live_server: LiveServer, world: World) -> None:
    desk, phone = begin(visit, live_server, deaf=True), begin(visit, live_server, deaf=True)
    followups.add(world.deal.pk, "Write the offer", timezone.localdate(), by=world.manager, owner=world.rep)
    for page in (desk, phone):
        page.clock.run_for(LOOKS_EVERY)
        expect(page.locator(".bell-count")).to_contain_text("1")
    desk.locator(".bar-bell").click()
    desk.get_by_role("button", name="Max Manager gave you the task Write the offer").click()
    expect(desk.get_by_role("heading", level=1)).to_have_text(world.deal.title)
    phone.clock.run_for(LOOKS_EVERY)
    expect(phone.locator(".bell-count")).to_be_empty()
