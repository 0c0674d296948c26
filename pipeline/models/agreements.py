"""What lets a deal through the gate besides its fields: commitments of the buyer, approvals of a manager."""

from __future__ import annotations

from typing import Self

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from pipeline.models.deals import Deal
from pipeline.models.process import EntryCondition


class CommitmentQuerySet(models.QuerySet["Commitment"]):
    def standing(self) -> Self:
        return self.filter(withdrawn_at__isnull=True)


class Commitment(models.Model):
    """That a condition was met, as somebody confirmed it: a word of the buyer, or the rep's own judgement.

    Refers to the condition, whose identity lasts, so it stays valid when the deal moves back or the wording changes.
    """

    deal = models.ForeignKey(Deal, models.CASCADE, related_name="commitments", verbose_name=_("deal"))
    condition = models.ForeignKey(
        EntryCondition, models.PROTECT, related_name="commitments", verbose_name=_("condition")
    )
    contact = models.ForeignKey(
        "leads.Contact", models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("who agreed")
    )
    happened_at = models.DateTimeField(_("when"))
    evidence = models.CharField(_("evidence"), max_length=500, blank=True)
    activity = models.ForeignKey(
        "leads.Activity", models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("said in")
    )
    recorded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("recorded by")
    )
    recorded_at = models.DateTimeField(_("recorded"))
    evidence_file = models.ForeignKey(
        "pipeline.DealFile",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="proves",
        verbose_name=_("file that proves it"),
    )
    withdrawn_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("withdrawn by")
    )
    withdrawn_at = models.DateTimeField(_("withdrawn"), null=True)

    objects = CommitmentQuerySet.as_manager()

    class Meta:
        verbose_name = _("commitment")
        verbose_name_plural = _("commitments")
        ordering = ["-happened_at", "-pk"]

    def __str__(self) -> str:
        return str(self.condition)


class Approval(models.Model):
    """A manager's answer to one condition of one deal. It lapses when the deal's value is no longer what was asked about."""

    class Decision(models.TextChoices):
        WAITING = "", _("waiting")
        APPROVED = "approved", _("approved")
        DECLINED = "declined", _("declined")

    deal = models.ForeignKey(Deal, models.CASCADE, related_name="approvals", verbose_name=_("deal"))
    condition = models.ForeignKey(EntryCondition, models.PROTECT, related_name="approvals", verbose_name=_("condition"))
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("asked by"))
    asked_at = models.DateTimeField(_("asked"))
    why = models.CharField(_("why"), max_length=500, blank=True)
    value = models.DecimalField(_("value"), max_digits=17, decimal_places=4, null=True)
    currency = models.CharField(_("currency"), max_length=3)
    decision = models.CharField(_("decision"), max_length=8, choices=Decision, blank=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("decided by")
    )
    decided_at = models.DateTimeField(_("decided"), null=True)
    reason = models.CharField(_("reason"), max_length=500, blank=True)

    class Meta:
        verbose_name = _("approval")
        verbose_name_plural = _("approvals")
        ordering = ["-asked_at", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["deal", "condition"], condition=models.Q(decision=""), name="approval_asked_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.condition}: {self.get_decision_display()}"
