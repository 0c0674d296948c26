"""The one writer of contacts."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db.models import Q
from django.utils.translation import ngettext

from crm.models import User
from leads import writing
from leads.models import Contact
from leads.writing import Conflict, Edited


def create(
    values: Mapping[str, Any], *, by: User | None, via: str, once_key: str = "", now: datetime | None = None
) -> Contact:
    return writing.create(Contact, values, by=by, via=via, once_key=once_key, now=now)


def edit(
    contact_id: int, changes: Mapping[str, Any], *, version: int | None, by: User, via: str, now: datetime | None = None
) -> Edited[Contact] | Conflict[Contact]:
    return writing.edit(Contact, contact_id, changes, version=version, by=by, via=via, now=now)


def delete(contact_id: int, *, by: User, via: str, now: datetime | None = None) -> None:
    writing.delete(Contact, contact_id, by=by, via=via, now=now)


def restore(contact_id: int, *, by: User, via: str, now: datetime | None = None) -> Contact:
    return writing.restore(Contact, contact_id, part_of="organization", by=by, via=via, now=now)


def same(values: Mapping[str, Any]) -> list[Contact]:
    """The same email, or the same name in the same organization."""
    match = Q(name_key=writing.name_key(values["name"]), organization=values.get("organization"))
    if values.get("email"):
        match |= Q(email__iexact=values["email"])
    found = Contact.objects.existing().filter(match)
    return list(found.select_related("owner").order_by("pk")[:5])


def waiting(user: User) -> list[str]:
    """What somebody would leave behind, in words."""
    count = Contact.objects.existing().filter(owner=user).count()
    return [ngettext("%(count)d contact", "%(count)d contacts", count) % {"count": count}] if count else []
