"""The search window by keyboard alone, by touch, on a phone, and when the server cannot be reached."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import BrowserContext, Page, Route, expect
from pytest_django.live_server_helper import LiveServer

from crm import opened
from crm.models import User
from pipeline.models import Deal
from tests.browsing import listen, sign_in
from tests.factories import contact, deal, organization, pipeline, stage, user
from tests.test_shell_browser import assert_readable

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def rita() -> User:
    return user(name="Rita Rep")


@pytest.fixture
def fleet(rita: User) -> Deal:
    firm = organization(rita, name="Nordwind Logistik", city="Bremen")
    contact(rita, name="Anna Nordwind", organization=firm)
    return deal(stage(pipeline(), "First"), rita, title="Nordwind fleet", organization=firm)


@pytest.fixture
def at(context: BrowserContext, live_server: LiveServer, rita: User, fleet: Deal, page: Page) -> Iterator[Page]:
    """Rita's profile. Whatever the content policy or a script complains about fails the test."""
    sign_in(context, live_server.url, rita)
    complaints: list[str] = []
    listen(page, complaints)
    page.goto(f"{live_server.url}/profile/")
    yield page
    assert complaints == []


def call(page: Page) -> None:
    page.keyboard.press("Control+k")
    expect(page.get_by_role("combobox", name="Find")).to_be_focused()


def chosen(page: Page) -> str:
    """What a reader of the screen is told to be active."""
    active = page.get_by_role("combobox", name="Find").get_attribute("aria-activedescendant")
    return page.locator(f"#{active} .palette-title").inner_text() if active else ""


def test_a_few_letters_an_arrow_and_enter_lead_to_the_deal(at: Page, live_server: LiveServer, fleet: Deal) -> None:
    call(at)
    at.keyboard.type("nordw")
    expect(at.locator("#palette").get_by_role("option")).to_have_count(4)
    expect(at.get_by_role("status").filter(has_text="3 found")).to_be_attached()
    assert chosen(at) == "Nordwind fleet"
    at.keyboard.press("ArrowDown")
    assert chosen(at) == "Nordwind Logistik"
    at.keyboard.press("ArrowDown")
    at.keyboard.press("ArrowUp")
    at.keyboard.press("ArrowUp")
    at.keyboard.press("ArrowUp")  # over the top to the last one, and back
    assert chosen(at) == "Show all for “nordw”"
    at.keyboard.press("ArrowDown")
    at.keyboard.press("Enter")
    expect(at).to_have_url(f"{live_server.url}/deals/{fleet.pk}/")


def test_enter_waits_for_the_answer_to_what_was_typed(at: Page, live_server: LiveServer, fleet: Deal) -> None:
    call(at)
    expect(at.get_by_role("option", name="New deal")).to_be_visible()
    at.keyboard.type("fleet")
    at.keyboard.press("Enter")
    expect(at).to_have_url(f"{live_server.url}/deals/{fleet.pk}/")


def test_control_and_enter_open_it_beside(
    at: Page, context: BrowserContext, live_server: LiveServer, fleet: Deal
) -> None:
    call(at)
    at.keyboard.type("fleet")
    expect(at.get_by_role("option", name="Nordwind fleet")).to_be_visible()
    with context.expect_page() as beside:
        at.keyboard.press("Control+Enter")
    expect(beside.value).to_have_url(f"{live_server.url}/deals/{fleet.pk}/")
    expect(at).to_have_url(f"{live_server.url}/profile/")


def test_escape_and_the_same_keys_close_it_and_give_the_keyboard_back(at: Page) -> None:
    name = at.get_by_role("textbox", name="Name")
    for key in ("Escape", "Control+k"):
        name.focus()
        call(at)
        at.keyboard.type("nord")
        at.keyboard.press(key)
        expect(at.locator("#palette")).to_be_hidden()
        expect(name).to_be_focused()
    call(at)
    expect(at.get_by_role("combobox", name="Find")).to_have_value("")


