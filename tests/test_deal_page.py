"""The page of a deal: what is missing to go on, the way through the stages, what happened, in how many queries."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from decimal import Decimal
from html.parser import HTMLParser

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from crm.models import Company
from crm.models.audit import Via
from crm.rich_text import to_html
from leads.activities import NewActivity
from pipeline import approvals, commitments, deal_page, deals, followups, in_force, logbook, moves, people
from pipeline.deal_page import DealPage
from pipeline.models import Resource, StageVisit, Tag
from pipeline.moves import Stay
from tests import factories as make
from tests.deal_world import World

pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> World:
    return World()


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def read(world: World) -> DealPage:
    return deal_page.read(world.fresh(), world.rep, may_edit=True, may_manage=False)


def with_past(world: World, *stays: Stay) -> None:
    fields = {"title": "Came with its past", "owner": world.rep}
    world.deal = moves.create_with_history([(fields, stays)], by=world.rep, via=Via.IMPORT)[0]


def ago(days: float) -> datetime:
    return timezone.now() - timedelta(days=days)


# --- Who sees what


def test_the_owner_sees_what_is_missing_first(world: World) -> None:
    make.condition(world.second, label="Agrees to a demo")
    text = world.page()
    assert "1 thing is missing to move to Second" in text and "Agrees to a demo" in text
    assert text.index("is missing") < text.index("What happened")


def test_a_stranger_finds_no_deal_and_a_signed_out_visitor_the_sign_in(world: World) -> None:
    assert world.get("deal", user=world.stranger).status_code == 404
    assert world.client().get("/deals/99999999/").status_code == 404
    assert Client().get(world.url("deal")).status_code == 302


def test_who_may_only_read_sees_no_control_but_those_of_talk(world: World) -> None:
    world.let_team_read()
    make.condition(world.second)
    text = world.page(world.colleague)
    assert "is missing to move to Second" in text
    page = text[text.index('id="deal"') : text.index("</article>")]
    assert set(re.findall(r'<form[^>]* action="([^"]*)"', page)) == {
        world.url("deal-comment"),
        world.url("deal-follow"),
    }
    assert page.count("<form") == page.count("hx-post") == 2


def test_a_manager_sees_the_corrections_and_a_rep_does_not(world: World) -> None:
    assert world.url("deal-delete") in world.page(world.manager) and world.url("deal-dates") in world.page(
        world.manager
    )
    assert world.url("deal-delete") not in world.page() and world.url("deal-dates") not in world.page()


def test_a_deleted_deal_says_so_and_a_manager_brings_it_back(world: World) -> None:
    deals.delete(world.deal.pk, by=world.manager, via="page")
    assert world.get("deal").status_code == 410 and world.url("deal-restore") not in world.get("deal").content.decode()
    assert world.post("deal-restore").status_code == 403
    assert world.get("deal", user=world.stranger).status_code == 404
    assert world.url("deal-restore") in world.get("deal", user=world.manager).content.decode()
    world.post("deal-restore", user=world.manager)
    assert world.get("deal").status_code == 200


# --- The way


def test_stays_of_one_stage_are_summed_with_their_number(world: World) -> None:
    times = [ago(20), ago(15), ago(12), ago(10)]
    stages = [world.first, world.second, world.first, world.second]
    with_past(world, *[Stay(stage, at) for stage, at in zip(stages, times, strict=True)])
    first, second, *ahead = read(world).way
    assert (first.times, str(first.length), first.place) == (2, "7 days", "past")
    assert (second.times, str(second.length), second.place) == (2, "13 days", "here")
    assert [stop.place for stop in ahead] == ["ahead", "ahead"]


def test_an_unknown_time_shows_a_dash_and_no_length(world: World) -> None:
    with_past(world, Stay(world.first, ago(9), precision="unknown"), Stay(world.second, ago(4)))
    first, second, *_ = read(world).way
    assert (first.length, first.entered_at) == (None, None) and str(second.length) == "4 days"
    assert '<span class="stop-length">–' in world.page()


def test_of_days_alone_only_days_are_shown(world: World) -> None:
    with_past(world, Stay(world.first, ago(1), precision="day"), Stay(world.second, ago(1), precision="day"))
    assert [str(stop.length) for stop in read(world).way[:2]] == ["0 days", "1 day"]


def test_hours_and_minutes_of_a_short_exact_stay(world: World) -> None:
    with_past(world, Stay(world.first, ago(5 / 24)), Stay(world.second, ago(20 / 1440)))
    assert [str(stop.length) for stop in read(world).way[:2]] == ["4 hours", "20 minutes"]
    assert "of 7 days" in world.page()  # a number alone would be of hours


def test_passed_over_and_over_target_are_said(world: World) -> None:
    with_past(world, Stay(world.first, ago(30)), Stay(world.third, ago(8)))
    way = read(world).way
    assert [stop.place for stop in way] == ["past", "passed", "here", "ahead"] and way[2].over_target
    text = world.page()
    assert "passed over" in text and "Over target" in text


def test_a_lost_deal_shows_where_it_ended_and_asks_for_nothing(world: World) -> None:
    world.deal = make.deal(world.lost, world.rep)
    page = read(world)
    assert page.gate.stage is None and page.way[-1].stage == world.lost and page.way[-1].length is None
    assert world.url("deal-reopen") in world.page()


# --- The checklist


def test_each_state_of_a_condition_is_told_apart(world: World) -> None:
    met, waiting = make.condition(world.second), make.condition(world.second, "approval")
    make.condition(world.second, "field", field="value", operator="filled", when_value_at_least=Decimal(9999))
    make.condition(world.second, "no_such_kind")
    make.condition(world.second, "contact_role", contact_role="decision_maker", blocks=False)
    with followups.holding(world.deal.pk) as locked:
        commitments.record(locked, met.pk, by=world.rep)
    approvals.ask(world.deal.pk, waiting.pk, by=world.rep)
    page = read(world)
    assert [point.verdict.state for point in page.gate.points] == ["met", "waiting", "not_needed", "broken", "missing"]
    assert (page.gate.missing, page.gate.warnings, page.gate.is_open) == (2, 1, False)
    text = world.page()
    assert all(words in text for words in ["not needed for this deal", "Broken", "Waiting", "does not stop it"])


def test_nothing_missing_offers_the_move(world: World) -> None:
    text = world.page()
    assert "Nothing is missing to move to Second" in text and 'id="advance"' in text
    world.post("deal-move", to=world.second.pk, version=world.deal.version, next=world.url("deal"))
    assert world.fresh().stage == world.second


def test_a_won_stage_follows_the_last_open_one(world: World) -> None:
    world.deal = make.deal(world.third, world.rep)
    assert read(world).gate.stage == world.won


# --- What happened


def test_the_timeline_tells_who_did_what_in_plain_words(world: World) -> None:
    person = make.contact(world.rep, name="Anna Berg")
    with followups.holding(world.deal.pk) as locked:
        people.set_contact(locked, person, by=world.rep, via="page", now=timezone.now(), role="champion")
    deals.edit(world.deal.pk, {"value": Decimal(2500)}, version=None, by=world.rep, via="page")
    deals.edit(world.deal.pk, {"tags": [Tag.objects.create(name="VIP")]}, version=None, by=world.rep, via="page")
    logbook.log(
        world.deal.pk,
        NewActivity(make.activity_type(), direction="out", text="They liked it.", contacts=(person,)),
        by=world.rep,
        via="page",
    )
    text = world.page()
    assert "Rita Rep added Anna Berg (champion, main contact)" in text
    assert "Rita Rep changed the value from €1,000 to €2,500" in text and "Rita Rep set the tags to VIP" in text
    assert "Rita Rep: Call with Anna Berg" in text and "They liked it." in text
    assert "Rita Rep created the deal in First" in text


def test_a_refused_try_is_kept_small_and_an_override_shows_its_reason(world: World) -> None:
    make.condition(world.second, label="Agrees to a demo")
    moves.move_deal(world.deal.pk, world.second.pk, by=world.rep, via="board")
    moves.move_deal(world.deal.pk, world.second.pk, by=world.manager, via="board", override="Said so by phone")
    entries = read(world).timeline.entries
    refused = next(entry for entry in entries if "tried" in entry.words)
    override = next(entry for entry in entries if "without its conditions" in entry.words)
    assert refused.small and refused.words == "Rita Rep tried to move it to Second. Missing: Agrees to a demo"
    assert override.notes == ["Missing: Agrees to a demo", "Reason: Said so by phone"]


def test_an_undone_move_is_marked(world: World) -> None:
    moves.move_deal(world.deal.pk, world.second.pk, by=world.rep, via="board")
    moves.undo_move(world.deal.pk, StageVisit.objects.current().get(deal=world.deal).pk, by=world.manager, via="board")
    undone = [entry for entry in read(world).timeline.entries if entry.undone]
    assert [entry.words for entry in undone] == ["Rita Rep moved it from First to Second"]
    assert undone[0].undone == "taken back by Max Manager"


def test_thirty_entries_then_more(world: World) -> None:
    for number in range(40):
        deals.edit(world.deal.pk, {"value": Decimal(2000 + number)}, version=None, by=world.rep, via="page")
    first = world.page()
    assert first.count("changed the value") == 30 and "Show older" in first
    more = world.get("deal-timeline", skip=30, part=True).content.decode()
    assert more.count("changed the value") == 10 and "created the deal" in more and "Show older" not in more
    assert world.get("deal-timeline", skip="abc").status_code == 400
    assert world.get("deal-timeline", skip=30, user=world.stranger).status_code == 404


# --- Material


def test_material_is_shown_as_text_and_never_as_script(world: World) -> None:
    Resource.objects.create(
        stage=world.first, title="Script", text="# Open\n\n**Ask** <script>alert(1)</script> [x](javascript:alert(1))"
    )
    text = world.page()
    assert "<h3>Open</h3>" in text and "<strong>Ask</strong>" in text
    assert "alert(1)</script>" not in text and "javascript:" not in text


@pytest.mark.parametrize(
    "text",
    [
        "<img src=x onerror=alert(1)>",
        "<a href='data:text/html,x' onclick=alert(1)>x</a>",
        "<svg><script>alert(1)</script></svg>",
        "[a](vbscript:x)",
        "<p style='position:fixed'>x</p><iframe src=//evil></iframe>",
    ],
)
def test_rich_text_keeps_no_handler_style_frame_or_foreign_scheme(text: str) -> None:
    html = to_html(text)
    assert not re.search(r"<(img|svg|script|iframe)|on\w+=|style=|data:|vbscript:", html)


def test_what_people_write_is_shown_as_they_wrote_it_and_runs_nowhere(world: World) -> None:
    payload = 'http://a.example/"><script>alert(1)</script> <img src=x onerror=alert(2)> \'"'
    asked = make.condition(world.second, label=payload, needs_evidence=True)
    deals.edit(world.deal.pk, {"title": payload}, version=None, by=world.rep, via="page")
    note = make.activity_type("note", directed=False)
    logbook.log(
        world.deal.pk, NewActivity(note, text=payload), by=world.rep, via="page", agreed=[asked.pk], evidence=payload
    )
    followups.add(world.deal.pk, payload, timezone.localdate(), by=world.rep)
    followups.pause(world.deal.pk, timezone.localdate() + timedelta(days=9), payload, by=world.rep)
    text = world.page()
    assert "alert(1)" in text and "<script>alert" not in text
    page = Tags()
    page.feed(text)
    assert not any(tag == "img" and "x" in attributes.values() for tag, attributes in page.found)
    assert not [name for _tag, attributes in page.found for name in attributes if name.startswith("on")]


def test_a_task_shows_how_it_is_done_and_its_material(world: World) -> None:
    template = make.stage_task(world.second, "First call", instructions="Ask *one* question.")
    Resource.objects.create(stage=world.second, stage_task=template, title="Opening lines", text="Hello")
    moves.move_deal(world.deal.pk, world.second.pk, by=world.rep, via="board")
    text = world.page()
    assert "First call" in text and "Ask <em>one</em> question." in text and text.count("Opening lines") == 1


# --- Lists on other pages


def test_deals_of_an_organization_are_those_that_one_sees(world: World) -> None:
    organization = make.organization(world.rep)
    deals.edit(world.deal.pk, {"organization": organization}, version=None, by=world.rep, via="page")
    address = f"/organizations/{organization.pk}/deals/"
    assert world.deal.title in world.client(part=True).get(address).content.decode()
    assert world.deal.title not in world.client(world.stranger, part=True).get(address).content.decode()
    assert world.client().get("/organizations/99999/deals/").status_code == 404


def test_deals_of_a_contact(world: World) -> None:
    person = make.contact(world.rep)
    address = f"/contacts/{person.pk}/deals/"
    assert "No deals here" in world.client(part=True).get(address).content.decode()
    with followups.holding(world.deal.pk) as locked:
        people.set_contact(locked, person, by=world.rep, via="page", now=timezone.now())
    assert world.deal.title in world.client().get(address).content.decode()
    assert world.client(world.stranger).get(address).status_code == 404


# --- How many queries


def test_the_page_costs_the_same_with_one_and_with_many_of_everything(world: World) -> None:
    def fill(times: int) -> None:
        for _ in range(times):
            person = make.contact(world.rep)
            with followups.holding(world.deal.pk) as locked:
                people.set_contact(locked, person, by=world.rep, via="page", now=timezone.now(), role="user")
                people.set_member(locked, make.user(), "legal", by=world.rep, via="page", now=timezone.now())
                asked = make.condition(world.second)
                commitments.record(locked, asked.pk, by=world.rep)
            make.condition(world.second, "contact_role", contact_role="decision_maker")
            logbook.log(world.deal.pk, NewActivity(make.activity_type(), contacts=(person,)), by=world.rep, via="page")
            followups.add(world.deal.pk, "Call", timezone.localdate(), by=world.rep)
            done = followups.add(world.deal.pk, "Write", timezone.localdate(), by=world.rep)
            assert done is not None
            followups.complete(done.pk, by=world.rep)
            deals.edit(
                world.deal.pk, {"organization": make.organization(world.rep)}, version=None, by=world.rep, via="page"
            )
            deals.edit(
                world.deal.pk, {"tags": [Tag.objects.create(name=person.name)]}, version=None, by=world.rep, via="page"
            )
            moves.move_deal(world.deal.pk, world.third.pk, by=world.rep, via="board")

    def cost() -> int:
        client = world.client()
        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert client.get(world.url("deal")).status_code == 200
        return len(queries)

    fill(1)
    Company.objects.create(pk=1)
    in_force.read(world.pipeline.pk)
    one = cost()
    fill(6)
    assert cost() == one
    assert one <= 38
