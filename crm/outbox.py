"""Mail goes out at least once: a row in the transaction that causes it, claimed by whoever comes first, sent, emptied.

Celery only wakes. Without it, or without its broker, the row waits for the next call of `deliver_due`.
"""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from email.utils import formatdate
from urllib.parse import urlsplit

from celery import current_app
from django.conf import settings
from django.core.mail import EmailMessage, EmailMultiAlternatives
from django.db import connection, transaction
from django.db.models import F, Q, QuerySet
from django.utils.translation import gettext as _

from crm import clock, letters
from crm.models import Notice, OutgoingMail, User

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
    queue_all([OutgoingMail(key=key, user=user, subject=subject, body=body, not_before=now, created_at=now)])
    return OutgoingMail.objects.filter(key=key, created_at=now).exists()


def queue_all(mails: Sequence[OutgoingMail]) -> None:
    """Those whose key is known already are not written again."""
    if mails:
        # The key decides, also between two transactions: no look before the insert.
        OutgoingMail.objects.bulk_create(mails, ignore_conflicts=True)
        transaction.on_commit(wake, robust=True)


def wake(job: str = "crm.jobs.deliver_mail") -> None:
    """Tells a worker that there is something to do for this job. Never raises, and never waits long: the next tick finds it anyway."""
    global _rest_until, wake_failures
    if time.monotonic() < _rest_until:
        return
    try:
        current_app.send_task(job, expires=60, retry=False, ignore_result=True)
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
    waiting = Q(state=State.QUEUED, not_before__lte=now)
    if settings.MAIL_AT_MOST_ONCE:
        _park_left_behind(now)
    else:
        waiting |= Q(state=State.SENDING, lease_until__lte=now)
    with transaction.atomic():
        # SQLite has no SKIP LOCKED; there the transaction itself has kept everybody else out.
        rows = OutgoingMail.objects.select_for_update(skip_locked=connection.features.has_select_for_update_skip_locked)
        due = list(rows.filter(waiting).order_by("not_before", "pk").values_list("pk", flat=True)[:BATCH])
        OutgoingMail.objects.filter(pk__in=due).update(
            state=State.SENDING, lease_until=now + LEASE, attempts=F("attempts") + 1
        )
    return list(OutgoingMail.objects.filter(pk__in=due).select_related("user").order_by("pk"))


def _park_left_behind(now: datetime) -> None:
    """Their sender died: nobody knows whether they went out, and twice is worse here than not at all."""
    left = OutgoingMail.objects.filter(state=State.SENDING, lease_until__lte=now)
    left.filter(kind="").update(body="")
    left.update(state=State.UNKNOWN, lease_until=None, last_error=_("The sender died; perhaps it was sent."))


def _send(mail: OutgoingMail, now: datetime | None) -> bool:
    if not mail.user.is_active:
        return _finish(mail, State.DEAD, "the person was deactivated", now)
    if mail.attempts > MAX_ATTEMPTS:
        return _finish(mail, State.DEAD, mail.last_error or "the sender died each time", now)
    if not _is_needed(mail):
        return _finish(mail, State.DROPPED, "", now)
    try:
        message_of(mail).send()
    except Exception as error:  # a mail that cannot be sent must not keep the others back
        return _put_back(mail, error, now)
    return _finish(mail, State.SENT, "", now)


def _is_needed(mail: OutgoingMail) -> bool:
    """One thing by one way at a time: what was read in the app, or is true no more, is not told again by email."""
    if not mail.notice_key:
        return True
    return Notice.objects.unread().filter(user=mail.user, key=mail.notice_key).exists()


def message_of(mail: OutgoingMail) -> EmailMessage:
    """The Message-ID comes from the key, so that servers fold a mail that was sent twice into one."""
    host = urlsplit(settings.SITE_URL).hostname
    headers = {"Message-ID": f"<{digest_of(mail)}@{host}>", "Date": formatdate(), "Auto-Submitted": "auto-generated"}
    if mail.kind:
        link = letters.unsubscribe_link(mail.user_id, mail.kind)
        headers |= {"List-Unsubscribe": f"<{link}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}
    message = EmailMultiAlternatives(mail.subject, mail.body, to=[mail.user.email], headers=headers)
    if mail.html:
        message.attach_alternative(mail.html, "text/html")
    return message


def digest_of(mail: OutgoingMail) -> str:
    """The left half of its Message-ID: the same each time it is sent, and no hint at its key."""
    return hashlib.sha256(f"{settings.SECRET_KEY}{mail.key}".encode()).hexdigest()[:32]


def _put_back(mail: OutgoingMail, error: Exception, now: datetime | None) -> bool:
    why = f"{type(error).__name__}: {error}"[:500]
    if mail.attempts >= MAX_ATTEMPTS:
        return _finish(mail, State.DEAD, why, now)
    due = (now or clock.now()) + WAITS[mail.attempts - 1]
    _mine(mail).update(state=State.QUEUED, not_before=due, lease_until=None, last_error=why)
    return False


def _finish(mail: OutgoingMail, state: str, why: str, now: datetime | None) -> bool:
    """Empties the text: it may hold a link that must not be kept. Gives whether the mail was sent.

    A notice that was given up keeps its text, so that it can be sent again; there is no such link in one.
    """
    sent_at = (now or clock.now()) if state == State.SENT else None
    kept = {} if state == State.DEAD and mail.kind else {"body": "", "html": ""}
    _mine(mail).update(state=state, lease_until=None, sent_at=sent_at, last_error=why[:500], **kept)
    return state == State.SENT


def send_again(mail_id: int, now: datetime | None = None) -> bool:
    """What was given up, or perhaps sent, with five new attempts. False: it has no text any more, or it is under way."""
    with transaction.atomic():
        given_up = OutgoingMail.objects.filter(pk=mail_id, state__in=[State.DEAD, State.UNKNOWN]).exclude(body="")
        values = {"state": State.QUEUED, "attempts": 0, "not_before": now or clock.now(), "last_error": ""}
        done = given_up.update(**values)
        transaction.on_commit(wake, robust=True)
    return done == 1


def _mine(mail: OutgoingMail) -> QuerySet[OutgoingMail]:
    """The row, unless somebody else took it over after our lease had run out."""
    return OutgoingMail.objects.filter(pk=mail.pk, state=State.SENDING, attempts=mail.attempts)
