"""What a cell of a file says: numbers, days and times, read in the way that was chosen and in no other."""

from __future__ import annotations

import datetime
import re
from dataclasses import dataclass
from decimal import Decimal
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _

POINT, COMMA = "1,234.5", "1.234,5"
NUMBER_STYLES = (POINT, COMMA)
DATE_ORDERS = ("dmy", "mdy", "ymd")

# ASCII only: \d alone takes Arabic digits, and Decimal takes 1e3, 1_000 and NaN.
_PLAIN = re.compile(r"\d+(\.\d+)?", re.ASCII)
_SPACE = "[ \u00a0\u202f]"
_STYLED = {
    POINT: re.compile(rf"(\d+|\d{{1,3}}(,\d{{3}})+|\d{{1,3}}({_SPACE}\d{{3}})+)(\.\d+)?", re.ASCII),
    COMMA: re.compile(rf"(\d+|\d{{1,3}}(\.\d{{3}})+|\d{{1,3}}({_SPACE}\d{{3}})+)(,\d+)?", re.ASCII),
}
_DAY = re.compile(r"(\d{1,4})([-/.])(\d{1,2})\2(\d{1,4})", re.ASCII)
_MOMENT = re.compile(
    r"(?P<day>[\d/.\-]+)(?:(?:T|\s+)(?P<hour>\d{1,2}):(?P<minute>\d\d)(?::(?P<second>\d\d)(?:[.,](?P<part>\d{1,9}))?)?"
    r"\s*(?P<half>[ap]\.?m\.?)?\s*(?P<zone>Z|UTC|GMT|[+-]\d\d(?::?\d\d)?)?)?",
    re.ASCII | re.IGNORECASE,
)
_SERIAL = re.compile(r"[2-6]\d{4}(\.\d+)?", re.ASCII)
_EXCEL_EPOCH = datetime.date(1899, 12, 30)


class BadCell(Exception):
    """`reason` says what is wrong with the value, `remedy` how to write it."""

    def __init__(self, reason: str, remedy: str) -> None:
        super().__init__(reason)
        self.reason, self.remedy = reason, remedy


@dataclass(frozen=True)
class Moment:
    """An instant in UTC; with the precision "day" it is the first of that day in the zone of the file."""

    at: datetime.datetime
    precision: str = "exact"


def number(text: str, style: str = "") -> Decimal:
    """Not negative and without signs. Without a style, only digits and a point: 1,234 could be read in two ways."""
    pattern = _STYLED[style] if style else _PLAIN
    if not pattern.fullmatch(text):
        raise _bad_number(text, style)
    digits = re.sub(rf"{_SPACE}|{'[.]' if style == COMMA else ','}", "", text)
    return Decimal(digits.replace(",", "."))


def _bad_number(text: str, style: str) -> BadCell:
    example = {POINT: "12,500.50", COMMA: "12.500,50"}.get(style, "12500.50")
    remedy = _("Write the number alone, such as %(example)s.") % {"example": example}
    other = next((each for each, pattern in _STYLED.items() if each != style and pattern.fullmatch(text)), "")
    if other and not style:
        remedy = _("Say how the file writes numbers: --numbers %(one)s or --numbers %(other)s.") % {
            "one": POINT,
            "other": COMMA,
        }
    elif other:
        remedy = _("The file was said to write numbers as %(example)s.") % {"example": example}
    if re.fullmatch(r"[-\u2212]\s?[\d.,\s]+|\([\d.,\s]+\)", text):
        return BadCell(_("A value cannot be negative."), remedy)
    return BadCell(_("This is not a number."), remedy)


def whole(text: str, style: str = "") -> int:
    value = number(text, style)
    if value != value.to_integral_value():
        raise BadCell(_("This is not a whole number."), _("Write it without decimals."))
    return int(value)


def needs_order(text: str) -> bool:
    """True for a day such as 03/04/2026, which means one thing in Europe and another in America."""
    found = _DAY.match(text)
    return found is not None and len(found[1]) < 3


def day(text: str, order: str = "") -> datetime.date:
    """A day; a time of day after it is left out, without a change of zone."""
    found = _MOMENT.fullmatch(text)
    return _day(found["day"] if found else text, order)


