"""The distance to the limit: the statements of a piece of work once more, on a bare cursor, with nothing around them."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection, transaction

Statement = tuple[str, Any]
ROUNDS = 15


@contextmanager
def statements() -> Iterator[list[Statement]]:
    """What is asked of the database meanwhile."""
    asked: list[Statement] = []

    def note(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        if not many:
            asked.append((sql, params))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        yield asked


def replayed(asked: list[Statement]) -> float:
    """Milliseconds for the same statements and their rows, the median of some rounds.

    Nothing stays: each round is rolled back. What the database checks at commit, and the commit itself, are not in it.
    """
    taken = []
    for _round in range(ROUNDS):
        with transaction.atomic():
            begun = time.perf_counter()
            with connection.connection.cursor() as cursor:
                for sql, params in asked:
                    cursor.execute(sql, params)
                    if cursor.description is not None:
                        cursor.fetchall()
            taken.append((time.perf_counter() - begun) * 1000)
            transaction.set_rollback(True)
    return round(statistics.median(taken), 1)
