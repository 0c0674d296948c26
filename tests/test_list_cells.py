"""Cells of the list that are changed in place: who may, what is answered, and what two people see of each other."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from django.urls import reverse

from crm.models import Change, User
from pipeline import deals
from tests import factories as make
from tests.deal_world import World

pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> World:
    return World()


def address(world: World, query: str = "") -> str:
    return "http://testserver" + reverse("deal-list", args=[world.pipeline.pk]) + query


def ask(
    world: World, name: str, /, field: str = "", *, user: User | None = None, query: str = "", at: str = "", **data: Any
) -> Any:
    """From the list on the screen, or the page `at`; with data, sent."""
    client = world.client(user, part=True)
    url = world.url(name, *([field] if field else [])) + ("?in=list" if field else "")
    headers = {"HX-Request": "true", "HX-Current-URL": at or address(world, query)}
    return client.post(url, data, headers=headers) if data else client.get(url, headers=headers)


def told(answer: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(answer.headers["HX-Trigger-After-Swap"])["list:drawn"]
    return found


def links(world: World, user: User) -> list[str]:
    page = world.client(user).get(address(world)).content.decode()
    return [name for name in ("title", "value", "close", "owner") if f'data-cell="{name}"' in page]


def test_a_saved_cell_draws_the_row_again_with_the_columns_on_the_screen(world: World) -> None:
    form = ask(world, "deal-field", "value")
    assert b'class="cell-form is-value"' in form.content
    query = "?columns=title%2Cvalue"
    answer = ask(world, "deal-field", "value", query=query, value="2500", currency="EUR", version=1)
    row = answer.content.decode()
    assert (answer.headers["HX-Retarget"], answer.headers["HX-Reswap"]) == (f"#deal-{world.deal.pk}", "outerHTML")
    assert "€2,500" in row and 'data-version="2"' in row and "list-value" in row and "list-stage" not in row
    assert told(answer) == {"deal": world.deal.pk, "cell": "value", "said": "Saved: Value of “Meters for 14 shops”."}
    assert Change.objects.get(object_type="deal", field="value", version=2).by == world.rep


def test_the_second_of_two_in_one_cell_is_told_and_nothing_is_written(world: World) -> None:
    deals.edit(world.deal.pk, {"value": Decimal(1700)}, version=1, by=world.manager, via="page")
    answer = ask(world, "deal-field", "value", value="1500", currency="EUR", version=1)
    assert answer.status_code == 409 and "HX-Retarget" not in answer.headers
    assert "Max Manager changed the value to €1,700 meanwhile." in answer.content.decode()
    assert b'value="1500"' in answer.content and b'name="version" value="2"' in answer.content
    assert world.fresh().value == 1700


def test_two_in_different_cells_both_survive_and_the_row_shows_both(world: World) -> None:
    deals.edit(world.deal.pk, {"title": "Depot"}, version=1, by=world.manager, via="page")
    answer = ask(world, "deal-field", "value", value="1500", currency="EUR", version=1)
    assert "Depot" in answer.content.decode() and "€1,500" in answer.content.decode()


def test_what_is_wrong_is_answered_into_the_cell(world: World) -> None:
    answer = ask(world, "deal-field", "title", title=" ", version=1)
    assert answer.status_code == 422 and b"cell-form" in answer.content and world.fresh().title != " "


def test_only_who_may_change_a_cell_finds_a_link_in_it(world: World) -> None:
    world.let_team_read()
    everything = ["title", "value", "close", "owner"]
    assert links(world, world.manager) == links(world, world.admin) == everything
    assert links(world, world.rep) == everything[:3]
    assert links(world, world.colleague) == []
    assert ask(world, "deal-field", "owner").status_code == 403
    assert ask(world, "deal-field", "value", user=world.colleague).status_code == 403


def test_a_manager_gives_nothing_away_of_people_they_do_not_manage(world: World) -> None:
    boss = make.user("manager", team=make.team())
    world.join(boss)
    assert links(world, boss) == ["title", "value", "close"]
    assert ask(world, "deal-field", "owner", user=boss).status_code == 403


def test_the_quick_form_answers_the_list_with_the_row_and_closes(world: World) -> None:
    answer = ask(world, "deal-quick", value="1200", currency="EUR", expected_close="2031-01-31", version=1)
    assert answer.headers["HX-Retarget"] == f"#deal-{world.deal.pk}" and "31 Jan 2031" in answer.content.decode()
    assert "dialog:close" in answer.headers["HX-Trigger"]


def test_a_row_is_read_again_and_elsewhere_the_page_is(world: World) -> None:
    assert b"<tr" in ask(world, "deal-row").content
    other = "http://testserver" + reverse("deal-list", args=[make.pipeline().pk])
    for at in (other, "http://testserver/profile/", "http://evil.example/board/1/list/", address(world, "?nothing=1")):
        answer = ask(world, "deal-row", at=at)
        assert answer.headers.get("HX-Refresh") == "true" or (b"<tr" in answer.content and "nothing" in at)


def test_without_script_the_link_opens_a_page_with_the_field(world: World) -> None:
    page = world.get("deal-field", "value").content.decode()
    assert "cell-form" not in page and 'name="value"' in page
