"""Days as people count them: a person's day, and the company's working days."""

from __future__ import annotations

import datetime
from collections.abc import Collection
from dataclasses import dataclass
from typing import Self

from crm.models import Company, Holiday, User


def end_of_day(day: datetime.date, user: User) -> datetime.datetime:
    """The last moment of the day in the user's time zone, in UTC: a task due that day is overdue after it."""
    next_day = datetime.datetime.combine(day + datetime.timedelta(days=1), datetime.time(), user.zone)
    return next_day.astimezone(datetime.UTC) - datetime.timedelta(microseconds=1)


def day_of(moment: datetime.datetime, user: User) -> datetime.date:
    return moment.astimezone(user.zone).date()


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
