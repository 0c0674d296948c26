"""What webhooks send, signed and once each, and what becomes of it when a receiver is away."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from django.conf import LazySettings
from django.db import connection
from django.utils import timezone

from crm import jobs, notices, records, verification
from crm.models import Change, User, Webhook, WebhookDelivery
from crm.webhooks import delivering, keeping, kinds, post, reading, signing
from leads import contacts, organizations
from leads.activities import NewActivity
from pipeline import deals, followups, logbook
from tests import factories as make
from tests import receivers
from tests.deal_world import World
from tests.receivers import Receiver
from tests.webhook_world import committed, deliver, hook, move, only, rename

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


# --- What is sent


def verify(told: receivers.Told, secret: str, now: float) -> bool:
    """By the very lines that docs/webhooks.md gives to receivers."""
    text = (Path(__file__).parent.parent / "docs" / "webhooks.md").read_text()
    found: dict[str, Any] = {}
    exec(text.partition("```python")[2].partition("```")[0], found)  # noqa: S102  (our own page)
    with patch("time.time", return_value=now):
        return bool(found["is_from_stagecraft"](told.headers["Stagecraft-Signature"], told.body, secret))


def test_an_event_arrives_signed_with_the_record_as_the_api_shows_it(world: World, receiver: Receiver) -> None:
    made, secret = keeping.make({"name": "Books", "url": receiver.url, "events": ["deal.moved"]}, by=world.admin)
    move(world)
    assert deliver() == 1
    told, row = receiver.told[0], only()
    body = json.loads(told.body)
    assert verify(told, secret, timezone.now().timestamp()) and not verify(told, "whsec_x", timezone.now().timestamp())
    assert told.headers["Stagecraft-Event-Id"] == body["id"] == str(row.event_id)
    assert (body["event"], body["number"], body["version"], body["by"]) == (
        "deal.moved",
        world.deal.pk,
        2,
        world.rep.pk,
    )
    assert (body["before"]["stage"], body["after"]["stage"]) == (world.first.pk, world.second.pk)
    assert body["record"]["title"] == world.deal.title and body["record"]["stage"] == world.second.pk
    assert (row.state, row.status, row.attempts) == ("sent", 200, 1)
    assert made.host == receiver.url.split("/")[2] and verify_nothing_broken()


def verify_nothing_broken() -> bool:
    return [f"{found.invariant} {found.examples}" for found in verification.run() if found.breaks] == []


def test_each_kind_of_event_can_be_sent(world: World, receiver: Receiver) -> None:
    hook(world, receiver)
    task = followups.add(world.deal.pk, "Call", timezone.localdate() + timedelta(days=2), by=world.rep)
    logbook.log(world.deal.pk, NewActivity(type=make.activity_type(), text="Hello"), by=world.rep, via="page")
    organizations.create({"name": "North", "owner": world.rep}, by=world.rep, via="page")
    contacts.create({"name": "Ina", "owner": world.rep}, by=world.rep, via="page")
    deals.delete(world.deal.pk, by=world.manager, via="page")
    assert task is not None and deliver() == 4  # of a deleted deal nobody sees the task
    bodies = {body["event"]: body["record"] for body in (json.loads(told.body) for told in receiver.told)}
    assert bodies["activity.created"]["text"] == "Hello"
    assert (bodies["organization.created"]["name"], bodies["contact.created"]["name"]) == ("North", "Ina")
    assert bodies["deal.deleted"] is None


def test_after_a_new_secret_both_sign_for_a_day(world: World, receiver: Receiver) -> None:
    made, former = keeping.make({"name": "Books", "url": receiver.url, "events": ["deal.changed"]}, by=world.admin)
    now = timezone.now()
    fresh = keeping.new_secret(made.pk, by=world.admin, now=now)
    rename(world, "One")
    deliver(now + timedelta(hours=23))
    rename(world, "Two")
    deliver(now + timedelta(hours=25))
    first, second = receiver.told
    then = (now + timedelta(hours=23)).timestamp()
    assert fresh != former and verify(first, fresh, then) and verify(first, former, then)
    assert not verify(second, former, then + 7200) and verify(second, fresh, then + 7200)
    assert not verify(second, fresh, then + 9000)  # somebody sends what they once heard


def test_a_replaced_key_of_the_product_keeps_secrets_while_it_is_a_fallback(
    world: World, receiver: Receiver, settings: LazySettings
) -> None:
    _made, secret = keeping.make({"name": "Books", "url": receiver.url, "events": ["deal.changed"]}, by=world.admin)
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "another " * 8, [settings.SECRET_KEY]
    rename(world, "One")
    deliver()
    assert verify(receiver.told[0], secret, timezone.now().timestamp())
    settings.SECRET_KEY_FALLBACKS = []
    rename(world, "Two")
    assert deliver() == 0 and "new secret" in WebhookDelivery.objects.parked().get().last_error


def test_a_secret_is_in_no_row_no_log_and_no_trace(
    world: World, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    receiver.answer = 500
    url = receiver.url + "?key=hidden"
    made, secret = keeping.make({"name": "Books", "url": url, "events": ["deal.changed"]}, by=world.admin)
    fresh = keeping.new_secret(made.pk, by=world.admin)
    rename(world)
    deliver()
    rows = [str(list(model.objects.values())) for model in (Change, WebhookDelivery, Webhook)]
    for each in (secret, fresh):
        assert not any(each in text for text in (*rows, caplog.text))
    assert "hidden" not in rows[0] + rows[1] + caplog.text
    assert Change.objects.filter(object_type="webhook", field="secret").count() == 1


def test_what_the_owner_may_not_see_is_not_sent(world: World, receiver: Receiver) -> None:
    hook(world, receiver)
    rename(world)
    User.objects.filter(pk=world.admin.pk).update(role="rep")
    assert deliver() == 0 and receiver.told == []
    assert (only().state, only().last_error) == ("dropped", "its owner does not see this record")


def test_when_its_owner_leaves_a_webhook_stops_until_another_takes_it_over(world: World, receiver: Receiver) -> None:
    made = hook(world, receiver)
    rename(world, "One")
    reading.queue_new()
    User.objects.filter(pk=world.admin.pk).update(is_active=False)
    assert delivering.deliver_due() == 0 and only().state == "dropped"
    rename(world, "Two")
    reading.queue_new()
    made.refresh_from_db()
    assert made.paused_at is not None and "no longer works here" in made.paused_reason
    other = make.user("admin")
    keeping.resume(made.pk, by=other)
    rename(world, "Three")
    assert deliver() == 1 and Webhook.objects.get().owner == other


# --- What goes wrong


def test_a_failing_receiver_is_tried_five_times_at_growing_distances_and_then_it_is_parked_and_told(
    world: World, receiver: Receiver
) -> None:
    made, now, waits = hook(world, receiver), timezone.now(), []
    receiver.answer = 503
    rename(world)
    reading.queue_new(now)
    for _try in range(5):
        assert delivering.deliver_due(now) == 0
        waits.append((only().not_before - now) // timedelta(minutes=1))
        now = only().not_before
    assert waits[:4] == [1, 5, 25, 125] and delivering.deliver_due(now + timedelta(days=1)) == 0
    assert (only().state, only().attempts, only().status, only().last_error) == ("parked", 5, 503, "the answer was 503")
    assert len({told.headers["Stagecraft-Event-Id"] for told in receiver.told}) == 1 and len(receiver.told) == 5
    notice = notices.of(world.admin).get()
    assert (notices.words(notice), notice.text) == ("Events for Books could not be delivered", "the answer was 503")
    assert not notices.of(world.rep).exists() and str(made.pk) in notice.address and verify_nothing_broken()


def test_what_was_given_up_can_be_sent_again_with_the_same_id(world: World, receiver: Receiver) -> None:
    made = hook(world, receiver)
    receiver.answer = 400
    rename(world, "One")
    reading.queue_new()
    for _try in range(5):
        delivering.deliver_due(timezone.now() + timedelta(days=_try))
    rename(world, "Two")
    receiver.answer = 200
    assert only().state == "parked" and keeping.send_parked_again(made.pk) == 1
    assert deliver() == 2 and WebhookDelivery.objects.filter(state="sent", attempts=1).count() == 2
    first = WebhookDelivery.objects.earliest("sequence")
    assert keeping.send_again(first.pk) and not keeping.send_again(first.pk)
    assert deliver() == 1
    assert [told.headers["Stagecraft-Event-Id"] for told in receiver.told].count(str(first.event_id)) == 7


def test_a_sender_that_died_is_followed_by_another_which_sends_the_same_id(world: World, receiver: Receiver) -> None:
    hook(world, receiver)
    rename(world)
    reading.queue_new()
    now, real = timezone.now(), post.send

    def send_and_die(*letter: Any) -> Any:
        real(*letter)
        raise KeyboardInterrupt

    with patch.object(post, "send", send_and_die), pytest.raises(KeyboardInterrupt):
        delivering.deliver_due(now)
    assert delivering.deliver_due(now + timedelta(seconds=59)) == 0
    assert delivering.deliver_due(now + timedelta(seconds=60)) == 1
    ids = [told.headers["Stagecraft-Event-Id"] for told in receiver.told]
    assert ids == [str(only().event_id)] * 2 and only().attempts == 2


def test_a_delivery_whose_senders_all_died_is_parked(world: World, receiver: Receiver) -> None:
    hook(world, receiver)
    rename(world)
    reading.queue_new()
    WebhookDelivery.objects.update(state="sending", attempts=5, lease_until=timezone.now())
    assert delivering.deliver_due(timezone.now()) == 0
    assert (only().state, only().attempts, only().last_error) == ("parked", 5, "the sender died each time")


def test_a_sender_that_woke_up_late_does_not_overwrite_the_one_that_took_over(world: World) -> None:
    hook(world)
    rename(world)
    reading.queue_new()
    now = timezone.now()
    late = delivering._claim(now)
    assert late is not None and delivering._claim(now + timedelta(seconds=61)) is not None
    delivering._settle(late, post.Answer(500), now)
    assert (only().state, only().attempts) == ("sending", 2)


def test_an_event_that_cannot_be_written_keeps_no_other_back(
    world: World, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    hook(world, receiver)
    rename(world, "One")
    rename(world, "Two")
    real = delivering._said

    def fail(delivery: WebhookDelivery, owner_of: Webhook) -> Any:
        if delivery.version == 2:
            raise ZeroDivisionError
        return real(delivery, owner_of)

    monkeypatch.setattr(delivering, "_said", fail)
    assert deliver() == 1
    bad = WebhookDelivery.objects.get(version=2)
    assert (bad.state, bad.attempts, bad.last_error) == ("queued", 1, "ZeroDivisionError")


def test_a_receiver_that_is_gone_for_good_is_asked_no_more(world: World, receiver: Receiver) -> None:
    made = hook(world, receiver)
    receiver.answer = 410
    rename(world)
    deliver()
    made.refresh_from_db()
    assert only().state == "parked" and made.paused_at is not None and "410" in made.paused_reason
    assert Change.objects.filter(object_type="webhook", field="paused_reason", by=None, via="process").exists()


def test_a_receiver_that_does_not_answer_rests_while_others_are_told(
    world: World, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(post, "SECONDS", 0.3)
    slow = Receiver(receivers.silence(1))
    hook(world, slow, name="slow")
    hook(world, receiver, name="quick")
    for number in range(20):
        rename(world, f"Name {number}")
    began = timezone.now()
    assert deliver() == 20
    assert timezone.now() - began < timedelta(seconds=5) and len(slow.told) == 1
    trouble = WebhookDelivery.objects.get(webhook__name="slow", attempts=1)
    assert trouble.last_error == "no answer within five seconds"
    slow.stop()


def test_of_one_webhook_one_event_is_under_way_at_a_time_and_the_others_have_their_turn(world: World) -> None:
    first, second = hook(world, name="first"), hook(world, name="second")
    for number in range(3):
        rename(world, f"Name {number}")
    reading.queue_new()
    now = timezone.now()
    taken = [delivering._claim(now) for _ in range(3)]
    assert [each and each.webhook_id for each in taken] == [first.pk, second.pk, None]


def test_whoever_looked_too_early_asks_again_under_the_lock(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    hook(world)
    rename(world, "One")
    rename(world, "Two")
    reading.queue_new()
    now = timezone.now()
    monkeypatch.setattr(delivering, "_ready", lambda _now: Webhook.objects.order_by("pk"))
    assert delivering._claim(now) is not None and delivering._claim(now) is None


@pytest.mark.postgres
@committed
def test_eight_workers_send_each_event_once(world: World, receiver: Receiver) -> None:
    for number in range(4):
        hook(world, receiver, name=f"{number}")
    for number in range(10):
        rename(world, f"Name {number}")
    reading.queue_new()

    def work(_: int) -> int:
        try:
            return delivering.deliver_due()
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(work, range(8))) == 40
    ids = [told.headers["Stagecraft-Event-Id"] for told in receiver.told]
    assert len(ids) == len(set(ids)) == 40


def test_a_test_goes_the_same_way_is_tried_once_and_says_the_status(world: World, receiver: Receiver) -> None:
    made = hook(world, receiver)
    row = delivering.send_now(keeping.queue_test(made.pk))
    assert (row.state, row.status) == ("sent", 200) and json.loads(receiver.told[0].body)["event"] == "test"
    receiver.answer = 500
    row = delivering.send_now(keeping.queue_test(made.pk))
    assert (row.state, row.status, row.attempts) == ("parked", 500, 1)
    assert not notices.of(world.admin).exists() and delivering.deliver_due() == 0


def test_the_job_reads_and_sends_and_tidying_up_forgets_what_is_old(world: World, receiver: Receiver) -> None:
    hook(world, receiver)
    rename(world)
    jobs.deliver_webhooks()
    assert only().state == "sent"
    assert keeping.remove_old(timezone.now() + timedelta(days=29)) == 0
    assert keeping.remove_old(timezone.now() + timedelta(days=31)) == 1


def test_a_made_up_record_is_not_told(world: World) -> None:
    assert records.object_type(Webhook) == "webhook" and kinds.of("webhook") is None
    assert signing.secret_of("a") != signing.secret_of("b")
