"""Days as people count them: a person's day, and the company's working days."""

from __future__ import annotations

import datetime

from crm.models import User
from crm.working_days import WorkingDays

__all__ = ["WorkingDays", "day_of", "end_of_day"]


def end_of_day(day: datetime.date, user: User) -> datetime.datetime:
    """The last moment of the day in the user's time zone, in UTC: a task due that day is overdue after it."""
    next_day = datetime.datetime.combine(day + datetime.timedelta(days=1), datetime.time(), user.zone)
    return next_day.astimezone(datetime.UTC) - datetime.timedelta(microseconds=1)


def start_of_day(day: datetime.date, user: User) -> datetime.datetime:
    """The first moment of the day in the user's time zone, in UTC."""
    return datetime.datetime.combine(day, datetime.time(), user.zone).astimezone(datetime.UTC)


def day_of(moment: datetime.datetime, user: User) -> datetime.date:
    return moment.astimezone(user.zone).date()
