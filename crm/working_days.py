"""The days on which the company works: the weekdays that it names, without its holidays."""

from __future__ import annotations

import datetime
from collections.abc import Collection
from dataclasses import dataclass
from typing import Self

from crm.models import Company, Holiday


@dataclass(frozen=True)
class WorkingDays:
    weekdays: frozenset[int]
    holidays: Collection[datetime.date]

    @classmethod
    def of(cls, company: Company, start: datetime.date) -> Self:
        holidays: set[datetime.date] = set()
        if getattr(company, "has_holidays", True):
            holidays = set(Holiday.objects.filter(day__gte=start).values_list("day", flat=True))
        return cls(frozenset(int(day) for day in company.working_days), holidays)

    def works(self, day: datetime.date) -> bool:
        return day.weekday() in self.weekdays and day not in self.holidays

    def after(self, start: datetime.date, count: int) -> datetime.date:
        """The `count`-th working day after `start`; 0 is `start` itself, or the next working day if it is none."""
        day, left = start, count
        while left > 0 or not self.works(day):
            day += datetime.timedelta(days=1)
            left -= self.works(day)
        return day
