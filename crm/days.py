"""Days in the reader's words. A page says some hundred days, few of them different, and to write one out is slow.

`language` is the one that is active, `get_language()`: whoever says hundreds of days asks for it once.
"""

from __future__ import annotations

from datetime import date
from functools import lru_cache

from django.utils.formats import date_format
from django.utils.translation import gettext as _

NEAR_DAYS = 7


@lru_cache(maxsize=4096)
def short(day: date, today: date, language: str | None) -> str:
    """“today”, “Fri”, “3 Apr”, “3 Apr 2024” in the language that is active."""
    distance = (day - today).days
    near = {-1: _("yesterday"), 0: _("today"), 1: _("tomorrow")}
    if distance in near:
        return near[distance]
    if 0 < distance < NEAR_DAYS:
        return date_format(day, "D")
    return date_format(day, "j M" if day.year == today.year else "j M Y")


@lru_cache(maxsize=4096)
def full(day: date, language: str | None) -> str:
    """“Tuesday, 15 September 2026”."""
    return date_format(day, "l, j F Y")


@lru_cache(maxsize=4096)
def dated(day: date, language: str | None) -> str:
    """“15 Sep 2026”."""
    return date_format(day, "j M Y")
