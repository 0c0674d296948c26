"""Marks on cards: which deals carry them, that card and filter agree, and what an admin may say."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from crm.models import Change, User
from pipeline import board, definition, followups, in_force
from pipeline.board import Filters, Listing
from pipeline.models import CardRule, Deal, Pipeline, PipelineVersion, Stage, Tag
from tests import factories as make
from tests.factories import NOW
from tests.test_admin import errors, page_of, send

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
What = CardRule.What


class World:
    """A rep and a pipeline in euros; a stage's target is 7 days, idle is more than 5."""

    def __init__(self) -> None:
        self.rep = make.user(name="Rita Rep")
        self.pipeline = make.pipeline()
        self.first, self.second, self.third, self.won, self.lost = self.pipeline.stages.all()

    def rule(self, what: str, label: str = "", colour: str = "grey", **fields: Any) -> CardRule:
        place = CardRule.objects.count()
        return CardRule.objects.create(
            pipeline=self.pipeline, order=place, what=what, label=label or what, colour=colour, **fields
        )

    def add(
        self, title: str, *, days: float = 1, task: int | None = 3, stage: Stage | None = None, **fields: Any
    ) -> Deal:
        began = NOW - days * DAY
        made = make.deal(stage or self.first, self.rep, now=began, title=title, **fields)
        if task is not None:
            followups.add(made.pk, "Call", NOW.date() + task * DAY, by=self.rep, now=began)
        return made

    def labels(self) -> dict[str, str]:
        shown = board.read(self.rep, self.pipeline, Filters(), now=NOW)
        cards = [card for column in shown.columns for card in column.cards]
        return {card.title: " · ".join(rule.label for rule in card.marks) for card in cards}


@pytest.fixture
def world() -> World:
    return World()


def every_kind(world: World) -> list[CardRule]:
    vip = Tag.objects.create(name="Key account")
    rules = [world.rule(what) for what in What if what not in (What.VALUE, What.EMPLOYEES, What.TAG)]
    rules += [world.rule(What.VALUE, at_least=50_000), world.rule(What.EMPLOYEES, at_least=250)]
    rules += [world.rule(What.TAG, tag=vip)]
    world.add("plain")
    world.add("over", days=8)
    world.add("no next step", task=None)
    world.add("overdue", task=-1)
    world.add("late", expected_close=NOW.date() - DAY)
    world.add("closes today", expected_close=NOW.date())
    world.add("large", value=Decimal(50_000))
    world.add("almost", value=Decimal("49999.99"))
    world.add("dollars", value=Decimal(90_000), currency="USD")
    world.add("big firm", organization=make.organization(world.rep, employees=250))
    world.add("firm", organization=make.organization(world.rep))
    world.add("tagged").tags.add(vip)
    paused = world.add("paused, large", days=30, task=-2, value=Decimal(60_000))
    followups.pause(paused.pk, NOW.date() + 5 * DAY, "On leave", by=world.rep, now=NOW - DAY)
    world.add("won", stage=world.won, task=None, value=Decimal(70_000))
    return rules


def test_a_card_and_the_filter_of_the_same_mark_agree(world: World) -> None:
    rules = every_kind(world)
    labels = world.labels()
    for rule in rules:
        found = board.read(world.rep, world.pipeline, Filters(mark=rule.pk), now=NOW)
        passed = {card.title for column in found.columns for card in column.cards}
        assert passed == {title for title, words in labels.items() if rule.label in words.split(" · ")}, rule.what
        assert passed, rule.what
    assert labels["plain"] == labels["almost"] == labels["dollars"] == labels["won"] == ""
    assert labels["paused, large"] == "value"


def test_the_first_match_gives_the_colour_and_a_card_says_what_it_does_not_show_anyway(world: World) -> None:
    world.rule(What.LATE, "Late", "red")
    world.rule(What.OVER_TARGET, "Over target", "amber")
    for label in ("One", "Two", "Three"):
        world.rule(What.VALUE, label, "blue", at_least=1)
    world.add("A", days=9, value=Decimal(5))
    card = board.read(world.rep, world.pipeline, Filters(), now=NOW).columns[0].cards[0]
    assert (card.edge, card.labels) == ("amber", "One · Two")
    assert [rule.label for rule in card.marks] == ["Over target", "One", "Two"]


def test_marks_of_any_number_cost_one_query_more_for_tags(world: World, django_assert_num_queries: Any) -> None:
    world.add("A", value=Decimal(5))
    board.read(world.rep, world.pipeline, Filters(), now=NOW)
    with CaptureQueriesContext(connection) as without:
        board.read(world.rep, world.pipeline, Filters(), now=NOW)
    for place in range(4):
        world.rule(What.VALUE, f"From {place}", at_least=place + 1)
        world.rule(What.TAG, f"Tag {place}", tag=Tag.objects.create(name=str(place)))
    in_force.read(world.pipeline.pk)
    with django_assert_num_queries(len(without) + 1):
        board.read(world.rep, world.pipeline, Filters(), now=NOW)


