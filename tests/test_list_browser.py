"""The list in a real browser: choosing and moving by mouse and by keys, on a wide window and on a phone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.utils import timezone
from playwright.sync_api import Browser, Locator, Page, expect
from pytest_django.live_server_helper import LiveServer

from crm.models import User
from pipeline.models import Deal
from tests import factories as make
from tests.browsing import Open, visitors

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


class World:
    """Four deals of Rita's in First; the first asks for nothing, Third for a close date. One date has passed."""

    def __init__(self, address: str) -> None:
        team = make.team()
        self.rep, self.manager = make.user(team=team, name="Rita Rep"), make.user("manager", team, name="Max Manager")
        self.pipeline = make.pipeline()
        self.first, self.second, self.third, *_ = self.pipeline.stages.all()
        make.condition(self.third, "field", field="expected_close", label="Close date is set")
        began, late = timezone.now() - timedelta(days=3), timezone.localdate() - timedelta(days=2)
        self.deals = [
            make.deal(
                self.first, self.rep, now=began, title=f"Deal {name}", value=Decimal(1000 * (place + 1)), **fields
            )
            for place, (name, fields) in enumerate([("A", {"expected_close": late}), ("B", {}), ("C", {}), ("D", {})])
        ]
        self.list = f"{address}/board/{self.pipeline.pk}/list/?sort=title"

    def fresh(self) -> list[Deal]:
        return [Deal.objects.get(pk=deal.pk) for deal in self.deals]

    def stages(self) -> list[str]:
        return [Deal.objects.get(pk=deal.pk).stage.name for deal in self.deals]


@pytest.fixture
def world(live_server: LiveServer) -> World:
    return World(live_server.url)


@pytest.fixture
def opened(browser: Browser, browser_context_args: dict[str, object], world: World) -> Iterator[Open]:
    with visitors(browser, browser_context_args, world.list, world.rep) as visit:
        yield visit


def open_views(page: Page) -> None:
    """The menu is filled by a script: not before that has come."""
    page.wait_for_load_state("load")
    page.locator(".board-views > summary").click()


def axe(page: Page) -> list[str]:
    found = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    return [f"{each['id']}: {each['nodes'][0]['html'][:200]}" for each in found]


def test_deals_are_chosen_and_moved_with_the_mouse_and_each_answer_is_shown(opened: Open, world: World) -> None:
    page = opened()
    page.get_by_role("checkbox", name="Choose Deal A").click()
    page.get_by_role("checkbox", name="Choose Deal C").click(modifiers=["Shift"])
    expect(page.locator(".bulk-count")).to_have_text("3 deals chosen")
    page.get_by_role("button", name="Move", exact=True).click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("heading")).to_have_text("Move: 3 deals")
    dialog.get_by_label("Move to").select_option("Third")
    assert axe(page) == []
    dialog.get_by_role("button", name="Move", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Move to Third")
    expect(page.locator(".rows")).to_contain_text("Close date is set")
    assert world.stages() == ["Third", "First", "First", "First"]
    assert axe(page) == []
    page.get_by_role("button", name="Take back").click()
    expect(page.locator(".bulk-state")).to_contain_text("Taken back")
    assert world.stages() == ["First"] * 4


def test_deals_are_chosen_and_moved_with_keys_alone(opened: Open, world: World) -> None:
    page = opened()
    page.locator("#main").focus()
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("link", name="Deal A")).to_be_focused()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("x")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("x")
    expect(page.locator(".bulk-count")).to_have_text("2 deals chosen")
    page.get_by_role("button", name="Move", exact=True).focus()
    page.keyboard.press("Enter")
    expect(page.get_by_label("Move to")).to_be_focused()
    page.keyboard.type("Sec")
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowDown")
    page.get_by_role("dialog").get_by_role("button", name="Move", exact=True).focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Move to Second")
    assert world.stages() == ["Second"] * 4  # the arrow chose all that match


def test_all_of_a_page_are_chosen_and_all_that_match_is_a_step_of_its_own(opened: Open, world: World) -> None:
    page = opened(world.manager)
    page.get_by_label("Choose all deals of this page").check()
    expect(page.locator(".bulk-count")).to_have_text("4 deals chosen")
    page.get_by_role("checkbox", name="Choose Deal A").uncheck()
    page.get_by_role("button", name="Close date").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Expected close").fill("2031-01-31")
    dialog.get_by_label("All 4 deals that match").check()
    dialog.get_by_role("button", name="Set the date").click()
    expect(page.locator(".bulk-tallies")).to_contain_text("4 changed")
    assert Deal.objects.filter(expected_close="2031-01-31").count() == 4


