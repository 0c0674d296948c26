"""Editing a deal in place: who may, what is refused with words beside the field, and two who edit at once."""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import Any

import pytest

from crm.models import Change
from pipeline import deals
from pipeline.models import ColumnTotal, Product, Tag
from tests import factories as make
from tests.deal_world import World, digest

pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> World:
    return World()


def edit(world: World, name: str, *, part: bool = True, **data: Any) -> Any:
    return world.post("deal-field", name, part=part, **{"version": world.deal.version, **data})


def test_a_value_is_edited_in_place(world: World) -> None:
    form = world.get("deal-field", "value", part=True).content.decode()
    assert 'value="1000"' in form and "<html" not in form
    answer = edit(world, "value", value="12,500.50", currency="EUR")
    assert answer.status_code == 200 and answer["HX-Reswap"] == "none"
    text = answer.content.decode()
    assert "€12,500.50" in text and text.count('hx-swap-oob="true"') == 5 and "Saved." in text
    assert world.fresh().value == Decimal("12500.50")
    assert ColumnTotal.objects.get(stage=world.first).value == Decimal("12500.50")


def test_without_scripts_the_form_is_a_page_and_leads_back(world: World) -> None:
    assert "<html" in world.get("deal-field", "title").content.decode()
    answer = edit(world, "title", part=False, title="A better name")
    assert (answer.status_code, answer["Location"]) == (302, world.url("deal"))
    assert "A better name" in world.page()


def test_a_manager_who_only_takes_part_in_a_deal_cannot_take_it_over(world: World) -> None:
    other = make.user("manager", team=(theirs := make.team()))
    make.user(team=theirs)
    world.join(other)
    assert world.url("deal-field", "title") in world.page(other)
    assert world.url("deal-field", "owner") not in world.page(other)
    assert world.post("deal-field", "owner", user=other, version=1, owner=other.pk).status_code == 403
    assert world.fresh().owner == world.rep


def test_each_fact_has_a_form_that_saves(world: World) -> None:
    organization, tag = make.organization(world.rep), Tag.objects.create(name="VIP")
    source, product = make.source(), Product.objects.create(name="Meters")
    edit(world, "expected_close", expected_close="2027-01-31")
    edit(world, "source", source=source.pk)
    edit(world, "product", product=product.pk)
    edit(world, "tags", tags=[tag.pk])
    edit(world, "organization", organization=organization.pk)
    deal = world.fresh()
    assert (deal.expected_close, deal.source, deal.product) == (datetime.date(2027, 1, 31), source, product)
    assert (deal.organization, list(deal.tags.all())) == (organization, [tag])
    assert {row.field for row in Change.objects.filter(object_id=deal.pk, version__gt=1)} >= {
        "tags",
        "organization",
        "source",
    }


def test_an_organization_is_found_by_a_few_letters(world: World) -> None:
    organization = make.organization(world.stranger, name="Brightwater")
    found = world.get("deal-field", "organization", q="bright", part=True).content.decode()
    assert f'value="{organization.pk}"' in found and "Brightwater" in found
    assert "Nothing found" in world.get("deal-field", "organization", q="zzz", part=True).content.decode()


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("value", {"value": "NaN"}, "Enter a number such as 12500.50."),
        ("value", {"value": "Infinity"}, "Enter a number"),
        ("value", {"value": "9" * 40}, "At most 13 digits before the point."),
        ("value", {"value": "9" * 41}, "at most 40 characters"),
        ("value", {"value": "1e400"}, "At most 13 digits"),
        ("value", {"value": "-5"}, "A value cannot be negative."),
        ("value", {"value": "12.345"}, "EUR has 2 decimals."),
        ("value", {"value": "100.5", "currency": "JPY"}, "JPY has 0 decimals."),
        ("value", {"value": "1", "currency": "XYZ"}, "Select a valid choice"),
        ("value", {"value": "1,2,3"}, "Enter a number"),
        ("expected_close", {"expected_close": "2026-02-30"}, "Enter a valid date."),
        ("expected_close", {"expected_close": "0001-01-01"}, "between the years 1900 and 2999"),
        ("expected_close", {"expected_close": "tomorrow"}, "Enter a valid date."),
        ("title", {"title": ""}, "This field is required."),
        ("title", {"title": "\u200b\u200b"}, "This field is required."),
        ("title", {"title": "x" * 201}, "at most 200 characters"),
        ("title", {"title": "A\u202eB"}, "reverses the direction of writing"),
        ("source", {"source": "99999"}, "Select a valid choice"),
        ("organization", {"organization": "99999"}, "Choose an organization that is there."),
        ("tags", {"tags": ["99999"]}, "99999"),
    ],
)
def test_bad_input_is_told_beside_the_field(world: World, name: str, data: dict[str, Any], words: str) -> None:
    before = digest()
    answer = edit(world, name, **{"currency": "EUR", **data})
    text = answer.content.decode()
    assert answer.status_code == 422 and words in text and "field-error" in text
    assert digest() == before
    typed = next(iter(data.values()))
    assert name in ("source", "organization", "tags") or f'value="{typed}"' in text or not typed.strip("\u200b")


