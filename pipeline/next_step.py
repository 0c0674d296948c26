"""What could come next on a deal that has nothing planned: it is proposed, and nobody is held to it."""

from __future__ import annotations

import datetime
from dataclasses import dataclass

from django.utils.translation import gettext as _

from crm import date_words
from crm.models import User
from pipeline import calendar, followups
from pipeline.models import Deal


@dataclass(frozen=True)
class Proposal:
    """`words` is the day as it is written in a form; empty, with the title to begin from, where the stage asks for nothing more."""

    title: str
    words: str = ""
    day: datetime.date | None = None
    stage_task: int | None = None


def propose(deal: Deal, reader: User, now: datetime.datetime) -> Proposal:
    """The stage's own next task, on the day that the process gives it."""
    found = followups.next_of_stage(deal, now)
    if found is None:
        return Proposal(_("Follow up"))
    template, due_at = found
    day = calendar.day_of(due_at, deal.owner)
    return Proposal(template.title, date_words.in_words(day, calendar.day_of(now, reader)), day, template.pk)
