"""Files and talk in a real browser: dropped, chosen, photographed; named while typing, told by the bell, without scripts too."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, FilePayload, Page, expect
from pytest_django.live_server_helper import LiveServer

from pipeline import files, talk
from pipeline.models import Commitment, DealFile
from tests import factories as make
from tests import sample_files as sample
from tests.browsing import listen, sign_in
from tests.deal_world import World

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

OFFER: FilePayload = {"name": "Offer.pdf", "mimeType": "application/pdf", "buffer": sample.PDF}
CONTRACT: FilePayload = {"name": "Contract.pdf", "mimeType": "application/pdf", "buffer": sample.PDF}
DRAWING: FilePayload = {"name": "logo.svg", "mimeType": "image/svg+xml", "buffer": sample.SVG}


@pytest.fixture
def world() -> World:
    world = World()
    make.condition(world.second, label="Signed the order", needs_evidence=True)
    return world


@pytest.fixture
def at(context: BrowserContext, live_server: LiveServer, world: World, page: Page) -> Iterator[Page]:
    """The deal, open before Rita. Whatever the content policy or a script complains about fails the test."""
    complaints: list[str] = []
    listen(page, complaints, every_error=True)
    sign_in(context, live_server.url, world.rep)
    page.goto(live_server.url + world.url("deal"))
    yield page
    assert [each for each in complaints if "favicon" not in each and "422" not in each] == []


def drop(page: Page, *payloads: FilePayload) -> None:
    sent: list[dict[str, Any]] = [
        {"name": each["name"], "type": each["mimeType"], "text": base64.b64encode(each["buffer"]).decode()}
        for each in payloads
    ]
    carried = page.evaluate_handle(
        """sent => { const data = new DataTransfer();
        for (const each of sent) data.items.add(new File(
          [Uint8Array.from(atob(each.text), c => c.charCodeAt(0))], each.name, { type: each.type }));
        return data; }""",
        sent,
    )
    page.dispatch_event("#timeline", "dragover", {"dataTransfer": carried})
    expect(page.locator("#files.is-drop-here")).to_be_visible()
    page.dispatch_event("#timeline", "drop", {"dataTransfer": carried})


def test_files_dropped_on_the_deal_are_sent_with_what_they_are(at: Page) -> None:
    drop(at, OFFER, DRAWING)
    at.locator("#files-form").get_by_label("Type").select_option("offer")
    at.locator("#files-form").get_by_label("Signed").check()
    at.get_by_role("button", name="Add to the deal").click()
    expect(at.locator("#files .deal-file")).to_contain_text(["Offer.pdf"])
    expect(at.locator("#files")).to_contain_text("signed")
    expect(at.locator("#toasts")).to_contain_text("“logo.svg”: Pages and drawings that a browser runs")
    expect(at.locator("#timeline")).to_contain_text("Rita Rep added a file")
    with at.expect_download() as started:
        at.locator("#files").get_by_role("link", name="Offer.pdf", exact=True).click()
    assert started.value.suggested_filename == "Offer.pdf" and started.value.path().read_bytes() == sample.PDF


def test_a_refused_file_is_told_beside_the_field(at: Page) -> None:
    at.locator("#add-file").click()
    at.locator("#files-file").set_input_files(DRAWING)
    at.get_by_role("button", name="Add to the deal").click()
    expect(at.locator("#files-form .field-error")).to_contain_text("“logo.svg”: Pages and drawings")


def test_a_proof_is_sent_where_it_is_asked_for(at: Page) -> None:
    at.get_by_role("link", name="Add the proof").click()
    at.locator("#gate").get_by_label("Or a new file").set_input_files(OFFER)
    at.get_by_role("button", name="They agreed").click()
    expect(at.locator("#gate-heading")).to_have_text("Nothing is missing to move to Second")
    assert Commitment.objects.get().evidence_file == DealFile.objects.get()


def test_a_name_is_offered_while_typing_and_its_owner_is_told(
    at: Page, context: BrowserContext, live_server: LiveServer, world: World
) -> None:
    text = at.locator("#comment-text")
    text.press_sequentially("Can you look, @ma")
    expect(at.get_by_role("option", name="Max Manager")).to_be_visible()
    at.keyboard.press("Enter")
    expect(text).to_have_value("Can you look, @Max Manager ")
    expect(at.get_by_role("option")).to_have_count(0)
    at.keyboard.press("Enter")
    expect(at.locator("#timeline")).to_contain_text("Can you look, @Max Manager")
    expect(text).to_have_value("")
    expect(text).to_be_focused()
    sign_in(context, live_server.url, world.manager)
    at.goto(f"{live_server.url}/notices/")
    expect(at.locator(".bell-count")).to_contain_text("1")
    at.get_by_role("button", name="Rita Rep named you on Meters for 14 shops").click()
    expect(at.locator(".entry:target")).to_contain_text("Can you look")
    expect(at.locator(".entry:target")).to_be_in_viewport()
    expect(at.locator(".bell-count")).to_be_empty()


def test_escape_leaves_the_names_and_keeps_the_text(at: Page) -> None:
    text = at.locator("#comment-text")
    text.press_sequentially("@ada")
    expect(at.get_by_role("option", name="Ada Admin")).to_be_visible()
    at.keyboard.press("Escape")
    expect(at.get_by_role("option")).to_have_count(0)
    expect(text).to_have_value("@ada")


def test_following_is_one_press(at: Page) -> None:
    at.get_by_role("button", name="Stop following").click()
    expect(at.get_by_role("button", name="Follow", exact=True)).to_be_visible()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_no_serious_fault(at: Page, live_server: LiveServer, world: World, theme: str) -> None:
    files.add(world.deal.pk, files.check(sample.upload("Offer.pdf", sample.PDF), signed=True), by=world.rep)
    talk.comment(world.deal.pk, "@Rita Rep look", by=world.manager)
    at.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
    at.reload()
    at.locator("#add-file").click()
    expect(at.locator("#files-form")).to_be_visible()
    at.locator("#comment-text").press_sequentially("@")
    expect(at.get_by_role("option").first).to_be_visible()
    assert serious(at) == []
    at.goto(f"{live_server.url}/notices/")
    assert serious(at) == []


def serious(page: Page) -> list[Any]:
    found = Axe().run(page).response["violations"]
    return [
        (each["id"], [node["target"] for node in each["nodes"]])
        for each in found
        if each["impact"] in ("serious", "critical")
    ]


def test_on_a_phone_a_photo_is_one_press_and_nothing_is_cut_off(
    at: Page, live_server: LiveServer, world: World
) -> None:
    files.add(
        world.deal.pk, files.check(sample.upload("Energiemonitoringvertrag" * 8 + ".pdf", sample.PDF)), by=world.rep
    )
    talk.comment(world.deal.pk, "@Rita Rep " + "Energiemonitoringvertrag" * 5, by=world.manager)
    browser = at.context.browser
    assert browser is not None
    phone = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    sign_in(phone, live_server.url, world.rep)
    page = phone.new_page()
    page.goto(live_server.url + world.url("deal"))
    page.locator("#add-file").click()
    photo = page.get_by_label("Or take a photo")
    expect(photo).to_be_visible()
    photo.set_input_files({"name": "IMG_1.jpg", "mimeType": "image/jpeg", "buffer": sample.jpeg()})
    page.get_by_role("button", name="Add to the deal").click()
    expect(page.locator("#files")).to_contain_text("IMG_1.jpg")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.goto(f"{live_server.url}/notices/")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    phone.close()


def test_without_scripts_files_and_talk_still_work(at: Page, live_server: LiveServer, world: World) -> None:
    browser = at.context.browser
    assert browser is not None
    plain = browser.new_context(java_script_enabled=False)
    sign_in(plain, live_server.url, world.rep)
    page = plain.new_page()
    page.goto(live_server.url + world.url("deal"))
    page.locator("#add-file").click()
    page.locator("#files-file").set_input_files([OFFER, CONTRACT])
    page.get_by_role("button", name="Add to the deal").click()
    expect(page.locator("#files .deal-file")).to_have_count(2)
    page.locator("#comment-text").fill("@max see the offer")
    page.get_by_role("button", name="Comment").click()
    expect(page.locator(".entry:target")).to_contain_text("@max see the offer")
    page.get_by_role("button", name="Stop following").click()
    expect(page.get_by_role("button", name="Follow", exact=True)).to_be_visible()
    plain.close()
