"""Deals, and the lists that they choose from."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import TYPE_CHECKING, Self

from django.conf import settings
from django.core.validators import MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from crm.access import owned_within_reach
from crm.models import Record, RecordQuerySet, User
from pipeline import access
from pipeline.models.process import (
    Kind,
    Pipeline,
    RetirableQuerySet,
    Stage,
)

if TYPE_CHECKING:
    from leads.models import Contact, Organization

VALUE_LIMIT = 10**13


class Precision(models.TextChoices):
    """How exactly the time of an event is known."""

    EXACT = "exact", _("exact")
    DAY = "day", _("the day")
    UNKNOWN = "unknown", _("unknown")


class CloseReason(models.Model):
    kind = models.CharField(_("kind"), max_length=4, choices=[(Kind.WON, Kind.WON.label), (Kind.LOST, Kind.LOST.label)])
    name = models.CharField(_("name"), max_length=80)
    asks_note = models.CharField(
        _("asks also"),
        max_length=80,
        blank=True,
        help_text=_("A question to answer with it, such as “Which competitor?”"),
    )
    asks_date = models.BooleanField(_("asks for a date to come back"), default=False)
    not_real = models.BooleanField(
        _("not a real opportunity"),
        default=False,
        help_text=_("Left out of win rates: a duplicate, entered by mistake."),
    )
    order = models.PositiveIntegerField(_("order"), default=0)
    retired_at = models.DateTimeField(_("retired"), null=True, blank=True)

    objects = RetirableQuerySet.as_manager()

    class Meta:
        verbose_name = _("reason for winning or losing")
        verbose_name_plural = _("reasons for winning or losing")
        ordering = ["kind", "order", "name"]
        constraints = [models.UniqueConstraint(fields=["kind", "name"], name="close_reason_once")]

    def __str__(self) -> str:
        return self.name


class Tag(models.Model):
    name = models.CharField(_("name"), max_length=40, unique=True)

    class Meta:
        verbose_name = _("tag")
        verbose_name_plural = _("tags")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Product(models.Model):
    name = models.CharField(_("name"), max_length=80, unique=True)
    retired_at = models.DateTimeField(_("retired"), null=True, blank=True)

    objects = RetirableQuerySet.as_manager()

    class Meta:
        verbose_name = _("product")
        verbose_name_plural = _("products")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


def is_over_target(stages: Iterable[Stage], now: datetime) -> models.Q:
    """Longer in one of these stages than its target days, not paused, and known since when."""
    known = _not_paused(now) & ~models.Q(stage_entered_precision=Precision.UNKNOWN)
    longer = access.longer_than("stage_entered_at", "target_days", stages, now)
    return models.Q(status=Kind.OPEN, closed_at__isnull=True) & known & longer


def _not_paused(now: datetime) -> models.Q:
    return models.Q(paused_until__isnull=True) | models.Q(paused_until__lte=now)


class DealQuerySet(RecordQuerySet):
    def visible_to(self, user: User) -> Self:
        return self.existing().known_to(user)

    def known_to(self, user: User) -> Self:
        """Deleted ones too: to say that they are."""
        return self.filter(access.deals_visible_to(user))

    def editable_by(self, user: User) -> Self:
        return self.existing().filter(access.deals_editable_by(user))

    def managed_by(self, user: User) -> Self:
        """Deals of one's own or of the people one manages; being a member of a deal does not count. For managers."""
        return self.filter(owned_within_reach(user))

    def deleted_and_visible_to(self, user: User) -> Self:
        """Those that would be visible if they had not been deleted or merged."""
        return self.filter(access.deals_visible_to(user), deleted_at__isnull=False)

    def restorable_by(self, user: User) -> Self:
        """By a manager of its owner. One that is there already is found too, and left as it is."""
        return self.unmerged().managed_by(user) if user.is_manager else self.none()

    def merged(self) -> Self:
        """Those that are part of another one now. Who may read them goes by that one."""
        return self.filter(merged_into__isnull=False)

    def with_names(self) -> Self:
        """With the records that a page names beside the deal."""
        return self.select_related(
            "pipeline",
            "stage",
            "organization",
            "owner",
            "source",
            "product",
            "close_reason",
            "credited_owner",
            "deleted_by",
        )

    def of_organization(self, organization: Organization) -> Self:
        return self._listed(models.Q(organization=organization))

    def of_contact(self, contact: Contact) -> Self:
        return self._listed(models.Q(people__contact=contact))

    def _listed(self, which: models.Q) -> Self:
        """Open ones first, then the newest."""
        closed_last = models.Case(models.When(status=Kind.OPEN, then=0), default=1)
        return self.filter(which).with_names().order_by(closed_last, "-created_at", "-pk")

    def open(self) -> Self:
        """Said twice, because the indexes of open deals are those of deals that were not closed."""
        return self.filter(status=Kind.OPEN, closed_at__isnull=True)

    def over_target(self, stages: Iterable[Stage], now: datetime) -> Self:
        return self.filter(is_over_target(stages, now))

    def idle(self, stages: Iterable[Stage], now: datetime) -> Self:
        """No touch, note, finished task or move for the stage's idle days, not paused."""
        return self.open().not_paused(now).filter(access.longer_than("last_worked_at", "idle_days", stages, now))

    def not_paused(self, now: datetime) -> Self:
        return self.filter(_not_paused(now))

    def without_next_step(self, now: datetime) -> Self:
        return self.open().not_paused(now).filter(next_task_due_at__isnull=True)

    def overdue(self, now: datetime) -> Self:
        """Open, not paused, and the next task was due."""
        return self.open().not_paused(now).filter(next_task_due_at__lt=now)

    def late(self, today: date) -> Self:
        """Open, and the date on which it was to be closed lies in the past."""
        return self.open().filter(expected_close__lt=today)


