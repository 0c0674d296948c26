"""The board as it is read: order, marks, totals that equal the rows, what each person sees, filters, fixed queries."""

from __future__ import annotations

import datetime
import random
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from crm.models import Company, Membership, User
from leads import organizations
from pipeline import board, commitments, deals, followups, moves
from pipeline.board import Card, Column, Filters
from pipeline.board import order as ordering
from pipeline.models import Deal, DealMember, Pipeline, Stage, Tag, Task
from tests import factories as make
from tests.factories import NOW

pytestmark = pytest.mark.django_db
AGO = timedelta(days=1)


class World:
    """One pipeline First, Second, Third (target 7 days, idle after 5), a rep, her manager, an admin."""

    def __init__(self) -> None:
        self.team = make.team("Inbound")
        self.rep = make.user(team=self.team, name="Rita Rep")
        self.manager, self.admin = make.user("manager", team=self.team), make.user("admin")
        self.pipeline = make.pipeline()
        self.first, self.second, self.third, self.won, self.lost = self.pipeline.stages.all()

    def deal(
        self, title: str, *, days: float = 1, touched: float = 1, stage: Stage | None = None, **fields: Any
    ) -> Deal:
        """In the stage for so many days, last touched so many days ago."""
        deal = make.deal(
            stage or self.first, fields.pop("owner", self.rep), now=NOW - timedelta(days=days), title=title, **fields
        )
        Deal.objects.filter(pk=deal.pk).update(last_worked_at=NOW - timedelta(days=touched))
        return deal

    def task(self, deal: Deal, day: datetime.date, title: str = "Call") -> Task:
        return followups.add(deal.pk, title, day, by=self.rep, now=NOW - timedelta(days=60))

    def read(self, user: User | None = None, filters: Filters | None = None, **more: Any) -> dict[str, Column]:
        user = User.objects.get(pk=(user or self.rep).pk)  # as in a request of its own: nothing is remembered
        shown = board.read(user, self.pipeline, filters or Filters(), now=NOW, **more)
        return {column.stage.name: column for column in shown.columns}

    def titles(self, filters: Filters | None = None, user: User | None = None, stage: str = "First") -> list[str]:
        return [card.title for card in self.read(user, filters)[stage].cards]

    def card(self, title: str, user: User | None = None) -> Card:
        return next(card for column in self.read(user).values() for card in column.cards if card.title == title)


@pytest.fixture
def world() -> World:
    return World()


# --- Order


@pytest.fixture
def every_reason(world: World) -> World:
    """A deal for each reason to stand where it stands, made in another order than that of the board."""
    today, later = NOW.date(), NOW.date() + timedelta(days=3)
    world.task(world.deal("rest, long here", days=3), later)
    world.task(world.deal("idle", days=6, touched=6), later)
    world.task(world.deal("over target", days=9), later)
    world.deal("no next step", days=2)
    world.task(world.deal("due today", days=1), today)
    world.task(world.deal("overdue since yesterday"), today - AGO)
    world.task(world.deal("overdue for a week"), today - 7 * AGO)
    world.task(world.deal("rest, just here", days=1), later)
    paused = world.deal("paused", days=2, touched=9)
    followups.pause(paused.pk, NOW.date() + timedelta(days=9), "On holiday", by=world.rep, now=NOW)
    return world


IN_ORDER = [
    "overdue for a week",
    "overdue since yesterday",
    "due today",
    "no next step",
    "over target",
    "idle",
    "rest, long here",
    "paused",
    "rest, just here",
]


def test_what_to_do_next_comes_first(every_reason: World) -> None:
    assert every_reason.titles() == IN_ORDER


def test_the_order_is_the_same_whether_deals_are_few_or_many(
    every_reason: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ordering, "FEW", -1)
    assert every_reason.titles() == IN_ORDER


