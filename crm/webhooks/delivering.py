"""Sends what is due: at least once, at growing distances, each webhook by itself so that a slow one holds up no other.

Of one webhook there is one delivery under way at a time, whoever sends it. The order is mostly that of the events, and
not promised: what failed waits while later events go out. Each says its place, and which version of its record it tells.
"""

from __future__ import annotations

import json
import logging
import time
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection, transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _

from crm import clock, notices
from crm.models import Webhook, WebhookDelivery
from crm.webhooks import keeping, kinds, post, reading, signing
from crm.webhooks.kinds import Happened, Kind
from crm.webhooks.post import Answer

logger = logging.getLogger("crm.webhooks")

State = WebhookDelivery.State
LEASE = timedelta(seconds=60)
# After the first, second, … failure; after the last one it is parked, and shown.
WAITS = [timedelta(minutes=minutes) for minutes in (1, 5, 25, 125)]
MAX_ATTEMPTS = len(WAITS) + 1
REST = timedelta(seconds=30)
"""A receiver that does not answer is not asked for its other events all the time."""
LANES = 8
BUDGET_SECONDS = 10.0
"""The embedded worker does one job at a time: the next call goes on."""


@dataclass(frozen=True)
class Letter:
    url: str
    headers: dict[str, str]
    body: bytes


def deliver_due(now: datetime | None = None) -> int:
    """Gives the number sent. Any number of callers at once, any order, any repetition is harmless."""
    until, sent = time.monotonic() + BUDGET_SECONDS, 0
    under_way: dict[Future[Answer], WebhookDelivery] = {}
    with ThreadPoolExecutor(LANES, "webhook") as lanes:
        while True:
            while len(under_way) < LANES and time.monotonic() < until:
                delivery = _claim(now or clock.now())
                if delivery is None:
                    break
                letter = _letter(delivery, now or clock.now())
                if letter is not None:
                    under_way[lanes.submit(post.send, letter.url, letter.headers, letter.body)] = delivery
            if not under_way:
                return sent
            for done in wait(under_way, return_when=FIRST_COMPLETED).done:
                sent += _settle(under_way.pop(done), done.result(), now or clock.now())


def send_now(delivery: WebhookDelivery, now: datetime | None = None) -> WebhookDelivery:
    """For the button that tries a webhook: the same way, while its reader waits."""
    now = now or clock.now()
    _take(delivery, now)
    letter = _letter(delivery, now)
    if letter is not None:
        _settle(delivery, post.send(letter.url, letter.headers, letter.body), now)
    delivery.refresh_from_db()
    return delivery


# --- Claiming


def _claim(now: datetime) -> WebhookDelivery | None:
    """One for the length of a lease, of the webhook that waited longest for its turn."""
    passed: list[int] = []
    while True:
        with transaction.atomic():
            hook = _ready(now).exclude(pk__in=passed).first()
            if hook is None:
                return None
            # Asked again under the lock: another sender may have been here since the first look.
            mine = hook.deliveries.exclude(event=kinds.TEST)
            delivery = mine.due(now).order_by("not_before", "pk").first()
            if delivery is not None and not mine.under_way(now).exists():
                _take(delivery, now)
                Webhook.objects.filter(pk=hook.pk).update(tried_at=now)
                return delivery
            passed.append(hook.pk)


def _ready(now: datetime) -> QuerySet[Webhook]:
    """Locked as they are read, those that others hold are passed by; SQLite has let in nobody else anyway."""
    of_it = WebhookDelivery.objects.filter(webhook=OuterRef("pk")).exclude(event=kinds.TEST)
    rested = Q(rest_until__isnull=True) | Q(rest_until__lte=now)
    skip = connection.features.has_select_for_update_skip_locked
    rows = Webhook.objects.active().select_for_update(skip_locked=skip)
    return rows.filter(rested, Exists(of_it.due(now)), ~Exists(of_it.under_way(now))).order_by(
        F("tried_at").asc(nulls_first=True), "pk"
    )


def _take(delivery: WebhookDelivery, now: datetime) -> None:
    WebhookDelivery.objects.filter(pk=delivery.pk).update(
        state=State.SENDING, lease_until=now + LEASE, attempts=F("attempts") + 1
    )
    delivery.refresh_from_db()


# --- What it says


class _NotSent(Exception):
    def __init__(self, why: str, state: str = State.DROPPED) -> None:
        super().__init__(why)
        self.state = state


def _letter(delivery: WebhookDelivery, now: datetime) -> Letter | None:
    """None: it is not sent, and the row says why."""
    hook = Webhook.objects.select_related("owner").get(pk=delivery.webhook_id)
    try:
        return _write(delivery, hook, now)
    except _NotSent as reason:
        _drop(delivery, hook, str(reason), reason.state, now)
    except Exception as error:  # an event that cannot be written must not keep the others back
        logger.exception("an event could not be written", extra={"fields": {"event": delivery.event}})
        _failed(delivery, hook, type(error).__name__, now)
    return None


