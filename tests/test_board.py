"""The board as it is read: its order, its marks, its address, and what it costs."""

from __future__ import annotations

import random
import re
from datetime import date, datetime, timedelta
from decimal import Decimal
from html import unescape
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from crm import fields
from crm.fields import FieldKind
from crm.models import User
from crm.models.audit import Via
from pipeline import access, board, deals, followups, in_force, moves, people
from pipeline.board import Card, Filters, cards, order
from pipeline.board.cards import Row
from pipeline.board.order import Moment
from pipeline.models import Deal, MemberRole, Pipeline, Stage
from tests import factories as make
from tests.factories import NOW

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
TODAY = NOW.date()


@pytest.fixture(params=["few", "many"])
def ways(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both ways to find the first cards; the one for many deals is PostgreSQL's alone."""
    if request.param == "many":
        monkeypatch.setattr(order, "FEW", 0)
    return str(request.param)


class World:
    """A pipeline First, Second, Third and a rep. A stage's target is 7 days; idle is more than 5."""

    def __init__(self) -> None:
        self.rep = make.user(name="Rita Rep")
        self.pipeline = make.pipeline()
        self.first, self.second, self.third, self.won, self.lost = self.pipeline.stages.all()

    def add(
        self, title: str, days: float, *, task: int | None = None, stage: Stage | None = None, **fields: Any
    ) -> Deal:
        """In the stage for so many days, untouched since; a task due in `task` days from today."""
        began = NOW - days * DAY
        made = make.deal(stage or self.first, self.rep, now=began, title=title, **fields)
        if task is not None:
            followups.add(made.pk, f"Task of {title}", TODAY + task * DAY, by=self.rep, now=began)
        return made

    def cards(self, stage: Stage | None = None, user: User | None = None, **filters: Any) -> list[Card]:
        shown = board.read(user or self.rep, self.pipeline, Filters(**filters), now=NOW, limit=200)
        return next(column.cards for column in shown.columns if column.stage == (stage or self.first))

    def titles(self, stage: Stage | None = None, **filters: Any) -> list[str]:
        return [card.title for card in self.cards(stage, **filters)]


@pytest.fixture
def world() -> World:
    return World()


def page(world: World, query: str = "", user: User | None = None, part: str = "") -> Any:
    client = Client()
    client.force_login(user or world.rep)
    return client.get(reverse("board", args=[world.pipeline.pk]) + part + (f"?{query}" if query else ""))


# --- Order


def test_what_to_do_next_comes_first(world: World, ways: str) -> None:
    world.add("rest, newer", 1, task=9)
    world.add("rest, older", 2, task=3)
    paused = world.add("paused, oldest of the rest", 4, task=-2)
    followups.pause(paused.pk, TODAY + 5 * DAY, "On leave", by=world.rep, now=NOW - 4 * DAY)
    world.add("idle", 6, task=2)
    world.add("over target", 8, task=1)
    world.add("no next step, newer", 1)
    world.add("no next step, older", 20)
    world.add("today", 1, task=0)
    world.add("overdue yesterday", 30, task=-1)
    world.add("overdue for a week", 2, task=-7)
    assert world.titles() == [
        "overdue for a week",
        "overdue yesterday",
        "today",
        "no next step, older",
        "no next step, newer",
        "over target",
        "idle",
        "paused, oldest of the rest",
        "rest, older",
        "rest, newer",
    ]


def test_the_other_orders_are_what_they_say_and_deals_without_it_come_last(world: World, ways: str) -> None:
    world.add("small", 3, value=Decimal(10), expected_close=date(2026, 10, 1))
    world.add("none", 9)
    world.add("large", 1, value=Decimal(9000), expected_close=date(2026, 12, 1))
    world.add("middle", 5, value=Decimal(500), expected_close=date(2026, 9, 1))
    assert world.titles(order="value") == ["large", "middle", "small", "none"]
    assert world.titles(order="age") == ["none", "middle", "small", "large"]
    assert world.titles(order="close") == ["middle", "small", "large", "none"]


def test_a_deal_of_which_the_date_is_unknown_is_the_last_by_age_and_never_over_target(world: World, ways: str) -> None:
    stay = moves.Stay(world.first, NOW - 400 * DAY, precision="unknown")
    moves.create_with_history(
        [({"title": "unknown", "owner": world.rep}, [stay])], by=world.rep, via=Via.IMPORT, now=NOW
    )
    world.add("known", 1)
    assert world.titles(order="age") == ["known", "unknown"]
    card = next(card for card in world.cards() if card.title == "unknown")
    assert (card.over, card.days) == (False, "–")


def test_closed_columns_show_what_was_closed_last_in_any_order(world: World, ways: str) -> None:
    for number, days in enumerate((3, 1, 2)):
        world.add(f"closed {days} days ago", days, stage=world.won, value=Decimal(number))
    for by in board.ORDERS:
        assert world.titles(world.won, order=by) == ["closed 1 days ago", "closed 2 days ago", "closed 3 days ago"]


def test_the_order_is_the_same_for_any_mix_of_deals(world: World, ways: str) -> None:
    draw = random.Random(7)
    for number in range(60):
        task = draw.choice([None, -3, -1, 0, 1, 30])
        stage = draw.choice([world.first, world.first, world.second])
        made = world.add(f"Deal {number}", draw.choice([0.5, 4, 6, 6, 8, 40]), task=task, stage=stage)
        if draw.random() < 0.2:
            followups.pause(made.pk, TODAY + 9 * DAY, "Waiting", by=world.rep, now=NOW - DAY / 4)
        if draw.random() < 0.2:
            followups.worked(made.pk, NOW - DAY / 4)
    for stage in (world.first, world.second):
        rows = sorted(Deal.objects.filter(stage=stage), key=next_key)
        assert [card.pk for card in world.cards(stage)] == [deal.pk for deal in rows]


def next_key(deal: Deal) -> tuple[Any, ...]:
    """The order of what to do next, said for one deal."""
    due, stay = deal.next_task_due_at, (deal.stage_entered_at, deal.pk)
    end_of_day = datetime.combine(TODAY, datetime.max.time(), deal.owner.zone)
    if deal.paused_until is not None and deal.paused_until > NOW:
        return 5, *stay
    if due is None:
        return 2, *stay
    if due <= end_of_day:
        return int(due >= NOW), due, deal.pk
    if deal.stage_entered_at < NOW - 7 * DAY:
        return 3, *stay
    return 4 if deal.last_worked_at < NOW - 5 * DAY else 5, *stay


# --- Marks


def test_a_card_shows_its_marks_and_a_paused_one_has_none(world: World) -> None:
    world.add("late", 9, task=-1)
    world.add("today", 1, task=0)
    world.add("planned", 1, task=3)
    world.add("nothing", 1)
    paused = world.add("paused", 9, task=-1)
    followups.pause(paused.pk, TODAY + 2 * DAY, "On leave", by=world.rep, now=NOW - DAY)
    marks = {card.title: (card.task_mark, card.over, bool(card.idle)) for card in world.cards()}
    assert marks == {
        "late": ("overdue", True, True),
        "today": ("today", False, False),
        "planned": ("", False, False),
        "nothing": ("none", False, False),
        "paused": ("", False, False),
    }
    assert "On leave" in next(card.paused for card in world.cards() if card.title == "paused")


def test_a_card_tells_what_the_next_stage_still_asks(world: World) -> None:
    make.condition(world.second, label="Agrees to a demo")
    make.condition(world.second, "field", field="value", operator="filled", label="Value is known")
    world.add("half way", 1, value=Decimal(5))
    card = world.cards()[0]
    assert (card.gate, card.gate_stage, card.gate_asks) == ("Second", world.second.pk, "Agrees to a demo")
    assert card.gate_words == "1 of 2 met for Second"
    assert f"/move/?to={world.second.pk}><span class=dots" in page(world).content.decode()


def test_names_are_text_whatever_they_hold(world: World) -> None:
    evil = "<img src=x onerror=alert(1)>\"'&amp;"
    firm = make.organization(world.rep, name=f"Firm {evil}")
    made = world.add(f"Deal {evil}", 1, organization=firm)
    followups.add(made.pk, f"Call {evil}", TODAY + DAY, by=world.rep, now=NOW)
    Stage.objects.filter(pk=world.first.pk).update(name=f"First {evil}")
    text = page(world).content.decode()
    assert "<img src=x" not in text and unescape(text).count(evil) >= 6


def test_only_who_may_move_a_card_can_drag_it(world: World) -> None:
    made = world.add("hers", 1, stage=world.won)
    other = make.user()
    deals.edit(made.pk, {"owner": other}, version=None, by=other, via=Via.PAGE, now=NOW)
    assert [card.movable for card in world.cards(world.won)] == [False]  # credited to her: she may read it
    assert [card.movable for card in world.cards(world.won, user=other)] == [True]


# --- Filters in the address


def test_filters_live_in_the_address_and_the_page_says_them(world: World) -> None:
    world.add("Depot", 9)
    world.add("Night bus", 1)
    text = page(world, "q=night&order=value").content.decode()
    assert "Night bus" in text and "Depot" not in text and "Text: night" in text and "The highest value" in text
    assert f'href="{reverse("board", args=[world.pipeline.pk])}?order=value"' in text  # without the text
    assert "Depot" in page(world, "over=1").content.decode()


def test_an_address_loses_what_it_does_not_need(world: World) -> None:
    answer = page(world, "q=&owner=&over=1&order=next")
    assert (answer.status_code, answer["Location"]) == (302, f"/board/{world.pipeline.pk}/?over=1")


@pytest.mark.parametrize(
    ("query", "word"),
    [
        ("colour=red", "colour"),
        ("owner=abc", "owner"),
        ("owner=999999", "owner"),
        ("team=1", "team"),
        (f"tag={10**30}", "tag"),
        ("over=yes", "over"),
        ("close_from=31.31.2026", "close_from"),
        ("order=random", "order"),
        ("q=a&q=b", "more than once"),
        ("q=" + "x" * 300, "q="),
        ("q=%00", "character"),
        ("cards=-1", "cards"),
        ("cards=0", "cards"),
        ("cards=9999", "cards"),
        ("cards=٣", "cards"),
    ],
)
def test_what_the_address_means_must_be_understood_or_is_refused_in_words(world: World, query: str, word: str) -> None:
    make.team()
    for part in ("", f"columns/{world.first.pk}/"):
        answer = page(world, query, part=part)
        assert (answer.status_code, word in answer.content.decode()) == (400, True)


def test_nobody_filters_by_people_whom_they_do_not_see(world: World) -> None:
    assert page(world, f"owner={make.user().pk}").status_code == 400


# --- How much it costs


def queries(world: World, user: User) -> int:
    page(world, user=user)
    client = Client()
    client.force_login(user)
    client.get(f"/board/{world.pipeline.pk}/")
    with CaptureQueriesContext(
        connection,
    ) as seen:
        assert client.get(f"/board/{world.pipeline.pk}/").status_code == 200
    return len(seen)


@pytest.mark.parametrize("role", ["rep", "manager", "admin"])
def test_a_board_asks_as_many_questions_of_3_deals_as_of_60_and_of_3_stages_as_of_8(role: str, ways: str) -> None:
    world = World()
    make.condition(world.second, label="Agrees")
    make.condition(world.third, "contact_role", contact_role="champion", label="Champion")
    reader = world.rep if role == "rep" else make.user(role, make.team())
    world.rep = reader
    fill(world, 3)
    before = queries(world, reader)
    fill(world, 57)
    for number in range(5):
        added = Stage.objects.create(
            pipeline=world.pipeline, step=world.first.step, name=f"More {number}", order=20 + number, target_days=7
        )
        make.condition(added, label="Agrees again")
        world.add("there", 1, stage=added)
    assert queries(world, reader) == before < 30


def fill(world: World, count: int) -> None:
    for number in range(count):
        stage = (world.first, world.second, world.third)[number % 3]
        firm = make.organization(world.rep)
        world.add(f"Deal {number}", number, task=number % 5, stage=stage, organization=firm, value=Decimal(number))


# --- More cards


def test_cards_that_come_on_scroll_are_all_there_and_none_twice(world: World, ways: str) -> None:
    for number in range(60):  # all alike: only the last key tells them apart
        world.add(f"Deal {number}", 3, task=None if number % 2 else 3)
    client = Client()
    client.force_login(world.rep)
    text = client.get(f"/board/{world.pipeline.pk}/").content.decode()
    found = re.findall(r"id=deal-(\d+)", text)
    assert len(found) == 25
    while more := re.search(r'hx-get="([^"]+offset=\d+)"', text):
        text = client.get(more.group(1).replace("&amp;", "&"), headers={"HX-Request": "true"}).content.decode()
        found += re.findall(r"id=deal-(\d+)", text)
    assert len(found) == 60 and len(set(found)) == 60


def test_more_cards_keep_the_filters(world: World) -> None:
    for number in range(30):
        world.add(f"Night bus {number}", 3)
    text = page(world, "q=night&order=value").content.decode()
    assert (
        f'hx-get="/board/{world.pipeline.pk}/columns/{world.first.pk}/?q=night&amp;order=value&amp;offset=25"' in text
    )


def test_a_column_alone_is_what_the_board_shows_of_it(world: World) -> None:
    world.add("Depot", 1)
    whole = page(world).content.decode()
    alone = page(world, part=f"columns/{world.first.pk}/").content.decode()
    assert alone.strip().startswith(f'<section id="column-{world.first.pk}"') and alone.count("<section") == 1
    assert re.sub(r"\s+", " ", alone.strip()) in re.sub(r"\s+", " ", whole)


def test_cards_alone_come_with_the_order_of_their_columns_and_only_to_who_sees_them(world: World) -> None:
    mine, other = world.add("Depot", 1), world.add("Harbour", 3)
    foreign = make.deal(world.first, make.user(team=make.team()))
    client = Client()
    client.force_login(world.rep)
    text = client.get(f"/board/{world.pipeline.pk}/cards/?deals={mine.pk},{foreign.pk}").content.decode()
    assert text.count("<li id=deal-") == 1 and f'data-order="{other.pk},{mine.pk}"' in text
    assert str(foreign.pk) not in re.findall(r'data-order="([^"]*)"', text)[0].split(",")


def test_no_door_draws_a_card_of_a_deal_that_its_reader_does_not_see(world: World) -> None:
    """Whatever ids are handed to where cards are made."""
    mine, stranger = world.add("Mine", 1), make.user()
    theirs = make.deal(world.first, stranger, now=NOW)
    process = in_force.read(world.pipeline.pk)
    made = cards.build([mine.pk, theirs.pk], world.rep, process, Moment.of(world.rep, NOW), gated=False)
    assert list(made) == [mine.pk]


@pytest.mark.parametrize("query", ["deals=a", "deals=1;2", "stages=-1", "cards=x", "deals=" + ",".join("1" * 201)])
def test_numbers_of_cards_must_be_numbers(world: World, query: str) -> None:
    client = Client()
    client.force_login(world.rep)
    assert client.get(f"/board/{world.pipeline.pk}/cards/?{query}").status_code == 400


def test_a_column_of_another_pipeline_or_of_a_retired_stage_is_not_there(world: World) -> None:
    other = make.stage(make.pipeline(), "First")
    Stage.objects.filter(pk=world.third.pk).update(retired_at=timezone.now())
    for stage in (other.pk, world.third.pk, 999_999):
        assert page(world, part=f"columns/{stage}/").status_code == 404


# --- Nothing to show


def test_an_empty_column_says_what_to_do(world: World) -> None:
    text = page(world).content.decode()
    assert text.count("No deal here. Drag one in, or add one with +.") == 3 and text.count("None yet.") == 2


def test_filters_that_nothing_passes_offer_to_be_cleared(world: World) -> None:
    world.add("Depot", 1)
    text = page(world, "q=zeppelin").content.decode()
    assert "No deal passes these filters" in text and 'id="columns"' not in text


def test_without_a_pipeline_an_admin_is_led_to_one_and_a_rep_is_told_to_wait() -> None:
    client = Client()
    client.force_login(make.user("admin"))
    assert "Set up a pipeline" in client.get("/board/").content.decode()
    client.force_login(make.user())
    text = client.get("/board/").content.decode()
    assert "There is no pipeline yet" in text and "Set up a pipeline" not in text


def test_the_board_opens_where_one_was_last_and_not_on_a_retired_pipeline(world: World) -> None:
    other = make.pipeline()
    client = Client()
    client.force_login(world.rep)
    client.get(f"/board/{other.pk}/")
    assert client.get("/board/")["Location"] == f"/board/{other.pk}/"
    Pipeline.objects.filter(pk=other.pk).update(retired_at=timezone.now())
    assert client.get("/board/")["Location"] == f"/board/{world.pipeline.pk}/"
    assert client.get(f"/board/{other.pk}/").status_code == 404


def test_markup_in_what_people_type_is_text(world: World) -> None:
    """The cards are drawn by Jinja2: it must escape as Django does."""
    bea = make.user(name="<b>Bea</b>", role="admin")
    make.deal(
        world.first, bea, title="<script>alert(1)</script>", organization=make.organization(bea, name="A & <i>B</i>")
    )
    shown = page(world, user=bea).content.decode()
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in shown and "<script>alert" not in shown
    assert "A &amp; &lt;i&gt;B&lt;/i&gt;" in shown and "<b>Bea" not in shown


def test_a_row_of_the_board_holds_whatever_a_condition_may_ask_of_a_deal() -> None:
    asked = [field for field in fields.of("deal").values() if field.in_conditions]
    names = {f"{field.name}_id" if field.kind == FieldKind.REFERENCE else field.name for field in asked}
    assert names and names <= set(Row._fields)


def test_a_card_may_be_moved_by_whoever_may_edit_its_deal(world: World) -> None:
    team = make.team()
    deal = make.deal(world.first, make.user(team=team))
    member, manager = make.user(), make.user("manager", team=team)
    people.set_member(deal, member, MemberRole.values[0], by=manager, via=Via.PAGE, now=NOW)
    for person in (deal.owner, member, manager, make.user("admin"), make.user("manager"), make.user(team=team)):
        editable = Deal.objects.editable_by(person).filter(pk=deal.pk).exists()
        assert access.edits_deal(person, deal.pk, deal.owner_id) is editable
