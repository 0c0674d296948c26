"""Whether somebody works with an organization already: its other open deals, as far as the reader may know of them.

A deal that the reader does not see is told as “exists, owned by X” and no more, and once for each owner: neither its
title nor how many there are. Read before somebody begins a second deal; it warns and never refuses.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass

from django.db.models import Case, Q, Value, When
from django.utils.translation import gettext as _

from crm.models import User
from leads.models import Organization
from pipeline import access
from pipeline.models import Deal

MOST = 200
"""Of all asked for: a reader is told of a few."""


@dataclass(frozen=True)
class OpenDeal:
    """`deal` is None where the reader does not see it."""

    organization: Organization
    owner: User
    deal: Deal | None

    @property
    def sentence(self) -> str:
        named = {"organization": self.organization.name, "owner": self.owner.name}
        if self.deal is None:
            return _("%(organization)s has an open deal already, owned by %(owner)s.") % named
        named |= {"title": self.deal.title, "stage": self.deal.stage.name}
        return _("%(organization)s has an open deal already: “%(title)s”, %(stage)s, owned by %(owner)s.") % named


def of(organization: Organization, reader: User, but: int | None = None) -> list[OpenDeal]:
    """Those that the reader sees first, the newest before the others. `but` is the deal that is looked at."""
    return of_each([organization], reader, but)[organization.pk]


def of_each(organizations: Collection[Organization], reader: User, but: int | None = None) -> dict[int, list[OpenDeal]]:
    """The same for several at once, by organization, in one query."""
    known = {each.pk: each for each in organizations}
    rows = Deal.objects.existing().open().filter(organization__in=known).exclude(pk=but or 0)
    visible = Q(pk__isnull=False) & access.open_deals_visible_to(reader)
    rows = rows.annotate(is_seen=Case(When(visible, then=Value(True)), default=Value(False)))
    deals = list(rows.select_related("stage", "owner").order_by("-created_at", "-pk")[:MOST])
    seen = {deal.pk for deal in deals if deal.is_seen}
    found: dict[int, list[OpenDeal]] = defaultdict(list)
    told: set[tuple[int, int]] = set()
    for deal in sorted(deals, key=lambda deal: deal.pk not in seen):
        if deal.organization_id is None:
            continue
        if deal.pk not in seen:
            if (deal.organization_id, deal.owner_id) in told:
                continue
            told.add((deal.organization_id, deal.owner_id))
        shown = deal if deal.pk in seen else None
        found[deal.organization_id].append(OpenDeal(known[deal.organization_id], deal.owner, shown))
    return found
