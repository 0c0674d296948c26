"""What happened to deals: every stay in a stage, every attempt to move, and the totals of the columns.

database_rules.py holds what the constraints here cannot say.
"""

from __future__ import annotations

from typing import Self

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from crm.models.audit import Via
from pipeline.models.deals import CloseReason, Deal, Precision
from pipeline.models.process import EntryCondition, PipelineVersion, Stage


class StageVisitQuerySet(models.QuerySet["StageVisit"]):
    def standing(self) -> Self:
        """Those that were not undone: the history."""
        return self.filter(undone_at__isnull=True)

    def current(self) -> Self:
        return self.standing().filter(left_at__isnull=True)


class StageVisit(models.Model):
    """One stay of a deal in a stage, from `entered_at` to `left_at` (half open, UTC). The open one has no end."""

    class LetIn(models.TextChoices):
        CONDITIONS = "conditions", _("conditions met")
        OVERRIDE = "override", _("let in by a manager")
        HISTORY = "history", _("history")
        BACKWARD = "backward", _("moved back")
        RETIRED = "retired", _("stage retired")
        REOPENED = "reopened", _("reopened")
        LOST = "lost", _("lost")

    deal = models.ForeignKey(Deal, models.PROTECT, related_name="visits", verbose_name=_("deal"))
    seq = models.PositiveIntegerField(_("number"))
    stage = models.ForeignKey(Stage, models.PROTECT, related_name="visits", verbose_name=_("stage"))
    pipeline_version = models.ForeignKey(
        PipelineVersion, models.PROTECT, related_name="+", verbose_name=_("version of the process")
    )
    entered_at = models.DateTimeField(_("entered"))
    entered_precision = models.CharField(max_length=7, choices=Precision, default=Precision.EXACT)
    left_at = models.DateTimeField(_("left"), null=True)
    recorded_at = models.DateTimeField(_("recorded"))
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("by"))
    via = models.CharField(_("by way of"), max_length=10, choices=Via)
    let_in = models.CharField(_("let in because"), max_length=10, choices=LetIn)
    reason = models.CharField(
        _("reason"), max_length=500, blank=True, help_text=_("Why a manager let it in, or a date was corrected.")
    )
    # Of a stay in a won or lost stage: when and with whom the deal was closed. The deal shows those of its open visit.
    closed_at = models.DateTimeField(_("closed"), null=True)
    close_reason = models.ForeignKey(CloseReason, models.PROTECT, null=True, related_name="+")
    close_note = models.CharField(max_length=500, blank=True)
    credited_owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    credited_team = models.ForeignKey("crm.Team", models.PROTECT, null=True, related_name="+")
    undone_at = models.DateTimeField(_("undone"), null=True)
    undone_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")

    objects = StageVisitQuerySet.as_manager()

    class Meta:
        verbose_name = _("stay in a stage")
        verbose_name_plural = _("stays in stages")
        ordering = ["deal", "seq"]
        constraints = [
            models.UniqueConstraint(fields=["deal", "seq"], condition=models.Q(undone_at__isnull=True), name="visit_seq_once"),
            models.UniqueConstraint(
                fields=["deal"], condition=models.Q(left_at__isnull=True, undone_at__isnull=True), name="visit_one_open"
            ),
            models.CheckConstraint(
                condition=models.Q(left_at__isnull=True) | models.Q(left_at__gte=models.F("entered_at")), name="visit_ends_after_start"
            ),
            models.CheckConstraint(condition=models.Q(seq__gte=1), name="visit_seq_from_one"),
            models.CheckConstraint(
                condition=~models.Q(let_in="override") | ~models.Q(reason=""), name="visit_override_says_why"
            ),
            models.CheckConstraint(
                condition=models.Q(closed_at__isnull=True, credited_owner__isnull=True)
                | models.Q(closed_at__isnull=False, credited_owner__isnull=False),
                name="visit_closed_with_credit",
            ),
        ]  # fmt: skip
        indexes = [
            models.Index(
                fields=["stage", "entered_at"], condition=models.Q(undone_at__isnull=True), name="visit_of_stage"
            )
        ]

    def __str__(self) -> str:
        return f"{self.stage} {self.entered_at:%Y-%m-%d}"


class MoveAttempt(models.Model):
    """Every try to bring a deal into a stage, refused or not. Of a refused creation there is no deal, only the title."""

    class Outcome(models.TextChoices):
        MOVED = "moved", _("moved")
        STALE = "stale", _("somebody was quicker")
        REFUSED = "refused", _("refused")

    deal = models.ForeignKey(Deal, models.PROTECT, null=True, related_name="attempts", verbose_name=_("deal"))
    title = models.CharField(_("title"), max_length=200, blank=True)
    from_stage = models.ForeignKey(Stage, models.PROTECT, null=True, related_name="+", verbose_name=_("from"))
    to_stage = models.ForeignKey(Stage, models.PROTECT, related_name="attempts", verbose_name=_("to"))
    visit = models.ForeignKey(StageVisit, models.PROTECT, null=True, related_name="attempts")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("by"))
    via = models.CharField(_("by way of"), max_length=10, choices=Via)
    at = models.DateTimeField(_("when"))
    outcome = models.CharField(_("outcome"), max_length=8, choices=Outcome)
    reason = models.CharField(_("override reason"), max_length=500, blank=True)

    class Meta:
        verbose_name = _("attempt to move")
        verbose_name_plural = _("attempts to move")
        ordering = ["-at", "-pk"]

    def __str__(self) -> str:
        return f"{self.to_stage}: {self.outcome}"


class AttemptCondition(models.Model):
    """A condition that was not met at an attempt, and what came of it."""

    class Result(models.TextChoices):
        STOPPED = "stopped", _("stopped the move")
        WARNED = "warned", _("warned")
        OVERRIDDEN = "overridden", _("overridden")

    attempt = models.ForeignKey(MoveAttempt, models.PROTECT, related_name="conditions")
    condition = models.ForeignKey(EntryCondition, models.PROTECT, related_name="attempts")
    result = models.CharField(max_length=10, choices=Result)

    class Meta:
        verbose_name = _("condition not met")
        constraints = [models.UniqueConstraint(fields=["attempt", "condition"], name="attempt_condition_once")]


class ColumnTotal(models.Model):
    """Count and value of the existing deals of one owner in one stage and currency (totals.py keeps it, verify proves it)."""

    stage = models.ForeignKey(Stage, models.PROTECT, related_name="totals")
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    currency = models.CharField(max_length=3)
    deals = models.BigIntegerField(default=0)
    value = models.DecimalField(max_digits=21, decimal_places=4, default=0)

    class Meta:
        verbose_name = _("total of a column")
        constraints = [models.UniqueConstraint(fields=["stage", "owner", "currency"], name="column_total_once")]
