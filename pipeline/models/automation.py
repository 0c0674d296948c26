"""What the process does by itself: rows of a stage, and what came of each. automation.py alone carries them out."""

from __future__ import annotations

from typing import Self

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from pipeline.models.deals import Deal, Tag
from pipeline.models.history import StageVisit
from pipeline.models.process import MemberRole, Pipeline, RetirableQuerySet, Stage


class ProcessActionQuerySet(RetirableQuerySet):
    def of(self, stage: Stage, when: str) -> Self:
        return self.in_use().filter(stage=stage, when=when).order_by("order", "pk")


class ProcessAction(models.Model):
    """`what` says which of the other columns are read."""

    class When(models.TextChoices):
        ENTRY = "entry", _("a deal enters this stage")
        IDLE = "idle", _("a deal has been idle here for the stage's idle days")
        WON = "won", _("a deal is won from this stage")
        LOST = "lost", _("a deal is lost from this stage")

    class What(models.TextChoices):
        NOTIFY = "notify", _("tell somebody")
        REASSIGN = "reassign", _("give the deal to somebody")
        FIELD = "field", _("set a field")
        TAG = "tag", _("add a tag")
        UNTAG = "untag", _("take a tag off")
        OPEN = "open", _("open a deal in another pipeline")

    class Who(models.TextChoices):
        OWNER = "owner", _("The deal's owner")
        MANAGERS = "managers", _("The owner's managers")
        PROSPECTOR = MemberRole.PROSPECTOR.value, MemberRole.PROSPECTOR.label
        SELLER = MemberRole.SELLER.value, MemberRole.SELLER.label
        SPECIALIST = MemberRole.SPECIALIST.value, MemberRole.SPECIALIST.label
        SUCCESS = MemberRole.SUCCESS.value, MemberRole.SUCCESS.label
        LEGAL = MemberRole.LEGAL.value, MemberRole.LEGAL.label

    stage = models.ForeignKey(Stage, models.PROTECT, related_name="actions", verbose_name=_("stage"))
    order = models.PositiveIntegerField(_("order"), default=0)
    when = models.CharField(_("when"), max_length=5, choices=When, default=When.ENTRY)
    what = models.CharField(_("what"), max_length=8, choices=What, default=What.NOTIFY)
    role = models.CharField(
        _("who"), max_length=20, choices=Who, blank=True,
        help_text=_("Who is told, or who gets the deal. Nobody has the role: the owner is told, and keeps the deal."),
    )  # fmt: skip
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("or this person"),
        help_text=_("To give every deal to one person."),
    )  # fmt: skip
    field = models.CharField(_("field"), max_length=40, blank=True)
    value = models.CharField(
        _("set to"), max_length=200, blank=True,
        help_text=_("A number for the value, a number of days for the expected close, else a name from the list. Empty clears it."),
    )  # fmt: skip
    tag = models.ForeignKey(Tag, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("tag"))
    pipeline = models.ForeignKey(
        Pipeline, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("in the pipeline"),
        help_text=_("It begins in the first stage, through its conditions, with the same organization, contacts and owner."),
    )  # fmt: skip
    text = models.CharField(
        _("in words"), max_length=200, blank=True,
        help_text=_("What is said to whoever is told, or the name of the new deal; empty: the name of this one."),
    )  # fmt: skip
    retired_at = models.DateTimeField(_("retired"), null=True, blank=True, editable=False)

    objects = ProcessActionQuerySet.as_manager()

    class Meta:
        verbose_name = _("action of the process")
        verbose_name_plural = _("what the process does by itself")
        ordering = ["order", "pk"]

    def __str__(self) -> str:
        return f"{self.get_when_display()}: {self.get_what_display()} {self.about}".rstrip()

    @property
    def about(self) -> str:
        """Whom or what it is about, where that is one word."""
        return str(self.user or self.tag or self.pipeline or (self.get_role_display() if self.role else self.value))


class ActionRun(models.Model):
    """That an action was carried out for one stay, once for all. `before` and `after` are stored values, to take it back."""

    class Outcome(models.TextChoices):
        DONE = "done", _("done")
        REFUSED = "refused", _("could not be done")

    action = models.ForeignKey(ProcessAction, models.PROTECT, related_name="runs", verbose_name=_("action"))
    visit = models.ForeignKey(StageVisit, models.PROTECT, related_name="runs", verbose_name=_("stay"))
    deal = models.ForeignKey(Deal, models.PROTECT, related_name="runs", verbose_name=_("deal"))
    at = models.DateTimeField(_("when"))
    outcome = models.CharField(_("outcome"), max_length=7, choices=Outcome, default=Outcome.DONE)
    note = models.CharField(_("in words"), max_length=500, blank=True)
    before = models.JSONField(_("before"), null=True)
    after = models.JSONField(_("after"), null=True)
    made = models.ForeignKey(
        Deal, models.PROTECT, null=True, related_name="opened_by", verbose_name=_("the deal that it opened")
    )
    undone_at = models.DateTimeField(_("taken back"), null=True)

    class Meta:
        verbose_name = _("done by the process")
        verbose_name_plural = _("done by the process")
        ordering = ["-at", "-pk"]
        constraints = [
            models.UniqueConstraint(fields=["visit", "action"], name="action_once_a_stay"),
            models.UniqueConstraint(fields=["made"], condition=models.Q(made__isnull=False), name="action_opened_once"),
        ]

    def __str__(self) -> str:
        return f"{self.action}: {self.get_outcome_display()}"
