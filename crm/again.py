"""Once more, when PostgreSQL ended one of two transactions that waited for each other: nothing of it was written."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from django.db import OperationalError, connection

P = ParamSpec("P")
R = TypeVar("R")

DEADLOCK_DETECTED = "40P01"
TRIES = 3


def after_deadlock(rule: Callable[P, R]) -> Callable[P, R]:
    """For a rule that is one transaction; within somebody else's it is for them to begin again."""

    @wraps(rule)
    def tried(*arguments: P.args, **named: P.kwargs) -> R:
        for left in reversed(range(TRIES)):
            try:
                return rule(*arguments, **named)
            except OperationalError as error:
                ended = getattr(error.__cause__, "pgcode", None) == DEADLOCK_DETECTED
                if not ended or not left or connection.in_atomic_block:
                    raise
        raise AssertionError

    return tried
