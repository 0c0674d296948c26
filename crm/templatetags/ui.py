"""What templates of every app draw with: icons, people, amounts, days."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

from django import template
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.translation import get_language, to_locale

from crm import days
from crm.models import User
from crm.money import format_money
from crm.text import mail_link, tel_link

register = template.Library()

TINTS = 6


@register.simple_tag
@lru_cache(maxsize=1024)  # a page has fifty
def icon(name: str, css: str = "", title: str = "") -> str:
    """An icon of static/icons.txt. Without a title it is decoration, and a word must stand beside it."""
    return render_to_string("_icon.html", {"name": name, "css": css, "title": title})


@register.inclusion_tag("_avatar.html")
def avatar(user: User | None, css: str = "") -> dict[str, Any]:
    """A person as initials; the name on hover and for readers of the screen."""
    return {"person": user, "css": css, "tint": user.pk % TINTS if user else 0}


@register.simple_tag
def money(value: Decimal | None, currency: str) -> str:
    return format_money(value, currency, to_locale(get_language() or "en"))


@register.filter
def tel(phone: str) -> str:
    return tel_link(phone)


@register.filter
def mailto(email: str) -> str:
    return mail_link(email)


@register.inclusion_tag("_reach.html")
def phone(value: str) -> dict[str, str]:
    """A phone number that calls when it is pressed."""
    return {"text": value, "address": tel_link(value)}


@register.inclusion_tag("_reach.html")
def email(value: str) -> dict[str, str]:
    """An email address that opens a mail when it is pressed."""
    return {"text": value, "address": mail_link(value)}


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
    return days.short(the_day, today or timezone.localdate(), get_language())


def full_day(value: datetime | date) -> str:
    """“Tuesday, 15 September 2026, 10:00”. A datetime must be in the reader's zone already."""
    if isinstance(value, datetime):
        return f"{days.full(value.date(), get_language())}, {value:%H:%M}"
    return days.full(value, get_language())


@register.filter
def under(path: str, prefixes: str) -> bool:
    """Whether a path lies under one of the prefixes: `{% if request.path|under:"/board/ /deals/" %}`."""
    return path.startswith(tuple(prefixes.split()))
