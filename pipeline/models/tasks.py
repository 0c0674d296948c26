from __future__ import annotations

from datetime import datetime
from typing import Self

from django.conf import settings
from django.db import models
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from crm.access import owned_within_reach
from crm.models import Record, RecordQuerySet, User
from leads.models import Organization
from pipeline import access
from pipeline.models.deals import Deal
from pipeline.models.history import StageVisit
from pipeline.models.process import StageTask, TaskKind


def which(repetition: int, limit: int | None) -> str:
    """“2 of 4”, of a follow-up; empty for any other task."""
    return gettext("%(this)d of %(all)d") % {"this": repetition, "all": limit} if repetition and limit else ""


class TaskQuerySet(RecordQuerySet):
    def visible_to(self, user: User) -> Self:
        return self.existing().known_to(user)

    def known_to(self, user: User) -> Self:
        """Deleted ones too: to say that they are."""
        return self.filter(access.tasks_visible_to(user))

    def editable_by(self, user: User) -> Self:
        return self.existing().filter(access.tasks_editable_by(user))

    def open(self) -> Self:
        return self.existing().filter(state=Task.State.OPEN)

    def of_organization(self, organization: Organization) -> Self:
        """What is to be done for the organization itself; the tasks of its deals stand on those."""
        return self.filter(organization=organization)

    def finished(self) -> Self:
        """Done or skipped, the last one first; what was called off is not told."""
        return self.existing().filter(state__in=[Task.State.DONE, Task.State.SKIPPED]).order_by("-closed_at", "-pk")

    def of(self, user: User) -> Self:
        """One's own open work; with its deal it is gone."""
        return self.open().filter(owner=user, deal__deleted_at__isnull=True)

    def managed_by(self, user: User) -> Self:
        """Of the people whom one manages, or one's own; with its deal it is gone. For managers."""
        return self.filter(owned_within_reach(user), deal__deleted_at__isnull=True)

    def of_waking_deals(self, now: datetime) -> Self:
        """Not those of a paused deal, which asks for nothing."""
        return self.exclude(deal__paused_until__gt=now)

    def overdue(self, now: datetime) -> Self:
        return self.open().filter(due_at__lt=now)


class Task(Record):
    """What a rep has to do, on a deal, for an organization, or for neither.

    `due_at` of a task due on a day is the last moment of that day in the owner's time zone.
    """

    class State(models.TextChoices):
        OPEN = "open", _("open")
        DONE = "done", _("done")
        SKIPPED = "skipped", _("skipped")
        CANCELLED = "cancelled", _("cancelled")

    deal = models.ForeignKey(Deal, models.PROTECT, null=True, blank=True, related_name="tasks", verbose_name=_("deal"))
    organization = models.ForeignKey(
        Organization, models.PROTECT, null=True, blank=True, related_name="tasks", verbose_name=_("organization")
    )
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
    # The buyer's answer that made a follow-up needless: with its deletion the follow-up goes on.
    cancelled_by_activity = models.ForeignKey(
        "leads.Activity", models.PROTECT, null=True, blank=True, editable=False, related_name="+"
    )
    repetition = models.PositiveSmallIntegerField(_("the n-th of a follow-up"), default=0)
    # Of work that is counted: 7 of 25.
    wanted = models.PositiveSmallIntegerField(_("how many"), null=True)
    counted = models.PositiveSmallIntegerField(_("how many are done"), null=True)

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
            models.Index(
                fields=["organization", "state", "due_at"],
                condition=models.Q(organization__isnull=False, deleted_at__isnull=True),
                name="task_of_organization",
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
            models.CheckConstraint(
                condition=models.Q(deal__isnull=True) | models.Q(organization__isnull=True), name="task_about_one"
            ),
            models.CheckConstraint(
                condition=models.Q(deal__isnull=False) | models.Q(stage_task__isnull=True, visit__isnull=True),
                name="task_planned_on_deal",
            ),
            models.CheckConstraint(
                condition=models.Q(wanted__isnull=True, counted__isnull=True)
                | models.Q(counted__isnull=False, wanted__gte=1, counted__lte=models.F("wanted")),
                name="task_counted_up_to",
            ),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def which(self) -> str:
        return which(self.repetition, self.stage_task.repeat_limit if self.stage_task else None)

    @property
    def may_reopen(self) -> bool:
        """What somebody finished or called off, and not what the process took back."""
        by_hand = self.stage_task_id is None and self.cancelled_by_visit_id is None
        return self.state in (self.State.DONE, self.State.SKIPPED) or (self.state == self.State.CANCELLED and by_hand)
