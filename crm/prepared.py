"""Queries that Django writes once. To put a query together takes it longer than PostgreSQL takes to answer a small one.

    _open_tasks = Prepared(lambda: Task.objects.open().filter(Among("deal_id", given="deals")).values_list("deal_id", "title"))
    for deal_id, title in _open_tasks(deals=[3, 14]): ...

For questions that depend on nothing but ids: what somebody may see is asked anew each time.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any, NamedTuple

from django.db import connection
from django.db.models import BooleanField, Expression, F, Field, Func, QuerySet
from django.db.models.sql.compiler import SQLCompiler

Ids = Sequence[int] | Sequence[tuple[int, ...]]


class Slot(NamedTuple):
    """Among the values of a query: what is given when it is asked. With `of_each` a list: that part of each tuple."""

    name: str
    of_each: Callable[[Any], Any] | None = None


class Given(Expression):
    """A value of this kind that is given when it is asked."""

    def __init__(self, name: str, kind: Field[Any, Any]) -> None:
        super().__init__(output_field=kind)
        self.name = name

    def as_sql(self, compiler: SQLCompiler, connection: Any) -> tuple[str, list[Any]]:  # type: ignore[override]
        return "%s", [Slot(self.name)]


class Among(Func):
    """That a column of ids, or some of them together, is among those that are given; however many, the text is the same."""

    output_field = BooleanField()

    def __init__(self, *columns: str, given: str) -> None:
        super().__init__(*(F(column) for column in columns))
        self.given = given

    def as_sql(self, compiler: SQLCompiler, connection: Any, **_: Any) -> tuple[str, list[Any]]:  # type: ignore[override]
        columns = [compiler.compile(column)[0] for column in self.get_source_expressions()]
        if len(columns) == 1:
            one = "%s = ANY(%%s)" if connection.vendor == "postgresql" else "%s IN (SELECT value FROM json_each(%%s))"
            return one % columns[0], [Slot(self.given, int)]
        slots: list[Any] = [Slot(self.given, itemgetter(part)) for part in range(len(columns))]
        if connection.vendor == "postgresql":
            lists = ", ".join(["%s::bigint[]"] * len(columns))
            return f"({', '.join(columns)}) IN (SELECT * FROM unnest({lists}))", slots  # noqa: S608  (columns only)
        lists = " JOIN ".join(f"json_each(%s) l{part}" for part in range(len(columns)))
        same = " AND ".join(f"l{part}.key = l0.key" for part in range(1, len(columns)))
        values = ", ".join(f"l{part}.value" for part in range(len(columns)))
        return f"({', '.join(columns)}) IN (SELECT {values} FROM {lists} ON {same})", slots  # noqa: S608  (columns only)


class Prepared:
    """Asked with the ids that its conditions name, it answers with rows as `values_list` does."""

    def __init__(self, build: Callable[[], QuerySet[Any, Any]]) -> None:
        self._build = build
        self._text: tuple[str, Sequence[Any], dict[int, Any]] | None = None

    def __call__(self, **given: Ids | int) -> list[Sequence[Any]]:
        sql, values, converters = self._text = self._text or self._written()
        with connection.cursor() as cursor:
            cursor.execute(sql, [_value(each, given) if isinstance(each, Slot) else each for each in values])
            rows: list[Sequence[Any]] = cursor.fetchall()
        return [_converted(row, converters) for row in rows] if converters else rows

    def _written(self) -> tuple[str, Sequence[Any], dict[int, Any]]:
        compiler = self._build().query.get_compiler(connection=connection)
        sql, values = compiler.as_sql()
        return sql, values, compiler.get_converters([expression for expression, _sql, _alias in compiler.select])


def _value(slot: Slot, given: dict[str, Ids | int]) -> Any:
    value: Any = given[slot.name]
    if slot.of_each is None:
        return value
    found = [slot.of_each(each) for each in value]
    return found if connection.vendor == "postgresql" else json.dumps(found)


def _converted(row: Sequence[Any], converters: dict[int, Any]) -> Sequence[Any]:
    values = list(row)
    for place, (steps, expression) in converters.items():
        for step in steps:
            values[place] = step(values[place], expression, connection)
    return values
