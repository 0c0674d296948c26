"""Work that comes again without a deal, such as 25 new names every Monday, and which of it was planned for whom."""

from __future__ import annotations

import datetime
from typing import Self

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from crm.models import Team, User
from pipeline.models.process import Pipeline, Step, TaskKind

MONDAY = datetime.date(2024, 1, 1)
"""From which weeks are counted; a Monday."""


class RecurringWorkQuerySet(models.QuerySet["RecurringWork"]):
    def active(self) -> Self:
        return self.filter(is_active=True)


class RecurringWork(models.Model):
    """For one of a user, everybody of a role, or everybody in a team."""

    title = models.CharField(_("title"), max_length=200)
    kind = models.CharField(_("kind"), max_length=12, choices=TaskKind, default=TaskKind.OTHER)
    instructions = models.TextField(_("how we do it here"), blank=True)
    pipeline = models.ForeignKey(
        Pipeline, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("pipeline"),
        help_text=_("The process that it serves, for those who read the process."),
    )  # fmt: skip
    step = models.ForeignKey(
        Step, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("step"),
        help_text=_("Of that pipeline."),
    )  # fmt: skip
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("for a person")
    )  # fmt: skip
    role = models.CharField(_("for a role"), max_length=10, choices=User.Role, blank=True)
    team = models.ForeignKey(
        Team, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("for a team"),
        help_text=_("Everybody who is in it on that day; not those of the teams that are part of it."),
    )  # fmt: skip
    weekdays = models.CharField(
        _("weekdays"), max_length=7, default="0", validators=[RegexValidator(r"^[0-6]+$")],
        help_text=_("0 is Monday, 6 is Sunday: 0 for every Monday, 024 for Monday, Wednesday and Friday."),
    )  # fmt: skip
    every_weeks = models.PositiveSmallIntegerField(
        _("every … weeks"), default=1, validators=[MinValueValidator(1), MaxValueValidator(52)]
    )
    starts_on = models.DateField(
        _("from"), default=datetime.date.today, help_text=_("The first day; weeks are counted from the week of this day.")
    )  # fmt: skip
    times = models.PositiveSmallIntegerField(
        _("how many"), default=1, validators=[MinValueValidator(1), MaxValueValidator(1000)],
        help_text=_("25 for 25 new names: the task counts up to it. 1: there is nothing to count."),
    )  # fmt: skip
    is_active = models.BooleanField(
        _("active"), default=True, help_text=_("Off: no more is planned. What is planned stays.")
    )

    objects = RecurringWorkQuerySet.as_manager()

    class Meta:
        verbose_name = _("regular work")
        verbose_name_plural = _("regular work")
        ordering = ["title", "pk"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(user__isnull=False, role="", team__isnull=True)
                | models.Q(user__isnull=True, role="", team__isnull=False)
                | (models.Q(user__isnull=True, team__isnull=True) & ~models.Q(role="")),
                name="recurring_for_one_of_three",
            ),
            models.CheckConstraint(condition=models.Q(every_weeks__gte=1, times__gte=1), name="recurring_at_least_once"),
        ]  # fmt: skip

    def __str__(self) -> str:
        return self.title

    def falls_on(self, day: datetime.date) -> bool:
        if day < self.starts_on or str(day.weekday()) not in self.weekdays:
            return False
        weeks = (day - MONDAY).days // 7 - (self.starts_on - MONDAY).days // 7
        return weeks % self.every_weeks == 0


class PlannedWork(models.Model):
    """That the work of a day was planned for somebody: once for all, whatever becomes of the task."""

    work = models.ForeignKey(RecurringWork, models.PROTECT, related_name="planned", verbose_name=_("regular work"))
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("user"))
    day = models.DateField(_("day"))
    task = models.OneToOneField(
        "pipeline.Task", models.PROTECT, null=True, related_name="planned_work", verbose_name=_("task")
    )

    class Meta:
        verbose_name = _("planned regular work")
        verbose_name_plural = _("planned regular work")
        ordering = ["-day", "pk"]
        constraints = [models.UniqueConstraint(fields=["work", "user", "day"], name="work_once_a_day")]

    def __str__(self) -> str:
        return f"{self.work} {self.day}"
