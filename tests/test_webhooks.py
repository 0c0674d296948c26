"""What happens here is told to other programs: which events are written, each once, whatever order they end in."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal

import pytest
from django.conf import LazySettings
from django.core.exceptions import ValidationError
from django.db import connection, connections, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from crm.models import Change, WebhookDelivery, WebhookPosition
from crm.webhooks import keeping, reading
from leads import contacts, organizations
from leads.activities import NewActivity
from pipeline import deals, followups, in_force, logbook, moves
from pipeline.models import StageVisit
from tests import factories as make
from tests.deal_world import World
from tests.receivers import Receiver
from tests.webhook_world import committed, deliver, hook, move, only, queued, rename

pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def receiver(settings: LazySettings) -> Iterator[Receiver]:
    settings.WEBHOOKS_TO_LOOPBACK = True
    made = Receiver()
    yield made
    made.stop()


# --- What is written


def test_a_move_is_an_event_with_its_record_and_version(world: World) -> None:
    hook(world)
    move(world)
    assert queued() == ["deal.moved"]
    row = only()
    assert (row.object_type, row.object_id, row.version, row.state) == ("deal", world.deal.pk, 2, "queued")


def test_a_move_makes_no_query_more_with_a_webhook_than_without(world: World) -> None:
    in_force.read(world.pipeline.pk)  # the process is read once
    with CaptureQueriesContext(connection) as without:
        move(world, world.second)
    hook(world)
    with CaptureQueriesContext(connection) as watched:
        move(world, world.third)
    assert len(watched) == len(without)


def test_without_webhooks_looking_is_one_query(world: World) -> None:
    move(world)
    with CaptureQueriesContext(connection) as looks:
        assert reading.queue_new() == 0
    assert len(looks) == 1


def test_each_thing_that_happens_to_a_deal_has_its_name(world: World) -> None:
    hook(world)
    rename(world)
    move(world)
    visit = StageVisit.objects.current().get(deal=world.deal)
    moves.undo_move(world.deal.pk, visit.pk, by=world.rep, via="board")
    moves.move_deal(world.deal.pk, world.won.pk, by=world.manager, via="board", override="He said so")
    moves.move_deal(world.deal.pk, world.first.pk, by=world.manager, via="page", reopen=True)
    moves.move_deal(
        world.deal.pk, world.lost.pk, by=world.rep, via="page", close=moves.Close(reason=make.lost_reason())
    )
    deals.delete(world.deal.pk, by=world.manager, via="page")
    deals.restore(world.deal.pk, by=world.manager, via="page")
    moves.create_deal(world.first.pk, {"title": "Another"}, by=world.rep, via="page")
    names = ["changed", "moved", "undone", "won", "reopened", "lost", "deleted", "restored", "created"]
    assert queued() == [f"deal.{name}" for name in names]


def test_tasks_activities_organizations_and_contacts_have_theirs(world: World) -> None:
    hook(world)
    tomorrow = timezone.localdate() + timedelta(days=2)
    task = followups.add(world.deal.pk, "Call", tomorrow, by=world.rep)
    assert task is not None
    followups.reschedule(task.pk, tomorrow + timedelta(days=1), by=world.rep)
    followups.complete(task.pk, by=world.rep)
    followups.reopen(task.pk, by=world.rep)
    followups.skip(task.pk, by=world.rep)
    logbook.log(world.deal.pk, NewActivity(type=make.activity_type(), text="Hello"), by=world.rep, via="page")
    made = organizations.create({"name": "North", "owner": world.rep}, by=world.rep, via="page")
    organizations.edit(made.pk, {"city": "Bremen"}, version=None, by=world.rep, via="page")
    contacts.create({"name": "Ina", "owner": world.rep}, by=world.rep, via="page")
    assert queued() == [
        "task.created", "task.changed", "task.done", "task.reopened", "task.skipped", "activity.created",
        "organization.created", "organization.changed", "contact.created",
    ]  # fmt: skip


def test_what_is_rolled_back_is_not_told(world: World) -> None:
    hook(world)
    with transaction.atomic():
        rename(world)
        transaction.set_rollback(True)
    assert queued() == []


def test_what_was_before_a_webhook_is_not_told_and_each_event_is_written_once(world: World) -> None:
    rename(world)
    hook(world)
    move(world)
    for _look in range(4):
        assert queued() == ["deal.moved"]


def test_only_what_was_asked_for_is_written(world: World) -> None:
    hook(world, None, "deal.won")
    move(world)
    assert queued() == []


def test_imports_are_told_only_on_request(world: World) -> None:
    hook(world, name="quiet")
    hook(world, name="all", with_imports=True)
    make.deal(world.first, world.rep)
    queued()
    assert [row.webhook.name for row in WebhookDelivery.objects.all()] == ["all"]


def test_a_webhook_of_one_pipeline_hears_of_its_deals_and_their_tasks_alone(world: World) -> None:
    other = make.pipeline()
    elsewhere = make.deal(other.stages.all()[0], world.rep)
    hook(world, pipeline=world.pipeline.pk)
    rename(world)
    deals.edit(elsewhere.pk, {"title": "Elsewhere"}, version=None, by=world.rep, via="page")
    followups.add(world.deal.pk, "Call", timezone.localdate() + timedelta(days=2), by=world.rep)
    logbook.log(world.deal.pk, NewActivity(type=make.activity_type(), text="Hello"), by=world.rep, via="page")
    contacts.create({"name": "Ina", "owner": world.rep}, by=world.rep, via="page")
    assert queued() == ["deal.changed", "task.created", "activity.created"]


def test_a_webhook_of_one_team_hears_of_what_its_people_own(world: World) -> None:
    team = world.rep.memberships.get().team
    hook(world, team=team)
    rename(world)
    contacts.create({"name": "Ina", "owner": world.stranger}, by=world.stranger, via="page")
    assert queued() == ["deal.changed"]


def test_while_paused_nothing_is_written_and_what_waits_goes_out_later(world: World, receiver: Receiver) -> None:
    made = hook(world, receiver)
    rename(world, "Before")
    queued()
    keeping.pause(made.pk, "Holidays", by=world.admin)
    rename(world, "Meanwhile")
    assert deliver() == 0
    keeping.resume(made.pk, by=world.admin)
    rename(world, "After")
    assert deliver() == 2 and len(receiver.told) == 2


def test_a_webhook_needs_a_name_an_address_and_events(world: World) -> None:
    with pytest.raises(ValidationError) as refused:
        keeping.make(
            {"name": " ", "url": "https://10.0.0.1/", "events": ["deal.eaten"], "pipeline": 99}, by=world.admin
        )
    assert set(refused.value.error_dict) == {"name", "url", "events", "pipeline"}


# --- Transactions that end in another order than they began


@pytest.mark.postgres
@committed
def test_a_change_that_is_committed_after_later_ones_were_read_is_told_too(world: World) -> None:
    """Its row has the smaller number: whoever only looks past the last number would never see it."""
    hook(world)
    other = make.deal(world.first, world.rep)
    slow = connections["default"].copy()
    try:
        slow.set_autocommit(False)
        with slow.cursor() as cursor:
            cursor.execute("UPDATE pipeline_deal SET version = version + 1 WHERE id = %s", [other.pk])
            cursor.execute(
                "INSERT INTO crm_change (object_type, object_id, version, field, at, via, reason)"
                " VALUES ('deal', %s, 2, 'title', now(), 'page', '')",
                [other.pk],
            )
        rename(world)
        for _look in range(4):
            assert queued() == ["deal.changed"]
        slow.commit()
    finally:
        slow.close()
    for _look in range(3):
        reading.queue_new()
    assert set(WebhookDelivery.objects.values_list("object_id", flat=True)) == {world.deal.pk, other.pk}
    assert WebhookDelivery.objects.count() == 2


@pytest.mark.postgres
@committed
def test_a_transaction_of_another_database_holds_up_nothing(world: World) -> None:
    hook(world)
    elsewhere = connection.copy()
    elsewhere.settings_dict["NAME"] = "postgres"
    try:
        elsewhere.set_autocommit(False)
        with elsewhere.cursor() as cursor:
            cursor.execute("SELECT pg_current_xact_id()")
        rename(world)
        for _look in range(3):
            reading.queue_new()
        place = WebhookPosition.objects.get()
        assert place.settled_to == place.read_to == keeping._newest()
    finally:
        elsewhere.close()


@pytest.mark.postgres
@committed
def test_with_sixteen_writers_and_a_reader_every_change_is_told_once(world: World) -> None:
    hook(world)
    board = [make.deal(world.first, world.rep) for _ in range(8)]
    start = keeping._newest()

    def write(number: int) -> None:
        try:
            for turn in range(10):
                deals.edit(
                    board[(number + turn) % 8].pk, {"title": f"{number} {turn}"}, version=None, by=world.rep, via="page"
                )
        finally:
            connection.close()

    with ThreadPoolExecutor(16) as pool:
        writing = [pool.submit(write, number) for number in range(16)]
        while not all(each.done() for each in writing):
            reading.queue_new()
    for _look in range(4):
        reading.queue_new()
    written = Change.objects.filter(pk__gt=start, object_type="deal").values("object_id", "version").distinct().count()
    assert [each.exception() for each in writing] == [None] * 16
    assert written == 160 and WebhookDelivery.objects.count() == written


def test_more_changes_than_one_look_takes_are_all_told(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "BATCH", 3)
    hook(world)
    for number in range(8):
        deals.edit(
            world.deal.pk, {"title": f"{number}", "value": Decimal(number + 1)}, version=None, by=world.rep, via="page"
        )
    assert queued() == ["deal.changed"] * 8
