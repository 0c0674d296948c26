"""A form acts once: a double click, a reload of the answer or the back button find what the first one made."""

from __future__ import annotations

import datetime

from crm.models import OnceKey, User


def claim(user: User, key: str, now: datetime.datetime) -> OnceKey | None:
    """The row to note the result on, or None if this form has acted already. Call inside the transaction that acts.

    A second transaction with the same key waits for the first one and then finds its row.
    """
    row, created = OnceKey.objects.get_or_create(user=user, key=key[:64], defaults={"created_at": now})
    return row if created else None


def result(user: User, key: str) -> int | None:
    row = OnceKey.objects.filter(user=user, key=key[:64]).first()
    return row.result_id if row else None


def note(row: OnceKey, result_id: int) -> None:
    row.result_id = result_id
    row.save(update_fields=["result_id"])