def test_one_key_puts_a_close_date_off(opened: Open, world: World) -> None:
    page = opened()
    page.get_by_role("link", name="Deal A").focus()
    page.keyboard.press("+")
    expect(page.locator("#toasts")).to_contain_text("is expected to close on")
    expect(page.locator(".late-mark")).to_have_count(0)
    assert Deal.objects.get(pk=world.deals[0].pk).expected_close == timezone.localdate() + timedelta(days=7)


def test_the_switch_keeps_the_filters(opened: Open, world: World) -> None:
    page = opened()
    page.goto(world.list.replace("sort=title", "q=Deal+B"))
    switch = page.get_by_role("navigation", name="Shown as")
    switch.get_by_role("link", name="Board").click()
    expect(page.locator(".deal-card")).to_have_count(1)
    switch.get_by_role("link", name="List").click()
    expect(page.locator(".deal-table > tbody > tr")).to_have_count(1)


@pytest.mark.parametrize("width", [390, 1440])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_list_is_accessible_and_as_wide_as_the_window(opened: Open, world: World, width: int, theme: str) -> None:
    User.objects.filter(pk=world.rep.pk).update(theme=theme)
    page = opened(viewport={"width": width, "height": 844}, color_scheme=theme)
    page.get_by_role("checkbox", name="Choose Deal A").check()
    assert axe(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    row = page.locator(".deal-table > tbody > tr").first.bounding_box()
    assert row is not None and row["height"] <= 72


@pytest.mark.parametrize("width", [390, 1440])
def test_a_view_is_kept_under_a_name_and_comes_back_with_one_click(opened: Open, world: World, width: int) -> None:
    page = opened(world.manager, viewport={"width": width, "height": 844})
    page.goto(world.list.replace("sort=title", "q=Deal+B&sort=-value"))
    open_views(page)
    page.get_by_label("Name").fill("Only B")
    page.get_by_label("The board opens with it").check()
    assert axe(page) == []
    page.get_by_role("button", name="Keep this view").click()
    expect(page.locator("#toasts")).to_contain_text("is kept")
    page.get_by_role("link", name="Board", exact=True).first.click()
    expect(page.locator(".deal-table > tbody > tr")).to_have_count(1)
    page.get_by_role("navigation", name="Shown as").get_by_role("link", name="Board").click()
    open_views(page)
    expect(page.get_by_role("button", name="Keep this view")).to_be_visible()
    assert axe(page) == []
    page.get_by_role("link", name="Only B").click()
    expect(page.locator(".deal-table > tbody > tr")).to_have_count(1)
    open_views(page)
    page.get_by_role("link", name="Manage").click()
    page.get_by_label("Change Only B").click()
    assert axe(page) == []
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_role("heading", name="No views yet")).to_be_visible()


def test_columns_are_chosen_and_put_in_order_with_keys_alone(opened: Open, world: World) -> None:
    page = opened()
    page.wait_for_load_state("load")
    page.locator(".board-shown > summary").press("Enter")
    page.get_by_label("Organization", exact=True).press("Space")
    page.get_by_label("Owner one place earlier").press("Enter")
    expect(page.get_by_label("Owner one place earlier")).to_be_focused()
    page.keyboard.press("Enter")
    assert axe(page) == []
    page.locator(".shown-form").get_by_role("button", name="Show").press("Enter")
    page.wait_for_url("**columns=title*")
    assert page.locator("thead th").all_inner_texts()[1:6] == ["Title ↑", "Stage", "Marks", "Owner", "Value"]


# --- Cells that are changed in place


def cell(page: Page, deal: str, column: str) -> Locator:
    return page.locator("tr", has=page.get_by_role("link", name=deal, exact=True)).locator(f'[data-cell="{column}"]')


def form_of(page: Page) -> Locator:
    return page.locator(".cell-form")


