"""How many deals a column holds and what they are worth: exactly those that the user could list."""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import Iterable, Sequence
from decimal import Decimal

from django.db.models import Count, Sum

from crm.access import reach
from crm.models import User
from pipeline import access
from pipeline.board import order
from pipeline.board.filters import Filters
from pipeline.models import ColumnTotal, Deal, Stage
from pipeline.models.deals import is_over_target

QUANTUM = Decimal("0.0001")


class Counted:
    """Of one column: deals, those over target, and the value in each currency."""

    def __init__(self) -> None:
        self.deals = 0
        self.over = 0
        self.values: dict[str, Decimal] = defaultdict(Decimal)

    def add(self, deals: int, currency: str, value: Decimal | None) -> None:
        self.deals += deals
        # SQLite sums as floats; the columns have four decimals.
        self.values[currency] = (self.values[currency] + (value or 0)).quantize(QUANTUM)


def count(user: User, stages: Sequence[Stage], filters: Filters, now: datetime.datetime) -> dict[int, Counted]:
    """By stage. With filters the deals are counted; without, their sums are read, which moves keep."""
    counted: dict[int, Counted] = {stage.pk: Counted() for stage in stages}
    if filters.narrow:
        for stage_id, currency, deals, value, over in _live(user, stages, filters, now):
            counted[stage_id].add(deals, currency, value)
            counted[stage_id].over += over
        return counted
    for stage_id, currency, deals, value in kept(user, stages):
        if deals:
            counted[stage_id].add(deals, currency, value)
    open_ones = Deal.objects.existing().filter(access.open_deals_visible_to(user))
    for stage_id, deals in order.count_over_target(open_ones, stages, now):
        counted[stage_id].over = deals
    return counted


Row = tuple[int, str, int, Decimal | None]


def _live(
    user: User, stages: Sequence[Stage], filters: Filters, now: datetime.datetime
) -> Iterable[tuple[int, str, int, Decimal | None, int]]:
    found = filters.apply(Deal.objects.visible_to(user), stages, now).filter(stage__in=stages).order_by()
    over = Count("pk", filter=is_over_target(stages, now))
    return found.values_list("stage_id", "currency").annotate(Count("pk"), Sum("value"), over=over)


def kept(user: User, stages: Sequence[Stage]) -> Iterable[Row]:
    """Sums of the owners whose deals one sees all of, and by hand the single deals of others that one sees too."""
    bounds = reach(user)
    sums = ColumnTotal.objects.filter(stage__in=stages)
    columns = ("stage_id", "currency")
    if bounds.everyone:
        return sums.values_list(*columns).annotate(Sum("deals"), Sum("value")).order_by()
    owners = {user.pk, *bounds.managed_users, *bounds.team_mates}
    known = sums.filter(owner__in=owners).values_list(*columns).annotate(Sum("deals"), Sum("value")).order_by()
    others = Deal.objects.visible_to(user).filter(stage__in=stages).exclude(owner__in=owners)
    return [*known, *others.order_by().values_list(*columns).annotate(Count("pk"), Sum("value"))]
