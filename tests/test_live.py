"""Which changes mark a card as changed, and who hears of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from leads import organizations
from leads.activities import NewActivity
from leads.models import Organization
from pipeline import (
    approvals,
    commitments,
    deals,
    followups,
    logbook,
    merging,
    moves,
    people,
    retirement,
)
from pipeline.live import events
from pipeline.live.events import Audience
from pipeline.models import Commitment, Deal, DealMember, StageVisit, Task
from tests import factories as make
from tests.live_world import World

pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> World:
    return World()


# --- Each rule marks the card that it changes


def _task(world: World) -> Task:
    task = followups.add(world.deal.pk, "Call", timezone.localdate() + timedelta(days=2), by=world.rita)
    assert task is not None
    return task


def _approval(world: World) -> int:
    return approvals.ask(world.deal.pk, world.asked.pk, by=world.rita).pk


def _lock(world: World) -> dict[str, Any]:
    return {"by": world.rita, "via": "page", "now": timezone.now()}


def _commit(world: World) -> Commitment:
    return commitments.record(world.deal, world.said.pk, by=world.rita)


def _log(world: World) -> None:
    entry = NewActivity(type=make.activity_type(), text="Hello", happened_at=timezone.now() - timedelta(days=9))
    logbook.log(world.deal.pk, entry, by=world.rita, via="page")


def _retire(world: World) -> None:
    retirement.retire_stage(world.first, world.second, by=world.admin)


def _correct(world: World) -> None:
    entered = StageVisit.objects.get(deal=world.deal).entered_at - timedelta(days=1)
    stays = [moves.Stay(world.first, entered)]
    moves.rewrite_history(world.deal.pk, stays, by=world.boss, via="page", reason="It began earlier")


def _give_organization(world: World) -> Organization:
    firm = make.organization(world.rita)
    deals.edit(world.deal.pk, {"organization": firm}, version=None, by=world.rita, via="page")
    return firm


def _win(world: World) -> None:
    moves.move_deal(world.deal.pk, world.won.pk, by=world.boss, via="board", override="He said so")


RULES: dict[str, tuple[Callable[[World], Any], Callable[[World, Any], Any]]] = {
    # what is there before, and the rule itself
    "move": (lambda w: None, lambda w, _: w.move(w.second)),
    "win": (lambda w: None, lambda w, _: _win(w)),
    "undo": (
        lambda w: w.move(w.second),
        lambda w, _: moves.undo_move(
            w.deal.pk, StageVisit.objects.current().get(deal=w.deal).pk, by=w.rita, via="board"
        ),
    ),
    "another pipeline": (
        lambda w: None,
        lambda w, _: moves.change_pipeline(w.deal.pk, w.other.stages.all()[0].pk, by=w.boss, via="page"),
    ),
    "corrected dates": (lambda w: None, lambda w, _: _correct(w)),
    "retired stage": (lambda w: None, lambda w, _: _retire(w)),
    "edit": (
        lambda w: None,
        lambda w, _: deals.edit(w.deal.pk, {"title": "New"}, version=None, by=w.rita, via="page"),
    ),
    "organization renamed": (
        lambda w: _give_organization(w),
        lambda w, firm: organizations.edit(firm.pk, {"name": "Nordwind"}, version=None, by=w.rita, via="page"),
    ),
    "delete": (lambda w: None, lambda w, _: deals.delete(w.deal.pk, by=w.boss, via="page")),
    "restore": (
        lambda w: deals.delete(w.deal.pk, by=w.boss, via="page"),
        lambda w, _: deals.restore(w.deal.pk, by=w.boss, via="page"),
    ),
    "merge": (
        lambda w: make.deal(w.first, w.rita),
        lambda w, other: merging.merge(w.deal.pk, other.pk, by=w.rita, via="page"),
    ),
    "merged into another": (
        lambda w: make.deal(w.first, w.rita),
        lambda w, other: merging.merge(other.pk, w.deal.pk, by=w.rita, via="page"),
    ),
    "hand over": (
        lambda w: None,
        lambda w, _: deals.take_over(w.rita, w.colleague, by=w.boss, via="page"),
    ),
    "new task": (lambda w: None, lambda w, _: _task(w)),
    "task done": (_task, lambda w, task: followups.complete(task.pk, by=w.rita)),
    "task skipped": (_task, lambda w, task: followups.skip(task.pk, by=w.rita)),
    "task on another day": (
        _task,
        lambda w, task: followups.reschedule(task.pk, timezone.localdate() + timedelta(days=9), by=w.rita),
    ),
    "pause": (
        lambda w: None,
        lambda w, _: followups.pause(w.deal.pk, _next_month(), "Holidays", by=w.rita),
    ),
    "resume": (
        lambda w: followups.pause(w.deal.pk, _next_month(), "Holidays", by=w.rita),
        lambda w, _: followups.resume(w.deal.pk, by=w.rita),
    ),
    "commitment": (lambda w: None, lambda w, _: _commit(w)),
    "withdrawn": (_commit, lambda w, _: commitments.withdraw(w.deal, w.said.pk, by=w.rita)),
    "approval asked": (lambda w: None, lambda w, _: _approval(w)),
    "approval given": (_approval, lambda w, pk: approvals.decide(pk, by=w.boss, approve=True)),
    "contact": (
        lambda w: make.contact(w.rita),
        lambda w, contact: people.set_contact(w.deal, contact, **_lock(w)),
    ),
    "contact gone": (
        lambda w: people.set_contact(w.deal, make.contact(w.rita), **_lock(w)).contact_id,
        lambda w, pk: people.remove_contact(w.deal, pk, **_lock(w)),
    ),
    "member": (
        lambda w: None,
        lambda w, _: people.set_member(w.deal, w.stranger, "specialist", **_lock(w)),
    ),
    "member gone": (
        lambda w: people.set_member(w.deal, w.stranger, "specialist", **_lock(w)).pk,
        lambda w, pk: people.remove_member(w.deal, pk, **_lock(w)),
    ),
    "activity of last week": (lambda w: None, lambda w, _: _log(w)),
}


def _next_month() -> date:
    return timezone.localdate() + timedelta(days=30)


@pytest.mark.parametrize("rule", RULES)
def test_the_rule_marks_the_card(world: World, rule: str) -> None:
    before, change = RULES[rule]
    given = before(world)
    world.deal.refresh_from_db()
    Deal.objects.update(card_changed_at=None)
    change(world, given)
    marked = Deal.objects.get(pk=world.deal.pk).card_changed_at
    assert marked is not None and abs(marked - timezone.now()) < timedelta(seconds=20)


def test_a_new_deal_and_an_imported_one_are_marked(world: World) -> None:
    made = moves.create_deal(world.first.pk, {"title": "New"}, by=world.rita, via="board")
    assert isinstance(made, moves.Moved)
    imported = make.deal(world.second, world.rita)
    assert not Deal.objects.filter(pk__in=[made.deal.pk, imported.pk], card_changed_at=None).exists()


# --- Who hears of it


def test_the_owner_their_manager_and_admins_hear_of_a_move(world: World) -> None:
    world.move(world.second)
    assert world.who_hears() == {"Rita", "Max", "Ann"}


def test_a_member_hears_of_it(world: World) -> None:
    DealMember.objects.create(deal=world.deal, user=world.stranger, role="specialist")
    world.move(world.second)
    assert world.who_hears() == {"Rita", "Sam", "Max", "Ann"}


def test_whoever_lost_the_deal_hears_of_it_too(world: World) -> None:
    deals.edit(world.deal.pk, {"owner": world.stranger}, version=None, by=world.admin, via="page")
    assert world.who_hears() == {"Rita", "Sam", "Max", "Ann"}


def test_a_former_member_hears_that_the_deal_is_gone(world: World) -> None:
    member = people.set_member(world.deal, world.stranger, "specialist", **_lock(world))
    people.remove_member(world.deal, member.pk, **_lock(world))
    assert "Sam" in world.who_hears()


def test_a_move_names_the_column_it_left_and_a_change_of_pipeline_the_board(world: World) -> None:
    world.move(world.second)
    assert world.event().stages == {world.first.pk, world.second.pk}
    moves.change_pipeline(world.deal.pk, world.other.stages.all()[0].pk, by=world.boss, via="page")
    assert world.event().pipelines == {world.pipeline.pk, world.other.pk}


def test_a_look_is_one_query_and_three_where_something_is_new(world: World) -> None:
    since = timezone.now() - timedelta(seconds=15)
    with CaptureQueriesContext(
        connection,
    ) as quiet:
        assert events.read(since) == []
    for _each in range(5):
        make.deal(world.first, world.rita)
    with CaptureQueriesContext(connection) as busy:
        found = events.read(since)
    assert found is not None and (len(found), len(quiet), len(busy)) == (5, 1, 3)
    known = {(event.deal, event.stamp, event.version) for event in found}
    assert events.read(since, known) == []


def test_more_deals_than_can_be_told_are_told_as_all(world: World) -> None:
    moves.create_with_history(
        [({"title": str(n), "owner": world.rita}, [moves.Stay(world.first, make.NOW)]) for n in range(events.TELL + 1)],
        by=world.rita, via="import", now=timezone.now(),
    )  # fmt: skip
    found = events.read(timezone.now() - timedelta(minutes=1))
    assert events.told(found, Audience.of(world.rita), world.pipeline.pk) == {"all": True}
    assert events.told(found, Audience.of(world.stranger), world.pipeline.pk) is None
