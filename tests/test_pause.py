"""Pausing with a reason, going on, and reopening what was closed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from crm.models import User
from pipeline import followups, moves
from pipeline.models import Deal
from pipeline.moves import Close
from tests import factories as make
from tests.deal_world import World

pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> World:
    return World()


def in_days(days: int) -> str:
    return (timezone.localdate() + timedelta(days=days)).isoformat()


def test_a_pause_has_a_day_and_a_reason_and_takes_the_marks_away(world: World) -> None:
    assert "No next step" in world.page()
    text = world.post("deal-pause", part=True, until=in_days(10), reason="Budget in spring").content.decode()
    assert "Paused until" in text and "Paused because: Budget in spring" in text and "No next step" not in text
    assert world.fresh().pause_reason == "Budget in spring"
    assert not Deal.objects.without_next_step(timezone.now()).exists()


@pytest.mark.parametrize(
    ("days", "reason", "words"),
    [
        (0, "x", "Choose a day after today."),
        (-3, "x", "Choose a day after today."),
        (5000, "x", "Choose a day"),
        (5, "", "required"),
        (5, "\u200b", "required"),
    ],
)
def test_a_pause_without_a_day_ahead_or_a_reason_is_refused(world: World, days: int, reason: str, words: str) -> None:
    answer = world.post("deal-pause", part=True, until=in_days(days), reason=reason)
    assert answer.status_code == 422 and words in answer.content.decode() and world.fresh().paused_until is None


@pytest.mark.parametrize("until", ["2026-02-30", "x", "9999-12-31"])
def test_a_day_that_is_none_pauses_nothing(world: World, until: str) -> None:
    assert world.post("deal-pause", part=True, until=until, reason="x").status_code == 422
    assert world.fresh().paused_until is None


def test_a_closed_deal_is_not_paused(world: World) -> None:
    world.deal = make.deal(world.won, world.rep)
    answer = world.post("deal-pause", part=True, until=in_days(5), reason="x")
    assert answer.status_code == 422 and "Only an open deal can be paused." in answer.content.decode()


def test_going_on_ends_the_pause(world: World) -> None:
    followups.pause(world.deal.pk, timezone.localdate() + timedelta(days=5), "x", by=world.rep)
    world.post("deal-resume", part=True)
    assert world.fresh().paused_until is None and "Rita Rep ended the pause" in world.page()


@pytest.mark.parametrize("name", ["deal-pause", "deal-resume", "deal-reopen"])
def test_who_may_not_edit_neither_pauses_nor_reopens(world: World, name: str) -> None:
    world.denied(name, until=in_days(5), reason="x")


# --- Reopening


def lose(world: World) -> None:
    moves.move_deal(world.deal.pk, world.second.pk, by=world.rep, via="board")
    moves.move_deal(world.deal.pk, world.lost.pk, by=world.rep, via="board", close=Close(make.lost_reason()))


def test_a_lost_deal_goes_on_where_it_was(world: World) -> None:
    lose(world)
    world.post("deal-reopen", part=True)
    assert (world.fresh().stage, world.fresh().status) == (world.second, "open")
    assert "Rita Rep reopened it in Second" in world.page()


def test_reopening_passes_the_gate_and_leads_to_what_lacks(world: World) -> None:
    lose(world)
    make.condition(world.second, label="Agrees to a demo")
    answer = world.post("deal-reopen")
    assert answer.status_code == 302 and world.url("deal-move") in answer["Location"]
    assert world.fresh().status == "lost"


def test_what_lacks_is_filled_in_and_reopens_in_one_go(world: World) -> None:
    lose(world)
    asked = make.condition(world.second, label="Agrees to a demo")
    form = world.client().get(world.post("deal-reopen")["Location"]).content.decode()
    assert 'name="reopen" value="1"' in form and "Reopen in Second" in form
    sent = {"to": world.second.pk, "version": world.fresh().version, "asked": asked.pk, f"c{asked.pk}": "on"}
    assert world.client().post(world.url("deal-move"), {**sent, "reopen": 1}).status_code == 302
    assert world.fresh().stage == world.second


def test_a_rep_reopens_for_a_while_and_a_manager_always(world: World) -> None:
    world.deal = make.deal(world.lost, world.rep)
    text = world.post("deal-reopen", part=True).content.decode()
    assert "ask your manager to reopen it" in text and world.fresh().status == "lost"
    world.post("deal-reopen", user=world.manager)
    assert (world.fresh().status, world.fresh().stage) == ("open", world.first)


def test_an_open_deal_is_not_reopened(world: World) -> None:
    assert world.post("deal-reopen").status_code == 302 and world.fresh().stage == world.first


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31"])
@pytest.mark.parametrize("zone", ["Asia/Tokyo", "America/New_York"])
def test_the_ends_of_the_calendar_are_refused_in_every_time_zone(world: World, zone: str, day: str) -> None:
    User.objects.update(time_zone=zone)
    assert world.post("deal-pause", until=day, reason="x").status_code == 422
    stays = world.deal.visits.get().pk
    sent: dict[str, Any] = {f"day_{stays}": day, f"time_{stays}": "", "reason": "x"}
    assert world.post("deal-dates", user=world.manager, **sent).status_code == 422
    assert world.fresh().started_at == world.began


def test_what_is_corrected_or_reopened_shows_in_all_parts_of_the_page(world: World) -> None:
    lose(world)
    assert "<dt>Closed</dt>" in world.page()
    answer = world.post("deal-reopen", part=True).content.decode()
    assert 'id="facts"' in answer and "<dt>Closed</dt>" not in answer and "Material for Second" in answer
