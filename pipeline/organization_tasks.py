"""What is to be done for an organization itself, as far as the reader works on it. The tasks of its deals stand on those."""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field
from functools import cached_property

from django.utils import timezone

from crm.models import User
from leads.models import Organization
from pipeline import task_reminders
from pipeline.deal_page import DONE_SHOWN, OpenTask
from pipeline.models import Task

OPEN_SHOWN = 100


@dataclass
class OrganizationTasks:
    """`may_add`: the reader edits the organization. Whoever sees one of its tasks works on it."""

    organization: Organization
    reader: User
    may_add: bool
    now: datetime.datetime = field(default_factory=timezone.now)

    @cached_property
    def tasks(self) -> list[OpenTask]:
        rows = Task.objects.editable_by(self.reader).open().of_organization(self.organization)
        shown = rows.select_related("owner").order_by("due_at", "pk")
        shown = shown.annotate(minutes_asked=task_reminders.minutes_asked(self.reader))
        return [OpenTask(task, task.due_at < self.now, [], self._remind(task)) for task in shown[:OPEN_SHOWN]]

    def _remind(self, task: Task) -> dict[int, str]:
        return task_reminders.choices(task) if task.owner_id == self.reader.pk else {}

    @cached_property
    def finished(self) -> list[Task]:
        return list(Task.objects.editable_by(self.reader).finished().of_organization(self.organization)[:DONE_SHOWN])


def read(organization: Organization, reader: User) -> OrganizationTasks:
    may_add = Organization.objects.editable_by(reader).the_one(organization.pk).exists()
    return OrganizationTasks(organization, reader, may_add)
