"""A day, or a moment of a day, as people say it: “tomorrow”, “fri”, “in 2 weeks”, “1 dec 9:00”.

The words are English; `ALIASES` says them in other languages. A time is of the asker's zone. One that the change of the
clocks leaves out moves forward by as much as the clocks do, one that comes twice means the first; both are told.
"""

from __future__ import annotations

import calendar
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.core.exceptions import ValidationError
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from crm import days

FARTHEST = 3660
"""Days ahead; what is said to be farther is a slip of the keys."""
LONGEST = 60

ALIASES: dict[str, dict[str, str]] = {}
"""Language → a word of it → the English word that it stands for. English is understood in every language."""

_NEAR = {"today": 0, "tod": 0, "tomorrow": 1, "tom": 1, "tmrw": 1, "day after tomorrow": 2, "yesterday": -1}
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december"
)  # fmt: skip
_UNITS = {"d": "day", "day": "day", "w": "week", "wk": "week", "week": "week", "mo": "month", "month": "month"}
_SHORT = {"h": 60, "hour": 60, "hr": 60, "min": 1, "minute": 1}
_NUMBERS = {"a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "ten": 10}
_FILLERS = {"on", "at", "the", "of", "due", "by", "o'clock"}

_DISTANCE = re.compile(r"(?:in )?(\d{1,5}|[a-z]+) ?([a-z]+?)s?")
_WEEKDAY = re.compile(r"(?:(next|this) )?([a-z]+)")
_DAY_FIRST = re.compile(r"(\d{1,2})(?:st|nd|rd|th)? ([a-z]+)(?: (\d{4}))?")
_MONTH_FIRST = re.compile(r"([a-z]+) (\d{1,2})(?:st|nd|rd|th)?(?: (\d{4}))?")
_ISO = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})")
_DOTTED = re.compile(r"(\d{1,2})\.(\d{1,2})\.(?:(\d{4}))?")
_CLOCK = re.compile(r"(\d{1,2})(?::(\d{2})(?::00)?)?(?: ?(am|pm))?")


@dataclass(frozen=True)
class Said:
    """`day` in the zone of whoever said it; `at`, in UTC, only where a time of day was said."""

    day: date
    at: datetime | None = None
    told: str = ""
    """What the change of the clocks made of it, in words."""

    @property
    def due(self) -> date | datetime:
        return self.day if self.at is None else self.at


def read(text: str, zone: ZoneInfo, now: datetime) -> Said:
    """ValidationError, with examples, for what is not understood, has passed, or is more than ten years ahead."""
    words = _words(text)
    here = now.astimezone(zone)
    minutes = _minutes(" ".join(words))
    if minutes is not None:
        at = (now + timedelta(minutes=minutes)).replace(second=0, microsecond=0)
        return _checked(text, Said(at.astimezone(zone).date(), at.astimezone(UTC)), here)
    for clock, rest in _splits(words):
        day = _day(" ".join(rest), here.date()) if rest else here.date()
        if day is None:
            continue
        if clock is None:
            return _checked(text, Said(day), here)
        said = at_time(day, clock, zone)
        if not rest and said.at is not None and said.at <= now:
            said = at_time(day + timedelta(days=1), clock, zone)  # of a time alone the next such time is meant
        return _checked(text, said, here)
    raise ValidationError(_unknown(text), code="unknown")


def at_time(day: date, clock: time, zone: ZoneInfo) -> Said:
    """That time on that day, whatever the clocks do then."""
    meant = datetime.combine(day, clock, zone)
    at = meant.astimezone(UTC)
    local = at.astimezone(zone)
    shown = {"time": f"{clock:%H:%M}", "day": days.dated(day, get_language()), "then": f"{local:%H:%M}"}
    if local.replace(tzinfo=None) != meant.replace(tzinfo=None):
        shown["other"] = days.dated(local.date(), get_language())
        told = _("The clocks change on %(day)s and there is no %(time)s: it is %(then)s on %(other)s.")
        return Said(local.date(), at, told % shown)
    if meant.utcoffset() != meant.replace(fold=1).utcoffset():
        return Said(day, at, _("The clocks change on %(day)s and %(time)s comes twice: the first is meant.") % shown)
    return Said(day, at)


def in_words(day: date, today: date, at: time | None = None) -> str:
    """What `read` understands as that day, as short as it can be said."""
    distance = (day - today).days
    if distance in (0, 1):
        said = ("today", "tomorrow")[distance]
    elif 1 < distance < days.NEAR_DAYS:
        said = _WEEKDAYS[day.weekday()][:3]
    else:
        said = f"{day.day} {_MONTHS[day.month - 1][:3]} {day.year}"
    return said if at is None else f"{said} {at:%H:%M}"


# --- Inside


def _words(text: str) -> list[str]:
    plain = unicodedata.normalize("NFKC", text).casefold().replace(",", " ")
    plain = re.sub(r"(?<=\d)t(?=\d)", " ", plain)
    if len(plain) > LONGEST:
        raise ValidationError(_unknown(text), code="unknown")
    known = ALIASES.get((get_language() or "en").split("-")[0], {})
    return [known.get(word, word) for word in plain.split() if word not in _FILLERS]


