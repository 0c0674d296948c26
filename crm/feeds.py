"""The one writer of private calendar addresses. Who has the address reads the calendar: only a digest of it is kept."""

from __future__ import annotations

import hashlib
import secrets
from datetime import UTC, datetime

from django.db import transaction
from django.db.models import Q

from crm import clock, records
from crm.models import CalendarFeed, User

LENGTH = 43


def make(user: User, *, by: User, via: str, now: datetime | None = None) -> str:
    """The secret of the address, known only here and now. One that the person had before no longer works."""
    with transaction.atomic():
        now, secret = now or clock.now(), secrets.token_urlsafe(32)
        values = {"digest": _digest(secret), "made_at": now, "last_read_on": None}
        CalendarFeed.objects.update_or_create(user=user, defaults=values)
        records.note_person(user, {"calendar_feed": (None, now)}, by=by, via=via, now=now)
        return secret


def revoke(user: User, *, by: User, via: str, now: datetime | None = None) -> None:
    """Twice is once."""
    with transaction.atomic():
        if CalendarFeed.objects.filter(user=user).delete()[0]:
            records.note_person(user, {"calendar_feed": ("", None)}, by=by, via=via, now=now or clock.now())


def of(user: User) -> CalendarFeed | None:
    return CalendarFeed.objects.filter(user=user).first()


def user_of(secret: str, now: datetime | None = None) -> User | None:
    """Whose calendar it is, if the address holds and the person works here."""
    if len(secret) != LENGTH or not secret.isascii():
        return None
    found = CalendarFeed.objects.select_related("user").filter(digest=_digest(secret), user__is_active=True).first()
    if found is None:
        return None
    today = (now or datetime.now(UTC)).astimezone(UTC).date()
    if found.last_read_on is None or found.last_read_on < today:
        stale = Q(last_read_on__isnull=True) | Q(last_read_on__lt=today)
        CalendarFeed.objects.filter(stale, pk=found.pk).update(last_read_on=today)
    return found.user


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
