"""The administration of webhooks: a secret is read once, an answer never, and only administrators are let in."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.conf import LazySettings
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from crm.admin_site import STAMP
from crm.models import Notice, Webhook, WebhookDelivery
from crm.webhooks import delivering, keeping, reading
from pipeline import deals
from tests.deal_world import World
from tests.receivers import Receiver
from tests.traces import no_trace

pytestmark = pytest.mark.django_db

ACTIONS = ["test", "new_secret", "pause", "resume", "send_parked"]


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def receiver(settings: LazySettings) -> Iterator[Receiver]:
    settings.WEBHOOKS_TO_LOOPBACK = True
    made = Receiver()
    yield made
    made.stop()


@pytest.fixture
def admin(world: World) -> Client:
    return world.client(world.admin)


def form(url: str = "https://example.com/hook", **changes: Any) -> dict[str, Any]:
    return {
        "name": "Books",
        "url": url,
        "events": ["deal.moved", "deal.changed"],
        "pipeline": "",
        "team": "",
        **changes,
    }


def add(admin: Client, url: str, **changes: Any) -> Any:
    return admin.post(reverse("admin:crm_webhook_add"), form(url, **changes))


def act(admin: Client, action: str, hook: Webhook) -> Any:
    return admin.post(reverse(f"admin:crm_webhook_{action}", args=[hook.pk]), follow=True)


def words(response: Any) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


def secret_on(response: Any) -> str:
    found = re.search(r"whsec_[\w-]+", response.content.decode())
    assert found
    return found[0]


def given_up(world: World, hook: Webhook) -> WebhookDelivery:
    deals.edit(world.deal.pk, {"title": "New name"}, version=None, by=world.rep, via="page")
    reading.queue_new()
    row = WebhookDelivery.objects.get(webhook=hook)
    WebhookDelivery.objects.update(attempts=4)
    delivering.deliver_due()
    row.refresh_from_db()
    assert row.state == "parked"
    return row


def test_a_new_webhook_shows_its_secret_on_that_page_and_on_no_other(world: World, admin: Client) -> None:
    response = add(admin, "https://example.com/hook?key=shibboleth", pipeline=str(world.pipeline.pk))
    secret, made = secret_on(response), Webhook.objects.get()
    assert response.status_code == 200 and "no-store" in response["Cache-Control"]
    assert (made.owner, made.events, made.pipeline) == (world.admin, ["deal.changed", "deal.moved"], world.pipeline.pk)
    history = reverse("admin:crm_change_changelist")
    for address in (
        reverse("admin:crm_webhook_changelist"),
        reverse("admin:crm_webhook_change", args=[made.pk]),
        history,
    ):
        page = admin.get(address).content.decode()
        assert secret not in page and made.seed not in page and made.digest not in page
    for address in (reverse("admin:crm_webhook_changelist"), history):
        assert "shibboleth" not in admin.get(address).content.decode()
    assert secret not in str(dict(admin.session))


def test_an_address_inside_is_refused_with_what_to_write_instead(admin: Client) -> None:
    response = add(admin, "https://127.0.0.1/hook")
    assert "Write the full name of a server on the internet" in words(response) and not Webhook.objects.exists()
    assert "Choose at least one event." in words(add(admin, "https://example.com/", events=[]))


def test_a_webhook_is_changed_without_a_new_secret(world: World, admin: Client) -> None:
    add(admin, "https://example.com/hook")
    made = Webhook.objects.get()
    address = reverse("admin:crm_webhook_change", args=[made.pk])
    response = admin.post(address, form("https://example.com/other", events=["deal.won"], with_imports="on"))
    after = Webhook.objects.get()
    assert response.status_code == 302
    assert (after.url, after.events, after.digest) == ("https://example.com/other", ["deal.won"], made.digest)
    assert after.with_imports and after.owner == world.admin


def test_a_test_shows_the_status_and_never_what_the_receiver_wrote(admin: Client, receiver: Receiver) -> None:
    def confess(handler: Any) -> None:
        handler.send_response(418, "reason-of-the-inside")
        handler.send_header("X-Inside", "header-of-the-inside")
        handler.end_headers()
        handler.wfile.write(b"body-of-the-inside")

    add(admin, receiver.url)
    hook = Webhook.objects.get()
    assert "The receiver took the test: 200." in words(act(admin, "test", hook))
    receiver.answer = confess
    response = act(admin, "test", hook)
    assert "The test did not arrive: the answer was 418." in words(response)
    row = WebhookDelivery.objects.latest("pk")
    page = admin.get(reverse("admin:crm_webhookdelivery_change", args=[row.pk])).content.decode()
    assert "of-the-inside" not in response.content.decode() + page + str(WebhookDelivery.objects.values())


def test_a_test_of_an_inside_name_connects_to_nothing(admin: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    add(admin, "https://inside.example.com/hook")
    tried: list[Any] = []
    monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: [(2, 1, 6, "", ("169.254.169.254", 443))])
    monkeypatch.setattr("crm.webhooks.post.socket.socket.connect", lambda *given: tried.append(given))
    response = act(admin, "test", Webhook.objects.get())
    assert "leads to an address that is not public" in words(response) and "169.254" not in words(response)
    assert tried == []


def test_a_new_secret_is_shown_once_and_pausing_and_resuming_say_so(admin: Client) -> None:
    first = secret_on(add(admin, "https://example.com/hook"))
    hook = Webhook.objects.get()
    again = act(admin, "new_secret", hook)
    assert secret_on(again) != first and "For one day the former secret" in words(again)
    assert "Paused: nothing is sent, and what happens now is not told later. Paused by Ada Admin." in words(
        act(admin, "pause", hook)
    )
    assert "Paused:" not in words(act(admin, "resume", hook))
    assert admin.get(reverse("admin:crm_webhook_new_secret", args=[hook.pk])).status_code == 302
    assert Webhook.objects.get().former_until is not None


def test_what_was_given_up_is_found_and_sent_again_one_by_one_or_all(
    world: World, admin: Client, receiver: Receiver
) -> None:
    receiver.answer = 500
    add(admin, receiver.url)
    hook = Webhook.objects.get()
    row = given_up(world, hook)
    page = reverse("admin:crm_webhookdelivery_change", args=[row.pk])
    assert "Send again" in words(admin.get(page)) and "the answer was 500" in words(admin.get(page))
    assert "Send 1 given up again" in words(admin.get(reverse("admin:crm_webhook_change", args=[hook.pk])))
    admin.post(reverse("admin:crm_webhookdelivery_send_again", args=[row.pk]))
    row.refresh_from_db()
    assert (row.state, row.attempts) == ("queued", 0) and "Send again" not in words(admin.get(page))
    WebhookDelivery.objects.update(state="parked", last_error="no")
    assert "1 event is sent again." in words(act(admin, "send_parked", hook))


def test_the_notice_leads_to_what_was_given_up(world: World, admin: Client, receiver: Receiver) -> None:
    receiver.answer = 500
    add(admin, receiver.url)
    given_up(world, Webhook.objects.get())
    assert "Events for Books could not be delivered" in words(admin.get(reverse("notices")))
    page = admin.get(Notice.objects.get().address)
    assert page.status_code == 200 and "1 webhook delivery" in words(page)


def test_a_search_for_what_is_no_id_finds_nothing(admin: Client) -> None:
    assert admin.get(reverse("admin:crm_webhookdelivery_changelist"), {"q": "x' OR 1=1"}).status_code == 200


@pytest.mark.parametrize("who", ["rep", "manager", "stranger"])
def test_nobody_else_makes_tries_or_sends_anything(world: World, receiver: Receiver, who: str) -> None:
    hook, _secret = keeping.make({"name": "Books", "url": receiver.url, "events": ["deal.moved"]}, by=world.admin)
    row = keeping.queue_test(hook.pk)
    client = world.client(getattr(world, who))
    addresses = [reverse(f"admin:crm_webhook_{action}", args=[hook.pk]) for action in ACTIONS]
    addresses += [reverse("admin:crm_webhookdelivery_send_again", args=[row.pk]), reverse("admin:crm_webhook_add")]
    for address in addresses:
        with no_trace(address):
            assert client.post(address, form()).status_code == 403
    assert receiver.told == []


@pytest.mark.parametrize("action", [*ACTIONS, "add"])
def test_the_password_is_asked_for_again_after_ten_minutes(world: World, admin: Client, action: str) -> None:
    hook, _secret = keeping.make({"name": "A", "url": "https://example.com/", "events": ["deal.moved"]}, by=world.admin)
    session = admin.session
    session["started"] = session[STAMP] = (timezone.now() - timedelta(minutes=11)).isoformat()
    session.save()
    address = reverse(f"admin:crm_webhook_{action}", args=[] if action == "add" else [hook.pk])
    before = list(Webhook.objects.values())
    assert admin.post(address, form()).status_code == 403 and list(Webhook.objects.values()) == before
    assert not WebhookDelivery.objects.exists()