@pytest.mark.parametrize("order", ["next", "value", "age", "close"])
def test_pages_of_a_column_follow_each_other_without_gap_in_each_order(
    world: World, order: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = random.Random(7)
    for number in range(30):
        deal = world.deal(
            f"deal {number}",
            days=chance.choice([1, 3, 9, 20]),
            touched=chance.choice([0, 2, 6, 9]),
            value=chance.choice([None, Decimal(100), Decimal(200)]),
            expected_close=chance.choice([None, NOW.date(), NOW.date() + AGO]),
        )
        if chance.random() < 0.7:
            world.task(deal, NOW.date() + timedelta(days=chance.randint(-3, 3)))
    filters, found = Filters(order=order), []
    for few in (4000, -1):
        monkeypatch.setattr(ordering, "FEW", few)
        pages = [world.read(filters=filters, offset=at, limit=7)["First"] for at in range(0, 35, 7)]
        found.append([card.pk for page in pages for card in page.cards])
        assert [page.next_offset for page in pages] == [7, 14, 21, 28, 0]
    assert len(set(found[0])) == 30 and found[0] == found[1]


def test_by_value_by_age_and_by_close_date_what_is_unknown_comes_last(world: World) -> None:
    world.deal("small, old", days=5, value=Decimal(10), expected_close=NOW.date() + 9 * AGO)
    world.deal("large, new", days=1, value=Decimal(900), expected_close=NOW.date() + 2 * AGO)
    unknown = world.deal("unknown", days=2)
    Deal.objects.filter(pk=unknown.pk).update(stage_entered_precision="unknown")
    assert world.titles(Filters(order="value")) == ["large, new", "small, old", "unknown"]
    assert world.titles(Filters(order="age")) == ["small, old", "large, new", "unknown"]
    assert world.titles(Filters(order="close")) == ["large, new", "small, old", "unknown"]


def test_closed_columns_show_what_was_closed_last(world: World) -> None:
    for days in (5, 1, 3):
        world.deal(f"won {days} days ago", days=days, stage=world.won)
    assert world.titles(stage="Won") == ["won 1 days ago", "won 3 days ago", "won 5 days ago"]
    assert world.titles(Filters(order="value"), stage="Won")[0] == "won 1 days ago"


def test_today_is_the_viewers_day(world: World) -> None:
    """10:00 UTC on the 15th is 23:00 in Auckland: what is due at the end of the rep's 15th is due tomorrow there."""
    deal = world.deal("call")
    world.task(deal, NOW.date())
    assert world.card("call").task_mark == "today"
    User.objects.filter(pk=world.admin.pk).update(time_zone="Pacific/Auckland")
    assert world.card("call", world.admin).task_mark == ""


def test_columns_are_the_open_stages_in_order_then_won_then_lost(world: World) -> None:
    Stage.objects.filter(pk=world.lost.pk).update(order=0)
    Stage.objects.filter(pk=world.first.pk).update(order=50)
    Stage.objects.filter(pk=world.third.pk).update(retired_at=NOW)
    assert list(world.read()) == ["Second", "First", "Won", "Lost"]


# --- Cards


def test_a_card_says_what_there_is_to_know(world: World) -> None:
    organization = make.organization(world.rep, name="Kievit Transport")
    deal = world.deal("Meters", days=9, touched=6, value=Decimal(12500), organization=organization)
    world.task(deal, NOW.date() - AGO, "Send the offer")
    card = world.card("Meters")
    assert (card.value, card.organization, card.owner, card.initials) == (
        "€12,500",
        "Kievit Transport",
        "Rita Rep",
        "RR",
    )
    assert (card.task, card.task_mark, card.over, card.movable) == ("Send the offer", "overdue", True, True)
    assert (card.days, card.spent, card.target, card.idle) == ("9 of 7 d", 7, 7, "Idle for 6 days")


def test_a_paused_deal_has_no_marks(world: World) -> None:
    deal = world.deal("Paused", days=20, touched=20)
    followups.pause(deal.pk, NOW.date() + timedelta(days=4), "Waits for the budget", by=world.rep, now=NOW)
    card = world.card("Paused")
    assert not (card.over or card.idle or card.task_mark) and "Waits for the budget" in card.paused
    assert world.read()["First"].over == 0


def test_an_unknown_entry_has_no_days_and_is_never_over_target(world: World) -> None:
    deal = world.deal("Imported", days=90)
    Deal.objects.filter(pk=deal.pk).update(stage_entered_precision="unknown")
    assert (world.card("Imported").days, world.card("Imported").over, world.read()["First"].over) == ("–", False, 0)


def test_a_card_says_what_the_next_stage_still_asks_for(world: World) -> None:
    met = make.condition(world.second, label="Agrees to a demo")
    make.condition(world.second, "field", field="value", operator="filled", label="Value is filled")
    deal = world.deal("Meters")
    commitments.record(deal, met.pk, by=world.rep, now=NOW)
    card = world.card("Meters")
    assert (card.gate, card.gate_stage, card.gate_met, card.gate_open) == ("Second", world.second.pk, "●", "○")
    assert card.gate_asks == "Value is filled" and "1 of 2 met" in card.gate_words


def test_after_the_last_open_stage_comes_won_and_a_closed_deal_asks_nothing(world: World) -> None:
    make.condition(world.won, label="Signed")
    world.deal("last", stage=world.third), world.deal("done", stage=world.won)
    assert world.card("last").gate == "Won" and world.card("done").gate == ""


def test_markup_in_a_title_is_text(world: World) -> None:
    world.deal("<script>alert(1)</script>", organization=make.organization(world.rep, name="<b>Bold</b>"))
    text = page(world, world.rep).content.decode()
    assert "&lt;script&gt;alert(1)" in text and "<script>alert" not in text and "<b>Bold" not in text


# --- Totals, and who sees what


def equal_to_the_rows(world: World, user: User) -> int:
    """Asserts count and value of each column against the deals that the user can list; gives how many those are."""
    seen = list(Deal.objects.visible_to(User.objects.get(pk=user.pk)).filter(pipeline=world.pipeline))
    columns = world.read(user, limit=200)
    for name, column in columns.items():
        rows = [deal for deal in seen if deal.stage.name == name]
        sums: dict[str, Decimal] = {}
        for deal in rows:
            sums[deal.currency] = sums.get(deal.currency, Decimal(0)) + (deal.value or 0)
        assert column.count == len(rows) and {card.pk for card in column.cards} == {deal.pk for deal in rows}
        assert sorted(column.values) == sorted(board.page.money.format_money(v, c) for c, v in sums.items() if v)
    return len(seen)


@pytest.mark.parametrize("reps_see_team_deals", [False, True])
def test_totals_equal_the_rows_that_each_person_can_list(world: World, reps_see_team_deals: bool) -> None:
    Company.objects.create(pk=1, reps_see_team_deals=reps_see_team_deals)
    mate, stranger = make.user(team=world.team), make.user(team=make.team("Field"))
    for number, owner in enumerate([world.rep, world.rep, mate, stranger, stranger]):
        currency = "GBP" if number % 2 else "EUR"
        world.deal(f"open {number}", owner=owner, value=Decimal(100 + number), currency=currency)
        world.deal(f"won {number}", owner=owner, stage=world.won, value=Decimal("0.75"), currency=currency)
    shared = Deal.objects.get(title="open 3")
    DealMember.objects.create(deal=shared, user=world.rep, role="specialist")
    given_away = Deal.objects.get(title="won 0")  # credited to the rep and to her team, owned by a stranger now
    deals.edit(given_away.pk, {"owner": stranger}, version=None, by=world.admin, via="page", now=NOW)
    counts = {who.role: equal_to_the_rows(world, who) for who in (world.rep, world.manager, world.admin)}
    assert counts == {"rep": 7 if reps_see_team_deals else 5, "manager": 6, "admin": 10}
    assert equal_to_the_rows(world, stranger) == 5


def test_a_deal_that_one_only_sees_cannot_be_dragged(world: World) -> None:
    deal = world.deal("won", stage=world.won)
    Deal.objects.filter(pk=deal.pk).update(owner=make.user())
    assert world.card("won").movable is False and world.card("won", world.admin).movable is True


def test_a_rep_who_left_the_team_no_longer_sees_its_deals(world: World) -> None:
    Company.objects.create(pk=1, reps_see_team_deals=True)
    mate = make.user(team=world.team)
    world.deal("of a mate", owner=mate)
    assert world.titles() == ["of a mate"]
    Membership.objects.filter(user=world.rep).update(ended_at=NOW - timedelta(days=500))
    assert world.titles() == [] and world.read()["First"].count == 0


def test_deleted_deals_and_other_pipelines_are_not_there(world: World) -> None:
    gone = world.deal("gone")
    deals.delete(gone.pk, by=world.admin, via="page", now=NOW)
    world.deal("elsewhere", stage=make.stage(make.pipeline(), "First"))
    assert world.titles(user=world.admin) == [] and world.read(world.admin)["First"].count == 0


def test_the_share_over_target_counts_every_deal_of_the_column(world: World) -> None:
    for number in range(4):
        world.deal(f"deal {number}", days=9 if number == 0 else 1)
    column = world.read(limit=1)["First"]
    assert (column.over, column.over_share, column.count) == (1, "25 %", 4)
    assert world.read(world.admin)["First"].over == 1 and world.read(make.user())["First"].over == 0


# --- Filters


def test_each_filter_narrows_cards_and_totals_alike(world: World) -> None:
    other = make.user(team=world.team)
    tag, organization = (
        Tag.objects.create(name="Hot"),
        organizations.create({"name": "Straße & Söhne", "owner": world.rep}, by=world.rep, via="page"),
    )
    world.task(world.deal("late", days=9, expected_close=NOW.date()), NOW.date() + AGO)
    world.task(world.deal("quiet", days=6, touched=6, tags=[tag]), NOW.date() + AGO)
    world.deal("open end", organization=organization)
    world.task(world.deal("of another", owner=other, expected_close=NOW.date() + 20 * AGO), NOW.date() + AGO)
    asked = {
        Filters(over=True): {"late"},
        Filters(idle=True): {"quiet"},
        Filters(no_next=True): {"open end"},
        Filters(owner=other.pk): {"of another"},
        Filters(team=world.team.pk): {"late", "quiet", "open end", "of another"},
        Filters(tag=tag.pk): {"quiet"},
        Filters(q="strasse"): {"open end"},
        Filters(q="LATE"): {"late"},
        Filters(close_from=NOW.date() + AGO): {"of another"},
        Filters(close_to=NOW.date()): {"late"},
        Filters(over=True, owner=other.pk): set(),
    }
    for filters, titles in asked.items():
        column = world.read(world.manager, filters)["First"]
        assert ({card.title for card in column.cards}, column.count) == (titles, len(titles)), filters


def page(world: World, user: User, query: str = "", **headers: str) -> Any:
    client = Client(headers=headers)
    client.force_login(user)
    return client.get(reverse("board", args=[world.pipeline.pk]) + query)


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("?owner=abc", "owner=abc"),
        ("?owner=999999", "owner=999999"),
        ("?over=maybe", "over=maybe"),
        ("?close_from=soon", "close_from=soon"),
        ("?order=price", "order=price"),
        ("?colour=red", "colour"),
        ("?q=a&q=b", "more than once"),
        ("?cards=many", "many"),
        ("?cards=5000", "5000"),
        ("?q=" + "x" * 300, "q=xxx"),
    ],
)
def test_what_the_address_does_not_mean_is_refused_in_words(world: World, query: str, words: str) -> None:
    answer = page(world, world.rep, query)
    assert answer.status_code == 400 and words in answer.content.decode()


