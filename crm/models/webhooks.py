"""Whom other programs' addresses are told of what happens, and each telling: crm/webhooks writes these rows."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Self
from urllib.parse import urlsplit

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from crm.models.people import Team, User


class WebhookQuerySet(models.QuerySet["Webhook"]):
    def active(self) -> Self:
        return self.filter(paused_at__isnull=True)

    def seen_by(self, user: User) -> Self:
        return self if user.is_admin else self.none()


class Webhook(models.Model):
    """An address that is told of events. Its secret is kept nowhere: it is made of the seed and SECRET_KEY."""

    name = models.CharField(_("name"), max_length=80)
    url = models.CharField(_("address"), max_length=500)
    events = models.JSONField(_("events"), default=list)
    pipeline = models.BigIntegerField(
        _("only of this pipeline"), null=True, blank=True,
        help_text=_("Deals, and tasks and activities on them. Nothing is told of organizations and contacts then."),
    )  # fmt: skip
    team = models.ForeignKey(
        Team, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("only of this team"),
        help_text=_("Records that people of this team, or of a team below it, own when it happens."),
    )  # fmt: skip
    with_imports = models.BooleanField(
        _("imports too"), default=False, help_text=_("An import of ten thousand rows is ten thousand events.")
    )
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="webhooks", verbose_name=_("owner"),
        help_text=_("What this person may not see is not sent."),
    )  # fmt: skip
    paused_at = models.DateTimeField(_("paused"), null=True)
    paused_reason = models.CharField(_("why it is paused"), max_length=200, blank=True)
    # What was recorded up to this change is not told: it begins with what comes after it was made or resumed.
    since = models.BigIntegerField(default=0)
    seed = models.CharField(max_length=64, editable=False)
    digest = models.CharField(max_length=64, editable=False)
    former_seed = models.CharField(max_length=64, blank=True, editable=False)
    former_digest = models.CharField(max_length=64, blank=True, editable=False)
    former_until = models.DateTimeField(null=True, editable=False)
    tried_at = models.DateTimeField(_("last tried"), null=True)
    rest_until = models.DateTimeField(null=True)
    created_at = models.DateTimeField(_("made"))

    objects = WebhookQuerySet.as_manager()

    class Meta:
        verbose_name = _("webhook")
        verbose_name_plural = _("webhooks")
        ordering = ["name", "pk"]

    def __str__(self) -> str:
        return self.name

    @property
    def host(self) -> str:
        """All of the address that lists and logs show: the rest of it may be a secret of the receiver."""
        return urlsplit(self.url).netloc


class WebhookDeliveryQuerySet(models.QuerySet["WebhookDelivery"]):
    def due(self, now: datetime) -> Self:
        """Waiting, or left by a sender who died."""
        State = WebhookDelivery.State
        return self.filter(
            Q(state=State.QUEUED, not_before__lte=now) | Q(state=State.SENDING, lease_until__lte=now),
        )

    def under_way(self, now: datetime) -> Self:
        return self.filter(state=WebhookDelivery.State.SENDING, lease_until__gt=now)

    def parked(self) -> Self:
        return self.filter(state=WebhookDelivery.State.PARKED)


class WebhookDelivery(models.Model):
    """One event for one webhook. What it says is read from the records when it is sent, and not kept."""

    class State(models.TextChoices):
        QUEUED = "queued", _("waiting")
        SENDING = "sending", _("being sent")
        SENT = "sent", _("sent")
        PARKED = "parked", _("given up")
        DROPPED = "dropped", _("not to be sent")

    webhook = models.ForeignKey(Webhook, models.CASCADE, related_name="deliveries", verbose_name=_("webhook"))
    # Which change of which record: a change is told once, however often it is read.
    key = models.CharField(max_length=100)
    event_id = models.UUIDField(_("id of the event"), default=uuid.uuid4, unique=True)
    event = models.CharField(_("event"), max_length=40)
    object_type = models.CharField(_("kind of record"), max_length=40, blank=True)
    object_id = models.BigIntegerField(_("number of the record"), null=True)
    version = models.PositiveIntegerField(_("version"), default=0)
    sequence = models.BigIntegerField(_("place in the order of events"), default=0)
    happened_at = models.DateTimeField(_("happened"))
    state = models.CharField(_("state"), max_length=8, choices=State, default=State.QUEUED)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    not_before = models.DateTimeField(_("not before"))
    lease_until = models.DateTimeField(null=True)
    status = models.PositiveSmallIntegerField(_("answer"), null=True)
    last_error = models.CharField(_("what went wrong"), max_length=200, blank=True)
    created_at = models.DateTimeField(_("noted"))
    sent_at = models.DateTimeField(_("sent"), null=True)

    objects = WebhookDeliveryQuerySet.as_manager()

    class Meta:
        verbose_name = _("webhook delivery")
        verbose_name_plural = _("webhook deliveries")
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(fields=["webhook", "key"], name="webhook_event_once"),
            models.CheckConstraint(
                condition=Q(state="sending", lease_until__isnull=False) | (~Q(state="sending") & Q(lease_until__isnull=True)),
                name="webhook_sending_has_lease",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=["parked", "dropped"]) | ~Q(last_error=""), name="webhook_unsent_says_why"
            ),
        ]  # fmt: skip
        indexes = [
            models.Index(
                fields=["webhook", "not_before"], condition=Q(state__in=["queued", "sending"]), name="webhook_delivery_due"
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.event} {self.object_id or ''}".strip()


class WebhookPosition(models.Model):
    """How far the rows of changes are read: one row (crm/webhooks/reading.py says what the numbers mean)."""

    read_to = models.BigIntegerField(default=0)
    settled_to = models.BigIntegerField(default=0)
    mark_to = models.BigIntegerField(null=True)
    mark_writers = models.JSONField(default=list)

    class Meta:
        verbose_name = _("place of the webhooks")
