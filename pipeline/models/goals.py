"""How much of an activity somebody means to do in a day or a week."""

from __future__ import annotations

from typing import Self

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from crm.models import User


class ActivityGoalQuerySet(models.QuerySet["ActivityGoal"]):
    def active(self) -> Self:
        return self.filter(is_active=True)


class ActivityGoal(models.Model):
    """For a person or for everybody of a role; a person's own goal stands in place of the role's for the same."""

    class Period(models.TextChoices):
        DAY = "day", _("a day")
        WEEK = "week", _("a week")

    type = models.ForeignKey("leads.ActivityType", models.PROTECT, related_name="+", verbose_name=_("activity"))
    first_only = models.BooleanField(
        _("first ones only"), default=False,
        help_text=_("Counts only the first of its kind that took place with an organization: first meetings."),
    )  # fmt: skip
    held_only = models.BooleanField(
        _("only what took place"), default=False, help_text=_("Leaves out calls that nobody took, and no-shows.")
    )
    count = models.PositiveSmallIntegerField(_("how many"), validators=[MinValueValidator(1), MaxValueValidator(1000)])
    period = models.CharField(_("in"), max_length=4, choices=Period, default=Period.WEEK)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, null=True, blank=True, related_name="activity_goals", verbose_name=_("for a person")
    )  # fmt: skip
    role = models.CharField(_("for a role"), max_length=10, choices=User.Role, blank=True)
    is_active = models.BooleanField(_("active"), default=True)

    objects = ActivityGoalQuerySet.as_manager()

    class Meta:
        verbose_name = _("activity goal")
        verbose_name_plural = _("activity goals")
        ordering = ["period", "type__order", "pk"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(user__isnull=False, role="") | (models.Q(user__isnull=True) & ~models.Q(role="")),
                name="goal_for_person_or_role",
            ),
            models.CheckConstraint(condition=models.Q(count__gte=1), name="goal_at_least_one"),
            models.UniqueConstraint(
                fields=["user", "type", "first_only", "held_only", "period"], condition=models.Q(is_active=True, user__isnull=False),
                name="goal_once_a_person",
            ),
            models.UniqueConstraint(
                fields=["role", "type", "first_only", "held_only", "period"], condition=models.Q(is_active=True, user__isnull=True),
                name="goal_once_a_role",
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.count} × {self.type} {self.get_period_display()}"