def _unknown(text: str) -> str:
    shown = text.strip()[:40]
    told = _("“%(text)s” is no day that is understood.") % {"text": shown} if shown else _("Say when.")
    return f"{told} {examples()}"


def examples() -> str:
    return _("Try “tomorrow”, “fri”, “in 2 weeks”, “1 dec 9:00” or “2030-12-01”.")


def _checked(text: str, said: Said, here: datetime) -> Said:
    shown = {"text": text.strip()[:40], "day": days.dated(said.day, get_language())}
    if said.day < here.date() or (said.at is not None and said.at <= here):
        raise ValidationError(f"{_('“%(text)s” has passed: %(day)s.') % shown} {examples()}", code="past")
    if (said.day - here.date()).days > FARTHEST:
        raise ValidationError(_("“%(text)s” is more than ten years ahead: %(day)s.") % shown, code="far")
    return said


def _minutes(text: str) -> int | None:
    """“in 2 hours”, “30 min”."""
    found = _DISTANCE.fullmatch(text)
    if found is None or found[2] not in _SHORT:
        return None
    count = _number(found[1])
    return count * _SHORT[found[2]] if count else None


def _number(text: str) -> int | None:
    return int(text) if text.isdecimal() else _NUMBERS.get(text)


def _splits(words: list[str]) -> list[tuple[time | None, list[str]]]:
    """The ways to read the words as a day and a time, the likeliest first. An hour without minutes stands last."""
    if not words:
        return []
    ways = []
    for size in (1, 2):
        ways.append((_clock(words[-size:], bare=len(words) > size), words[:-size]))
        ways.append((_clock(words[:size], bare=False), words[size:]))
    return [(None, words), *(way for way in ways if way[0] is not None)]


def _clock(words: list[str], *, bare: bool) -> time | None:
    text = " ".join(words)
    if text == "noon":
        return time(12)
    found = _CLOCK.fullmatch(text)
    if found is None or not (bare or found[2] or found[3]):
        return None
    hour, minute = int(found[1]), int(found[2] or 0)
    if found[3]:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if found[3] == "pm" else 0)
    return time(hour, minute) if hour < 24 and minute < 60 else None


def _day(text: str, today: date) -> date | None:
    try:
        return next((day for way in _WAYS if (day := way(text, today)) is not None), None)
    except (ValueError, OverflowError):  # the 30th of February
        return None


def _named(text: str, today: date) -> date | None:
    month_ends = calendar.monthrange(today.year, today.month)[1]
    monday = today - timedelta(days=today.weekday())
    known = {
        "next week": monday + timedelta(days=7),
        "next month": today.replace(day=1) + timedelta(days=month_ends),
        "end month": today.replace(day=month_ends),  # “of” and “the” are left out
        "eom": today.replace(day=month_ends),
    }
    return today + timedelta(days=_NEAR[text]) if text in _NEAR else known.get(text)


def _distant(text: str, today: date) -> date | None:
    found = _DISTANCE.fullmatch(text)
    unit = _UNITS.get(found[2]) if found else None
    count = _number(found[1]) if found else None
    if unit is None or count is None:
        return None
    if unit == "month":
        return _months_later(today, count)
    return today + timedelta(days=count * (7 if unit == "week" else 1))


def _months_later(today: date, count: int) -> date:
    year, month = divmod(today.year * 12 + today.month - 1 + count, 12)
    return date(year, month + 1, min(today.day, calendar.monthrange(year, month + 1)[1]))


def _weekday(text: str, today: date) -> date | None:
    """“fri” is the next one after today, “next fri” the one of next week."""
    found = _WEEKDAY.fullmatch(text)
    place = _place(found[2], _WEEKDAYS) if found else None
    if found is None or place is None:
        return None
    if found[1] == "next":
        return today + timedelta(days=7 - today.weekday() + place)
    if found[1] == "this":
        return today + timedelta(days=(place - today.weekday()) % 7)
    return today + timedelta(days=(place - today.weekday() - 1) % 7 + 1)


def _dated(text: str, today: date) -> date | None:
    """With a year that day; without, the next such day."""
    if found := _ISO.fullmatch(text):
        return date(int(found[1]), int(found[2]), int(found[3]))
    if found := _DOTTED.fullmatch(text):
        return _of_year(int(found[1]), int(found[2]), found[3], today)
    for pattern, day, month in ((_DAY_FIRST, 1, 2), (_MONTH_FIRST, 2, 1)):
        found = pattern.fullmatch(text)
        place = _place(found[month], _MONTHS) if found else None
        if found is not None and place is not None:
            return _of_year(int(found[day]), place + 1, found[3], today)
    return None


def _of_year(day: int, month: int, year: str | None, today: date) -> date | None:
    if year:
        return date(int(year), month, day)
    for ahead in range(9):  # the 29th of February is up to eight years away
        if 0 < day <= calendar.monthrange(today.year + ahead, month)[1]:
            found = date(today.year + ahead, month, day)
            if found >= today:
                return found
    return None


def _place(word: str, names: tuple[str, ...]) -> int | None:
    """By its first three letters or more."""
    return next((place for place, name in enumerate(names) if len(word) >= 3 and name.startswith(word)), None)


_WAYS: list[Callable[[str, date], date | None]] = [_named, _distant, _weekday, _dated]
