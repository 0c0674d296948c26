"""The clock of the database: one clock for all web and worker processes, read after a lock was won."""

from __future__ import annotations

from datetime import UTC, datetime

from django.db import connection
from django.db.models import DateTimeField, Func
from django.db.models.functions import Now
from django.utils import timezone


def now() -> datetime:
    if connection.vendor != "postgresql":
        return timezone.now()
    with connection.cursor() as cursor:
        # Not now() or statement_timestamp(): those were read before the wait for the lock.
        cursor.execute("SELECT clock_timestamp()")
        moment: datetime = cursor.fetchone()[0]
        return moment.astimezone(UTC)


def told() -> dict[str, Func]:
    """For a query that is made anyway: it tells the time as `clock` besides. Nothing where the clock is our own."""
    if connection.vendor != "postgresql":
        return {}
    return {"clock": Func(function="clock_timestamp", output_field=DateTimeField())}


def told_by(row: object) -> datetime:
    """The time that the query of this row told besides; else the present one."""
    moment: datetime | None = getattr(row, "clock", None)
    return moment or now()


def at_writing() -> Now | datetime:
    """For a row that is about to be written: the time of that statement, which need not be asked for before."""
    return Now() if connection.vendor == "postgresql" else timezone.now()
