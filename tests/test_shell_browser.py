"""The frame in a real browser: themes without a flash, keys, the dialog, messages, a network that is cut."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from playwright.sync_api import BrowserContext, Page, expect
from pytest_django.live_server_helper import LiveServer

from crm.models import User
from tests.browsing import listen, sign_in, until
from tests.factories import PASSWORD, contact, organization, user

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

# A link into the dialog, as pages of deals have them.
OPENER = """() => {
  const link = document.createElement("a");
  Object.assign(link, {href: "/contacts/new/", id: "opener", textContent: "Open"});
  link.setAttribute("hx-get", "/contacts/new/");
  link.setAttribute("hx-target", "#dialog-body");
  link.setAttribute("hx-select", "form.panel");
  document.getElementById("main").prepend(link);
  htmx.process(link);
}"""


@pytest.fixture
def rita() -> User:
    return user(name="Rita Rep")


@pytest.fixture
def at(context: BrowserContext, live_server: LiveServer, rita: User, page: Page) -> Iterator[Page]:
    """A page on which Rita has signed in. Whatever the content policy or a script complains about fails the test."""
    sign_in(context, live_server.url, rita)
    complaints: list[str] = []
    listen(page, complaints)
    page.goto(f"{live_server.url}/profile/")
    yield page
    assert complaints == []


def offer_dialog(page: Page) -> None:
    page.goto(page.url.replace("/profile/", "/search/"))
    page.evaluate(OPENER)


def theme(page: Page) -> str:
    shown: str = page.evaluate("document.documentElement.dataset.bsTheme")
    return shown


def test_as_the_device_is_dark_before_anything_is_painted(at: Page) -> None:
    at.emulate_media(color_scheme="dark")
    at.add_init_script(
        "new MutationObserver(() => { if (document.body && !window.first)"
        " window.first = document.documentElement.dataset.bsTheme; })"
        ".observe(document, {childList: true, subtree: true})"
    )
    at.reload()
    assert (at.evaluate("window.first"), theme(at)) == ("dark", "dark")
    at.emulate_media(color_scheme="light")
    expect(at.locator("html")).to_have_attribute("data-bs-theme", "light")


def test_a_chosen_theme_does_not_follow_the_device(at: Page) -> None:
    at.get_by_label("Dark").check()
    at.get_by_role("button", name="Save profile").click()
    expect(at.get_by_text("Your profile is saved.")).to_be_visible()
    at.emulate_media(color_scheme="light")
    assert theme(at) == "dark"


def test_a_slash_goes_to_the_search_and_is_a_slash_in_a_field(at: Page) -> None:
    at.keyboard.press("/")
    expect(at.get_by_role("combobox", name="Find")).to_be_focused()
    at.keyboard.press("Escape")
    at.get_by_role("textbox", name="Name").fill("a")
    at.keyboard.press("/")
    expect(at.get_by_role("textbox", name="Name")).to_have_value("a/")


def test_the_menu_closes_with_escape_and_gives_the_keyboard_back(at: Page) -> None:
    menu = at.get_by_label("Menu of Rita Rep")
    menu.press("Enter")
    expect(at.get_by_role("link", name="Profile")).to_be_visible()
    at.keyboard.press("Escape")
    expect(at.get_by_role("link", name="Profile")).to_be_hidden()
    expect(menu).to_be_focused()


def test_a_message_can_be_closed(at: Page) -> None:
    at.get_by_role("button", name="Save profile").click()
    note = at.get_by_text("Your profile is saved.")
    expect(note).to_be_visible()
    at.get_by_role("button", name="Close").click()
    expect(note).to_have_count(0)


def test_the_dialog_takes_the_keyboard_and_escape_gives_it_back(at: Page) -> None:
    offer_dialog(at)
    at.evaluate("addEventListener('dialog:closed', (event) => { window.told = event.detail.saved; })")
    at.locator("#opener").click()
    expect(at.locator("#dialog")).to_be_visible()
    expect(at.locator("#dialog").get_by_label("Name")).to_be_focused()
    at.keyboard.press("Escape")
    expect(at.locator("#dialog")).to_be_hidden()
    expect(at.locator("#opener")).to_be_focused()
    until(at, "window.told === false")
    expect(at.locator("#dialog-body")).to_be_empty()


def test_the_server_closes_the_dialog_when_all_is_saved(at: Page) -> None:
    offer_dialog(at)
    at.evaluate("addEventListener('dialog:closed', (event) => { window.told = event.detail.saved; })")
    at.locator("#opener").click()
    expect(at.locator("#dialog")).to_be_visible()
    at.evaluate("htmx.trigger(document.body, 'dialog:close')")
    expect(at.locator("#dialog")).to_be_hidden()
    until(at, "window.told === true")


def test_without_a_network_nothing_is_pretended_and_retry_does_it_again(at: Page, context: BrowserContext) -> None:
    offer_dialog(at)
    at.route("**/contacts/new/", lambda route: route.abort())
    at.locator("#opener").click()
    note = at.get_by_text("No connection. It may not have been saved.")
    expect(note).to_be_visible()
    expect(at.locator("#dialog")).to_be_hidden()
    at.unroute("**/contacts/new/")
    at.get_by_role("button", name="Retry").click()
    expect(at.locator("#dialog")).to_be_visible()
    expect(note).to_have_count(0)


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (500, "Something went wrong here"),
        (403, "You may not do that"),
        (404, "no longer exists"),
        (400, "not be understood"),
    ],
)
def test_an_answer_that_is_no_page_is_said_in_words(at: Page, status: int, words: str) -> None:
    offer_dialog(at)
    at.route("**/contacts/new/", lambda route: route.fulfill(status=status, body="<h1>Secret trace</h1>"))
    at.locator("#opener").click()
    expect(at.locator("#toasts")).to_contain_text(words)
    expect(at.get_by_text("Secret trace")).to_have_count(0)


@pytest.mark.parametrize("status", [409, 412, 422])
def test_a_refusal_is_shown_where_it_belongs(at: Page, status: int) -> None:
    offer_dialog(at)
    body = '<form class="panel"><p>Value is missing</p></form>'
    at.route("**/contacts/new/", lambda route: route.fulfill(status=status, body=body, content_type="text/html"))
    at.locator("#opener").click()
    expect(at.locator("#dialog")).to_contain_text("Value is missing")
    expect(at.locator("#toasts .note")).to_have_count(0)


def test_being_offline_is_said_until_it_is_over(at: Page, context: BrowserContext) -> None:
    context.set_offline(True)
    expect(at.get_by_text("You are offline.")).to_be_visible()
    context.set_offline(False)
    expect(at.get_by_text("You are offline.")).to_be_hidden()


def test_a_session_that_ends_while_one_writes_costs_no_text(
    at: Page, context: BrowserContext, live_server: LiveServer, rita: User
) -> None:
    at.goto(f"{live_server.url}/organizations/new/")
    at.get_by_label("Name").fill("Nordwind")
    at.get_by_label("City").fill("Bremen")
    context.clear_cookies(name=settings.SESSION_COOKIE_NAME)
    at.get_by_role("button", name="Save").click()
    at.get_by_label("Email").fill(rita.email)
    at.get_by_label("Password").fill(PASSWORD)
    at.get_by_role("button", name="Sign in").click()
    expect(at.get_by_label("City")).to_have_value("Bremen")
    expect(at.get_by_label("Name")).to_have_value("Nordwind")
    expect(at.get_by_text("We put back what you had typed")).to_be_visible()


def test_what_one_typed_is_not_shown_to_somebody_else(
    at: Page, context: BrowserContext, live_server: LiveServer
) -> None:
    other = user()
    at.goto(f"{live_server.url}/organizations/new/")
    at.get_by_label("City").fill("Bremen")
    at.get_by_label("Name").fill("Nordwind")
    context.clear_cookies(name=settings.SESSION_COOKIE_NAME)
    at.get_by_role("button", name="Save").click()
    at.get_by_label("Email").fill(other.email)
    at.get_by_label("Password").fill(PASSWORD)
    at.get_by_role("button", name="Sign in").click()
    expect(at.get_by_label("City")).to_have_value("")


def test_a_part_whose_session_ended_takes_the_page_to_the_sign_in(at: Page, context: BrowserContext) -> None:
    offer_dialog(at)
    context.clear_cookies(name=settings.SESSION_COOKIE_NAME)
    at.locator("#opener").click()
    expect(at.get_by_role("heading", name="Sign in")).to_be_visible()
    assert at.url.endswith("/sign-in/?next=%2Fsearch%2F")


@pytest.mark.parametrize(("width", "scheme"), [(390, "dark"), (1440, "light")])
def test_no_page_has_a_serious_fault_for_readers_of_the_screen_or_runs_out_of_it(
    at: Page, live_server: LiveServer, rita: User, scheme: str, width: int
) -> None:
    firm = organization(rita, name="Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft")
    person = contact(rita, name="مؤسسة النور للتجارة", organization=firm, email="a@b.example", phone="123")
    at.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    at.set_viewport_size({"width": width, "height": 900})
    pages = ["profile/", "organizations/", f"organizations/{firm.pk}/", f"organizations/{firm.pk}/edit/", "contacts/"]
    for path in [*pages, f"contacts/{person.pk}/", "search/?q=donau", "search/?q=zzz", "nowhere/"]:
        at.goto(f"{live_server.url}/{path}")
        assert at.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
        assert_readable(at, path)
    at.context.clear_cookies()
    for path in ("sign-in/", "password/reset/"):
        at.goto(f"{live_server.url}/{path}")
        assert_readable(at, path)


def assert_readable(page: Page, path: str) -> None:
    found = Axe().run(page).response["violations"]
    serious = [
        (path, fault["id"], [node["html"][:120] for node in fault["nodes"]]) for fault in found if is_serious(fault)
    ]
    assert serious == []


def is_serious(fault: dict[str, str]) -> bool:
    return fault["impact"] in ("serious", "critical")


def test_without_scripts_all_forms_work(
    browser_name: str, live_server: LiveServer, browser: object, rita: User
) -> None:
    context = browser.new_context(java_script_enabled=False)  # type: ignore[attr-defined]
    page = context.new_page()
    page.goto(f"{live_server.url}/organizations/new/")
    page.get_by_label("Email").fill(rita.email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_label("Name").fill("Nordwind")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="Nordwind")).to_be_visible()
    context.close()
