"""Mail goes out at least once: a row in the transaction that causes it, claimed by whoever comes first, sent, emptied.

Celery only wakes. Without it, or without its broker, the row waits for the next call of `deliver_due`.
"""

from __future__ import annotations

import hashlib
import logging
import time
from datetime import datetime, timedelta
from email.utils import formatdate
from urllib.parse import urlsplit

from celery import current_app
from django.conf import settings
from django.core.mail import EmailMessage
from django.db import connection, transaction
from django.db.models import F, Q, QuerySet

from crm import clock
from crm.models import OutgoingMail, User

logger = logging.getLogger("crm.outbox")

State = OutgoingMail.State
LEASE = timedelta(seconds=60)
BATCH = 50
# After the first, second, … failure; after the last one the mail is given up.
WAITS = [timedelta(minutes=minutes) for minutes in (1, 5, 25, 125)]
MAX_ATTEMPTS = len(WAITS) + 1
# A broker that did not answer is not asked again for so long: pages must not wait for it one after the other.
BROKER_REST_SECONDS = 30

_rest_until = 0.0
wake_failures = 0
"""How often the broker could not be reached since this process began."""


def queue_mail(key: str, user: User, subject: str, body: str, now: datetime | None = None) -> bool:
    """Whether this is the first mail with that key; a second one is not written."""
    now = now or clock.now()
    mail = OutgoingMail(key=key, user=user, subject=subject, body=body, not_before=now, created_at=now)
    # The key decides, also between two transactions: no look before the insert.
    OutgoingMail.objects.bulk_create([mail], ignore_conflicts=True)
    transaction.on_commit(wake, robust=True)
    return OutgoingMail.objects.filter(key=key, created_at=now).exists()


def wake() -> None:
    """Tells a worker that there is something to do. Never raises, and never waits long: the next tick finds it anyway."""
    global _rest_until, wake_failures
    if time.monotonic() < _rest_until:
        return
    try:
        current_app.send_task("crm.jobs.deliver_mail", expires=60, retry=False, ignore_result=True)
    except Exception as error:  # whatever a broker can raise: the mail is safe in its row
        _rest_until = time.monotonic() + BROKER_REST_SECONDS
        wake_failures += 1
        logger.warning("no worker could be woken", extra={"fields": {"error": type(error).__name__}})


def deliver_due(now: datetime | None = None) -> int:
    """Sends what is due and gives the number sent. Any number of callers at once, any order, any repetition is harmless."""
    sent = 0
    while claimed := _claim(now or clock.now()):
        sent += sum(_send(mail, now) for mail in claimed)
    return sent


def _claim(now: datetime) -> list[OutgoingMail]:
    """Takes rows for the length of a lease. A sender that dies leaves them to the next one."""
    waiting = Q(state=State.QUEUED, not_before__lte=now) | Q(state=State.SENDING, lease_until__lte=now)
    with transaction.atomic():
        # SQLite has no SKIP LOCKED; there the transaction itself has kept everybody else out.
        rows = OutgoingMail.objects.select_for_update(skip_locked=connection.features.has_select_for_update_skip_locked)
        due = list(rows.filter(waiting).order_by("not_before", "pk").values_list("pk", flat=True)[:BATCH])
        OutgoingMail.objects.filter(pk__in=due).update(
            state=State.SENDING, lease_until=now + LEASE, attempts=F("attempts") + 1
        )
    return list(OutgoingMail.objects.filter(pk__in=due).select_related("user").order_by("pk"))


def _send(mail: OutgoingMail, now: datetime | None) -> bool:
    if not mail.user.is_active:
        return _finish(mail, State.DEAD, "the person was deactivated", now)
    if mail.attempts > MAX_ATTEMPTS:
        return _finish(mail, State.DEAD, mail.last_error or "the sender died each time", now)
    try:
        message_of(mail).send()
    except Exception as error:  # a mail that cannot be sent must not keep the others back
        return _put_back(mail, error, now)
    return _finish(mail, State.SENT, "", now)


def message_of(mail: OutgoingMail) -> EmailMessage:
    """The Message-ID comes from the key, so that servers fold a mail that was sent twice into one."""
    digest = hashlib.sha256(f"{settings.SECRET_KEY}{mail.key}".encode()).hexdigest()[:32]
    host = urlsplit(settings.SITE_URL).hostname
    headers = {"Message-ID": f"<{digest}@{host}>", "Date": formatdate(), "Auto-Submitted": "auto-generated"}
    return EmailMessage(mail.subject, mail.body, to=[mail.user.email], headers=headers)


def _put_back(mail: OutgoingMail, error: Exception, now: datetime | None) -> bool:
    why = f"{type(error).__name__}: {error}"[:500]
    if mail.attempts >= MAX_ATTEMPTS:
        return _finish(mail, State.DEAD, why, now)
    due = (now or clock.now()) + WAITS[mail.attempts - 1]
    _mine(mail).update(state=State.QUEUED, not_before=due, lease_until=None, last_error=why)
    return False


def _finish(mail: OutgoingMail, state: str, why: str, now: datetime | None) -> bool:
    """Empties the body: it may hold a link that must not be kept. Gives whether the mail was sent."""
    sent_at = (now or clock.now()) if state == State.SENT else None
    _mine(mail).update(state=state, body="", lease_until=None, sent_at=sent_at, last_error=why[:500])
    return state == State.SENT


def _mine(mail: OutgoingMail) -> QuerySet[OutgoingMail]:
    """The row, unless somebody else took it over after our lease had run out."""
    return OutgoingMail.objects.filter(pk=mail.pk, state=State.SENDING, attempts=mail.attempts)
