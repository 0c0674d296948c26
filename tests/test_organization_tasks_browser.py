"""Tasks of an organization and regular work in a real browser: added, finished, opened again, counted."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import BrowserContext, Page, expect
from pytest_django.live_server_helper import LiveServer

from pipeline import followups
from pipeline.models import ActivityGoal, RecurringWork, Task
from tests import factories as make
from tests.browsing import listen, sign_in

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


class Desk:
    def __init__(self, page: Page, address: str) -> None:
        self.page, self.address = page, address
        self.rita = make.user(name="Rita Rep")
        self.organization = make.organization(self.rita, name="Northern Light")

    def go(self, name: str, *args: object) -> Page:
        self.page.goto(self.address + reverse(name, args=args))
        return self.page


@pytest.fixture
def desk(db: None, context: BrowserContext, live_server: LiveServer, page: Page) -> Iterator[Desk]:
    """Whatever the content policy or a script complains about fails the test."""
    complaints: list[str] = []
    listen(page, complaints, every_error=True)
    desk = Desk(page, live_server.url)
    sign_in(context, live_server.url, desk.rita)
    yield desk
    assert [each for each in complaints if "favicon" not in each] == []


def test_a_task_is_added_by_key_finished_and_opened_again(desk: Desk) -> None:
    page = desk.go("organization", desk.organization.pk)
    expect(page.get_by_text("Nothing planned for the organization itself.")).to_be_visible()
    page.keyboard.press("t")
    day = timezone.localdate() + timedelta(days=3)
    page.get_by_label("What").fill("Ask for the branch list")
    page.get_by_label("Due").fill(day.isoformat())
    page.keyboard.press("Enter")
    tasks = page.locator("#organization-tasks")
    expect(tasks.get_by_text("Ask for the branch list", exact=True)).to_be_visible()
    assert Axe().run(page, context="#main").response["violations"] == []
    tasks.get_by_role("button", name="Done: Ask for the branch list").click()
    expect(tasks.get_by_text("1 finished")).to_be_visible()
    tasks.get_by_text("1 finished").click()
    tasks.get_by_role("button", name="Reopen Ask for the branch list").click()
    expect(tasks.get_by_role("button", name="Done: Ask for the branch list")).to_be_visible()
    assert Task.objects.open().get().organization == desk.organization


def test_regular_work_is_counted_up_to_its_end_on_a_phone(desk: Desk) -> None:
    today = timezone.localdate()
    work = RecurringWork.objects.create(title="3 new names", times=3, role="rep", starts_on=today)
    followups.plan_regular(work, desk.rita, today, timezone.now())
    ActivityGoal.objects.create(type=make.activity_type("call", icon="phone"), count=5, period="day", role="rep")
    desk.page.set_viewport_size({"width": 390, "height": 844})
    page = desk.go("goals")
    expect(page.get_by_text("0 of 5")).to_be_visible()
    page.get_by_role("button", name="One more: 3 new names").click()
    counted = page.get_by_label("How many are done: 3 new names")
    expect(counted).to_have_value("1")
    assert Axe().run(page, context="#main").response["violations"] == []
    counted.fill("3")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#goals").get_by_text("done", exact=True)).to_be_visible()
    assert Task.objects.get().state == "done"
