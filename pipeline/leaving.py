"""What somebody who leaves had to work on: open deals and open tasks."""

from __future__ import annotations

from datetime import datetime

from crm.models import User
from crm.models.audit import Via
from pipeline import deals
from pipeline.models import Deal, Task


def waiting_work(user: User) -> int:
    return Deal.objects.existing().open().filter(owner=user).count() + Task.objects.open().filter(owner=user).count()


def hand_over(giver: User, taker: User, by: User, now: datetime) -> int:
    """Gives the number of deals; the tasks go along."""
    return deals.take_over(giver, taker, by=by, via=Via.ADMIN, now=now)
