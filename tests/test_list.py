"""The deals of a pipeline as a list: its orders, filters and pages, what it costs, and the close date put off."""

from __future__ import annotations

import re
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from crm.models import User
from pipeline import close_dates, deals, followups
from pipeline.board import Filters, Listing
from pipeline.models import Deal, Stage
from tests import factories as make
from tests.deal_world import World, digest

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture
def world() -> World:
    world = World()
    Deal.objects.filter(pk=world.deal.pk).update(title="Depot", title_key="depot")
    return world


def add(world: World, title: str, days: float = 1, stage: Stage | None = None, **fields: Any) -> Deal:
    fields = {"now": timezone.now() - days * DAY, "title": title, **fields}
    return make.deal(stage or world.first, fields.pop("owner", world.rep), **fields)


def titles(world: World, user: User | None = None, **filters: Any) -> list[str]:
    found = Listing(user or world.rep, world.pipeline, Filters(**filters))
    return [row.title for row in found[0:50]]


def page(world: World, query: str = "", user: User | None = None) -> Any:
    return world.client(user).get(reverse("deal-list", args=[world.pipeline.pk]) + query)


def test_it_begins_in_the_order_of_the_board_over_all_stages(world: World) -> None:
    late, rest = add(world, "late task", 2, world.third), add(world, "rest", 1, world.second)
    followups.add(late.pk, "Call", timezone.localdate() - 2 * DAY, by=world.rep)
    followups.add(rest.pk, "Write", timezone.localdate() + 3 * DAY, by=world.rep)
    assert titles(world) == ["late task", "Depot", "rest"]
    assert titles(world, order="age") == ["Depot", "late task", "rest"]


@pytest.mark.parametrize(
    ("sort", "order"),
    [
        ("value", ["Alpha", "Depot", "Beta"]),
        ("-value", ["Depot", "Alpha", "Beta"]),
        ("title", ["Alpha", "Beta", "Depot"]),
        ("-title", ["Depot", "Beta", "Alpha"]),
        ("stage", ["Depot", "Alpha", "Beta"]),
        ("-stage", ["Beta", "Alpha", "Depot"]),
        ("close", ["Beta", "Alpha", "Depot"]),
        ("-days", ["Depot", "Beta", "Alpha"]),
        ("days", ["Alpha", "Beta", "Depot"]),
        ("organization", ["Beta", "Depot", "Alpha"]),
        ("owner", ["Alpha", "Beta", "Depot"]),
    ],
)
def test_each_column_sorts_and_deals_without_it_come_last(world: World, sort: str, order: list[str]) -> None:
    day = date(2026, 5, 1)
    add(world, "Alpha", 1, world.second, value=Decimal(5), expected_close=day + DAY, owner=world.manager)
    there = make.organization(world.rep, name="Zeta", name_key="zeta")
    add(world, "Beta", 2, world.third, expected_close=day, organization=there, owner=world.manager)
    assert titles(world, world.manager, sort=sort) == order


def test_open_deals_by_default_and_the_closed_ones_when_asked(world: World) -> None:
    add(world, "won", stage=world.won)
    add(world, "lost", 2, stage=world.lost)
    assert titles(world) == ["Depot"]
    assert (titles(world, status="won"), titles(world, status="lost")) == (["won"], ["lost"])
    assert titles(world, status="all") == ["Depot", "won", "lost"]
    assert Listing(world.rep, world.pipeline, Filters(status="all")).count() == 3


def test_nobody_lists_or_counts_what_they_do_not_see(world: World) -> None:
    add(world, "secret", owner=world.stranger)
    assert titles(world) == ["Depot"] and titles(world, world.stranger) == ["secret"]
    assert titles(world, world.admin, sort="title") == ["Depot", "secret"]
    found = [Listing(user, world.pipeline, Filters()).count() for user in (world.rep, world.stranger, world.admin)]
    assert found == [1, 1, 2] and "secret" not in page(world).content.decode()


def test_a_close_date_in_the_past_is_marked_and_filtered(world: World) -> None:
    today = timezone.localdate()
    add(world, "late", expected_close=today - DAY)
    add(world, "in time", expected_close=today)
    add(world, "late but won", stage=world.won, expected_close=today - DAY)
    assert titles(world, late=True) == ["late"]
    assert titles(world, late=True, status="all") == ["late"]
    assert page(world, "?sort=title").content.decode().count('class="late-mark"') == 1


def test_columns_sort_both_ways_and_the_address_keeps_the_filters(world: World) -> None:
    text = page(world, "?q=Depot&sort=-value").content.decode()
    head = re.search(r'aria-sort="descending"><a href="([^"]+)"', text)
    assert head and head[1].endswith("?q=Depot&amp;sort=value")
    assert f'href="{reverse("board", args=[world.pipeline.pk])}?q=Depot"' in text
    board = world.client().get(reverse("board", args=[world.pipeline.pk]) + "?q=Depot").content.decode()
    assert f'href="{reverse("deal-list", args=[world.pipeline.pk])}?q=Depot"' in board