def page(world: World, name: str, *args: int, query: str = "", **headers: str) -> Any:
    client = Client()
    client.force_login(world.rep)
    return client.get(reverse(name, args=args or [world.pipeline.pk]) + query, headers=headers or None)


def test_board_list_legend_and_a_refreshed_card_say_the_same(world: World) -> None:
    rule = world.rule(What.VALUE, "Large <b>", "blue", at_least=10)
    deal = make.deal(world.first, world.rep, title="A", value=Decimal(10))
    edge, words = b' edge-blue"', b'data-marks="Large &lt;b&gt;"'
    whole = page(world, "board").content
    again = page(world, "board-cards", query=f"?deals={deal.pk}").content
    assert edge in whole and words in whole and edge in again and words in again
    assert f'class="card-mark edge-blue" href="/board/{world.pipeline.pk}/?mark={rule.pk}"'.encode() in whole
    assert b'<span class="card-mark edge-blue" dir="auto">Large &lt;b&gt;</span>' in page(world, "deal-list").content


def test_a_mark_that_is_not_there_is_refused_as_any_filter(world: World) -> None:
    assert page(world, "board", query="?mark=987654").status_code == 400
    assert page(world, "deal-list", query="?mark=x").status_code == 400


def test_the_panel_offers_the_marks_of_its_pipeline_and_the_one_that_is_chosen(world: World) -> None:
    rule = world.rule(What.LATE, "Late here")
    other = CardRule.objects.create(pipeline=make.pipeline(), what=What.LATE, label="Late elsewhere")
    assert b"Late elsewhere" not in (shown := page(world, "board-filters").content) and b"Late here" in shown
    assert b"Late elsewhere" in page(world, "board-filters", query=f"?mark={other.pk}").content
    assert b"Late here" in page(world, "deal-list-filters", query=f"?mark={rule.pk}").content


# --- What an admin may say


@pytest.fixture
def admin(client: Client) -> User:
    user = make.user("admin", name="Ada Admin")
    client.force_login(user)
    return user


@pytest.fixture
def pipeline(admin: User) -> Pipeline:
    return definition.load_template("standard", by=admin)


def test_a_new_pipeline_marks_over_target_no_next_step_and_large_deals(pipeline: Pipeline) -> None:
    found = list(pipeline.card_rules.values_list("what", "label", "colour", "at_least"))
    assert found == [
        ("over_target", "Over target", "amber", None),
        ("no_next_step", "No next step", "amber", None),
        ("value", "Large deal", "blue", Decimal(50_000)),
    ]


def row(place: int, **fields: Any) -> dict[str, Any]:
    return {f"card_rules-{place}-{name}": value for name, value in fields.items()}


def test_a_mark_is_added_and_changed_on_the_page_of_the_pipeline_without_a_new_version(
    client: Client, pipeline: Pipeline, admin: User
) -> None:
    vip = Tag.objects.create(name="Key account")
    added = row(3, order=4, what="tag", tag=vip.pk, at_least="7", label="Key account", colour="green")
    changes = {**row(2, at_least="80000"), **row(1, DELETE="on"), **added, "card_rules-TOTAL_FORMS": 4}
    assert send(client, page_of(pipeline), **changes).status_code == 302
    labels = list(pipeline.card_rules.values_list("label", "at_least", "tag"))
    assert labels == [("Over target", None, None), ("Large deal", Decimal(80_000), None), ("Key account", None, vip.pk)]
    assert PipelineVersion.objects.filter(pipeline=pipeline).count() == 1
    noted = Change.objects.get(object_type="cardrule", field="at_least", old="50000")
    assert (noted.new, noted.by) == ("80000", admin)


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"what": "value"}, "Say from how much on."),
        ({"what": "tag"}, "Choose the tag."),
        ({"what": "late", "label": "over TARGET"}, "Two marks have the same label."),
        ({"what": "value", "at_least": "-1"}, "greater than or equal to 1"),
    ],
)
def test_a_mark_that_says_nothing_is_refused(
    client: Client, pipeline: Pipeline, fields: dict[str, str], says: str
) -> None:
    added = row(3, **{"order": 4, "label": "New", "colour": "red", **fields})
    answer = send(client, page_of(pipeline), **added, **{"card_rules-TOTAL_FORMS": 4})
    assert says in errors(answer)
    assert pipeline.card_rules.count() == 3


def test_a_tag_that_marks_cards_is_not_deleted(client: Client, pipeline: Pipeline) -> None:
    tag = Tag.objects.create(name="Key account")
    CardRule.objects.create(pipeline=pipeline, what="tag", tag=tag, label="Key account")
    assert client.post(f"/admin/pipeline/tag/{tag.pk}/delete/", {"post": "yes"}).status_code == 403
    assert Tag.objects.filter(pk=tag.pk).exists()


def test_the_list_narrowed_to_a_mark_counts_what_it_shows(world: World) -> None:
    rule = world.rule(What.VALUE, at_least=10)
    for value in (9, 10, 11):
        make.deal(world.first, world.rep, value=Decimal(value))
    found = Listing(world.rep, world.pipeline, Filters(mark=rule.pk))
    assert found.count() == len(found[0:50]) == 2