def test_a_rep_may_not_ask_for_a_strangers_deals(world: World) -> None:
    stranger = make.user()
    assert page(world, world.rep, f"?owner={stranger.pk}").status_code == 400
    assert page(world, world.admin, f"?owner={stranger.pk}").status_code == 200


def test_an_address_with_empty_filters_is_led_to_the_short_one(world: World) -> None:
    answer = page(world, world.rep, "?q=&owner=&over=1&order=next")
    assert (answer.status_code, answer["Location"]) == (302, reverse("board", args=[world.pipeline.pk]) + "?over=1")


def test_a_part_of_the_page_comes_without_the_frame_and_names_its_address(world: World) -> None:
    answer = page(world, world.rep, "?over=1", **{"HX-Request": "true"})
    assert "<html" not in answer.content.decode() and answer["HX-Push-Url"].endswith("?over=1")


def test_filters_that_find_nothing_offer_to_be_cleared_and_no_pipeline_says_so(world: World) -> None:
    assert "Clear the filters" in page(world, world.rep, "?q=nothing").content.decode()
    Pipeline.objects.update(retired_at=NOW)
    client = Client()
    client.force_login(world.rep)
    assert "There is no pipeline yet" in client.get(reverse("board-default")).content.decode()
    assert page(world, world.rep).status_code == 404