class Deal(Record):
    """`stage`, `status` and all that closing sets are written by moves.py alone; the fields of the form by deals.edit."""

    pipeline = models.ForeignKey(Pipeline, models.PROTECT, related_name="deals", verbose_name=_("pipeline"))
    stage = models.ForeignKey(Stage, models.PROTECT, related_name="deals", verbose_name=_("stage"))
    status = models.CharField(_("status"), max_length=4, choices=Kind, default=Kind.OPEN)
    title = models.CharField(_("title"), max_length=200)
    # text.same_name_key of the title, for the search. Written with the title.
    title_key = models.CharField(max_length=200, blank=True, default="", editable=False)
    organization = models.ForeignKey(
        "leads.Organization",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="deals",
        verbose_name=_("organization"),
    )
    value = models.DecimalField(
        _("value"), max_digits=17, decimal_places=4, null=True, blank=True, validators=[MinValueValidator(0)]
    )
    currency = models.CharField(_("currency"), max_length=3)
    expected_close = models.DateField(_("expected close"), null=True, blank=True)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="deals", verbose_name=_("owner"))
    source = models.ForeignKey(
        "leads.Source", models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("source")
    )
    product = models.ForeignKey(
        Product, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("product")
    )
    tags = models.ManyToManyField(Tag, blank=True, related_name="deals", verbose_name=_("tags"))

    started_at = models.DateTimeField(_("start"), editable=False)
    stage_entered_at = models.DateTimeField(_("in this stage since"), editable=False)
    stage_entered_precision = models.CharField(max_length=7, choices=Precision, default=Precision.EXACT, editable=False)
    closed_at = models.DateTimeField(_("closed"), null=True, editable=False)
    close_reason = models.ForeignKey(
        CloseReason, models.PROTECT, null=True, editable=False, related_name="+", verbose_name=_("reason")
    )
    close_note = models.CharField(_("note on the reason"), max_length=500, blank=True, editable=False)
    credited_owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        editable=False,
        related_name="credited_deals",
        verbose_name=_("credited to"),
    )
    credited_team = models.ForeignKey(
        "crm.Team",
        models.PROTECT,
        null=True,
        editable=False,
        related_name="credited_deals",
        verbose_name=_("credited team"),
    )

    # Kept by followups.py, so that a board of 100,000 deals can be ordered by what to do next.
    next_task_due_at = models.DateTimeField(null=True, editable=False)
    last_worked_at = models.DateTimeField(editable=False)
    paused_until = models.DateTimeField(_("paused until"), null=True, editable=False)
    pause_reason = models.CharField(_("why paused"), max_length=200, blank=True, editable=False)
    # Set by marking.py; open boards look for what changed since they looked last.
    card_changed_at = models.DateTimeField(null=True, editable=False)

    objects = DealQuerySet.as_manager()

    class Meta:
        verbose_name = _("deal")
        verbose_name_plural = _("deals")
        ordering = ["-created_at", "-pk"]
        indexes = [
            # The board takes the first cards of each column from these, whatever their number.
            models.Index(fields=["stage", "next_task_due_at", "id"], condition=models.Q(deleted_at__isnull=True), name="deal_by_next_task"),
            # Holds all that "over target" asks, for anybody's deals: they are counted without being read.
            models.Index(
                fields=["stage", "stage_entered_at", "id", "owner", "paused_until", "stage_entered_precision"],
                condition=models.Q(deleted_at__isnull=True, closed_at__isnull=True), name="deal_by_age",
            ),
            models.Index(
                fields=["stage", "last_worked_at", "id"], condition=models.Q(deleted_at__isnull=True, closed_at__isnull=True),
                name="deal_by_last_work",
            ),
            models.Index(
                fields=["stage", "stage_entered_at", "id"],
                condition=models.Q(deleted_at__isnull=True, next_task_due_at__isnull=True), name="deal_without_task",
            ),
            models.Index(fields=["stage", "-closed_at", "-id"], condition=models.Q(closed_at__isnull=False), name="deal_by_close"),
            models.Index(fields=["stage", "-value", "id"], condition=models.Q(deleted_at__isnull=True), name="deal_by_value"),
            models.Index(fields=["stage", "expected_close", "id"], condition=models.Q(deleted_at__isnull=True), name="deal_by_expected"),
            models.Index(fields=["owner", "status"], name="deal_of_owner"),
            models.Index(fields=["title_key"], opclasses=["varchar_pattern_ops"], name="deal_by_title"),
            models.Index(fields=["card_changed_at"], name="deal_by_card_change"),
            # The list of a pipeline's open deals takes a page from one of these, forward or backward.
            *(
                models.Index(
                    fields=["pipeline", column, "id"], condition=models.Q(deleted_at__isnull=True, closed_at__isnull=True),
                    name=f"deal_list_{name}",
                )
                for name, column in [
                    ("title", "title"), ("value", "value"), ("close", "expected_close"), ("age", "stage_entered_at"),
                    ("task", "next_task_due_at"),
                ]
            ),
        ]  # fmt: skip
        constraints = [
            models.CheckConstraint(
                # NaN is greater than every number on PostgreSQL: the upper bound refuses it.
                condition=models.Q(value__isnull=True) | models.Q(value__gte=0, value__lt=VALUE_LIMIT),
                name="deal_value_is_money",
            ),
            models.CheckConstraint(condition=models.Q(status__in=["open", "won", "lost"]), name="deal_status_known"),
            models.CheckConstraint(
                condition=models.Q(status="open", closed_at__isnull=True, close_reason__isnull=True, credited_owner__isnull=True)
                | (~models.Q(status="open") & models.Q(closed_at__isnull=False, credited_owner__isnull=False)),
                name="deal_closed_or_not",
            ),
            models.CheckConstraint(condition=models.Q(stage_entered_at__gte=models.F("started_at")), name="deal_stage_after_start"),
        ]  # fmt: skip

    def __str__(self) -> str:
        return self.title
