"""How organizations and contacts are found by name, and narrowed down in their lists."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from django.db.models import Case, Q, QuerySet, Value, When
from django.urls import reverse
from django.utils.translation import gettext as _

from crm import opened
from crm.finding import Names, Wanted, find
from crm.models import User
from crm.search import Hit, ranked
from leads.models import Contact, Organization
from leads.writing import name_key

T = TypeVar("T", Organization, Contact)

ORGANIZATION_ALSO = ("city", "website")
CONTACT_ALSO = ("email", "phone")


# --- The lists


def organizations_matching(rows: QuerySet[Organization], query: str) -> QuerySet[Organization]:
    return _matching(rows, query, ORGANIZATION_ALSO)


def contacts_matching(rows: QuerySet[Contact], query: str) -> QuerySet[Contact]:
    return _matching(rows, query, CONTACT_ALSO)


def _matching(rows: QuerySet[T], query: str, also: tuple[str, ...]) -> QuerySet[T]:
    """Names that begin with the words come first."""
    match = Q(name_key__contains=name_key(query))
    for column in also:
        match |= Q(**{f"{column}__icontains": query})
    begins = Case(When(Q(name_key__startswith=name_key(query)), then=Value(0)), default=Value(1))
    return rows.filter(match).order_by(begins, "name", "pk")


# --- Finding anything


def find_organizations(wanted: Wanted) -> list[Hit]:
    rows = Organization.objects.visible_to(wanted.user)
    found = find(Names(rows, "name_key", ORGANIZATION_ALSO), wanted, opened.ids(wanted.user, "organization"))
    return ranked(found, _shown_organizations(rows, [row.pk for row in found]))


def find_contacts(wanted: Wanted) -> list[Hit]:
    rows = Contact.objects.visible_to(wanted.user)
    found = find(Names(rows, "name_key", CONTACT_ALSO), wanted, opened.ids(wanted.user, "contact"))
    return ranked(found, _shown_contacts(rows, [row.pk for row in found]))


def show_organizations(user: User, ids: Sequence[int]) -> dict[int, Hit]:
    return _shown_organizations(Organization.objects.visible_to(user), ids)


def show_contacts(user: User, ids: Sequence[int]) -> dict[int, Hit]:
    return _shown_contacts(Contact.objects.visible_to(user), ids)


def _shown_organizations(rows: QuerySet[Organization], ids: Sequence[int]) -> dict[int, Hit]:
    some = rows.filter(pk__in=ids).values_list("pk", "name", "city") if ids else ()
    return {pk: Hit(name, city, reverse("organization", args=[pk])) for pk, name, city in some}


def _shown_contacts(rows: QuerySet[Contact], ids: Sequence[int]) -> dict[int, Hit]:
    some = rows.filter(pk__in=ids).values_list("pk", "name", "organization__name", "email") if ids else ()
    return {pk: Hit(name, firm or email, reverse("contact", args=[pk])) for pk, name, firm, email in some}


def pages(user: User) -> list[Hit]:
    return [
        Hit(_("Organizations"), "", reverse("organizations"), icon="building"),
        Hit(_("Contacts"), "", reverse("contacts"), icon="users"),
    ]


def actions(user: User) -> list[Hit]:
    return [
        Hit(_("New organization"), "", reverse("organization-new"), icon="building"),
        Hit(_("New contact"), "", reverse("contact-new"), icon="users"),
    ]