def test_more_cards_of_a_column_keep_the_filters(world: World) -> None:
    for number in range(28):
        world.deal(f"deal {number}", value=Decimal(number))
    first = page(world, world.rep, "?order=value").content.decode()
    address = reverse("board-column", args=[world.pipeline.pk, world.first.pk])
    assert f"{address}?order=value&amp;offset=25" in first
    client = Client()
    client.force_login(world.rep)
    more = client.get(address, {"order": "value", "offset": 25}).content.decode()
    assert [f">deal {n}<" in more for n in (2, 1, 0)] == [True] * 3 and more.count("deal-card") == 3
    assert client.get(address, {"offset": "x"}).status_code == 400
    assert client.get(reverse("board-column", args=[world.pipeline.pk, 10**9])).status_code == 404


def test_the_board_that_was_open_last_opens_again(world: World) -> None:
    other = make.pipeline(order=5)
    client = Client()
    client.force_login(world.rep)
    assert client.get(reverse("board-default"))["Location"] == reverse("board", args=[world.pipeline.pk])
    client.get(reverse("board", args=[other.pk]))
    assert client.get(reverse("board-default"))["Location"] == reverse("board", args=[other.pk])


# --- Queries


def queries(world: World, user: User, pipeline: Pipeline) -> int:
    with CaptureQueriesContext(connection) as captured:
        board.read(User.objects.get(pk=user.pk), pipeline, Filters(), now=NOW)
    return len(captured)


@pytest.mark.parametrize("role", ["rep", "manager", "admin"])
def test_the_number_of_queries_depends_on_neither_deals_nor_stages(world: World, role: str) -> None:
    small, large = make.pipeline("A", "B", "C"), make.pipeline(*"ABCDEFGH")
    owner = make.user(role, team=world.team)
    for pipeline, number in ((small, 1), (large, 30)):
        for stage in pipeline.stages.filter(kind="open"):
            kind = make.activity_type("call")
            make.condition(stage, "field", field="value", operator="filled")
            make.condition(stage, "activity", activity_type=kind)
            make.condition(stage), make.condition(stage, "contact_role", contact_role="champion")
            made = moves.create_with_history(
                [({"title": "Deal", "owner": owner, "organization": make.organization(owner)}, [moves.Stay(stage, NOW)])] * number,
                by=owner, via="import", now=NOW,
            )  # fmt: skip
            world.task(made[0], NOW.date())
    counted = {queries(world, owner, pipeline) for pipeline in (small, large)}
    assert len(counted) == 1 and counted.pop() <= 30
