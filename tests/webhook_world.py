"""A webhook of an administrator, and what may happen to it: for tests."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from crm.models import User, Webhook, WebhookDelivery
from crm.webhooks import delivering, keeping, kinds, reading
from pipeline import deals, moves
from tests.deal_world import World
from tests.receivers import Receiver

committed = pytest.mark.django_db(transaction=True)
State = WebhookDelivery.State


def hook(world: World, receiver: Receiver | None = None, *events: str, **values: Any) -> Webhook:
    url = receiver.url if receiver else "https://example.com/hook"
    given = {"name": "Books", "url": url, "events": list(events) or list(kinds.known()), **values}
    return keeping.make(given, by=world.admin)[0]


def move(world: World, to: Any = None, by: User | None = None) -> Any:
    return moves.move_deal(world.deal.pk, (to or world.second).pk, by=by or world.rep, via="board")


def rename(world: World, title: str = "New name") -> None:
    deals.edit(world.deal.pk, {"title": title}, version=None, by=world.rep, via="page")


def queued() -> list[str]:
    reading.queue_new()
    return list(WebhookDelivery.objects.order_by("sequence").values_list("event", flat=True))


def deliver(now: datetime | None = None) -> int:
    reading.queue_new(now)
    return delivering.deliver_due(now)


def only() -> WebhookDelivery:
    return WebhookDelivery.objects.get()
