"""What waits for somebody, told in one go at eight in the morning. The apps say by `register` what belongs in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from django.db.models import Exists, OuterRef
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from crm import reminders, wall_time
from crm.letters import Letter
from crm.models import Reminder, User
from crm.notices import News
from crm.reminders import Drop

KIND = "digest"
HOUR = time(8)
LINES = 20
"""Of one section; how many more there are is told in a word."""


@dataclass(frozen=True)
class Line:
    text: str
    detail: str
    address: str


@dataclass(frozen=True)
class Section:
    """`count` of all there are, of which `lines` are the first. `summary` is for the head: “3 overdue”."""

    title: str
    summary: str
    lines: Sequence[Line]
    count: int
    address: str

    @property
    def more(self) -> int:
        return self.count - len(self.lines)


Sections = Callable[[User, datetime], list[Section]]
_registered: list[Sections] = []


def register(sections: Sections) -> None:
    """`sections(user, now)` gives what is to be told, nothing where there is nothing."""
    if sections not in _registered:
        _registered.append(sections)


def plan_missing(now: datetime) -> int:
    """Everybody who works here has one waiting: the next, at eight in their zone."""
    waiting = Reminder.objects.pending().filter(user=OuterRef("pk"), kind=KIND)
    without = User.objects.active().filter(~Exists(waiting))
    rows = [reminders.at(user, KIND, "user", user.pk, _after(now, user), now) for user in without]
    reminders.plan_all(rows)
    return len(rows)


def again(reminder: Reminder, now: datetime) -> datetime:
    return _after(now, reminder.user)


def _after(now: datetime, user: User) -> datetime:
    here = wall_time.wall(now, user.time_zone)
    today = datetime.combine(here.date(), HOUR)
    return today if today > here else today + timedelta(days=1)


def check(rows: Sequence[Reminder], now: datetime) -> Mapping[int, News | Drop]:
    return {row.pk: _news(row, now) for row in rows}


def _news(row: Reminder, now: datetime) -> News | Drop:
    user = row.user
    with timezone.override(user.zone):
        found = [section for sections in _registered for section in sections(user, now) if section.count]
    if not found:
        return Drop(_("there was nothing to tell"))
    summary = ", ".join(section.summary for section in found if section.summary)
    letter = Letter("digest", _("Your day: %(summary)s") % {"summary": summary}, {"sections": found})
    return News(row.key, KIND, None, summary, "", reverse("home"), "user", user.pk, letter)
