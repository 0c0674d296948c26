"""What all chapters share: the seed, the day that the story ends on, and what the chapters before have made."""

from __future__ import annotations

import datetime
import math
import random
import statistics
import tomllib
import zoneinfo
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

Made = TypeVar("Made")
Item = TypeVar("Item")

OPENS, WORKS = 8, 9.5
"""The first hour of a working day, and how many hours it has."""


class World:
    """The story ends when `today` begins in `zone`: whatever happened lies before, so each day has one story."""

    def __init__(self, seed: int, today: datetime.date, zone: zoneinfo.ZoneInfo) -> None:
        self.seed, self.today, self.zone = seed, today, zone
        self.now = datetime.datetime.combine(today, datetime.time(), zone).astimezone(datetime.UTC)
        self._made: dict[type, Any] = {}

    def random(self, purpose: str) -> random.Random:
        """A generator of its own for each purpose: a change in one place leaves the others as they were."""
        return random.Random(f"{self.seed} {purpose}")

    def keep(self, made: object) -> None:
        self._made[type(made)] = made

    def of(self, kind: type[Made]) -> Made:
        """What a chapter before kept under this type."""
        found: Made = self._made[kind]
        return found

    def day(self, days_ago: int) -> datetime.date:
        return self.today - datetime.timedelta(days=days_ago)

    def moment(self, days_ago: float) -> datetime.datetime:
        """An instant in the working hours of that day, to the minute; a weekend's falls on the Friday before.

        The fraction of `days_ago` says when in the day: less is later.
        """
        whole = int(days_ago) if days_ago == int(days_ago) else int(days_ago) + 1
        minutes = int((whole - days_ago) * WORKS * 60)
        day = self.day(max(whole, 1))
        day -= datetime.timedelta(days=max(day.weekday() - 4, 0))
        start = datetime.datetime.combine(day, datetime.time(OPENS), self.zone)
        return (start + datetime.timedelta(minutes=minutes)).astimezone(datetime.UTC)

    def between(self, start: datetime.datetime, end: datetime.datetime, share: float) -> datetime.datetime:
        """That share of the way from start to end, in working hours as far as these allow it."""
        at = (start + max(end - start, datetime.timedelta()) * share).astimezone(self.zone)
        day = at.date() - datetime.timedelta(days=max(at.weekday() - 4, 0))
        minutes = at.hour * 60 + at.minute
        if not OPENS * 60 <= minutes < (OPENS + WORKS) * 60:
            minutes = OPENS * 60 + minutes % int(WORKS * 60)
        worked = datetime.datetime.combine(day, datetime.time(minutes // 60, minutes % 60), self.zone)
        return min(max(worked.astimezone(datetime.UTC), start), max(end, start))


def read(beside: str, name: str) -> dict[str, Any]:
    """A data file in the folder of the module `beside` (its __file__)."""
    return tomllib.loads((Path(beside).parent / name).read_text(encoding="utf-8"))


def deal_out(shares: dict[str, float], count: int, chance: random.Random) -> list[str]:
    """`count` names in random order, each as often as its share says: small numbers tell the story too."""
    total, names, owed = sum(shares.values()), list(shares), 0.0
    dealt: list[str] = []
    for name in names:
        owed += count * shares[name] / total
        dealt += [name] * (round(owed) - len(dealt))
    chance.shuffle(dealt)
    return dealt


def spread(middle: float, width: float, count: int, chance: random.Random) -> list[float]:
    """`count` durations in random order whose median is `middle`, with a long tail to the right.

    `width` is the standard deviation of their logarithm. One value from each quantile: the median holds at any count.
    """
    normal = statistics.NormalDist()
    values = [middle * math.exp(width * normal.inv_cdf((place + 0.5) / count)) for place in range(count)]
    chance.shuffle(values)
    return values


def pick(items: Sequence[Item], chance: random.Random) -> Item:
    return items[chance.randrange(len(items))]