def test_three_deals_are_changed_with_keys_alone(opened: Open, world: World) -> None:
    page = opened(world.manager)
    page.get_by_role("link", name="Deal A", exact=True).focus()
    page.keyboard.press("F2")
    expect(form_of(page).get_by_label("Title", exact=True)).to_be_focused()
    page.keyboard.type("Depot")
    page.keyboard.press("Tab")  # saves, and goes on to the value
    expect(cell(page, "Depot", "value")).to_be_focused()
    expect(page.locator("#list-said")).to_have_text("Saved: Title of “Depot”.")
    page.keyboard.press("Enter")
    form_of(page).get_by_label("Value").fill("2500")
    page.keyboard.press("Enter")
    expect(cell(page, "Depot", "value")).to_have_text("€2,500")
    expect(cell(page, "Depot", "value")).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(cell(page, "Deal B", "value")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    form_of(page).get_by_label("Expected close").fill("2031-01-31")
    page.keyboard.press("Enter")
    expect(cell(page, "Deal B", "close")).to_have_text("31 Jan 2031")
    expect(cell(page, "Deal B", "close")).to_be_focused()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    form_of(page).get_by_label("Owner", exact=True).select_option("Max Manager")
    page.keyboard.press("Enter")
    expect(cell(page, "Deal C", "owner")).to_contain_text("Max Manager")
    expect(cell(page, "Deal C", "owner")).to_be_focused()
    page.keyboard.press("Enter")
    form_of(page).get_by_label("Owner", exact=True).select_option("Rita Rep")
    page.keyboard.press("Escape")
    expect(cell(page, "Deal C", "owner")).to_be_focused()
    depot, second, third = world.fresh()[:3]
    assert (depot.title, depot.value) == ("Depot", Decimal(2500))
    assert (second.value, second.expected_close, second.owner) == (Decimal(2000), date(2031, 1, 31), world.rep)
    assert (third.value, third.expected_close, third.owner) == (Decimal(3000), None, world.manager)


def test_of_two_people_in_one_cell_the_second_sees_both_values_and_decides(opened: Open, world: World) -> None:
    page, other = opened(), opened(world.manager)
    for each, value in ((page, "1500"), (other, "1700")):
        cell(each, "Deal A", "value").click()
        form_of(each).get_by_label("Value").fill(value)
    other.keyboard.press("Enter")
    expect(cell(other, "Deal A", "value")).to_have_text("€1,700")
    page.keyboard.press("Enter")
    form = form_of(page)
    expect(form).to_contain_text("Max Manager changed the value to €1,700 meanwhile.")
    expect(form.get_by_label("Value")).to_have_value("1500")
    assert axe(page) == []
    form.get_by_role("button", name="Leave theirs").click()
    expect(form).to_have_count(0)
    expect(cell(page, "Deal A", "value")).to_have_text("€1,700")
    cell(page, "Deal B", "value").click()
    form_of(page).get_by_label("Value").fill("5000")
    cell(other, "Deal B", "close").click()
    form_of(other).get_by_label("Expected close").fill("2031-01-31")
    other.keyboard.press("Enter")
    expect(cell(other, "Deal B", "close")).to_have_text("31 Jan 2031")
    page.keyboard.press("Enter")  # another field: both survive, and the row shows both
    expect(cell(page, "Deal B", "close")).to_have_text("31 Jan 2031")
    assert world.fresh()[1].value == 5000


def test_what_is_wrong_is_said_in_the_cell_and_another_cell_saves_the_one_before(opened: Open, world: World) -> None:
    page = opened()
    expect(page.locator("[data-cell=owner]")).to_have_count(0)  # a rep gives nothing away
    page.get_by_role("checkbox", name="Choose Deal A").check()
    cell(page, "Deal A", "value").click()
    form_of(page).get_by_label("Value").fill("plenty")
    page.keyboard.press("Enter")
    expect(form_of(page)).to_contain_text("Enter a number")
    assert axe(page) == []
    form_of(page).get_by_label("Value").fill("4444")
    cell(page, "Deal D", "value").click()
    expect(cell(page, "Deal A", "value")).to_have_text("€4,444")
    expect(form_of(page).get_by_label("Value")).to_have_value("4000")
    expect(page.get_by_role("checkbox", name="Choose Deal A")).to_be_checked()


def test_on_a_phone_a_value_is_changed_in_a_dialog(opened: Open, world: World) -> None:
    page = opened(viewport={"width": 390, "height": 844})
    page.wait_for_load_state("load")
    cell(page, "Deal B", "value").click()
    page.get_by_role("dialog").get_by_label("Value").fill("2222")
    page.get_by_role("dialog").get_by_role("button", name="Save").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(cell(page, "Deal B", "value")).to_have_text("€2,222")


def test_without_script_a_cell_leads_to_the_page_of_its_field(opened: Open, world: World) -> None:
    page = opened(java_script_enabled=False)
    cell(page, "Deal B", "value").click()
    page.get_by_label("Value").fill("2222")
    page.get_by_role("button", name="Save").click()
    assert world.fresh()[1].value == 2222
