"""Putting off the day on which a deal is expected to close, and how often that was done."""

from __future__ import annotations

import calendar
import datetime
from collections.abc import Iterable
from typing import Literal, get_args

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from crm import clock
from crm.models import Change, Company, User
from pipeline import deals
from pipeline.calendar import day_of
from pipeline.models import Deal, Kind

Step = Literal["week", "month", "quarter"]
STEPS: tuple[Step, ...] = get_args(Step)


def move_on(
    deal_id: int, step: Step, *, version: int | None, by: User, via: str, now: datetime.datetime | None = None
) -> deals.Edited | deals.Conflict:
    """From its close date, or from today if that has passed or is not known. Raises ValidationError for a closed deal."""
    now = now or clock.now()
    deal = Deal.objects.get(pk=deal_id)
    if deal.status != Kind.OPEN:
        raise ValidationError(_("This deal is closed. Reopen it to go on with it."))
    day = later(deal.expected_close, step, day_of(now, by), Company.current().fiscal_year_starts_in)
    # Against the version on the screen: of two people who press at once, one is told.
    return deals.edit(deal_id, {"expected_close": day}, version=version or deal.version, by=by, via=via, now=now)


def later(day: datetime.date | None, step: Step, today: datetime.date, year_starts_in: int = 1) -> datetime.date:
    start = max(day, today) if day else today
    if step == "week":
        return start + datetime.timedelta(days=7)
    if step == "month":
        return _month_on(start, 1)
    end = _quarter_end(start, year_starts_in)
    return end if end > start else _quarter_end(start + datetime.timedelta(days=1), year_starts_in)


def times_moved(deal: Deal) -> int:
    """How often a date that was set became another one, or none."""
    rows = Change.objects.filter(object_type="deal", object_id=deal.pk, field="expected_close")
    return moved_among(rows.values_list("old", flat=True))


def moved_among(former: Iterable[str | None]) -> int:
    """The same of the dates that were changed."""
    return sum(old is not None for old in former)


def _month_on(day: datetime.date, months: int) -> datetime.date:
    """The same day of a later month, or the last one of a shorter month."""
    count = day.year * 12 + day.month - 1 + months
    year, month = count // 12, count % 12 + 1
    return datetime.date(year, month, min(day.day, calendar.monthrange(year, month)[1]))


def _quarter_end(day: datetime.date, year_starts_in: int) -> datetime.date:
    left = 2 - (day.month - year_starts_in) % 3
    last = _month_on(day.replace(day=1), left)
    return last.replace(day=calendar.monthrange(last.year, last.month)[1])