@pytest.mark.parametrize("version", ["", "abc", "-1", "0", str(2**70), "٣"])
def test_a_version_that_is_none_is_refused(world: World, version: str) -> None:
    before = digest()
    assert edit(world, "title", title="New", version=version).status_code == 400
    assert digest() == before


def test_two_who_edit_the_same_field_are_told_of_each_other(world: World) -> None:
    deals.edit(world.deal.pk, {"value": Decimal(700)}, version=None, by=world.manager, via="page")
    answer = edit(world, "value", value="800", currency="EUR")
    text = answer.content.decode()
    assert answer.status_code == 409 and "Max Manager changed the value to €700 meanwhile." in text
    assert 'value="800"' in text and f'name="version" value="{world.fresh().version}"' in text
    assert world.fresh().value == 700
    edit(world, "value", value="800", currency="EUR", version=world.fresh().version)
    assert world.fresh().value == 800


def test_a_form_of_several_fields_changes_only_those_that_were_changed_in_it(world: World) -> None:
    """The board's short form sends value and close date; the other of the two is as its writer saw it."""
    seen, tag = world.deal.version, Tag.objects.create(name="Pilot")
    others = {"expected_close": datetime.date(2999, 1, 1), "tags": [tag]}
    deals.edit(world.deal.pk, others, version=seen, by=world.manager, via="page")
    shown = {"value": Decimal(800), "currency": "EUR", "expected_close": None, "tags": []}
    outcome = deals.edit(world.deal.pk, shown, version=seen, by=world.rep, via="board")
    fresh = world.fresh()
    assert isinstance(outcome, deals.Edited) and outcome.changed == {"value"}
    assert fresh.value == 800 and list(fresh.tags.all()) == [tag]
    assert fresh.expected_close == datetime.date(2999, 1, 1)
    mine = deals.edit(
        world.deal.pk, {"expected_close": datetime.date(2998, 1, 1)}, version=seen, by=world.rep, via="board"
    )
    assert isinstance(mine, deals.Conflict) and world.fresh().expected_close == datetime.date(2999, 1, 1)


def test_edits_of_different_fields_both_survive(world: World) -> None:
    deals.edit(world.deal.pk, {"value": Decimal(700)}, version=None, by=world.manager, via="page")
    assert edit(world, "title", title="Renamed").status_code == 200
    assert (world.fresh().value, world.fresh().title) == (Decimal(700), "Renamed")


def test_a_field_that_is_none_of_the_form_is_not_there(world: World) -> None:
    assert [world.get("deal-field", name).status_code for name in ("stage", "status", "pk", "created_at")] == [404] * 4


def test_a_form_changes_only_its_own_field(world: World) -> None:
    edit(world, "title", title="Renamed", value="1", owner=world.stranger.pk, stage=world.won.pk, status="won")
    deal = world.fresh()
    assert (deal.title, deal.value, deal.owner, deal.stage) == ("Renamed", Decimal(1000), world.rep, world.first)


