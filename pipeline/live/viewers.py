"""Who has the page of a deal open: rows that the listeners of all processes renew, read back by each of them."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta

from crm import clock
from crm.models import User
from pipeline.models import DealViewer

RENEW = timedelta(seconds=20)
FORGET = timedelta(seconds=50)

Pair = tuple[int, int]
"""Deal and user."""


def renew(pairs: Collection[Pair]) -> None:
    """All of a process in one statement."""
    now = clock.now()
    DealViewer.objects.bulk_create(
        [DealViewer(deal_id=deal, user_id=user, seen_at=now) for deal, user in sorted(pairs)],
        update_conflicts=True,
        unique_fields=["deal", "user"],
        update_fields=["seen_at"],
    )
    DealViewer.objects.filter(seen_at__lt=now - 10 * FORGET).delete()


def forget(pairs: Collection[Pair]) -> None:
    for deal, user in pairs:
        DealViewer.objects.filter(deal=deal, user=user).delete()


def looking(deals: Collection[int]) -> dict[int, dict[int, str]]:
    """By deal: names by user."""
    found: dict[int, dict[int, str]] = {deal: {} for deal in deals}
    rows = DealViewer.objects.filter(deal__in=deals, seen_at__gte=clock.now() - FORGET, user__in=User.objects.active())
    for deal, user, name in rows.order_by("user__name").values_list("deal_id", "user_id", "user__name"):
        found[deal][user] = name
    return found
