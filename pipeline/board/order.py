"""Which deals stand first in each column: one query for all columns, whatever their number and that of the deals.

By what to do next: an overdue task (earliest due first), a task due today, no next step, over target, idle, then the
rest; idle deals by their last touch, the others by their time in the stage. A paused deal has no marks and stands among the rest.
Closed columns show what was closed last.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.models import Case, Count, Q, Value, When
from django.db.models.expressions import RawSQL

from crm.models import User
from pipeline import access, calendar
from pipeline.models import Kind, Stage
from pipeline.models.deals import DealQuerySet, Precision

_STAGES = "s(id, over_since, idle_since)"
NEVER = datetime.datetime(1900, 1, 1, tzinfo=datetime.UTC)
"""The bound of a stage without a limit of days: no deal is that old."""

# Below this number of deals to choose from, numbering all of them is quicker than looking into each column's indexes.
FEW = 4_000

Placed = list[tuple[int, int]]
"""(stage, deal) in the order in which they are shown."""


@dataclass(frozen=True)
class Moment:
    """Now, and the end of the viewer's day."""

    now: datetime.datetime
    day_ends: datetime.datetime

    @classmethod
    def of(cls, user: User, now: datetime.datetime) -> Moment:
        return cls(now, calendar.end_of_day(calendar.day_of(now, user), user))


@dataclass(frozen=True)
class Slice:
    """Cards from `offset` on, at most `limit` a column."""

    offset: int
    limit: int


@dataclass(frozen=True)
class Rank:
    """Deals that share a reason to stand where they stand, and how they are ordered among themselves."""

    where: Q
    by: tuple[Any, ...]


def first_cards(
    deals: DealQuerySet, stages: Sequence[Stage], order: str, moment: Moment, part: Slice, *, few: bool
) -> Placed:
    """`deals` are those that the user sees, already filtered. `few` says that they are not many."""
    if not stages:
        return []
    if connection.vendor == "postgresql" and not few:
        return _by_column(deals, stages, order, moment, part)
    return _by_number(deals, stages, order, moment, part)


def count_over_target(deals: DealQuerySet, stages: Sequence[Stage], now: datetime.datetime) -> Placed:
    """(stage, number of its deals that are over target); on PostgreSQL read from one index, without the deals."""
    timed = [stage for stage in stages if stage.kind == Kind.OPEN and stage.target_days is not None]
    # The words of the index `deal_by_age`, so that it serves: open deals alone have not been closed.
    known = deals.not_paused(now).filter(~Q(stage_entered_precision=Precision.UNKNOWN), closed_at__isnull=True)
    if not timed or connection.vendor != "postgresql":
        late = known.filter(access.longer_than("stage_entered_at", "target_days", timed, now)).order_by()
        return list(late.values_list("stage_id").annotate(Count("pk")))
    late = known.filter(stage_id=_of_stage("id"), stage_entered_at__lt=_of_stage("over_since")).order_by()
    sql, parameters = late.values_list("pk").query.sql_with_params()
    rows, values = _rows(timed, now)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT s.id, t.deals FROM ({rows}) {_STAGES} CROSS JOIN LATERAL (SELECT count(*) AS deals FROM ({sql}) d) t",  # noqa: S608
            [*values, *parameters],
        )
        return [(stage, deals) for stage, deals in cursor.fetchall()]


# --- Marks as conditions of a query


def ranks_of_next(over: Q, idle: Q, moment: Moment) -> list[Rank]:
    """Each deal belongs to exactly one of them."""
    awake = Q(paused_until__isnull=True) | Q(paused_until__lte=moment.now)
    over &= ~Q(stage_entered_precision=Precision.UNKNOWN)
    later = Q(next_task_due_at__gt=moment.day_ends)
    task, age = ("next_task_due_at", "pk"), ("stage_entered_at", "pk")
    return [
        Rank(awake & Q(next_task_due_at__lt=moment.now), task),
        Rank(awake & Q(next_task_due_at__gte=moment.now, next_task_due_at__lte=moment.day_ends), task),
        Rank(awake & Q(next_task_due_at__isnull=True), age),
        Rank(awake & later & over, age),
        Rank(awake & later & ~over & idle, ("last_worked_at", "pk")),
        Rank((awake & later & ~over & ~idle) | Q(paused_until__gt=moment.now), age),
    ]


def ranks_of(order: str) -> list[Rank]:
    """Orders by one column; deals without it come last."""
    if order == "value":
        return [Rank(Q(value__isnull=False), ("-value", "pk")), Rank(Q(value__isnull=True), ("stage_entered_at", "pk"))]
    if order == "close":
        known = Rank(Q(expected_close__isnull=False), ("expected_close", "pk"))
        return [known, Rank(Q(expected_close__isnull=True), ("stage_entered_at", "pk"))]
    unknown = Q(stage_entered_precision=Precision.UNKNOWN)
    return [Rank(~unknown, ("stage_entered_at", "pk")), Rank(unknown, ("pk",))]


# --- PostgreSQL: into each column, rank by rank, until it has its cards


