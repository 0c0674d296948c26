"""A pause ends by itself when its day comes, and says so until somebody works on the deal."""

from __future__ import annotations

import datetime

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

TOLD_FOR = datetime.timedelta(days=7)


def woke(until: datetime.datetime | None, reason: str, worked_at: datetime.datetime, now: datetime.datetime) -> str:
    """“Back since today: budget in spring”; empty while it is paused, once somebody worked on it, or after a week."""
    if until is None or not until <= now < until + TOLD_FOR or worked_at >= until:
        return ""
    day = timezone.localtime(until).date()
    if day == timezone.localtime(now).date():
        return _("Back since today: %(reason)s") % {"reason": reason}
    return _("The pause ended on %(day)s: %(reason)s") % {"day": date_format(day, "D"), "reason": reason}
