"""Every page of the product, as the right person, with rows on it: no fault that a reader of the screen or a phone meets.

The addresses come from the routes: a new page is visited without a word here, and one that answers with no page of its own
has to be named in NO_PAGES.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib.resources import files
from urllib.parse import urlencode

import pytest
from django.apps import apps
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from playwright.sync_api import Browser, Locator, Page, expect
from pytest_django.live_server_helper import LiveServer

from crm import digest, letters, password_reset
from crm.models import Company, Holiday, OutgoingMail, Reminder, WebhookDelivery
from crm.webhooks import keeping, kinds, reading
from pipeline import followups, moves
from pipeline.models import ActivityGoal, Product, RecurringWork, Stage, Tag
from tests import factories as make
from tests.browsing import Open, visitors
from tests.test_permissions import GRANTS, MATRIX, PUBLIC, World, address, body_of, routes

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

# Streams, files, numbers beside a bell, parts that htmx fetches and answers for machines.
NO_PAGES = {
    "board-stream", "day-stream",
    "deal-stream", "board-changes", "board-cards", "notices-count", "approvals-count", "deal-file", "calendar-feed",
    "board-column", "deal-readers", "deal-gates", "deal-row", "deal-others", "board-no-next",
    "healthz", "readyz", "csp_report", "api-schema", "api-not-here",
    "admin:autocomplete", "admin:jsi18n", "admin:view_on_site", "admin:login", "admin:logout", "admin:None",
    "admin:crm_user_token_revoke",
}  # fmt: skip
AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text()
SEEN = ["color-contrast", "target-size", "scrollable-region-focusable", "link-in-text-block"]
"""Rules about what colours and widths change; the others need one look a page."""
ALIKE = ("_history", "_delete")
"""Pages of the administration that are Django's, the same for every kind of row: two of them stand for all."""
TWO = [("light", 1440), ("dark", 390)]
OTHER_TWO = [("dark", 1440), ("light", 390)]


@pytest.fixture
def world(db: None) -> World:
    world = World()
    moves.move_deal(world.deal.pk, world.second.pk, by=world.owner, via="board")  # refused, which is kept
    Company.objects.get_or_create(pk=1)
    Holiday.objects.create(day="2999-01-01", name="New year")
    now = timezone.now()
    OutgoingMail.objects.create(key="hello", user=world.owner, subject="Hello", not_before=now, created_at=now)
    Product.objects.create(name="Meters")
    Tag.objects.create(name="Urgent")
    followups.add_for(world.organization.pk, "Send the calendar", now.date(), by=world.owner)
    work = RecurringWork.objects.create(title="25 new names", times=25, role="rep", starts_on=now.date())
    followups.plan_regular(work, world.owner, now.date(), now)
    ActivityGoal.objects.create(type=world.call, count=20, period="day", role="rep")
    make.action(world.first, text="Have a look", role="managers")
    make.lost_reason()
    make.source()
    told = {"name": "Books", "url": "https://example.com/hook", "events": list(kinds.known())}
    keeping.make(told, by=world.admin)
    followups.add(world.deal.pk, "Ring", now.date(), by=world.boss, owner=world.owner)
    reading.queue_new()
    digest.plan_missing(now)
    assert WebhookDelivery.objects.exists() and Reminder.objects.exists()
    return world


# --- Where to go: (who, address)

Visit = tuple[str, str]


def pages(world: World) -> list[Visit]:
    """Of people who signed in: each route of the table of permissions, asked as its forms ask."""
    found = []
    for row in MATRIX:
        if not row.get or row.name in NO_PAGES:
            continue
        may = GRANTS[row.get][0]
        who = "boss" if row.name == "approvals" or "owner" not in may else "owner"
        query = urlencode({name: value for name, value in body_of(row, world).items() if name != "file"})
        found.append((who, f"{address(row, world)}?{query}"))
    return found


