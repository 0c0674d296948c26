"""What a board may be narrowed to, and the orders in which cards stand."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass, fields

from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from crm import access
from crm.models import User
from crm.text import same_name_key
from pipeline.board import marks
from pipeline.models import Stage
from pipeline.models.deals import DealQuerySet

ORDERS = {
    "next": _("What to do next"),
    "value": _("Highest value"),
    "age": _("Longest in the stage"),
    "close": _("Close date"),
}
FACTS = {
    "title": _("Title"),
    "organization": _("Organization"),
    "value": _("Value"),
    "owner": _("Owner"),
    "task": _("Next task"),
    "days": _("Days in the stage"),
    "marks": _("Marks"),
    "gate": _("What the next stage asks"),
}
"""What a card of the board may show."""
_NOT_NARROWING = ("order", "status", "sort", "columns", "facts")


@dataclass(frozen=True)
class Filters:
    """As in the address of the board. Ids are of rows that the user may choose."""

    owner: int | None = None
    team: int | None = None
    tag: int | None = None
    q: str = ""
    over: bool = False
    idle: bool = False
    no_next: bool = False
    late: bool = False
    mark: int | None = None
    close_from: datetime.date | None = None
    close_to: datetime.date | None = None
    order: str = "next"
    status: str = ""
    """Of a list: won, lost or all; empty for open deals. A board shows all of them in their columns."""
    sort: str = ""
    """Of a list: a column, with a minus for the other way round; empty for the order."""
    columns: tuple[str, ...] = ()
    """Of a list: what it shows, in this order; empty for all."""
    facts: tuple[str, ...] = ()
    """Of a board: what its cards show; empty for all."""

    def shows(self, fact: str) -> bool:
        """Whether the cards of a board show it."""
        return not self.facts or fact in self.facts

    @property
    def narrow(self) -> bool:
        """Whether some deals may be hidden."""
        return any(getattr(self, each.name) for each in fields(self) if each.name not in _NOT_NARROWING)

    def apply(self, deals: DealQuerySet, stages: Sequence[Stage], now: datetime.datetime) -> DealQuerySet:
        """The deals of these stages that pass. Over target, idle and without a next step are open deals only."""
        if self.owner:
            deals = deals.filter(owner=self.owner)
        if self.team:
            deals = deals.filter(owner__in=User.objects.in_teams(access.teams_below({self.team}), now))
        if self.tag:
            deals = deals.filter(tags=self.tag)
        if self.q:
            key = same_name_key(self.q)
            deals = deals.filter(Q(title_key__contains=key) | Q(organization__name_key__contains=key))
        if self.over:
            deals = deals.over_target(stages, now)
        if self.idle:
            deals = deals.idle(stages, now)
        if self.no_next:
            deals = deals.without_next_step(now)
        if self.late:
            deals = deals.late(timezone.localdate(now))
        if self.mark:
            deals = marks.narrow(deals, self.mark, stages, now, timezone.localdate(now))
        if self.close_from:
            deals = deals.filter(expected_close__gte=self.close_from)
        if self.close_to:
            deals = deals.filter(expected_close__lte=self.close_to)
        return deals
