"""What passes to whom when somebody leaves. Each app registers how the records it knows change hands."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from crm.models import User

# (from, to, by, now) → how many records changed hands. Called inside the transaction of the deactivation.
HandOver = Callable[[User, User, User, datetime], int]
# How many records would be left without somebody to work on them.
CountOf = Callable[[User], int]

_registered: dict[str, tuple[HandOver, CountOf]] = {}


def register(name: str, hand_over: HandOver, count: CountOf) -> None:
    """`count(user)` says how many records `hand_over` would give away; with none, nobody has to take over."""
    _registered[name] = (hand_over, count)


def hand_over_all(giver: User, taker: User, *, by: User, now: datetime) -> dict[str, int]:
    return {name: hand_over(giver, taker, by, now) for name, (hand_over, _count) in _registered.items()}


def held_by(user: User) -> dict[str, int]:
    """What waits for a successor, by kind of record; kinds without any are left out."""
    counts = {name: count(user) for name, (_hand_over, count) in _registered.items()}
    return {name: number for name, number in counts.items() if number}