def public_pages(world: World) -> list[Visit]:
    link = "/" + password_reset.link_for(world.mate).split("/", 3)[3]
    fewer = "/" + letters.unsubscribe_link(world.mate.pk, "digest").split("/", 3)[3]
    # To which the links lead, or that are the link.
    names = sorted(PUBLIC - NO_PAGES - {"password-reset-link", "password-reset-choose", "unsubscribe"})
    found = [("anonymous", reverse(name)) for name in names]
    return [*found, ("anonymous", link), ("anonymous", fewer), ("owner", "/nowhere/")]


def administration(world: World) -> list[Visit]:
    found = []
    for namespace, name in routes():
        if namespace == "admin" and f"admin:{name}" not in NO_PAGES and not name.endswith(ALIKE):
            found.append(("admin", admin_address(name)))
    return [*found, ("admin", admin_address("crm_team_history")), ("admin", admin_address("crm_holiday_delete"))]


def some_of_the_administration(world: World) -> list[Visit]:
    """One of each kind, for every day."""
    kinds = ["index", "crm_user_changelist", "crm_team_change", "pipeline_pipeline_change", "pipeline_stage_retire"]
    return [("admin", admin_address(name)) for name in [*kinds, "crm_holiday_delete"]]


def empty_pages(world: World) -> list[Visit]:
    """As they are for somebody who has nothing yet."""
    # A new deal is asked for in a stage.
    left_out = NO_PAGES | {"deal-new"}
    names = [row.name for row in MATRIX if row.get == "all" and not row.about and row.name not in left_out]
    return [("left", reverse(name)) for name in names] + [("left", reverse("deal-list", args=[world.pipeline.pk]))]


def admin_address(name: str) -> str:
    """Of the first row of its kind, where it is about one; the longest-standing rows have most to show."""
    app, _, rest = name.partition("_")
    options: list[list[object]] = [[]]
    if name == "app_list":
        options.append(["crm"])
    elif rest:
        row = apps.get_model(app, rest.split("_")[0])._default_manager.first()
        options.append([row.pk if row else 0])
    for arguments in options:
        try:
            return reverse(f"admin:{name}", args=arguments)
        except NoReverseMatch:
            continue
    raise AssertionError(f"admin:{name} has no address here; name it in NO_PAGES if it is no page")


# --- Going there


class Walk:
    """Visits addresses, each person in a window of their own, and writes down what is wrong."""

    def __init__(self, visit: Open, world: World, address: str) -> None:
        self.visit, self.world, self.address = visit, world, address
        self.windows: dict[str, Page] = {}
        self.seen: set[str] = set()
        self.faults: list[str] = []

    def page(self, who: str) -> Page:
        if who not in self.windows:
            # The rules themselves write styles into a page, which ours forbids.
            self.windows[who] = self.visit(getattr(self.world, who, None), bypass_csp=True)
            if who == "anonymous":
                self.windows[who].context.clear_cookies()
        return self.windows[who]

    def go(self, who: str, path: str, views: list[tuple[str, int]]) -> None:
        page = self.page(who)
        look(page, *views[0])
        answer = page.goto(self.address + path, wait_until="load")
        if answer is None or answer.status not in (200, 403, 404) or (answer.status == 404) != ("/nowhere/" in path):
            self.faults.append(f"{path}: answers {answer and answer.status}")
        elif answer.status == 403 or page.url in self.seen:
            return  # the administration has no form to add what only happens; every such page is the same
        self.seen.add(page.url)
        self.faults += look_at(page, path, views)


def look_at(page: Page, name: str, views: list[tuple[str, int]]) -> list[str]:
    """All rules at the first look; what colours and widths may break, at the others."""
    said: list[str] = []
    for scheme, width in views:
        look(page, scheme, width)
        found = faults(page, None if (scheme, width) == views[0] else SEEN)
        said += [f"{name} at {width} {scheme}: {fault}" for fault in found]
    return said


def look(page: Page, scheme: str, width: int) -> None:
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    page.set_viewport_size({"width": width, "height": 900})


