"""Which deals stand first in each column: one query for all columns, whatever their number and that of the deals.

By what to do next: an overdue task (earliest due first), a task due today, no next step, over target, idle, then the
rest; idle deals by their last touch, the others by their time in the stage. A paused deal has no marks and stands among the rest.
Closed columns show what was closed last.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

from django.db import connection
from django.db.models import BooleanField, Count, DateTimeField, Q
from django.db.models.expressions import RawSQL

from crm.models import User
from crm.prepared import Given, Slot
from pipeline import access, calendar
from pipeline.models import Deal, Kind, Stage
from pipeline.models.deals import DealQuerySet, Precision

_STAGES = "s(id, over_since, idle_since)"
_DEALS = "pipeline_deal"
_RANK = "the rank goes here"
_RANKED = (
    "id", "stage_id", "closed_at", "paused_until", "next_task_due_at", "stage_entered_at", "stage_entered_precision",
    "last_worked_at", "value", "expected_close",
)  # fmt: skip
"""What ranks ask and go by."""
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


# --- The ranks as they are written


class _Written(NamedTuple):
    """Of a rank: its condition and its order."""

    where: str
    values: Sequence[Any]
    by: str
    keys: tuple[str, ...]


@cache
def _written(order: str, vendor: str) -> list[_Written]:
    """Written once: they name the list of stages as `s`, and the time when it is asked."""
    when = DateTimeField()
    moment: Any = Moment(Given("now", when), Given("day_ends", when))  # type: ignore[arg-type]
    over, idle = Q(stage_entered_at__lt=_of_stage("over_since")), Q(last_worked_at__lt=_of_stage("idle_since"))
    ranks = ranks_of_next(over, idle, moment) if order == "next" else ranks_of(order)
    return [_write(Rank(Q(closed_at__isnull=True) & rank.where, rank.by)) for rank in ranks]


@cache
def _closed(vendor: str) -> list[_Written]:
    return [_write(Rank(Q(closed_at__isnull=False), ("-closed_at", "-pk")))]


def _write(rank: Rank) -> _Written:
    query = Deal._base_manager.filter(rank.where).order_by(*rank.by).query
    compiler = query.get_compiler(connection=connection)
    _extra, by, _groups = compiler.pre_sql_setup()
    where, values = compiler.compile(query.where)
    return _Written(where, values, ", ".join(sql for _expression, (sql, _values, _is_ref) in by), rank.by)


def _told(values: Sequence[Any], moment: Moment) -> list[Any]:
    """With the time in its place."""
    adapt = connection.ops.adapt_datetimefield_value
    return [adapt(getattr(moment, each.name)) if isinstance(each, Slot) else each for each in values]


# --- PostgreSQL: into each column, rank by rank, until it has its cards


def _by_column(deals: DealQuerySet, stages: Sequence[Stage], order: str, moment: Moment, part: Slice) -> Placed:
    ranks = {True: _written(order, connection.vendor), False: _closed(connection.vendor)}
    rank_here = RawSQL(_RANK, [Slot(_RANK)], BooleanField())  # noqa: S611  (replaced below)
    there = deals.filter(rank_here, stage_id=_of_stage("id")).order_by().values_list("pk")
    found, known = there.query.sql_with_params()
    (before, after), place = found.split(f"({_RANK})"), known.index(Slot(_RANK))
    parts, values = [], []
    for is_open, branches in ranks.items():
        standing = [stage for stage in stages if (stage.kind == Kind.OPEN) == is_open]
        if standing:
            rows, row_values = _rows(standing, moment.now)
            looks = []
            values += row_values
            for rank in branches:
                looks.append(f"({before}{rank.where}{after} ORDER BY {rank.by} LIMIT %s)")
                values += [*known[:place], *_told(rank.values, moment), *known[place + 1 :], part.offset + part.limit]
            # The outer LIMIT stops the branches: the database looks into the next one only while cards are wanting.
            parts.append(
                f"SELECT s.id, t.id FROM ({rows}) {_STAGES} CROSS JOIN LATERAL "  # noqa: S608
                f"(SELECT id FROM ({' UNION ALL '.join(looks)}) u(id) LIMIT %s OFFSET %s) AS t(id)"
            )
            values += [part.limit, part.offset]
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(parts), values)
        return [(stage, deal) for stage, deal in cursor.fetchall()]


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
    ranks = _written(order, connection.vendor)
    inner, parameters = deals.filter(stage__in=stages).order_by().values(*_RANKED).query.sql_with_params()
    rows, values = _rows(stages, moment.now)
    whens = " ".join(f"WHEN {rank.where} THEN {number}" for number, rank in enumerate(ranks))
    keys = {
        key: [number for number, rank in enumerate(ranks) if key in rank.keys] for rank in ranks for key in rank.keys
    }
    by = ", ".join(_key(key, numbers) for key, numbers in keys.items() if key != "pk")
    sql = (
        f"WITH {_STAGES} AS ({rows}) SELECT stage_id, id FROM (SELECT stage_id, id, row_number() OVER (PARTITION BY stage_id"  # noqa: S608
        f" ORDER BY rank, {by}, closed_at DESC, CASE WHEN closed_at IS NULL THEN id ELSE -id END) AS place FROM"
        f" (SELECT {_DEALS}.*, CASE {whens} ELSE 99 END AS rank FROM ({inner}) {_DEALS} JOIN s ON s.id = {_DEALS}.stage_id) r) n"
        " WHERE place > %s AND place <= %s ORDER BY stage_id, place"
    )
    told = [value for rank in ranks for value in _told(rank.values, moment)]
    with connection.cursor() as cursor:
        cursor.execute(sql, [*values, *told, *parameters, part.offset, part.offset + part.limit])
        return [(stage, deal) for stage, deal in cursor.fetchall()]


def _key(key: str, ranks: list[int]) -> str:
    """A column by which some ranks are ordered, null in the others, so that it does not matter there."""
    only_there = f"CASE WHEN rank IN ({', '.join(map(str, ranks))}) THEN {key.removeprefix('-')} END"
    return f"{only_there} DESC" if key.startswith("-") else only_there
