"""What templates of every app draw with: icons, people, amounts, days."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

from django import template
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import get_language, to_locale
from django.utils.translation import gettext as _

from crm.models import User
from crm.money import format_money

register = template.Library()

TINTS = 6
NEAR_DAYS = 7


@register.inclusion_tag("_icon.html")
def icon(name: str, css: str = "", title: str = "") -> dict[str, str]:
    """An icon of static/icons.txt. Without a title it is decoration, and a word must stand beside it."""
    return {"name": name, "css": css, "title": title}


@register.inclusion_tag("_avatar.html")
def avatar(user: User | None, css: str = "") -> dict[str, Any]:
    """A person as initials; the name on hover and for readers of the screen."""
    return {"person": user, "css": css, "tint": user.pk % TINTS if user else 0}


@register.simple_tag
def money(value: Decimal | None, currency: str) -> str:
    return format_money(value, currency, to_locale(get_language() or "en"))


@register.inclusion_tag("_day.html")
def day(value: datetime | date | None, css: str = "") -> dict[str, Any]:
    """“today”, “Fri”, “3 Apr”, “3 Apr 2024”; the full date on hover. In the zone of the reader; “–” for None."""
    if value is None:
        return {"value": None}
    local = timezone.localtime(value) if isinstance(value, datetime) else value
    return {"value": local.isoformat(), "short": day_words(local), "full": full_day(local), "css": css}


def day_words(value: datetime | date, today: date | None = None) -> str:
    """The day as people say it. A datetime must be in the reader's zone already."""
    the_day = value.date() if isinstance(value, datetime) else value
    return _short(the_day, today or timezone.localdate(), get_language())


def full_day(value: datetime | date) -> str:
    """“Tuesday, 15 September 2026, 10:00”. A datetime must be in the reader's zone already."""
    if isinstance(value, datetime):
        return f"{_long(value.date(), get_language())}, {value:%H:%M}"
    return _long(value, get_language())


# A board shows some hundred dates of few days, and to format one is slow.
@lru_cache(maxsize=2048)
def _short(the_day: date, today: date, language: str) -> str:
    distance = (the_day - today).days
    near = {-1: _("yesterday"), 0: _("today"), 1: _("tomorrow")}
    if distance in near:
        return near[distance]
    if 0 < distance < NEAR_DAYS:
        return date_format(the_day, "D")
    return date_format(the_day, "j M" if the_day.year == today.year else "j M Y")


@lru_cache(maxsize=2048)
def _long(the_day: date, language: str) -> str:
    return date_format(the_day, "l, j F Y")


@register.filter
def under(path: str, prefixes: str) -> bool:
    """Whether a path lies under one of the prefixes: `{% if request.path|under:"/board/ /deals/" %}`."""
    return path.startswith(tuple(prefixes.split()))
