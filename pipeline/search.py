"""How deals are found by plain match: by their title, or by the organization."""

from __future__ import annotations

from django.db.models import Case, Q, Value, When
from django.urls import reverse
from django.utils.translation import get_language, to_locale

from crm.models import User
from crm.money import format_money
from crm.search import Hit
from crm.text import same_name_key
from pipeline.models import Deal


def find_deals(user: User, query: str, limit: int) -> list[Hit]:
    match = Q(title__icontains=query) | Q(organization__name__icontains=query)
    match |= Q(organization__name_key__contains=same_name_key(query))
    # Open deals first: who searches wants to work on one.
    order = Case(When(status="open", then=Value(0)), default=Value(1))
    found = Deal.objects.visible_to(user).filter(match).select_related("organization", "stage").order_by(order, "-pk")
    return [Hit(deal.title, _detail(deal), reverse("deal", args=[deal.pk])) for deal in found[:limit]]


def _detail(deal: Deal) -> str:
    organization = deal.organization.name if deal.organization else ""
    value = format_money(deal.value, deal.currency, to_locale(get_language() or "en")) if deal.value is not None else ""
    return " · ".join(part for part in (organization, deal.stage.name, value) if part)
