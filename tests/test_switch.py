"""The switch of pipelines in the head of board and list: filters that mean the same there go along."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.http import QueryDict
from django.urls import reverse

from pipeline.forms import filters
from pipeline.forms.filters import ListForm, read_filters
from pipeline.models import CardRule, Tag
from tests import factories as make
from tests.deal_world import World

pytestmark = pytest.mark.django_db


def switch(world: World, name: str, other: Any, **query: Any) -> str:
    """Where the switch leads to the other pipeline."""
    page = world.client().get(reverse(name, args=[world.pipeline.pk]), query).content.decode()
    menu = page.split("board-switch")[1].split("</details>")[0]
    found = re.search(rf'href="({reverse(name, args=[other.pk])}[^"]*)"', menu)
    assert found is not None
    return found[1].replace("&amp;", "&")


@pytest.mark.parametrize("name", ["board", "deal-list"])
def test_filters_and_order_go_along(name: str) -> None:
    world, other = World(), make.pipeline()
    tag = Tag.objects.create(name="VIP")
    asked = {
        "q": "meters",
        "owner": world.rep.pk,
        "tag": tag.pk,
        "late": "1",
        "close_to": "2027-01-31",
        "order": "value",
    }
    address = switch(world, name, other, **asked)
    assert QueryDict(address.partition("?")[2]).dict() == {key: str(value) for key, value in asked.items()}
    page = world.client().get(address)
    assert page.status_code == 200 and "meters" in page.content.decode()


def test_without_filters_the_address_stays_plain() -> None:
    world, other = World(), make.pipeline()
    assert switch(world, "board", other) == reverse("board", args=[other.pk])


def test_each_filter_says_whether_it_means_the_same_elsewhere() -> None:
    known = ListForm(QueryDict(), make.user()).fields
    assert set(known) == {*filters.EVERYWHERE, *filters.ONLY_HERE}


def test_what_names_something_of_one_pipeline_stays_behind() -> None:
    world = World()
    rule = CardRule.objects.create(pipeline=world.pipeline, what="overdue", label="Overdue", colour="red")
    asked = read_filters(QueryDict(f"q=meters&mark={rule.pk}"), world.rep)
    assert (asked.query, asked.elsewhere) == (f"q=meters&mark={rule.pk}", "q=meters")
