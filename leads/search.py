"""How organizations and contacts are found by plain match, and narrowed down in their lists."""

from __future__ import annotations

from typing import TypeVar

from django.db.models import Case, Q, QuerySet, Value, When
from django.urls import reverse

from crm.models import User
from crm.search import Hit
from leads.models import Contact, Organization
from leads.writing import name_key

T = TypeVar("T", Organization, Contact)


def organizations_matching(rows: QuerySet[Organization], query: str) -> QuerySet[Organization]:
    match = Q(name_key__contains=name_key(query)) | Q(name__icontains=query) | Q(city__icontains=query)
    return _best_first(rows.filter(match | Q(website__icontains=query)), query)


def contacts_matching(rows: QuerySet[Contact], query: str) -> QuerySet[Contact]:
    match = Q(name_key__contains=name_key(query)) | Q(name__icontains=query)
    return _best_first(rows.filter(match | Q(email__icontains=query) | Q(phone__icontains=query)), query)


def _best_first(rows: QuerySet[T], query: str) -> QuerySet[T]:
    """Names that begin with the words come first."""
    begins = Case(
        When(Q(name_key__startswith=name_key(query)) | Q(name__istartswith=query), then=Value(0)), default=Value(1)
    )
    return rows.order_by(begins, "name", "pk")


def find_organizations(user: User, query: str, limit: int) -> list[Hit]:
    found = organizations_matching(Organization.objects.visible_to(user), query)[:limit]
    return [Hit(each.name, each.city, reverse("organization", args=[each.pk])) for each in found]


def find_contacts(user: User, query: str, limit: int) -> list[Hit]:
    found = contacts_matching(Contact.objects.visible_to(user), query).select_related("organization")[:limit]
    return [
        Hit(each.name, each.organization.name if each.organization else each.email, reverse("contact", args=[each.pk]))
        for each in found
    ]
