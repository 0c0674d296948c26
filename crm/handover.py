"""What passes to whom when somebody leaves. Each app registers how the records it knows change hands."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from crm.models import User

# (from, to, by, now) → how many records changed hands. Called inside the transaction of the deactivation.
HandOver = Callable[[User, User, User, datetime], int]
# What would be left without somebody to work on it, in words such as “12 open deals”; empty for nothing.
Waiting = Callable[[User], list[str]]

_registered: dict[str, tuple[HandOver, Waiting]] = {}


def register(name: str, hand_over: HandOver, waiting: Waiting) -> None:
    """`waiting(user)` says what `hand_over` would give away; with nothing, nobody has to take over."""
    _registered[name] = (hand_over, waiting)


def hand_over_all(giver: User, taker: User, *, by: User, now: datetime) -> dict[str, int]:
    return {name: hand_over(giver, taker, by, now) for name, (hand_over, _waiting) in _registered.items()}


def held_by(user: User) -> list[str]:
    """What waits for a successor, in the reader's words."""
    return [words for _hand_over, waiting in _registered.values() for words in waiting(user)]
