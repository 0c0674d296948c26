from __future__ import annotations

from datetime import datetime
from typing import Self

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from crm.models import Record, RecordQuerySet, User
from pipeline import access
from pipeline.models.deals import Deal
from pipeline.models.history import StageVisit
from pipeline.models.process import StageTask, TaskKind


class TaskQuerySet(RecordQuerySet):
    def visible_to(self, user: User) -> Self:
        return self.existing().filter(access.tasks_visible_to(user))

    def editable_by(self, user: User) -> Self:
        return self.existing().filter(access.tasks_editable_by(user))

    def open(self) -> Self:
        return self.existing().filter(state=Task.State.OPEN)

    def overdue(self, now: datetime) -> Self:
        return self.open().filter(due_at__lt=now)


class Task(Record):
    """What a rep has to do. `due_at` of a task due on a day is the last moment of that day in the owner's time zone."""

    class State(models.TextChoices):
        OPEN = "open", _("open")
        DONE = "done", _("done")
        SKIPPED = "skipped", _("skipped")
        CANCELLED = "cancelled", _("cancelled")

    deal = models.ForeignKey(Deal, models.PROTECT, related_name="tasks", verbose_name=_("deal"))
    title = models.CharField(_("title"), max_length=200)
    kind = models.CharField(_("kind"), max_length=12, choices=TaskKind, default=TaskKind.OTHER)
    instructions = models.TextField(_("how we do it here"), blank=True)
    due_at = models.DateTimeField(_("due"))
    has_time = models.BooleanField(_("at a time of day"), default=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="tasks", verbose_name=_("owner"))
    required = models.BooleanField(_("required"), default=False)
    state = models.CharField(_("state"), max_length=9, choices=State, default=State.OPEN)
    closed_at = models.DateTimeField(_("finished"), null=True)
    closed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("finished by")
    )
    stage_task = models.ForeignKey(
        StageTask, models.PROTECT, null=True, related_name="planned", verbose_name=_("planned by the process")
    )
    visit = models.ForeignKey(StageVisit, models.PROTECT, null=True, related_name="tasks")
    cancelled_by_visit = models.ForeignKey(StageVisit, models.PROTECT, null=True, related_name="cancelled_tasks")
    repetition = models.PositiveSmallIntegerField(_("the n-th of a follow-up"), default=0)

    objects = TaskQuerySet.as_manager()

    class Meta:
        verbose_name = _("task")
        verbose_name_plural = _("tasks")
        ordering = ["due_at", "pk"]
        indexes = [
            models.Index(
                fields=["deal", "due_at"],
                condition=models.Q(state="open", deleted_at__isnull=True),
                name="task_open_of_deal",
            ),
            models.Index(
                fields=["owner", "due_at"],
                condition=models.Q(state="open", deleted_at__isnull=True),
                name="task_open_of_owner",
            ),
        ]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(state__in=["open", "done", "skipped", "cancelled"]), name="task_state_known"
            ),
            models.CheckConstraint(
                condition=models.Q(state="open", closed_at__isnull=True)
                | (~models.Q(state="open") & models.Q(closed_at__isnull=False)),
                name="task_closed_or_not",
            ),
        ]

    def __str__(self) -> str:
        return self.title
