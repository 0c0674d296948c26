"""The hour on a clock in some place, and the instant that it is: what a change of the clock makes of it."""

from __future__ import annotations

import zoneinfo
from datetime import UTC, datetime, timedelta
from typing import Literal

Quirk = Literal["", "gap", "twice"]


def instant(wall: datetime, zone: str) -> datetime:
    """In UTC. An hour that is left out is shifted forward by what was left out; of one that comes twice it is the first."""
    return wall.replace(tzinfo=zoneinfo.ZoneInfo(zone), fold=0).astimezone(UTC)


def wall(moment: datetime, zone: str) -> datetime:
    """What the clock shows there, without a zone."""
    return moment.astimezone(zoneinfo.ZoneInfo(zone)).replace(tzinfo=None, fold=0)


def quirk(wall: datetime, zone: str) -> Quirk:
    """ "gap": there is no such hour there that day, the clock is put forward over it. "twice": it is put back to it."""
    first, second = (wall.replace(tzinfo=zoneinfo.ZoneInfo(zone), fold=fold) for fold in (0, 1))
    if first.utcoffset() == second.utcoffset():
        return ""
    return "twice" if first.astimezone(UTC) < second.astimezone(UTC) else "gap"


def before(moment: datetime, minutes: int, zone: str) -> datetime:
    """The wall time so long before: whole days keep the hour on the wall, less is counted in minutes that pass."""
    days, rest = divmod(minutes, 24 * 60)
    return wall(moment - timedelta(minutes=rest), zone) - timedelta(days=days)
