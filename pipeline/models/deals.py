"""Deals and what belongs to them: people, commitments of the buyer, approvals, links to activities."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Self

from django.conf import settings
from django.core.validators import MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from crm.access import owned_within_reach
from crm.models import Record, RecordQuerySet, User
from pipeline import access
from pipeline.models.process import (
    ContactRole,
    EntryCondition,
    Kind,
    MemberRole,
    Pipeline,
    RetirableQuerySet,
    Stage,
    Stance,
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


class DealQuerySet(RecordQuerySet):
    def visible_to(self, user: User) -> Self:
        return self.existing().filter(access.deals_visible_to(user))

    def editable_by(self, user: User) -> Self:
        return self.existing().filter(access.deals_editable_by(user))

    def managed_by(self, user: User) -> Self:
        """Deals of one's own or of the people one manages; being a member of a deal does not count. For managers."""
        return self.filter(owned_within_reach(user))

    def deleted_and_visible_to(self, user: User) -> Self:
        """Those that would be visible if they had not been deleted or merged."""
        return self.filter(access.deals_visible_to(user), deleted_at__isnull=False)

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
        return self._listed(models.Q(pk__in=DealContact.objects.filter(contact=contact).values("deal_id")))

    def _listed(self, which: models.Q) -> Self:
        """Open ones first, then the newest."""
        closed_last = models.Case(models.When(status=Kind.OPEN, then=0), default=1)
        return self.filter(which).with_names().order_by(closed_last, "-created_at", "-pk")

    def open(self) -> Self:
        """Said twice, because the indexes of open deals are those of deals that were not closed."""
        return self.filter(status=Kind.OPEN, closed_at__isnull=True)

    def over_target(self, stages: Iterable[Stage], now: datetime) -> Self:
        """Longer in one of these stages than its target days, not paused, and known since when."""
        known = self.open().not_paused(now).exclude(stage_entered_precision=Precision.UNKNOWN)
        return known.filter(access.longer_than("stage_entered_at", "target_days", stages, now))

    def idle(self, stages: Iterable[Stage], now: datetime) -> Self:
        """No touch, note, finished task or move for the stage's idle days, not paused."""
        return self.open().not_paused(now).filter(access.longer_than("last_worked_at", "idle_days", stages, now))

    def not_paused(self, now: datetime) -> Self:
        return self.filter(models.Q(paused_until__isnull=True) | models.Q(paused_until__lte=now))

    def without_next_step(self, now: datetime) -> Self:
        return self.open().not_paused(now).filter(next_task_due_at__isnull=True)


class Deal(Record):
    """`stage`, `status` and all that closing sets are written by moves.py alone; the fields of the form by deals.edit."""

    pipeline = models.ForeignKey(Pipeline, models.PROTECT, related_name="deals", verbose_name=_("pipeline"))
    stage = models.ForeignKey(Stage, models.PROTECT, related_name="deals", verbose_name=_("stage"))
    status = models.CharField(_("status"), max_length=4, choices=Kind, default=Kind.OPEN)
    title = models.CharField(_("title"), max_length=200)
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


class DealContact(models.Model):
    deal = models.ForeignKey(Deal, models.CASCADE, related_name="people", verbose_name=_("deal"))
    contact = models.ForeignKey("leads.Contact", models.PROTECT, related_name="deal_roles", verbose_name=_("contact"))
    role = models.CharField(_("role"), max_length=20, choices=ContactRole, blank=True)
    stance = models.CharField(_("stance"), max_length=8, choices=Stance, default=Stance.UNKNOWN)
    is_primary = models.BooleanField(_("main contact"), default=False)

    class Meta:
        verbose_name = _("contact of the deal")
        verbose_name_plural = _("contacts of the deal")
        ordering = ["-is_primary", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["deal", "contact"], name="deal_contact_once"),
            models.UniqueConstraint(
                fields=["deal"], condition=models.Q(is_primary=True), name="deal_one_primary_contact"
            ),
        ]

    def __str__(self) -> str:
        return str(self.contact)


class DealMember(models.Model):
    deal = models.ForeignKey(Deal, models.CASCADE, related_name="members", verbose_name=_("deal"))
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="deal_memberships", verbose_name=_("user")
    )
    role = models.CharField(_("role"), max_length=20, choices=MemberRole)

    class Meta:
        verbose_name = _("member of the deal")
        verbose_name_plural = _("members of the deal")
        ordering = ["pk"]
        constraints = [models.UniqueConstraint(fields=["deal", "user", "role"], name="deal_member_once")]

    def __str__(self) -> str:
        return str(self.user)


class DealActivity(models.Model):
    deal = models.ForeignKey(Deal, models.CASCADE, related_name="activity_links", verbose_name=_("deal"))
    activity = models.ForeignKey(
        "leads.Activity", models.PROTECT, related_name="deal_links", verbose_name=_("activity")
    )

    class Meta:
        verbose_name = _("activity of the deal")
        verbose_name_plural = _("activities of the deal")
        constraints = [models.UniqueConstraint(fields=["deal", "activity"], name="deal_activity_once")]


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