def _write(delivery: WebhookDelivery, hook: Webhook, now: datetime) -> Letter:
    """What the owner may not see now is not sent, whatever they saw when it happened."""
    if not hook.owner.is_active:
        keeping.stop_without_owner(hook)
        raise _NotSent(_("its owner no longer works here"))
    if delivery.attempts > MAX_ATTEMPTS:
        raise _NotSent(delivery.last_error or _("the sender died each time"), State.PARKED)
    secrets = signing.secrets_in_force(hook, now)
    if not secrets:
        raise _NotSent(_("SECRET_KEY was replaced: make a new secret"), State.PARKED)
    body = json.dumps(_said(delivery, hook), cls=DjangoJSONEncoder, ensure_ascii=False, separators=(",", ":")).encode()
    headers = {
        "Stagecraft-Event": delivery.event,
        "Stagecraft-Event-Id": str(delivery.event_id),
        "Stagecraft-Signature": signing.header(secrets, body, now),
    }
    return Letter(hook.url, headers, body)


def _said(delivery: WebhookDelivery, hook: Webhook) -> dict[str, Any]:
    said: dict[str, Any] = {
        "id": str(delivery.event_id), "event": delivery.event, "sequence": delivery.sequence,
        "happened_at": delivery.happened_at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
    }  # fmt: skip
    if delivery.event == kinds.TEST:
        return said
    kind, number = kinds.of(delivery.object_type), delivery.object_id or 0
    found = reading.happened(delivery.object_type, [(delivery.object_type, number, delivery.version)])
    if kind is None or not found or not kind.rows(hook.owner).filter(pk=number).exists():
        raise _NotSent(_("its owner does not see this record"))
    return {**said, **_about(found[0], kind, hook)}


def _about(happened: Happened, kind: Kind, hook: Webhook) -> dict[str, Any]:
    """`record` is as it is now; before and after are of those fields that the API shows."""
    record = kind.shown(hook.owner, happened.object_id)
    open_fields = [name for name in happened.fields if name in (record or {})]
    return {
        "type": happened.object_type, "number": happened.object_id, "version": happened.version,
        "by": happened.by, "via": happened.via, "changed": list(happened.fields),
        "before": {name: happened.fields[name][0] for name in open_fields},
        "after": {name: happened.fields[name][1] for name in open_fields},
        "record": record,
    }  # fmt: skip


# --- What became of it


def _settle(delivery: WebhookDelivery, answer: Answer, now: datetime) -> bool:
    hook = delivery.webhook
    if answer.ok:
        _mine(delivery).update(state=State.SENT, lease_until=None, sent_at=now, status=answer.status, last_error="")
        Webhook.objects.filter(pk=hook.pk, rest_until__isnull=False).update(rest_until=None)
        return True
    why = answer.trouble or _("the answer was %(status)d") % {"status": answer.status or 0}
    fields = {"event": delivery.event, "host": hook.host, "attempt": delivery.attempts, "status": answer.status}
    logger.info("a webhook did not take an event", extra={"fields": fields})
    if answer.status == 410 and delivery.event != kinds.TEST:
        keeping.pause(hook.pk, _("The receiver said that it is gone for good (410)."), by=None, now=now)
    if answer.is_tired and delivery.event != kinds.TEST:
        Webhook.objects.filter(pk=hook.pk).update(rest_until=now + REST)
    _failed(delivery, hook, why, now, answer.status)
    return False


def _failed(delivery: WebhookDelivery, hook: Webhook, why: str, now: datetime, status: int | None = None) -> None:
    if delivery.event == kinds.TEST or status == 410 or delivery.attempts >= MAX_ATTEMPTS:
        _drop(delivery, hook, why, State.PARKED, now, status)
        return
    due = now + WAITS[delivery.attempts - 1]
    _mine(delivery).update(state=State.QUEUED, not_before=due, lease_until=None, status=status, last_error=why[:200])


def _drop(
    delivery: WebhookDelivery, hook: Webhook, why: str, state: str, now: datetime, status: int | None = None
) -> None:
    """It will not be sent. Of what was given up the owner is told; once a day is enough."""
    with transaction.atomic():
        mine = _mine(delivery).update(
            state=state, lease_until=None, status=status, last_error=why[:200], attempts=min(delivery.attempts, MAX_ATTEMPTS)
        )  # fmt: skip
        if mine and state == State.PARKED and delivery.event != kinds.TEST:
            page = f"{reverse('admin:crm_webhookdelivery_changelist')}?state__exact=parked&webhook__id__exact={hook.pk}"
            key = f"webhook {hook.pk} {now:%Y-%m-%d}"
            notices.tell(
                [hook.owner], notices.News(key, "webhook", None, hook.name, why, page, "webhook", hook.pk), now
            )


def _mine(delivery: WebhookDelivery) -> QuerySet[WebhookDelivery]:
    """The row, unless somebody else took it over after our lease had run out."""
    return WebhookDelivery.objects.filter(pk=delivery.pk, state=State.SENDING, attempts=delivery.attempts)
