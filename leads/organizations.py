"""The one writer of organizations."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from crm.models import User
from leads import writing
from leads.models import Contact, Organization
from leads.writing import Conflict, Edited

DEEPEST = 20


def create(
    values: Mapping[str, Any], *, by: User | None, via: str, once_key: str = "", now: datetime | None = None
) -> Organization:
    return writing.create(Organization, values, by=by, via=via, once_key=once_key, now=now)


def edit(
    organization_id: int,
    changes: Mapping[str, Any],
    *,
    version: int | None,
    by: User,
    via: str,
    now: datetime | None = None,
) -> Edited[Organization] | Conflict[Organization]:
    if changes.get("parent") is not None:
        _refuse_circle(organization_id, changes["parent"])
    return writing.edit(Organization, organization_id, changes, version=version, by=by, via=via, now=now)


def delete(organization_id: int, *, by: User, via: str, now: datetime | None = None) -> None:
    writing.delete(Organization, organization_id, by=by, via=via, now=now)


def restore(organization_id: int, *, by: User, via: str, now: datetime | None = None) -> Organization:
    return writing.restore(Organization, organization_id, part_of="parent", by=by, via=via, now=now)


def same(values: Mapping[str, Any]) -> list[Organization]:
    """Organizations that people would take for this one: case, width and spacing of letters do not count."""
    found = Organization.objects.existing().filter(name_key=writing.name_key(values["name"]))
    return list(found.select_related("owner").order_by("pk")[:5])


def _refuse_circle(organization_id: int, parent: Organization) -> None:
    above: Organization | None = parent
    for _step in range(DEEPEST):
        if above is None:
            return
        if above.pk == organization_id:
            break
        above = above.parent
    raise ValidationError({"parent": _("An organization cannot be part of itself, not even by way of others.")})


def belonging(organization: Organization) -> list[str]:
    """What is left without an organization when this one goes, in words."""
    people = Contact.objects.existing().of(organization).count()
    parts = Organization.objects.existing().filter(parent=organization).count()
    said = [
        (people, ngettext("%(count)d contact", "%(count)d contacts", people)),
        (parts, ngettext("%(count)d organization that is part of it", "%(count)d organizations that are part of it", parts)),
    ]  # fmt: skip
    return [words % {"count": count} for count, words in said if count]


def waiting(user: User) -> list[str]:
    """What somebody would leave behind, in words."""
    count = Organization.objects.existing().filter(owner=user).count()
    return [ngettext("%(count)d organization", "%(count)d organizations", count) % {"count": count}] if count else []
