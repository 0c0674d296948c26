"""The one writer of answers kept for requests that are sent again: the same key acts once and is answered the same."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta

from django.db import connection

from crm import clock
from crm.models import Answer, User

KEPT = timedelta(days=7)


class Running(Exception):
    """The first request with this key is not answered yet."""


def claim(user: User, key: str, asked: str, now: datetime | None = None) -> tuple[Answer, bool]:
    """The row of this key, and whether it is new. Call inside the transaction that acts. Raises Running.

    On SQLite whoever writes waits for the one before, and then finds its row.
    """
    if connection.vendor == "postgresql" and not _first(user, key):
        raise Running
    return Answer.objects.get_or_create(user=user, key=key, defaults={"asked": asked, "created_at": now or clock.now()})


def _first(user: User, key: str) -> bool:
    """A lock that lasts until the transaction ends, and that a second one does not wait for."""
    name = hashlib.sha256(f"answer {user.pk} {key}".encode()).digest()[:8]
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [int.from_bytes(name, signed=True)])
        return bool(cursor.fetchone()[0])


def keep(row: Answer, status: int, headers: Mapping[str, str], body: str) -> None:
    row.status, row.headers, row.body = status, dict(headers), body
    row.save(update_fields=["status", "headers", "body"])


def remove_old(now: datetime | None = None) -> int:
    return Answer.objects.filter(created_at__lt=(now or clock.now()) - KEPT).delete()[0]
