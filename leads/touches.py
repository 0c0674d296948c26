"""How often somebody was in touch with an organization, as far as the reader may know of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Max

from crm.models import User
from leads.models import Activity, Organization


@dataclass(frozen=True)
class Touches:
    count: int
    last_at: datetime | None


def of(organization: Organization, reader: User) -> Touches:
    rows = Activity.objects.visible_to(reader).touches().filter(organization=organization)
    found = rows.aggregate(count=Count("pk", distinct=True), last_at=Max("happened_at"))
    return Touches(found["count"], found["last_at"])
