"""Invariants in plain SQL, declared by each app; `manage.py verify` runs them all and fails on any break.

The SQL shares nothing with the code that keeps the facts: it is the second opinion.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from django.apps import apps
from django.db import connection

from crm import database_rules

OUR_APPS = ("crm", "leads", "pipeline", "metrics")
SHOWN = 10


@dataclass(frozen=True)
class Invariant:
    """`broken` selects one row for each break, its first column saying where. `counted` selects how much was looked at."""

    name: str
    sentence: str
    counted: str
    broken: str


@dataclass(frozen=True)
class Finding:
    invariant: str
    sentence: str
    looked_at: int
    breaks: int
    examples: list[str]


_invariants: list[Invariant] = []


def register(invariants: Iterable[Invariant]) -> None:
    known = {invariant.name for invariant in _invariants}
    _invariants.extend(invariant for invariant in invariants if invariant.name not in known)


def run() -> Iterator[Finding]:
    yield _schema()
    for invariant in _invariants:
        with connection.cursor() as cursor:
            cursor.execute(invariant.counted)
            looked_at = cursor.fetchone()[0]
            cursor.execute(f"SELECT count(*) FROM ({invariant.broken}) broken")  # noqa: S608
            breaks, examples = cursor.fetchone()[0], []
            if breaks:
                cursor.execute(f"{invariant.broken} LIMIT {SHOWN}")
                examples = [" ".join(str(part) for part in row) for row in cursor.fetchall()]
        yield Finding(invariant.name, invariant.sentence, looked_at, breaks, examples)


def _schema() -> Finding:
    """Every constraint and index that the models name, and every rule of database_rules, exists in this database."""
    expected = missing = 0
    names: list[str] = []
    with connection.cursor() as cursor:
        for model in apps.get_models():
            if model._meta.app_label in OUR_APPS and model._meta.managed:
                found = connection.introspection.get_constraints(cursor, model._meta.db_table)
                wanted = [each.name for each in (*model._meta.constraints, *model._meta.indexes)]
                expected += len(wanted)
                names += [f"{model._meta.db_table}: {name}" for name in wanted if name not in found]
    rules = database_rules.broken()
    expected += len(database_rules.rules_for(connection))
    names += rules
    missing = len(names)
    return Finding(
        "schema", "every named constraint, index and trigger is there and as in the code", expected, missing, names
    )
