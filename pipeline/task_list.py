"""All open tasks that somebody looks after, narrowed and sorted. A page of it costs the same queries whatever is on it."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from crm.models import User
from leads.models import Organization
from pipeline import calendar, task_words
from pipeline.models import Deal, Task
from pipeline.models.tasks import TaskQuerySet

SORTS = {
    "due": ("due_at",),
    "title": ("title",),
    "deal": ("deal__title",),
    "stage": ("deal__stage__order", "deal__stage__name"),
    "owner": ("owner__name",),
    "kind": ("kind",),
}
COLUMNS = {
    "title": _("Task"), "deal": _("Deal"), "stage": _("Stage"), "kind": _("Kind"), "due": _("Due"), "owner": _("Owner"),
}  # fmt: skip
EVERYBODY = "all"


@dataclass(frozen=True)
class TaskFilters:
    """`owner` is a number, or EVERYBODY within reach; empty for one's own tasks."""

    owner: str = ""
    kind: str = ""
    due_from: datetime.date | None = None
    due_to: datetime.date | None = None
    overdue: bool = False
    deal: int | None = None
    sort: str = "due"

    @property
    def narrow(self) -> bool:
        return any((self.kind, self.due_from, self.due_to, self.overdue, self.deal))


@dataclass(frozen=True)
class Row:
    """`deal` and `organization` are None where the reader does not see it, or the task has none."""

    task: Task
    deal: Deal | None
    organization: Organization | None
    overdue: bool
    may_edit: bool
    due: str
    due_full: str


def tasks(user: User, filters: TaskFilters, now: datetime.datetime) -> TaskQuerySet:
    """All that pass, in no order."""
    found = Task.objects.visible_to(user).open()
    if filters.owner == EVERYBODY:
        found = found.managed_by(user) if user.is_manager else found
    else:
        found = found.filter(owner=int(filters.owner) if filters.owner else user.pk)
    if filters.kind:
        found = found.filter(kind=filters.kind)
    if filters.due_from:
        found = found.filter(due_at__gt=calendar.end_of_day(filters.due_from - datetime.timedelta(days=1), user))
    if filters.due_to:
        found = found.filter(due_at__lte=calendar.end_of_day(filters.due_to, user))
    if filters.overdue:
        found = found.overdue(now)
    return found.filter(deal=filters.deal) if filters.deal else found


class TaskListing:
    """Counted and sliced as a paginator asks for it."""

    def __init__(self, user: User, filters: TaskFilters, now: datetime.datetime) -> None:
        self.user, self.now = user, now
        self.rows = tasks(user, filters, now)
        way = "-" if filters.sort.startswith("-") else ""
        columns = SORTS[filters.sort.removeprefix("-")]
        self.by = tuple(f"{way}{column}" for column in (*columns, "due_at", "pk"))

    def count(self) -> int:
        return self.rows.order_by().count()

    def __getitem__(self, part: slice) -> list[Row]:
        named = self.rows.select_related("owner", "stage_task", "deal__stage", "deal__organization", "organization")
        return self._shown(list(named.order_by(*self.by)[part]))

    def _shown(self, tasks: Sequence[Task]) -> list[Row]:
        deals = [task.deal_id for task in tasks if task.deal_id is not None]
        seen = set(Deal.objects.visible_to(self.user).filter(pk__in=deals).order_by().values_list("pk", flat=True))
        about = {task.organization_id for task in tasks if task.organization_id is not None}
        known = Organization.objects.visible_to(self.user).filter(pk__in=about).order_by()
        organizations = set(known.values_list("pk", flat=True))
        own = Task.objects.editable_by(self.user).filter(pk__in=[task.pk for task in tasks])
        editable = set(own.order_by().values_list("pk", flat=True))
        zone = timezone.get_current_timezone()
        return [
            Row(
                task,
                task.deal if task.deal_id in seen else None,
                task.organization if task.organization_id in organizations else None,
                task.due_at < self.now,
                task.pk in editable,
                task_words.due(task.due_at, task.has_time, self.now, zone),
                task_words.due_fully(task.due_at, task.has_time, zone),
            )
            for task in tasks
        ]