def test_a_rep_gives_no_deal_away_and_a_manager_does_within_reach(world: World) -> None:
    assert edit(world, "owner", owner=world.colleague.pk).status_code == 403
    assert world.url("deal-field", "owner") not in world.page()
    outside = world.post("deal-field", "owner", user=world.manager, part=True, version=1, owner=world.stranger.pk)
    assert outside.status_code == 422 and world.fresh().owner == world.rep
    world.post("deal-field", "owner", user=world.manager, part=True, version=1, owner=world.colleague.pk)
    assert world.fresh().owner == world.colleague


def test_who_loses_the_deal_by_an_edit_is_led_away(world: World) -> None:
    world.join(world.manager)
    answer = world.post("deal-field", "owner", user=world.admin, part=True, version=1, owner=world.stranger.pk)
    assert answer.status_code == 200 and world.get("deal").status_code == 404


@pytest.mark.parametrize("name", ["title", "value", "expected_close", "source", "tags", "organization"])
def test_who_may_not_edit_changes_nothing(world: World, name: str) -> None:
    world.denied("deal-field", name, version=1, title="x", value="1", currency="EUR")


def test_a_member_edits_too(world: World) -> None:
    world.join(world.stranger)
    assert world.post("deal-field", "title", user=world.stranger, part=True, version=1, title="Ours").status_code == 200
    assert world.fresh().title == "Ours"


def test_a_manager_corrects_dates_with_a_reason(world: World) -> None:
    visit = world.deal.visits.get()
    dates = {f"day_{visit.pk}": "2026-01-05", f"time_{visit.pk}": ""}
    without = world.post("deal-dates", user=world.manager, part=True, **dates)
    assert without.status_code == 422 and "This field is required" in without.content.decode()
    world.post("deal-dates", user=world.manager, part=True, reason="Began in January", **dates)
    assert world.fresh().started_at == datetime.datetime(2026, 1, 5, tzinfo=datetime.UTC)
    assert world.fresh().stage_entered_precision == "day"
    assert "corrected the dates of the stages" in world.page() and "Reason: Began in January" in world.page()


def test_dates_left_as_they_were_keep_their_moment(world: World) -> None:
    form = world.get("deal-dates", user=world.manager, part=True)
    visit = world.deal.visits.get()
    local = visit.entered_at
    same = {f"day_{visit.pk}": f"{local:%Y-%m-%d}", f"time_{visit.pk}": f"{local:%H:%M}"}
    world.post("deal-dates", user=world.manager, part=True, reason="Looked at it", **same)
    assert form.status_code == 200 and world.fresh().started_at == visit.entered_at


def test_a_date_in_the_future_is_no_past(world: World) -> None:
    visit = world.deal.visits.get()
    data = {f"day_{visit.pk}": "2999-01-01", f"time_{visit.pk}": "", "reason": "x"}
    answer = world.post("deal-dates", user=world.manager, part=True, **data)
    assert answer.status_code == 422 and "future" in answer.content.decode()
    assert world.fresh().started_at == world.deal.started_at


@pytest.mark.parametrize("name", ["deal-dates", "deal-pipeline", "deal-delete"])
def test_what_managers_do_no_rep_does_not_even_on_an_own_deal(world: World, name: str) -> None:
    client = world.client()
    before = digest()
    assert [client.post(world.url(name), {"reason": "x"}).status_code, client.get(world.url(name)).status_code] == [
        403,
        403,
    ]
    assert digest() == before


def test_a_manager_who_is_only_a_member_does_not_delete(world: World) -> None:
    outside = make.user("manager", team=make.team())
    world.join(outside)
    assert world.post("deal-delete", user=outside).status_code == 403
    assert world.post("deal-delete", user=world.manager).status_code == 302
    assert world.fresh().deleted_at is not None


def test_a_new_owner_shows_among_the_people_and_at_the_tasks(world: World) -> None:
    answer = edit(world, "owner", owner=world.colleague.pk, user=world.manager).content.decode()
    assert 'id="people"' in answer and 'id="tasks"' in answer and answer.count("Cleo Colleague") >= 2