@pytest.mark.parametrize("query", ["?sort=password", "?sort=owner__email", "?status=gone", "?ownr=1", "?sort=a&sort=b"])
def test_what_is_not_on_the_list_of_orders_and_filters_is_refused(world: World, query: str) -> None:
    assert page(world, query).status_code == 400


def test_the_board_takes_no_filter_of_the_list(world: World) -> None:
    assert world.client().get(reverse("board", args=[world.pipeline.pk]) + "?status=won").status_code == 400


def test_pages_follow_each_other_without_gap_or_repetition(world: World) -> None:
    for number in range(60):
        add(world, f"Deal {number:02}", value=Decimal(number % 3) if number % 4 else None)
    found = Listing(world.rep, world.pipeline, Filters(sort="-value"))
    seen = [row.pk for start in range(0, 61, 20) for row in found[start : start + 20]]
    assert len(seen) == len(set(seen)) == found.count() == 61
    text = page(world, "?sort=-value&page=2").content.decode()
    assert text.count("<tr id=") == 11 and page(world, "?page=3").status_code == 404


def test_by_owner_the_pages_of_who_sees_everything_follow_each_other_too(world: World) -> None:
    for number in range(12):
        add(world, f"Deal {number}", owner=(world.rep, world.manager, world.colleague)[number % 3])
    for sort in ("owner", "-owner"):
        found = Listing(world.admin, world.pipeline, Filters(sort=sort))
        seen = [row for start in range(0, 13, 3) for row in found[start : start + 3]]
        names = [row.owner for row in seen]
        assert names == sorted(names, reverse=sort == "-owner") and len({row.pk for row in seen}) == 13


def test_a_page_asks_the_same_queries_for_one_deal_and_for_forty(world: World) -> None:
    def queries(user: User) -> int:
        client = world.client(user)
        client.get(reverse("deal-list", args=[world.pipeline.pk]))
        with CaptureQueriesContext(connection) as caught:
            client.get(reverse("deal-list", args=[world.pipeline.pk]))
        return len(caught)

    add(world, "One", organization=make.organization(world.rep))
    before = queries(world.manager)
    for number in range(40):
        add(world, f"Deal {number}", value=Decimal(number), organization=make.organization(world.rep))
    assert queries(world.manager) == before <= 22


# --- The close date


@pytest.mark.parametrize(
    ("day", "step", "later"),
    [
        (date(2026, 9, 1), "week", date(2026, 9, 22)),
        (date(2026, 9, 20), "week", date(2026, 9, 27)),
        (None, "month", date(2026, 10, 15)),
        (date(2027, 1, 31), "month", date(2027, 2, 28)),
        (date(2026, 9, 1), "quarter", date(2026, 9, 30)),
        (date(2026, 9, 30), "quarter", date(2026, 12, 31)),
        (date(2026, 12, 31), "quarter", date(2027, 3, 31)),
    ],
)
def test_a_date_that_has_passed_moves_on_from_today(day: date | None, step: close_dates.Step, later: date) -> None:
    assert close_dates.later(day, step, date(2026, 9, 15)) == later


def test_a_quarter_is_the_companys(world: World) -> None:
    assert close_dates.later(None, "quarter", date(2026, 9, 15), year_starts_in=2) == date(2026, 10, 31)


def test_putting_a_close_date_off_is_an_edit_and_is_counted(world: World) -> None:
    day = timezone.localdate() + 10 * DAY
    for step, version in (("week", 1), ("week", 2)):
        world.post("deal-close-date", by=step, version=version)
    assert world.fresh().expected_close == timezone.localdate() + 14 * DAY
    assert close_dates.times_moved(world.deal) == 1 and "moved 1 time" in world.page()
    deals.edit(world.deal.pk, {"expected_close": day}, version=None, by=world.rep, via="page")
    deals.edit(world.deal.pk, {"title": "Other"}, version=None, by=world.rep, via="page")
    assert close_dates.times_moved(world.deal) == 2 and "moved 2 times" in world.page()


def test_of_two_who_put_it_off_at_once_one_is_told(world: World) -> None:
    world.post("deal-close-date", by="week", version=1)
    answer = world.client().post(world.url("deal-close-date"), {"by": "month", "version": 1}, follow=True)
    assert "Somebody was quicker" in answer.content.decode()
    assert world.fresh().expected_close == timezone.localdate() + 7 * DAY


def test_the_form_in_the_list_goes_back_to_the_list(world: World) -> None:
    here = reverse("deal-list", args=[world.pipeline.pk]) + "?late=1"
    answer = world.post("deal-close-date", by="month", version=1, next=here)
    assert (answer.status_code, answer.headers["Location"]) == (302, here)


def test_only_who_edits_a_deal_puts_its_date_off_and_only_by_what_is_offered(world: World) -> None:
    world.denied("deal-close-date", by="week", version=1)
    before = digest()
    assert world.post("deal-close-date", by="year", version=1).status_code == 400
    assert digest() == before


def test_a_closed_deal_keeps_its_date(world: World) -> None:
    won = add(world, "won", stage=world.won)
    client = world.client()
    client.post(reverse("deal-close-date", args=[won.pk]), {"by": "week", "version": 1})
    assert Deal.objects.get(pk=won.pk).expected_close is None
