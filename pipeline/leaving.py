"""What somebody who leaves had to work on: open deals and open tasks."""

from __future__ import annotations

from datetime import datetime

from django.utils.translation import ngettext

from crm.models import User
from crm.models.audit import Via
from pipeline import deals
from pipeline.models import Deal, Task


def waiting_work(user: User) -> list[str]:
    open_deals = Deal.objects.existing().open().filter(owner=user).count()
    open_tasks = Task.objects.open().filter(owner=user).count()
    said = [
        (open_deals, ngettext("%(count)d open deal", "%(count)d open deals", open_deals)),
        (open_tasks, ngettext("%(count)d open task", "%(count)d open tasks", open_tasks)),
    ]
    return [words % {"count": count} for count, words in said if count]


def hand_over(giver: User, taker: User, by: User, now: datetime) -> int:
    """Gives the number of deals; the tasks go along."""
    return deals.take_over(giver, taker, by=by, via=Via.ADMIN, now=now)
