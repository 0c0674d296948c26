"""How often somebody was in touch: calls, messages, meetings, presentations and events that were logged; a note is none."""

from __future__ import annotations

from typing import Any

from django.db.models import Aggregate, Count, F, Max, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from pipeline.models import Deal, DealActivity


def counted(deals: QuerySet[Any]) -> QuerySet[Any]:
    """Each with `touches`, `touches_in_stage` (since it entered its present stage) and `last_touch_at`, in the same query."""
    here = Q(activity__happened_at__gte=OuterRef("stage_entered_at"))
    return deals.annotate(
        touches=Coalesce(Subquery(_of_a_deal(Count("pk"))), 0),
        touches_in_stage=Coalesce(Subquery(_of_a_deal(Count("pk"), here)), 0),
        last_touch_at=Subquery(_of_a_deal(Max("activity__happened_at"))),
    )


def of(deal: Deal) -> dict[str, Any]:
    """The same of one deal."""
    rows = _touches().filter(deal=deal)
    here = Q(activity__happened_at__gte=deal.stage_entered_at)
    return rows.aggregate(
        touches=Count("pk"), touches_in_stage=Count("pk", filter=here), last_touch_at=Max(F("activity__happened_at"))
    )


def _of_a_deal(value: Aggregate, *more: Q) -> QuerySet[Any, Any]:
    rows = _touches().filter(*more, deal=OuterRef("pk")).order_by()
    return rows.values("deal").annotate(n=value).values("n")


def _touches() -> QuerySet[DealActivity]:
    return DealActivity.objects.filter(activity__deleted_at__isnull=True, activity__type__counts_as_touch=True)
