"""A column of 5,000 deals is read by the page: it stays small, comes in parts, and a card from its middle moves like any."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest
from django.db import connection
from django.db.models import F, Model
from django.test import Client
from django.urls import reverse

from pipeline.models import ColumnTotal, Deal, StageVisit
from tests import factories as make

pytestmark = pytest.mark.django_db
MANY = 5_000
LARGEST_PAGE = 130_000
LARGEST_ANSWER = 12_000
"""Bytes; of a move's answer, with as many cards on the screen as a board begins with."""


def copies(deal: Deal, count: int) -> None:
    """As many more like it, with the stay that it is in: told to the database in two sentences."""
    deals, stays = columns(Deal, {"id"}), columns(StageVisit, {"id", "deal_id"})
    numbers = f"WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {count})"  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO pipeline_deal ({deals}) {numbers} SELECT {deals} FROM pipeline_deal, numbers"  # noqa: S608
        )
        cursor.execute(
            f"INSERT INTO pipeline_stagevisit (deal_id, {stays}) SELECT d.new_id, {stays} FROM pipeline_stagevisit,"  # noqa: S608
            " (SELECT id AS new_id FROM pipeline_deal WHERE id <> %s) d",
            [deal.pk],
        )
    ColumnTotal.objects.update(deals=count + 1, value=(count + 1) * F("value"))


def columns(model: type[Model], but: set[str]) -> str:
    return ", ".join(str(field.column) for field in model._meta.concrete_fields if field.column not in but)


def test_a_column_of_five_thousand_deals_comes_in_parts_and_lets_a_card_out() -> None:
    rep, pipeline = make.user(), make.pipeline()
    first, second, *_ = pipeline.stages.all()
    copies(make.deal(first, rep, value=Decimal(1)), MANY - 1)
    client = Client()
    client.force_login(rep)
    page = client.get(reverse("board", args=[pipeline.pk])).content
    assert len(page) <= LARGEST_PAGE and b"5,000" in page
    shown, text = re.findall(r"id=deal-(\d+)", page.decode()), page.decode()
    for part in range(2, 4):
        more = re.search(r'hx-get="([^"]+offset=\d+)"', text)
        assert more is not None
        text = client.get(more[1].replace("&amp;", "&"), headers={"HX-Request": "true"}).content.decode()
        shown += re.findall(r"id=deal-(\d+)", text)
        assert len(set(shown)) == len(shown) == 25 * part
    asks = {"HX-Request": "true", "HX-Current-URL": f"http://testserver{reverse('board', args=[pipeline.pk])}"}
    body = {"to": second.pk, "version": 1, "from": first.pk, "cards": "25"}
    answer = client.post(reverse("deal-move", args=[shown[-1]]), body, headers=asks)
    assert answer.status_code == 200 and Deal.objects.get(pk=shown[-1]).stage == second
    assert b"4,999" in answer.content and len(answer.content) <= LARGEST_ANSWER