def moment(text: str, order: str, zone: ZoneInfo) -> Moment:
    """A time without a zone is taken in `zone`; one that the clocks left out is refused."""
    found = _MOMENT.fullmatch(text)
    if found is None:
        raise _bad_day(text)
    date = _day(found["day"], order)
    if found["hour"] is None:
        midnight = datetime.datetime(date.year, date.month, date.day, tzinfo=zone)
        return Moment(midnight.astimezone(datetime.UTC), "day")
    local = datetime.datetime.combine(date, _time(found))
    if found["zone"]:
        return Moment(local.replace(tzinfo=_offset(found["zone"])).astimezone(datetime.UTC))
    return Moment(_in_zone(local, zone))


def _time(found: re.Match[str]) -> datetime.time:
    hour, half = int(found["hour"]), (found["half"] or "").lower()[:1]
    if half:
        hour = (hour % 12 if 1 <= hour <= 12 else 99) + (12 if half == "p" else 0)
    part = int((found["part"] or "0")[:6].ljust(6, "0"))
    try:
        return datetime.time(hour, int(found["minute"]), int(found["second"] or 0), part)
    except ValueError as error:
        raise BadCell(_("There is no such time of day."), _("Write it like 14:30.")) from error


def _offset(text: str) -> datetime.timezone:
    if not text.startswith(("+", "-")):
        return datetime.UTC
    digits = text[1:].replace(":", "").ljust(4, "0")
    ahead = datetime.timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    if ahead > datetime.timedelta(hours=14) or int(digits[2:]) > 59:
        raise BadCell(_("There is no such time zone."), _("Write it like +02:00."))
    return datetime.timezone(-ahead if text[0] == "-" else ahead)


def _in_zone(local: datetime.datetime, zone: ZoneInfo) -> datetime.datetime:
    """Of an hour that came twice, the first."""
    if not _exists(local, zone):
        following = local.replace(second=0, microsecond=0)
        while not _exists(following, zone):
            following += datetime.timedelta(minutes=1)
        reason = _("In %(zone)s the clocks were put forward over this time.") % {"zone": zone.key}
        raise BadCell(reason, _("The next time that there was is %(time)s.") % {"time": f"{following:%Y-%m-%d %H:%M}"})
    return local.replace(tzinfo=zone).astimezone(datetime.UTC)


def _exists(local: datetime.datetime, zone: ZoneInfo) -> bool:
    return local.replace(tzinfo=zone).astimezone(datetime.UTC).astimezone(zone).replace(tzinfo=None) == local


def _day(text: str, order: str) -> datetime.date:
    found = _DAY.fullmatch(text)
    if found is None:
        raise _bad_day(text)
    first, second, third = found[1], found[3], found[4]
    if len(first) == 4 and len(third) <= 2:
        year, month, date = first, second, third
    elif len(first) > 2 or len(third) not in (2, 4):
        raise _bad_day(text)
    elif order not in DATE_ORDERS or (order == "ymd" and len(third) == 4):
        remedy = _("Say in which order the file writes dates: --date-order dmy or mdy.")
        raise BadCell(_("Day and month can be read in two ways."), remedy)
    else:
        date, month, year = {
            "dmy": (first, second, third),
            "mdy": (second, first, third),
            "ymd": (third, second, first),
        }[order]
    try:
        value = datetime.date(_year(year), int(month), int(date))
    except ValueError as error:
        raise BadCell(_("There is no such day."), _remedy()) from error
    if not 1900 <= value.year <= 2999:
        raise BadCell(_("The year must lie between 1900 and 2999."), _remedy())
    return value


def _year(text: str) -> int:
    """Two digits as POSIX reads them: 69 to 99 are the last century."""
    year = int(text)
    return year if len(text) > 2 else year + (1900 if year >= 69 else 2000)


def _bad_day(text: str) -> BadCell:
    if _SERIAL.fullmatch(text):
        meant = _EXCEL_EPOCH + datetime.timedelta(days=int(text.split(".")[0]))
        reason = _("This is a day as Excel counts it (%(day)s).") % {"day": meant.isoformat()}
        return BadCell(reason, _("Format the column as a date before saving it as CSV."))
    return BadCell(_("This is not a date."), _remedy())


def _remedy() -> str:
    return _("Write it like 2026-03-31.")
