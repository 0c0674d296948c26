"""What was said and done with people: calls, mails, meetings, presentations. Types and outcomes are rows."""

from __future__ import annotations

from typing import Self

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from crm.models import Record, RecordQuerySet, User
from leads import access
from leads.models.people import Contact, Organization


class Direction(models.TextChoices):
    OUT = "out", _("Outgoing")
    IN = "in", _("Incoming")
    NONE = "", _("No direction")


class ActivityTypeQuerySet(models.QuerySet["ActivityType"]):
    def in_use(self) -> Self:
        return self.filter(retired_at__isnull=True)


class ActivityType(models.Model):
    key = models.SlugField(_("key"), unique=True, help_text=_("The fixed name used by imports and the API."))
    name = models.CharField(_("name"), max_length=60)
    icon = models.CharField(_("icon"), max_length=40, default="message")
    directed = models.BooleanField(
        _("has a direction"), default=True, help_text=_("Outgoing or incoming is asked when it is logged.")
    )
    counts_as_touch = models.BooleanField(_("counts as a touch"), default=True)
    counts_as_presentation = models.BooleanField(_("counts as a presentation"), default=False)
    order = models.PositiveIntegerField(_("order"), default=0)
    retired_at = models.DateTimeField(_("retired"), null=True, blank=True)

    objects = ActivityTypeQuerySet.as_manager()

    class Meta:
        verbose_name = _("activity type")
        verbose_name_plural = _("activity types")
        ordering = ["order", "name"]

    def __str__(self) -> str:
        return self.name


class ActivityOutcome(models.Model):
    type = models.ForeignKey(ActivityType, models.CASCADE, related_name="outcomes", verbose_name=_("type"))
    name = models.CharField(_("name"), max_length=60)
    held = models.BooleanField(
        _("it took place"), default=True, help_text=_("A no-show or a call nobody took did not.")
    )
    order = models.PositiveIntegerField(_("order"), default=0)

    class Meta:
        verbose_name = _("outcome")
        verbose_name_plural = _("outcomes")
        ordering = ["order", "pk"]
        constraints = [models.UniqueConstraint(fields=["type", "name"], name="outcome_once_a_type")]

    def __str__(self) -> str:
        return self.name


class ActivityQuerySet(RecordQuerySet):
    def visible_to(self, user: User) -> Self:
        return self.existing().known_to(user)

    def known_to(self, user: User) -> Self:
        """Deleted ones too: to say that they are."""
        return self.filter(access.activities_visible_to(user))

    def touches(self) -> Self:
        """Those that somebody was in touch by; a note is none."""
        return self.filter(type__counts_as_touch=True)

    def deletable_by(self, user: User) -> Self:
        return self.existing().filter(access.activities_deletable_by(user))

    def deleted_and_known_to(self, user: User) -> Self:
        """Those that would be visible if they had not been deleted."""
        return self.known_to(user).deleted()

    def restorable_by(self, user: User) -> Self:
        """By whoever might delete it again. One that is there already is found too, and left as it is."""
        return self.unmerged().filter(access.activities_deletable_by(user))


class Activity(Record):
    type = models.ForeignKey(ActivityType, models.PROTECT, related_name="activities", verbose_name=_("type"))
    direction = models.CharField(_("direction"), max_length=3, choices=Direction, blank=True)
    outcome = models.ForeignKey(
        ActivityOutcome, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("outcome")
    )
    happened_at = models.DateTimeField(_("when"))
    minutes = models.PositiveSmallIntegerField(
        _("length in minutes"), null=True, blank=True, validators=[MinValueValidator(1), MaxValueValidator(1440)]
    )
    text = models.TextField(_("what was said"), blank=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="activities", verbose_name=_("by"))
    organization = models.ForeignKey(
        Organization, models.PROTECT, null=True, blank=True, related_name="activities", verbose_name=_("organization")
    )
    contacts = models.ManyToManyField(Contact, blank=True, related_name="activities", verbose_name=_("with"))

    objects = ActivityQuerySet.as_manager()

    class Meta:
        verbose_name = _("activity")
        verbose_name_plural = _("activities")
        ordering = ["-happened_at", "-pk"]
        constraints = [
            models.CheckConstraint(condition=models.Q(direction__in=["out", "in", ""]), name="activity_direction_known")
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.happened_at:%Y-%m-%d}"

    @property
    def held(self) -> bool:
        """Without an outcome, what was logged is taken to have taken place."""
        return self.outcome is None or self.outcome.held