def test_what_one_opened_last_is_offered_before_anything_is_typed(at: Page, rita: User, fleet: Deal) -> None:
    opened.note(rita, "deal", fleet.pk)
    call(at)
    expect(at.get_by_role("group", name="Opened last").get_by_role("option")).to_have_count(1)
    assert chosen(at) == "Nordwind fleet"


def test_nothing_found_is_said_and_enter_shows_the_page_of_the_search(at: Page, live_server: LiveServer) -> None:
    call(at)
    at.keyboard.type("zzzzqq")
    expect(at.locator("#palette-found")).to_contain_text("Nothing found for “zzzzqq”")
    expect(at.get_by_role("combobox", name="Find")).to_have_attribute("aria-expanded", "false")
    at.keyboard.press("Enter")
    expect(at).to_have_url(f"{live_server.url}/search/?q=zzzzqq")


def test_an_answer_that_comes_late_does_not_replace_the_newer_one(at: Page) -> None:
    late: list[Route] = []
    at.route("**/search/?q=an", lambda route: late.append(route))
    call(at)
    at.keyboard.type("an")
    expect(at.locator("#palette-found")).to_have_attribute("data-asked", "an")
    at.keyboard.type("na")
    expect(at.get_by_role("option", name="Anna Nordwind")).to_be_visible()
    assert len(late) == 1
    late[0].fulfill(status=200, content_type="text/html", body='<p class="late">late</p>')
    at.keyboard.press("ArrowDown")
    expect(at.locator(".late")).to_have_count(0)
    expect(at.get_by_role("option", name="Anna Nordwind")).to_be_visible()


def test_without_a_network_it_says_so_and_finds_again_afterwards(at: Page) -> None:
    at.route("**/search/?q=*", lambda route: route.abort())
    call(at)
    at.keyboard.type("anna")
    expect(at.locator("#palette-found")).to_contain_text("The server cannot be reached")
    at.unroute("**/search/?q=*")
    at.keyboard.type(" ")
    expect(at.get_by_role("option", name="Anna Nordwind")).to_be_visible()


def test_no_window_opens_over_another(at: Page) -> None:
    at.evaluate("document.getElementById('dialog').showModal()")
    at.keyboard.press("Control+k")
    expect(at.locator("#palette")).to_be_hidden()


def test_a_click_into_the_field_of_the_bar_opens_it(at: Page) -> None:
    at.get_by_role("searchbox").click()
    expect(at.get_by_role("combobox", name="Find")).to_be_focused()
    at.locator("#palette").get_by_role("button", name="Close").click()
    expect(at.locator("#palette")).to_be_hidden()
    expect(at.get_by_role("searchbox")).to_be_focused()


@pytest.mark.parametrize(("width", "scheme"), [(390, "dark"), (1440, "light")])
def test_it_can_be_read_and_tapped_at_every_width(
    at: Page, live_server: LiveServer, rita: User, scheme: str, width: int
) -> None:
    firm = organization(rita, name="Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft")
    contact(rita, name="مؤسسة النور للتجارة Donau", organization=firm)
    at.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    at.set_viewport_size({"width": width, "height": 700})
    for typed, shown in (("", "New deal"), ("donau", firm.name), ("zzzzqq", "")):
        at.get_by_role("searchbox").click()
        at.keyboard.type(typed)
        if shown:
            expect(at.get_by_role("option", name=shown, exact=True)).to_be_visible()
        else:
            expect(at.locator("#palette-found")).to_contain_text("Nothing found")
        assert at.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert at.evaluate("(list => list.scrollWidth <= list.clientWidth)(document.getElementById('palette-found'))")
        assert_readable(at, typed)
        at.keyboard.press("Escape")
    at.get_by_role("searchbox").click()
    at.keyboard.type("donau")
    at.get_by_role("option", name=firm.name, exact=True).click()
    expect(at).to_have_url(f"{live_server.url}/organizations/{firm.pk}/")
