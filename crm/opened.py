"""What each person opened last: noted when a page of a record is shown, read by the search."""

from __future__ import annotations

from datetime import datetime

from crm import clock
from crm.models import Opened, User

KEPT = 50
"""So many records of each person; older ones are forgotten."""


def note(user: User, kind: str, pk: int, now: datetime | None = None) -> None:
    Opened.objects.bulk_create(
        [Opened(user=user, object_type=kind, object_id=pk, at=now or clock.at_writing())],
        update_conflicts=True,
        unique_fields=["user", "object_type", "object_id"],
        update_fields=["at"],
    )
    kept = Opened.objects.filter(user=user).order_by("-at", "-pk").values("pk")[:KEPT]
    Opened.objects.filter(user=user).exclude(pk__in=kept).delete()


def relink(kind: str, old_id: int, new_id: int) -> None:
    """The record is part of another one now: whoever had opened it has opened that one."""
    rows = list(Opened.objects.filter(object_type=kind, object_id=old_id))
    known = dict(Opened.objects.filter(object_type=kind, object_id=new_id).values_list("user_id", "at"))
    Opened.objects.bulk_create(
        [
            Opened(
                user_id=row.user_id, object_type=kind, object_id=new_id, at=max(row.at, known.get(row.user_id, row.at))
            )
            for row in rows
        ],
        update_conflicts=True,
        unique_fields=["user", "object_type", "object_id"],
        update_fields=["at"],
    )
    Opened.objects.filter(object_type=kind, object_id=old_id).delete()


def latest(user: User) -> list[tuple[str, int]]:
    """(kind, id), the last one first; visible or not, that is for the caller. Read once a request, like the user's reach."""
    known: list[tuple[str, int]] | None = getattr(user, "_opened", None)
    if known is None:
        rows = Opened.objects.filter(user=user).order_by("-at", "-pk").values_list("object_type", "object_id")
        known = user._opened = list(rows[:KEPT])  # type: ignore[attr-defined]
    return known


def ids(user: User, kind: str) -> list[int]:
    return [pk for each, pk in latest(user) if each == kind]
