"""Lists: pages by position, filters and orders from the declared fields, and nobody's rows but one's own."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.db.models import Sum
from django.test.utils import CaptureQueriesContext

from crm import fields
from crm.api.schema import routes
from crm.models import Company
from pipeline import in_force
from pipeline.models import Deal, DealContact, Tag
from tests import factories as make
from tests.api_world import ApiWorld, Program

pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> ApiWorld:
    return ApiWorld()


@pytest.fixture
def rita(world: ApiWorld) -> Program:
    return Program(world.rep)


def walk(program: Program, path: str) -> list[list[int]]:
    """The ids of each page to the end, and the same pages on the way back."""
    pages, url, forth = [], path, []
    while url:
        told = program.get(url).json()
        pages.append([row["id"] for row in told["results"]])
        forth.append(told)
        url = (told["next"] or "").partition("/api/v1/")[2]
    back, url = [], (forth[-1]["previous"] or "").partition("/api/v1/")[2]
    while url:
        told = program.get(url).json()
        back.append([row["id"] for row in told["results"]])
        url = (told["previous"] or "").partition("/api/v1/")[2]
    assert back[::-1] == pages[:-1], "the way back shows the same pages"
    return pages


ORDERS = [
    "id", "-id", "title", "-title", "value", "-value", "expected_close", "-expected_close", "created_at", "-created_at",
    "next_task_due_at", "-next_task_due_at", "stage_entered_at", "-updated_at", "closed_at", "-closed_at",
]  # fmt: skip


@pytest.mark.parametrize("order", ORDERS)
def test_each_row_is_on_exactly_one_page_in_every_order(world: ApiWorld, rita: Program, order: str) -> None:
    for number in range(10):
        value = None if number % 3 == 0 else Decimal(number // 2)
        close = None if number % 4 == 0 else date(2027, 1, 1 + number // 3)
        world.new_deal(world.rep, value=value, expected_close=close, title=f"Deal {number % 4}")
    pages = walk(rita, f"deals/?ordering={order}&page_size=3")
    assert [len(page) for page in pages] == [3, 3, 3, 2]
    assert sorted(pk for page in pages for pk in page) == sorted(Deal.objects.values_list("pk", flat=True))
    column, found = order.removeprefix("-"), Deal.objects.in_bulk()
    values = [getattr(found[pk], column) for page in pages for pk in page]
    known = [value for value in values if value is not None]
    assert values == sorted(known, reverse=order.startswith("-")) + [None] * (len(values) - len(known))


def test_a_row_that_comes_meanwhile_repeats_no_other(world: ApiWorld, rita: Program) -> None:
    for _number in range(3):
        world.new_deal(world.rep)
    first = rita.get("deals/?page_size=2").json()
    world.new_deal(world.rep)
    second = rita.get(first["next"].partition("/api/v1/")[2]).json()
    shown = [row["id"] for row in first["results"] + second["results"]]
    assert len(shown) == len(set(shown)) == 4


def test_a_cursor_belongs_to_its_order(world: ApiWorld, rita: Program) -> None:
    world.new_deal(world.rep)
    cursor = rita.get("deals/?page_size=1").json()["next"].partition("cursor=")[2].partition("&")[0]
    answer = rita.get(f"deals/?ordering=value&cursor={cursor}")
    assert answer.status_code == 400 and answer.json()["errors"][0]["field"] == "cursor"


def test_how_many_there_are_is_said_when_it_is_asked(world: ApiWorld, rita: Program) -> None:
    world.new_deal(world.rep)
    assert rita.get("deals/?count=1&page_size=1").json()["count"] == 2
    assert rita.get("deals/").json().keys() == {"next", "previous", "results"}


def test_the_size_of_a_page_has_two_names(world: ApiWorld, rita: Program) -> None:
    world.new_deal(world.rep)
    first = rita.get("deals/?limit=1").json()
    assert len(first["results"]) == 1 and "limit=1" in first["next"]
    assert rita.get("deals/?limit=1000").headers["Page-Size"] == "200"
    assert rita.get("deals/?limit=1&page_size=1").json()["errors"][0]["field"] == "limit"


def filtered(program: Program, query: str) -> list[str]:
    return sorted(row["title"] for row in program.get(f"deals/?{query}").json()["results"])


def test_filters_choose_what_they_say(world: ApiWorld, rita: Program) -> None:
    tag, ina = Tag.objects.create(name="Pilot"), make.contact(world.rep)
    large = world.new_deal(
        world.rep, title="Large", value=Decimal(90_000), expected_close=date(2027, 5, 1), source=make.source()
    )
    large.tags.add(tag)
    DealContact.objects.create(deal=large, contact=ina)
    lost = make.deal(world.lost, world.rep, title="Lost", currency="USD", now=world.began)
    assert filtered(rita, "value_min=90000") == filtered(rita, "value_min=1000.01") == ["Large"]
    assert filtered(rita, "value_max=1000") == ["Meters"]
    assert filtered(rita, "expected_close_from=2027-05-01&expected_close_to=2027-05-01") == ["Large"]
    assert (
        filtered(rita, f"tags={tag.pk}")
        == filtered(rita, f"contact={ina.pk}")
        == filtered(rita, f"source={large.source_id}")
        == ["Large"]
    )
    assert (
        filtered(rita, "status=lost")
        == filtered(rita, f"stage={lost.stage_id}")
        == filtered(rita, "currency=usd")
        == ["Lost"]
    )
    assert filtered(rita, f"organization={world.organization.pk}") == filtered(rita, "q=northern") == ["Meters"]
    assert filtered(rita, "title=meters") == ["Meters"] and filtered(rita, f"pipeline={world.pipeline.pk + 1}") == []
    assert filtered(rita, f"owner={world.rep.pk}&status=open") == ["Large", "Meters"]


def test_what_changed_since_then_is_found(world: ApiWorld, rita: Program) -> None:
    then = (datetime.now(UTC) - timedelta(minutes=1)).isoformat().replace("+00:00", "Z")
    assert filtered(rita, f"updated_since={then}") == []
    rita.patch(f"deals/{world.deal.pk}/", {"title": "Renamed"})
    assert filtered(rita, f"updated_since={then}") == ["Renamed"]
    assert filtered(rita, f"updated_since={then.replace('Z', '%2B00:00')}") == ["Renamed"]


def test_every_declared_field_can_be_asked_for() -> None:
    views = {view.__name__: view for _route, view in routes()}
    for kind, name in [("deal", "DealList"), ("organization", "OrganizationList"), ("contact", "ContactList")]:
        filters, orders = views[name].filters, views[name].orders  # type: ignore[attr-defined]
        for field in fields.of(kind):
            assert field in filters or any(key.startswith(f"{field}_") for key in filters), f"{kind}.{field}"
        assert {"id", "created_at", "updated_at"} <= set(orders)


@pytest.mark.parametrize("actor", ["rep", "colleague", "manager", "stranger", "admin"])
def test_sums_and_counts_are_of_what_one_could_list(world: ApiWorld, actor: str) -> None:
    for owner in (world.colleague, world.stranger, world.rep):
        world.new_deal(owner, value=Decimal(7))
    user = getattr(world, actor)
    program, seen = Program(user, "read"), Deal.objects.visible_to(user)
    told = program.get("deals/?count=1&fields=id").json()
    assert sorted(row["id"] for row in told["results"]) == sorted(seen.values_list("pk", flat=True))
    assert told["count"] == seen.count()
    column = program.get(f"board/?pipeline={world.pipeline.pk}").json()["columns"][0]
    assert column["count"] == seen.count()
    total = seen.aggregate(total=Sum("value"))["total"]
    assert [Decimal(each["value"]) for each in column["totals"]] == ([total] if total else [])


def test_the_board_has_the_numbers_of_its_page(world: ApiWorld, rita: Program) -> None:
    for number in range(30):
        world.new_deal(world.rep, value=Decimal(number), currency="USD" if number % 2 else "EUR")
    told = rita.get(f"board/?pipeline={world.pipeline.pk}&owner={world.rep.pk}").json()
    first = told["columns"][0]
    assert [column["stage"]["name"] for column in told["columns"]] == ["First", "Second", "Third", "Won", "Lost"]
    assert (told["pipeline"], first["count"], len(first["cards"])) == (world.pipeline.pk, 31, 25)
    assert first["totals"] == [{"currency": "EUR", "value": "1210.00"}, {"currency": "USD", "value": "225.00"}]
    assert (
        first["over_target"] == 0
        and told["columns"][1] | {"count": 0, "cards": [], "totals": [], "next": None} == told["columns"][1]
    )
    more = rita.get(first["next"].partition("/api/v1/")[2]).json()["columns"]
    assert [len(column["cards"]) for column in more] == [6] and more[0]["next"] is None
    shown = [card["id"] for card in first["cards"] + more[0]["cards"]]
    assert sorted(shown) == sorted(Deal.objects.values_list("pk", flat=True))


def test_a_deal_over_its_target_is_counted_and_marked(world: ApiWorld, rita: Program) -> None:
    make.deal(world.first, world.rep, now=world.began - timedelta(days=30), title="Late")
    first = rita.get(f"board/?pipeline={world.pipeline.pk}").json()["columns"][0]
    assert first["over_target"] == 1 and {card["title"]: card["over_target"] for card in first["cards"]} == {
        "Late": True,
        "Meters": False,
    }
    only = rita.get(f"board/?pipeline={world.pipeline.pk}&over=1").json()["columns"][0]
    assert (only["count"], [card["title"] for card in only["cards"]]) == (1, ["Late"])


def test_lists_cost_the_same_however_many_rows(world: ApiWorld, rita: Program) -> None:
    paths = [
        "deals/",
        f"board/?pipeline={world.pipeline.pk}",
        "activities/",
        "tasks/",
        f"deals/{world.deal.pk}/visits/",
    ]
    make.activity_type("call")
    for path in paths:
        few = _queries(rita, path)
        for _number in range(5):
            deal = world.new_deal(world.rep, organization=world.organization)
            rita.post("tasks/", {"deal": deal.pk, "title": "Call", "due_on": "2999-01-01"})
            rita.post("activities/", {"deal": deal.pk, "type": "call"})
        assert _queries(rita, path) <= few + 2, path


def test_a_list_and_the_board_ask_no_more_than_they_need(world: ApiWorld, rita: Program) -> None:
    """Three to know who asks and what they reach, one for their memberships of deals, then the rows and their tags."""
    rita.get("choices/")
    Company.objects.create(pk=1)
    in_force.read(world.pipeline.pk)
    assert _queries(rita, "deals/?limit=50") <= 6
    assert _queries(rita, f"board/?pipeline={world.pipeline.pk}") <= 15
    assert _queries(rita, "tasks/") <= 5
    assert _queries(Program(world.admin), f"board/?pipeline={world.pipeline.pk}") <= 12


def _queries(program: Program, path: str) -> int:
    with CaptureQueriesContext(connection) as watched:
        assert program.get(path).status_code == 200
    return len(watched)


def test_colleagues_are_known_by_name_only(world: ApiWorld, rita: Program) -> None:
    told = rita.get("users/").json()["results"]
    assert [row["name"] for row in told] == ["Cleo Colleague", "Max Manager", "Rita Rep"]
    assert set(told[0]) == {"id", "name", "is_active"}
    assert rita.get(f"users/{world.stranger.pk}/").status_code == 404
    assert len(Program(world.admin).get("users/").json()["results"]) == 5
