"""What a list or a card shows: columns in an order, kept in the address and with a view by name; nothing that no one knows."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from pipeline import bookmarks
from pipeline.models import CardRule, SavedView
from tests.deal_world import World

pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> World:
    return World()


def page(world: World, query: str = "", name: str = "deal-list", **options: Any) -> Any:
    return world.client(world.rep).get(reverse(name, args=[world.pipeline.pk]) + query, **options)


def heads(answer: Any) -> list[str]:
    table = answer.content.decode().split("<thead>")[1].split("</thead>")[0]
    found = [re.sub(r"<[^>]+>", "", head).strip() for head in re.findall(r"(?s)<th [^>]*>(.*?)</th>", table)]
    return [re.sub(r"\s*[↑↓]", "", head) for head in found[1:]]


def cells(answer: Any) -> int:
    row = answer.content.decode().split("<tbody>")[1].split("</tr>")[0]
    return len(re.findall(r"<t[dh]\b", row))


def test_a_list_shows_the_columns_of_its_address_in_their_order_and_the_title_first(world: World) -> None:
    assert heads(page(world))[:4] == ["Title", "Organization", "Stage", "Marks"]
    chosen = page(world, "?columns=owner%2Ctitle%2Cvalue", follow=True)
    assert heads(chosen) == ["Title", "Owner", "Value"] and cells(chosen) == 4


def test_boxes_of_a_plain_form_give_one_short_address(world: World) -> None:
    answer = page(world, "?columns=title&columns=close&columns=value&sort=-value")
    assert answer.headers["Location"].endswith("?sort=-value&columns=title%2Cclose%2Cvalue")
    everything = page(world, "?columns=title,organization,stage,marks,value,close,owner,days,task", follow=True)
    assert everything.redirect_chain == [(reverse("deal-list", args=[world.pipeline.pk]), 302)]


@pytest.mark.parametrize("query", ["?columns=title,password", "?columns=title&columns=<b>", "?sort=value&sort=title"])
def test_what_no_list_shows_is_refused_in_words(world: World, query: str) -> None:
    assert page(world, query).status_code == 400


def test_nobody_asks_for_what_is_not_shown(world: World) -> None:
    def tables(query: str) -> str:
        with CaptureQueriesContext(connection) as asked:
            page(world, query)
        return " ".join(query["sql"] for query in asked)

    tasks = 'FROM "pipeline_task"'
    assert tasks in tables("") and tasks not in tables("?columns=title%2Cvalue")


def test_columns_are_kept_with_a_view_and_opened_with_it(world: World) -> None:
    query = "sort=value&columns=title%2Cvalue%2Cowner"
    given = {"shown": "list", "query": query, "name": "Money"}
    world.client(world.rep).post(reverse("view-new", args=[world.pipeline.pk]), given)
    view = SavedView.objects.get(name="Money")
    assert view.query == query
    opened = world.client(world.rep).get(reverse("view", args=[view.pk]), follow=True)
    assert heads(opened) == ["Title", "Value", "Owner"]


def test_a_view_drops_a_column_that_is_no_more(world: World) -> None:
    view = bookmarks.keep(world.pipeline, "list", "columns=title%2Cgone&q=a", "Old", shared=False, by=world.rep)
    opened = world.client(world.rep).get(reverse("view", args=[view.pk]), follow=True)
    assert "Columns" in opened.content.decode() and opened.redirect_chain[-1][0].endswith("?q=a")


def test_the_filters_and_the_switch_to_the_board_and_back_keep_what_belongs_to_them(world: World) -> None:
    shown = page(world, "?q=a&columns=title%2Cvalue&facts=title%2Cvalue", follow=True).content.decode()
    board = reverse("board", args=[world.pipeline.pk])
    assert f'href="{board}?q=a&amp;facts=title%2Cvalue"' in shown
    panel = page(world, "?columns=title%2Cvalue", "deal-list-filters").content.decode()
    assert '<input type="hidden" name="columns" value="title,value">' in panel


def test_a_board_hides_what_its_address_does_not_name(world: World) -> None:
    CardRule.objects.create(pipeline=world.pipeline, what="no_next_step", label="No step", colour="red")
    plain = page(world, name="board").content.decode()
    assert "edge-red" in plain and 'class="board"' in plain
    bare = page(world, "?facts=title&facts=value&facts=gate", "board", follow=True)
    assert bare.redirect_chain[0][0].endswith("?facts=title%2Cvalue%2Cgate")
    content = bare.content.decode()
    assert 'class="board hide-organization hide-owner hide-task hide-days hide-marks"' in content
    assert "edge-red" not in content


def test_a_column_moves_by_a_link_without_script(world: World) -> None:
    shown = page(world, "?columns=title%2Cvalue%2Cowner").content.decode()
    link = re.search(r'href="([^"]*)"[^>]*aria-label="Owner one place earlier"', shown)
    assert link is not None and link[1].endswith("columns=title%2Cowner%2Cvalue")
