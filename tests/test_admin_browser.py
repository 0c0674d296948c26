"""The administration in a real browser: order by drag and by keys, conditions that show what their kind reads."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from pipeline import definition, moves
from pipeline.models import Pipeline
from tests import factories

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def admin_page(page: Page, live_server: object) -> Iterator[Page]:
    """Signed in; the test fails when the browser reports anything: a refused style, a script that stopped."""
    reports: list[str] = []
    page.on("console", lambda message: reports.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: reports.append(str(error)))
    admin = factories.user("admin")
    page.goto(f"{live_server}/sign-in/?next=/admin/")
    page.get_by_label("Email").fill(admin.email)
    page.get_by_label("Password").fill(factories.PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Administration", exact=True)).to_be_visible()
    yield page
    assert reports == []


@pytest.fixture
def pipeline(db: None) -> Pipeline:
    return definition.load_template("standard", by=None)


def names(page: Page) -> list[str]:
    script = "all => all.filter(one => !one.name.includes('__prefix__')).map(one => one.value)"
    found: list[str] = page.eval_on_selector_all("#stages-group input[name$='-name']", script)
    return found


def test_stages_are_ordered_by_drag_and_by_keys(admin_page: Page, live_server: object, pipeline: Pipeline) -> None:
    page = admin_page
    page.goto(f"{live_server}/admin/pipeline/pipeline/{pipeline.pk}/change/")
    handles = page.locator("#stages-group tr:not(.empty-form) .order-handle")
    handles.nth(3).scroll_into_view_if_needed()
    start, end = handles.nth(3).bounding_box(), handles.nth(1).bounding_box()
    assert start
    assert end
    page.mouse.move(start["x"] + 8, start["y"] + 8)
    page.mouse.down()
    for step in range(1, 13):
        page.mouse.move(start["x"] + 8, start["y"] + 8 + (end["y"] - start["y"] - 6) * step / 12)
    page.wait_for_timeout(150)
    page.mouse.up()
    expect(page.locator("#stages-group input[name$='-name']").nth(1)).to_have_value("Pitch")
    handles.nth(1).press("ArrowDown")
    assert names(page)[:4] == ["To contact", "Qualifying", "Pitch", "Exploring the need"]
    page.get_by_role("button", name="Save and continue editing").click()
    expect(page.locator(".messagelist .success")).to_be_visible()
    assert [stage.name for stage in pipeline.stages.all()[:4]] == [
        "To contact",
        "Qualifying",
        "Pitch",
        "Exploring the need",
    ]
    assert pipeline.versions.count() == 2


def test_an_admin_adds_a_stage_and_a_condition_and_the_gate_obeys(
    admin_page: Page, live_server: object, pipeline: Pipeline
) -> None:
    page = admin_page
    page.goto(f"{live_server}/admin/pipeline/pipeline/{pipeline.pk}/change/")
    page.locator("#stages-group .add-row a").click()
    page.locator("[name=stages-8-name]").fill("Trial")
    page.locator("[name=stages-8-probability]").fill("50")
    page.get_by_role("button", name="Save and continue editing").click()
    expect(page.locator(".messagelist .success")).to_be_visible()
    stage = factories.stage(pipeline, "Trial")

    page.goto(f"{live_server}/admin/pipeline/stage/{stage.pk}/change/")
    page.locator("#conditions-group .add-row a").click()
    expect(page.locator("[name=conditions-0-needs_evidence]")).to_be_visible()
    page.locator("[name=conditions-0-kind]").select_option("field")
    expect(page.locator("[name=conditions-0-needs_evidence]")).to_be_hidden()
    expect(page.locator("[name=conditions-0-compared_with]")).to_be_hidden()
    page.locator("[name=conditions-0-field]").select_option("value")
    page.locator("[name=conditions-0-operator]").select_option("at_least")
    page.locator("[name=conditions-0-compared_with]").fill("500")
    page.locator("[name=conditions-0-label]").fill("Worth 500 at least")
    page.get_by_role("button", name="Save and continue editing").click()
    expect(page.locator(".messagelist .success")).to_be_visible()

    rep = factories.user()
    made = moves.create_deal(stage.pk, {"title": "A deal", "owner": rep, "currency": "EUR"}, by=rep, via="board")
    assert isinstance(made, moves.Refused)
    assert "Worth 500 at least" in [verdict.condition.label for verdict in made.missing]


@pytest.mark.parametrize(("width", "theme"), [(1440, "dark"), (390, "light")])
def test_every_kind_of_page_fits_and_reports_nothing(
    admin_page: Page, live_server: object, pipeline: Pipeline, width: int, theme: str
) -> None:
    page = admin_page
    page.set_viewport_size({"width": width, "height": 844})
    page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
    stage = factories.stage(pipeline, "Contract")
    addresses = [
        "", f"pipeline/pipeline/{pipeline.pk}/change/", f"pipeline/stage/{stage.pk}/change/", f"pipeline/stage/{stage.pk}/retire/",
        f"pipeline/pipelineversion/{pipeline.versions.get().pk}/change/", "crm/user/", "crm/user/add/", "crm/company/1/change/",
        "crm/change/", "leads/activitytype/1/change/",
    ]  # fmt: skip
    for address in addresses:
        page.goto(f"{live_server}/admin/{address}")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), address
        assert page.evaluate("document.documentElement.dataset.theme") == theme