def _by_column(deals: DealQuerySet, stages: Sequence[Stage], order: str, moment: Moment, part: Slice) -> Placed:
    closed = Rank(Q(closed_at__isnull=False), ("-closed_at", "-pk"))
    over, idle = Q(stage_entered_at__lt=_of_stage("over_since")), Q(last_worked_at__lt=_of_stage("idle_since"))
    ranks = ranks_of_next(over, idle, moment) if order == "next" else ranks_of(order)
    of_kind = {True: [(rank, Q(closed_at__isnull=True)) for rank in ranks], False: [(closed, Q())]}
    parts, values = [], []
    for is_open, branches in of_kind.items():
        there = [stage for stage in stages if (stage.kind == Kind.OPEN) == is_open]
        if there:
            sql, parameters = _lateral(deals, there, branches, moment, part)
            parts.append(sql)
            values += parameters
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(parts), values)
        return [(stage, deal) for stage, deal in cursor.fetchall()]


def _lateral(
    deals: DealQuerySet, stages: Sequence[Stage], branches: list[tuple[Rank, Q]], moment: Moment, part: Slice
) -> tuple[str, list[Any]]:
    """The outer LIMIT stops the branches: the database looks into the next one only while cards are wanting."""
    rows, values = _rows(stages, moment.now)
    looks = []
    for rank, also in branches:
        found = deals.filter(rank.where, also, stage_id=_of_stage("id")).order_by(*rank.by).values_list("pk")
        sql, parameters = found[: part.offset + part.limit].query.sql_with_params()
        looks.append(f"({sql})")
        values += parameters
    sql = (
        f"SELECT s.id, t.id FROM ({rows}) {_STAGES} CROSS JOIN LATERAL "  # noqa: S608
        f"(SELECT id FROM ({' UNION ALL '.join(looks)}) u(id) LIMIT %s OFFSET %s) AS t(id)"
    )
    return sql, [*values, part.limit, part.offset]


def _rows(stages: Sequence[Stage], now: datetime.datetime) -> tuple[str, list[Any]]:
    """The list of stages with their bounds."""
    row = "(%s::bigint, %s::timestamptz, %s::timestamptz)" if connection.vendor == "postgresql" else "(%s, %s, %s)"
    values: list[Any] = []
    for stage in stages:
        values += [stage.pk, *map(connection.ops.adapt_datetimefield_value, _limits(stage, now))]
    return f"VALUES {', '.join([row] * len(stages))}", values


def _of_stage(column: str) -> RawSQL:
    """A column of the list of stages that the query around goes through."""
    return RawSQL(f"s.{column}", [])  # noqa: S611  (names of this module only)


def _limits(stage: Stage, now: datetime.datetime) -> tuple[datetime.datetime, datetime.datetime]:
    """Before these, a deal is over target, and idle."""
    days = (stage.target_days, stage.idle_days) if stage.kind == Kind.OPEN else (None, None)
    over, idle = (NEVER if each is None else now - datetime.timedelta(days=each) for each in days)
    return over, idle


# --- Any engine: number the deals of each column


def _by_number(deals: DealQuerySet, stages: Sequence[Stage], order: str, moment: Moment, part: Slice) -> Placed:
    """Written by hand around the query that ranks: Django takes longer to write it than the database to answer it."""
    over, idle = Q(stage_entered_at__lt=_bound("over_since")), Q(last_worked_at__lt=_bound("idle_since"))
    ranks = ranks_of_next(over, idle, moment) if order == "next" else ranks_of(order)
    is_open = Q(closed_at__isnull=True)
    whens = [When(is_open & rank.where, then=Value(number)) for number, rank in enumerate(ranks)]
    keys = {key: [number for number, rank in enumerate(ranks) if key in rank.by] for rank in ranks for key in rank.by}
    columns = {"closed_at", *(key.removeprefix("-") for key in keys)} - {"pk"}
    ranked = deals.filter(stage__in=stages).annotate(rank=Case(*whens, default=Value(99))).order_by()
    inner, parameters = ranked.values("stage_id", "pk", "rank", *columns).query.sql_with_params()
    by = ", ".join(_key(key, numbers) for key, numbers in keys.items() if key != "pk")
    rows, values = _rows(stages, moment.now)
    sql = (
        f"WITH {_STAGES} AS ({rows}) SELECT stage_id, pk FROM (SELECT stage_id, pk, row_number() OVER (PARTITION BY stage_id"  # noqa: S608
        f" ORDER BY rank, {by}, closed_at DESC, CASE WHEN closed_at IS NULL THEN pk ELSE -pk END) AS place FROM ({inner}) r) n"
        " WHERE place > %s AND place <= %s ORDER BY stage_id, place"
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, [*values, *parameters, part.offset, part.offset + part.limit])
        return [(stage, deal) for stage, deal in cursor.fetchall()]


def _bound(column: str) -> RawSQL:
    return RawSQL(f"(SELECT s.{column} FROM s WHERE s.id = pipeline_deal.stage_id)", [])  # noqa: S608, S611  (names of this module only)


def _key(key: str, ranks: list[int]) -> str:
    """A column by which some ranks are ordered, null in the others, so that it does not matter there."""
    only_there = f"CASE WHEN rank IN ({', '.join(map(str, ranks))}) THEN {key.removeprefix('-')} END"
    return f"{only_there} DESC" if key.startswith("-") else only_there
