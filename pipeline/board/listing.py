"""The same deals as a list: one order over all stages, read a page at a time. A fixed number of queries."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import Q, Sum
from django.utils.translation import gettext_lazy as _

from crm.access import reach
from crm.models import User
from pipeline import access, in_force
from pipeline.board import cards as making
from pipeline.board import counting, order
from pipeline.board.cards import Card
from pipeline.board.filters import Filters
from pipeline.board.order import Moment, Rank
from pipeline.models import ColumnTotal, Deal, Kind, Pipeline, Stage
from pipeline.models.deals import DealQuerySet

COLUMNS = {
    "title": _("Title"),
    "organization": _("Organization"),
    "stage": _("Stage"),
    "marks": _("Marks"),
    "value": _("Value"),
    "close": _("Expected close"),
    "owner": _("Owner"),
    "days": _("Days in the stage"),
    "task": _("Next task"),
}
"""What a list may show, in the usual order, and the words at the head of the column."""
SORTS = {name: label for name, label in COLUMNS.items() if name != "marks"}
"""What it may be sorted by."""
_SORTED_BY = {
    "title": ("title",),
    "organization": ("organization__name_key",),
    "value": ("value",),
    "close": ("expected_close",),
    "owner": ("owner__name", "owner"),
    "task": ("next_task_due_at",),
}
_OLDEST = ("stage_entered_at", "pk")


class Listing:
    """Counted and sliced as a paginator asks for it. Rows are cards without the gate."""

    def __init__(
        self, user: User, pipeline: Pipeline, filters: Filters, *, now: datetime.datetime | None = None
    ) -> None:
        self.user, self.pipeline, self.filters = user, pipeline, filters
        self.process = in_force.read(pipeline.pk)
        self.now = now or self.process.clock()

    @cached_property
    def stages(self) -> list[Stage]:
        """Also those out of use: deals may still stand there."""
        return in_force.as_columns(self.process.all_stages)

    @cached_property
    def deals(self) -> DealQuerySet:
        """All that pass, in no order."""
        found = self.filters.apply(Deal.objects.visible_to(self.user), self.stages, self.now)
        found = found.filter(pipeline=self.pipeline)
        if self.filters.status == "all":
            return found
        if not self.filters.status:
            return found.open()
        # By stage too: the index of closed deals is by stage, and most processes have one of each kind.
        kind = [stage.pk for stage in self.stages if stage.kind == self.filters.status]
        return found.filter(status=self.filters.status, stage__in=kind)

    def count(self) -> int:
        return self._count

    @cached_property
    def _count(self) -> int:
        """Without filters from the sums that moves keep, as the heads of the columns."""
        if self.filters.over:
            return self._count_over()
        if self.filters.narrow:
            return self.deals.count()
        return sum(deals for _stage, _currency, deals, _value in counting.kept(self.user, self._counted))

    def _count_over(self) -> int:
        """As the board counts them for its heads: read from one index, without the deals."""
        rest = replace(self.filters, over=False)
        found = rest.apply(Deal.objects.visible_to(self.user), self.stages, self.now).filter(pipeline=self.pipeline)
        found = found.open() if self.filters.status in ("", "all") else found.none()
        return sum(deals for _stage, deals in order.count_over_target(found, self.stages, self.now))

    def __getitem__(self, part: slice) -> list[Card]:
        return self.rows(self._ids(part.start, part.stop))

    def rows(self, ids: Sequence[int]) -> list[Card]:
        """Also of deals that pass no longer: they stay where somebody looks at them."""
        shown = self.filters.columns or COLUMNS
        rules = self.process.rules if "marks" in shown else []
        made = making.build(
            ids, self.user, self.process, Moment.of(self.user, self.now), gated=False, rules=rules,
            tasks="task" in shown or bool(rules),
        )  # fmt: skip
        found = [made[pk] for pk in ids if pk in made]
        for card in found:
            card.givable = card.movable and self._gives(card.owned_by)
        return found

    def _gives(self, owner: int) -> bool:
        """As deals are handed over: by managers, among the people whom they manage."""
        bounds = reach(self.user)
        if bounds.everyone or not self.user.is_manager:
            return bounds.everyone
        return owner in {self.user.pk, *bounds.managed_users} and bool(bounds.managed_users - {self.user.pk})

    def _ids(self, start: int, stop: int) -> list[int]:
        if self.filters.sort.removeprefix("-") == "owner" and not self.filters.narrow and reach(self.user).everyone:
            owners, passed = self._owners(start, stop)
            return _first(self.deals.filter(owner__in=owners), self._ranks(), start - passed, stop - passed)
        return _first(self.deals, self._ranks(), start, stop)

    def _owners(self, start: int, stop: int) -> tuple[list[int], int]:
        """Whose deals stand on that page, and how many stand before theirs: no index knows the names of owners."""
        sums = ColumnTotal.objects.filter(stage__in=self._counted, deals__gt=0).values_list("owner")
        way = "-" if self.filters.sort.startswith("-") else ""
        owners, passed, reached = [], 0, 0
        for owner, deals in sums.annotate(Sum("deals")).order_by(f"{way}owner__name", f"{way}owner"):
            if reached + deals <= start:
                passed += deals
            elif reached < stop:
                owners.append(owner)
            reached += deals
        return owners, passed

    @property
    def _counted(self) -> list[Stage]:
        wanted = self.filters.status or Kind.OPEN
        return [stage for stage in self.stages if wanted in ("all", stage.kind)]

    def _ranks(self) -> list[Rank]:
        closed = Rank(Q(closed_at__isnull=False), ("-closed_at", "-pk"))
        if self.filters.sort:
            return _sorted(self.filters.sort, self.stages)
        if self.filters.status in (Kind.WON, Kind.LOST):
            return [closed]
        ranks = [
            Rank(rank.where & Q(closed_at__isnull=True), rank.by)
            for rank in _as_on_the_board(self.filters.order, self.stages, self.user, self.now)
        ]
        return [*ranks, closed] if self.filters.status == "all" else ranks


def _as_on_the_board(name: str, stages: Sequence[Stage], user: User, now: datetime.datetime) -> list[Rank]:
    if name != "next":
        return order.ranks_of(name)
    over, idle = (
        access.longer_than(since, days, stages, now)
        for since, days in (("stage_entered_at", "target_days"), ("last_worked_at", "idle_days"))
    )
    return order.ranks_of_next(over, idle, Moment.of(user, now))


def _sorted(sort: str, stages: Sequence[Stage]) -> list[Rank]:
    """Deals without what is sorted by come last, whichever way round."""
    name, way = sort.removeprefix("-"), "-" if sort.startswith("-") else ""
    if name == "stage":
        return [Rank(Q(stage=stage), _OLDEST) for stage in (reversed(stages) if way else stages)]
    if name == "days":
        # Many days are an early entry.
        known, unknown = order.ranks_of("age")
        return [known if way else Rank(known.where, ("-stage_entered_at", "-pk")), unknown]
    columns = _SORTED_BY[name]
    there = Q(**{f"{columns[0]}__isnull": False})
    by = tuple(f"{way}{column}" for column in (*columns, "pk"))
    return [Rank(there, by)] if name in ("title", "owner") else [Rank(there, by), Rank(~there, _OLDEST)]


def _first(deals: DealQuerySet, ranks: Sequence[Rank], start: int, stop: int) -> list[int]:
    """Rank by rank; the outer limit stops the database before it looks into ranks that are not reached."""
    looks: list[str] = []
    values: list[Any] = []
    for rank in ranks:
        found = deals.filter(rank.where).order_by(*rank.by).values_list("pk")[:stop]
        try:
            sql, parameters = found.query.sql_with_params()
        except EmptyResultSet:
            continue
        looks.append(f"SELECT * FROM ({sql}) r{len(looks)}")  # noqa: S608
        values += parameters
    if not looks:
        return []
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(looks) + " LIMIT %s OFFSET %s", [*values, stop - start, start])
        return [row[0] for row in cursor.fetchall()]
