"""One change of many deals, or of many tasks: what was asked for, how far it is, and of each what came of it and what was before."""

from __future__ import annotations

from typing import Self

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from crm.models import User
from pipeline.models.deals import Deal
from pipeline.models.history import StageVisit
from pipeline.models.process import Pipeline
from pipeline.models.tasks import Task


class BulkRunQuerySet(models.QuerySet["BulkRun"]):
    def of(self, user: User) -> Self:
        """One's own: nobody else reads which deals were chosen, or takes the change back."""
        return self.filter(by=user)

    def unfinished(self) -> Self:
        taking_back = models.Q(back_asked_at__isnull=False, back_finished_at__isnull=True)
        return self.filter(models.Q(finished_at__isnull=True) | taking_back)


class BulkRun(models.Model):
    """`cursor` is the last deal or task that was worked on: it moves in the transaction that changes it.

    Deals are of one pipeline; tasks of any, and then there is none.
    """

    class Action(models.TextChoices):
        OWNER = "owner", _("Change the owner")
        MOVE = "move", _("Move to a stage")
        TAG = "tag", _("Add a tag")
        UNTAG = "untag", _("Remove a tag")
        CLOSE = "close", _("Set the close date")
        LOSE = "lose", _("Mark as lost")
        DUE = "due", _("Set another day for tasks")
        GIVE = "give", _("Give tasks to somebody else")
        FINISH = "done", _("Finish tasks")

    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("by"))
    pipeline = models.ForeignKey(
        Pipeline, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("pipeline")
    )
    action = models.CharField(_("what"), max_length=5, choices=Action)
    given = models.JSONField(help_text=_("The owner, stage, tag, day or reason, by id."))
    words = models.CharField(max_length=200)
    total = models.PositiveIntegerField()
    back_to = models.CharField(max_length=2000, blank=True)
    created_at = models.DateTimeField()
    cursor = models.BigIntegerField(default=0)
    finished_at = models.DateTimeField(null=True)
    back_asked_at = models.DateTimeField(null=True)
    back_cursor = models.BigIntegerField(default=0)
    back_finished_at = models.DateTimeField(null=True)

    objects = BulkRunQuerySet.as_manager()

    class Meta:
        verbose_name = _("change of many deals")
        verbose_name_plural = _("changes of many deals")
        ordering = ["-pk"]

    def __str__(self) -> str:
        return self.words

    @property
    def of_tasks(self) -> bool:
        return self.pipeline_id is None

    @property
    def is_running(self) -> bool:
        return self.finished_at is None or (self.back_asked_at is not None and self.back_finished_at is None)


class BulkItem(models.Model):
    class Outcome(models.TextChoices):
        WAITING = "", _("waiting")
        DONE = "done", _("changed")
        SAME = "same", _("was so already")
        REFUSED = "refused", _("refused")
        STALE = "stale", _("somebody was quicker")
        BACK = "back", _("taken back")
        LEFT = "left", _("left as it is")

    run = models.ForeignKey(BulkRun, models.CASCADE, related_name="items")
    deal = models.ForeignKey(Deal, models.PROTECT, null=True, related_name="+")
    task = models.ForeignKey(Task, models.PROTECT, null=True, related_name="+")
    seen_version = models.PositiveIntegerField(null=True)
    outcome = models.CharField(max_length=7, choices=Outcome, blank=True)
    detail = models.CharField(max_length=500, blank=True)
    # For taking it back: what was before, the stay that began, and the version that the change made.
    before = models.JSONField(null=True)
    visit = models.ForeignKey(StageVisit, models.PROTECT, null=True, related_name="+")
    made_version = models.PositiveIntegerField(null=True)

    class Meta:
        verbose_name = _("deal of a change of many")
        ordering = ["deal_id", "task_id"]
        constraints = [
            models.UniqueConstraint(fields=["run", "deal"], name="bulk_item_once"),
            models.UniqueConstraint(fields=["run", "task"], name="bulk_item_task_once"),
            models.CheckConstraint(
                condition=models.Q(deal__isnull=False, task__isnull=True)
                | models.Q(deal__isnull=True, task__isnull=False),
                name="bulk_item_of_one",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.about}: {self.outcome}"

    @property
    def about(self) -> int:
        """The deal or the task, by its number."""
        return self.deal_id or self.task_id or 0
