"""A task that has been overdue for so many days as the company says is told to the managers of its owner, once.

Found by position and not by a mark on the task: what became so overdue between the last look and this one. So nothing is
written when a task is made, moved or finished.
"""

from __future__ import annotations

import datetime

from django.db import transaction
from django.db.models import Q

from crm import clock, notices
from crm.models import Company, User
from crm.notices import News
from pipeline import access, gates
from pipeline.models import Task
from pipeline.task_reminders import address_of


def tell_managers(now: datetime.datetime | None = None) -> int:
    """Gives how many tasks were told of. Twice at once is once: the row of the company is locked meanwhile."""
    with transaction.atomic():
        now = now or clock.now()
        company = Company.objects.select_for_update().filter(pk=1).first()
        if company is None or company.overdue_days is None:
            return 0
        until = now - datetime.timedelta(days=company.overdue_days)
        # What was overdue before the company said so is not told one by one: it stands in the morning's digest.
        since = company.overdue_told_to or until
        tasks = _between(since, until)
        managers: dict[int, list[User]] = {}
        for task in tasks:
            _tell(task, managers, now)
        Company.objects.filter(pk=1).update(overdue_told_to=max(since, until))
        return len(tasks)


def _between(since: datetime.datetime, until: datetime.datetime) -> list[Task]:
    there = Q(deal__isnull=True) | Q(deal__deleted_at__isnull=True)
    rows = Task.objects.open().filter(there, due_at__gte=since, due_at__lt=until)
    return list(rows.select_related("deal", "owner").order_by("due_at", "pk"))


def _tell(task: Task, managers: dict[int, list[User]], now: datetime.datetime) -> None:
    if task.owner_id not in managers:
        managers[task.owner_id] = gates.approvers(task.owner, now)
    people = managers[task.owner_id]
    if task.deal and task.deal.owner_id != task.owner_id:
        people = list(access.readers_of(task.deal, now).filter(pk__in=[person.pk for person in people]))
    about = ("deal", task.deal_id) if task.deal_id else ("task", task.pk)
    text = task.deal.title if task.deal else ""
    key = f"overdue {task.pk} {task.due_at:%Y-%m-%d}"
    notices.tell(people, News(key, "overdue", task.owner, task.title, text, address_of(task), *about), now)
