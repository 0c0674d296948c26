"""What somebody is to be reminded of, and how each person wants to be told (crm/reminders.py, crm/notice_choices.py)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class ReminderQuerySet(models.QuerySet["Reminder"]):
    def pending(self) -> Self:
        return self.filter(state=Reminder.State.PENDING)

    def due(self, now: datetime) -> Self:
        return self.pending().filter(not_before__lte=now)

    def about(self, object_type: str, object_id: int) -> Self:
        return self.filter(object_type=object_type, object_id=object_id)


class Reminder(models.Model):
    """The truth about one reminder. The hour on the wall is kept with its zone; the instant is computed from both.

    `due_at` names the delivery: moved to another time it is another one. `not_before` is when it is tried next: later than
    `due_at` while the person rests, or while a failure waits. `tried_at` is set before somebody sets to work on it, in a
    transaction of its own: what is pending and was tried has stopped its worker, or is in its hands right now.
    """

    class State(models.TextChoices):
        PENDING = "pending", _("waiting")
        DONE = "done", _("delivered")
        CANCELLED = "cancelled", _("cancelled")
        DEAD = "dead", _("given up")

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="reminders", verbose_name=_("user"))
    stands_in_for = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, null=True, related_name="+", verbose_name=_("in place of")
    )
    kind = models.CharField(_("kind"), max_length=20)
    object_type = models.CharField(_("kind of record"), max_length=40)
    object_id = models.BigIntegerField(_("number of the record"))
    minutes_before = models.PositiveIntegerField(_("minutes before"), default=0)
    wall_day = models.DateField(_("day"))
    wall_clock = models.TimeField(_("hour on the wall"))
    zone = models.CharField(_("time zone"), max_length=64)
    due_at = models.DateTimeField(_("due"))
    not_before = models.DateTimeField(_("tried next"))
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.PENDING)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    tried_at = models.DateTimeField(_("last tried"), null=True)
    reason = models.CharField(_("reason"), max_length=300, blank=True)
    made_at = models.DateTimeField(_("made"))
    done_at = models.DateTimeField(_("ended"), null=True)

    objects = ReminderQuerySet.as_manager()

    class Meta:
        verbose_name = _("reminder")
        verbose_name_plural = _("reminders")
        ordering = ["not_before", "pk"]
        indexes = [
            models.Index(fields=["not_before"], condition=Q(state="pending"), name="reminder_due"),
            models.Index(fields=["object_type", "object_id"], name="reminder_about"),
            # By it each look finds who has no digest waiting, however many other reminders there are.
            models.Index(fields=["user"], condition=Q(state="pending", kind="digest"), name="reminder_digest"),
            models.Index(fields=["-done_at"], condition=Q(state="dead"), name="reminder_dead"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["user", "kind", "object_type", "object_id"], condition=Q(state="pending"), name="reminder_once"
            ),
            models.CheckConstraint(
                condition=Q(state__in=["pending", "done", "cancelled", "dead"]), name="reminder_state_known"
            ),
            models.CheckConstraint(
                condition=Q(state="pending", done_at__isnull=True) | (~Q(state="pending") & Q(done_at__isnull=False)),
                name="reminder_ended_or_not",
            ),
            models.CheckConstraint(condition=Q(attempts__lte=5), name="reminder_attempts"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.object_id}"

    @property
    def wall_time(self) -> datetime:
        """Without a zone: what the clock on the wall shows."""
        return datetime.combine(self.wall_day, self.wall_clock)

    @property
    def key(self) -> str:
        """Of the delivery: a reminder that was moved is delivered anew."""
        return f"reminder {self.pk} {self.due_at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"


class NoticeChoice(models.Model):
    """How one person wants to hear of one kind of thing; without a row, as the kind has it (crm/notice_choices.py)."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="notice_choices")
    kind = models.CharField(_("kind"), max_length=20)
    bell = models.BooleanField(_("in the app"))
    email = models.BooleanField(_("by email"))

    class Meta:
        verbose_name = _("choice of notices")
        verbose_name_plural = _("choices of notices")
        constraints = [models.UniqueConstraint(fields=["user", "kind"], name="notice_choice_once")]

    def __str__(self) -> str:
        return self.kind


class AbsenceQuerySet(models.QuerySet["Absence"]):
    def ending_after(self, day: object) -> Self:
        return self.filter(last_day__gte=day)


class Absence(models.Model):
    """Days on which somebody does not work, and who stands in (crm/absences.py)."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="absences", verbose_name=_("user"))
    first_day = models.DateField(_("first day"))
    last_day = models.DateField(_("last day"))
    deputy = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("deputy")
    )
    note = models.CharField(_("note"), max_length=200, blank=True)

    objects = AbsenceQuerySet.as_manager()

    class Meta:
        verbose_name = _("absence")
        verbose_name_plural = _("absences")
        ordering = ["first_day", "pk"]
        indexes = [models.Index(fields=["user", "last_day"], name="absence_of_user")]
        constraints = [
            models.CheckConstraint(condition=Q(last_day__gte=models.F("first_day")), name="absence_ends_after_start"),
            models.CheckConstraint(
                condition=Q(deputy__isnull=True) | ~Q(deputy=models.F("user")), name="absence_deputy_is_another"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.first_day} – {self.last_day}"


class CalendarFeed(models.Model):
    """The private address of somebody's calendar: only a digest of its secret is kept (crm/feeds.py)."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, related_name="calendar_feed")
    digest = models.CharField(max_length=64, unique=True)
    made_at = models.DateTimeField(_("made"))
    last_read_on = models.DateField(_("last read"), null=True)

    class Meta:
        verbose_name = _("calendar address")
        verbose_name_plural = _("calendar addresses")

    def __str__(self) -> str:
        return str(self.user)