def faults(page: Page, only: list[str] | None = None) -> list[str]:
    """What the rules call wrong, by the first place; and a page that runs out of the window.

    Left out: what is minor (Django's empty heads of columns), and its search field, which has a picture for a label.
    """
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE)
    options = {"resultTypes": ["violations"], **({"runOnly": only} if only else {})}
    found = page.evaluate("options => axe.run({ exclude: ['#searchbar'] }, options)", options)["violations"]
    said = [
        f"{each['impact']}: {each['id']}, {len(each['nodes'])} x {each['nodes'][0]['html'][:160]}"
        for each in found
        if each["impact"] != "minor"
    ]
    if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
        said.append("is wider than the window")
    return said


@pytest.fixture
def walk(
    browser: Browser, browser_context_args: dict[str, object], live_server: LiveServer, world: World
) -> Iterator[Walk]:
    with visitors(browser, browser_context_args, f"{live_server.url}/healthz", world.owner) as visit:
        walk = Walk(visit, world, live_server.url)
        yield walk
    assert "\n".join(walk.faults) == ""


@pytest.mark.parametrize("places", [pages, public_pages, some_of_the_administration])
def test_no_page_has_a_fault_for_readers_of_the_screen_or_runs_out_of_it(
    walk: Walk, world: World, places: Callable[[World], list[Visit]]
) -> None:
    """Each in light or in dark, wide or on a phone; all four of all pages are looked at by the long one."""
    for number, (who, path) in enumerate(places(world)):
        walk.go(who, path, [TWO[number % 2]])


@pytest.mark.long
@pytest.mark.parametrize("places", [pages, public_pages, administration, empty_pages])
def test_no_page_has_one_in_either_theme_at_either_width(
    walk: Walk, world: World, places: Callable[[World], list[Visit]]
) -> None:
    for who, path in places(world):
        walk.go(who, path, [*TWO, *OTHER_TWO])


def test_no_dialog_and_no_menu_has_such_a_fault(walk: Walk, world: World) -> None:
    board, lost = reverse("board", args=[world.pipeline.pk]), world.pipeline.stages.get(kind="lost")
    page = walk.page("owner")
    card, dialog = page.locator(f"#deal-{world.deal.pk}"), page.locator("#dialog")

    def check(name: str, shown: Locator) -> None:
        expect(shown.first).to_be_visible()
        walk.faults.extend(look_at(page, name, TWO))
        look(page, *TWO[0])
        page.keyboard.press("Escape")

    def press(key: str, name: str, shown: Locator) -> None:
        card.evaluate("card => { card.tabIndex = -1; card.focus(); }")
        page.keyboard.press(key)
        check(name, shown)

    def move_to(stage: Stage, name: str, shown: Locator) -> None:
        card.evaluate("card => { card.tabIndex = -1; card.focus(); }")
        page.keyboard.press("m")
        dialog.get_by_role("button", name=stage.name).click()
        check(name, shown)

    page.goto(walk.address + board)
    press("m", "move to", dialog.locator(".stage-list"))
    move_to(world.second, "gate", dialog.locator(".gate-form"))
    move_to(lost, "lost", dialog.get_by_label("Note"))
    press("e", "quick edit", dialog.get_by_label("Value"))
    press("?", "keys", dialog.locator(".keys"))
    press("n", "new deal", page.locator(".new-deal"))
    for menu in (".board-views", ".board-filter", ".board-order", ".bar .menu"):
        page.locator(f"{menu} > summary").click()
        check(menu, page.locator(f"{menu} .menu-list input, {menu} .menu-list [href], {menu} .menu-list form"))
    page.keyboard.press("Control+k")
    check("palette", page.locator("#palette [role=option]"))
    page.goto(walk.address + reverse("deal-list", args=[world.pipeline.pk]))
    page.get_by_label("Choose all deals of this page").check()
    page.get_by_role("button", name="Close date").click()
    check("bulk", dialog.get_by_label("Expected close"))
