"""Tasks as pages name them."""

from __future__ import annotations

import datetime

from django.utils.translation import get_language

from crm import days
from pipeline.models.tasks import which


def titled(title: str, repetition: int, limit: int | None) -> str:
    """“Try again (2 of 4)”."""
    one = which(repetition, limit)
    return f"{title} ({one})" if one else title


def due(at: datetime.datetime, has_time: bool, now: datetime.datetime, zone: datetime.tzinfo) -> str:
    """“Fri”, “Fri 14:00”."""
    local = at.astimezone(zone)
    day = days.short(local.date(), now.astimezone(zone).date(), get_language())
    return f"{day} {local:%H:%M}" if has_time else day


def due_fully(at: datetime.datetime, has_time: bool, zone: datetime.tzinfo) -> str:
    """“Friday, 18 September 2026, 14:00”."""
    local = at.astimezone(zone)
    day = days.full(local.date(), get_language())
    return f"{day}, {local:%H:%M}" if has_time else day
