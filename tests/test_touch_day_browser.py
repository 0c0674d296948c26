"""A rep's day on a phone with one thumb: taps, swipes and a long press, on targets that a thumb hits."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from pytest_django.live_server_helper import LiveServer

from pipeline.models import Deal, DealFile, Task
from tests import factories as make
from tests import sample_files as sample
from tests.browsing import visitors
from tests.deal_world import World
from tests.factories import PASSWORD

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
THUMB = 36
"""Pixels that a target has at least in both directions."""
HOLD = 300
_fingers = itertools.count(1)


@pytest.fixture
def world() -> World:
    world = World()
    make.condition(world.second, label="Agrees to a demo")
    make.lost_reason(name="No budget")
    make.activity_type("note")
    return world


@pytest.fixture
def page(
    browser: Browser, browser_context_args: dict[str, object], live_server: LiveServer, world: World
) -> Iterator[Page]:
    small.clear()
    with visitors(browser, browser_context_args, f"{live_server.url}/healthz", world.rep) as visit:
        page = visit(**PHONE)
        page.context.clear_cookies()
        page.goto(f"{live_server.url}/")
        yield page
    assert small == []


small: list[str] = []
"""What was tapped and is smaller than a thumb."""


HIT = """(target, reach) => {
  const { x, y, width, height } = target.getBoundingClientRect();
  if (Math.min(width, height) / 2 > reach) return true; // a message may lie over it for a moment
  const hits = (dx, dy) => target.contains(document.elementFromPoint(x + width / 2 + dx, y + height / 2 + dy));
  return hits(-reach, 0) && hits(reach, 0) && hits(0, -reach) && hits(0, reach);
}"""


def tap(place: Locator) -> None:
    """Whatever it looks like, so far around its middle a thumb hits it."""
    place.scroll_into_view_if_needed()
    if not place.evaluate(HIT, THUMB / 2 - 1):
        small.append(place.evaluate("target => target.outerHTML.slice(0, 120)"))
    place.tap()


STANDS_STILL = """async () => {
  const row = document.getElementById("columns");
  const frame = () => new Promise(requestAnimationFrame);
  for (let still = 0, at = row.scrollLeft; still < 20; still = row.scrollLeft === at ? still + 1 : 0, at = row.scrollLeft) await frame();
}"""
"""A swipe rolls out before the next finger comes."""


class Finger:
    """One that stays on the glass while it moves."""

    def __init__(self, page: Page) -> None:
        self.page, self.hand, self.number = page, page.context.new_cdp_session(page), next(_fingers)

    def _send(self, kind: str, *points: tuple[float, float]) -> None:
        there = [{"x": x, "y": y, "id": self.number} for x, y in points]
        self.hand.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": there})

    def down(self, x: float, y: float) -> None:
        self.at = (x, y)
        self._send("touchStart", self.at)

    def move(self, x: float, y: float, steps: int = 8) -> None:
        from_x, from_y = self.at
        for step in range(1, steps + 1):
            self._send("touchMove", (from_x + (x - from_x) * step / steps, from_y + (y - from_y) * step / steps))
            self.page.wait_for_timeout(16)
        self.at = (x, y)

    def up(self) -> None:
        self._send("touchEnd")


def test_a_working_day_with_one_thumb(page: Page, world: World) -> None:
    # Signing in.
    page.get_by_label("Email").fill(world.rep.email)
    page.get_by_label("Password").fill(PASSWORD)
    tap(page.get_by_role("button", name="Sign in"))
    expect(page.get_by_role("heading", level=1)).to_have_text("My day")
    page.wait_for_load_state("load")
    tap(page.get_by_role("navigation", name="Sections").get_by_role("link", name="Board"))
    overview = page.get_by_role("navigation", name="Columns")
    expect(overview.get_by_role("link", name="First")).to_contain_text("1")
    page.wait_for_load_state("load")

    # To the next column and back, by a swipe and by the overview.
    finger = Finger(page)
    finger.down(340, 600)
    finger.move(30, 600)
    finger.up()
    expect(page.locator(f"#column-{world.second.pk}")).to_be_in_viewport(ratio=0.6)
    page.evaluate(STANDS_STILL)
    tap(overview.get_by_role("link", name="First"))
    expect(page.locator(f"#column-{world.first.pk}")).to_be_in_viewport(ratio=0.6)

    # Moved by “Move to…”, which asks what is missing.
    tap(page.get_by_role("link", name="Move to… Meters for 14 shops"))
    dialog = page.locator("#dialog")
    tap(dialog.get_by_role("button", name="Second"))
    tap(dialog.locator("label.tick"))
    expect(dialog.get_by_label("Agrees to a demo")).to_be_checked()
    tap(dialog.get_by_role("button", name="Save and move to Second"))
    expect(page.locator(f"#cards-{world.second.pk} > #deal-{world.deal.pk}")).to_have_count(1)
    assert world.fresh().stage == world.second

    # On its page: a task, and done with it; a note; a photo.
    tap(overview.get_by_role("link", name="Second"))
    page.locator(f"#deal-{world.deal.pk} .deal-title").tap()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Meters for 14 shops")
    page.wait_for_load_state("load")
    tap(page.locator("#new-task"))
    page.locator("#task-form").get_by_label("What").fill("Call Anna")
    page.locator("#task-form").get_by_label("Due").fill("2031-01-01")
    tap(page.locator("#task-form").get_by_role("button", name="Add task"))
    expect(page.locator("#tasks")).to_contain_text("Call Anna")
    tap(page.get_by_role("button", name="Done: Call Anna"))
    expect(page.locator("#tasks")).to_contain_text("1 finished")
    assert Task.objects.get().state == "done"
    tap(dialog.get_by_role("button", name="Leave it without"))
    expect(dialog).to_be_hidden()
    tap(page.locator("#log-note"))
    page.get_by_label("What was said").fill("She likes it.")
    tap(page.get_by_role("button", name="Log note"))
    expect(page.locator("#timeline")).to_contain_text("She likes it.")
    tap(page.locator("#add-file"))
    photo = {"name": "IMG_1.jpg", "mimeType": "image/jpeg", "buffer": sample.jpeg()}
    page.get_by_label("Or take a photo").set_input_files(photo)  # type: ignore[arg-type]
    tap(page.get_by_role("button", name="Add to the deal"))
    expect(page.locator("#files")).to_contain_text("IMG_1.jpg")
    assert DealFile.objects.count() == 1

    # Lost, with a reason; and that was a mistake.
    tap(page.get_by_role("navigation", name="Sections").get_by_role("link", name="Board"))
    page.wait_for_load_state("load")
    tap(overview.get_by_role("link", name="Second"))
    tap(page.get_by_role("link", name="Move to… Meters for 14 shops"))
    tap(dialog.get_by_role("button", name="Lost"))
    tap(dialog.get_by_text("No budget"))
    tap(dialog.get_by_role("button", name="Lost"))
    expect(page.locator(f"#cards-{world.lost.pk} > #deal-{world.deal.pk}")).to_have_count(1)
    tap(page.get_by_role("button", name="Undo"))
    expect(page.locator(f"#cards-{world.second.pk} > #deal-{world.deal.pk}")).to_have_count(1)
    assert (world.fresh().status, world.fresh().stage) == ("open", world.second)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_card_is_lifted_by_a_long_press_and_the_edge_brings_the_next_column(
    page: Page, world: World, live_server: LiveServer
) -> None:
    wide = make.pipeline(*"ABCDEFGH")
    deal = make.deal(wide.stages.all()[0], world.rep, now=world.began, title="Depot")
    page.get_by_label("Email").fill(world.rep.email)
    page.get_by_label("Password").fill(PASSWORD)
    tap(page.get_by_role("button", name="Sign in"))
    expect(page.get_by_role("heading", level=1)).to_have_text("My day")
    page.goto(f"{live_server.url}/board/{wide.pk}/")
    box = page.locator(f"#deal-{deal.pk}").bounding_box()
    assert box is not None
    finger = Finger(page)
    finger.down(box["x"] + 60, box["y"] + 4)
    page.wait_for_timeout(HOLD)
    finger.move(200, box["y"] + 60)
    expect(page.locator("#board.is-dragging")).to_have_count(1)
    finger.move(384, box["y"] + 60)
    columns = page.locator("#columns")
    for _moment in range(200):  # the finger rests at the edge, trembling, until the next column is there
        if columns.evaluate("row => row.scrollLeft") > 250:
            break
        finger.move(383, box["y"] + 61, steps=1)
        finger.move(384, box["y"] + 60, steps=1)
    finger.move(200, box["y"] + 40)
    page.wait_for_timeout(150)
    finger.up()
    expect(page.locator(f"#deal-{deal.pk}:not(.is-moving)")).to_have_count(1)
    expect(page.locator("#toasts")).to_contain_text("“Depot” is in")
    stage = Deal.objects.get(pk=deal.pk).stage
    assert stage.name != "A"
    expect(page.locator(f"#cards-{stage.pk} > #deal-{deal.pk}")).to_be_in_viewport()
