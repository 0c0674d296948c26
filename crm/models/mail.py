from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class OutgoingMail(models.Model):
    """Mail to send, written in the transaction that causes it; a job claims rows that are due (crm/outbox.py)."""

    class State(models.TextChoices):
        QUEUED = "queued", _("waiting")
        SENDING = "sending", _("being sent")
        SENT = "sent", _("sent")
        DEAD = "dead", _("given up")
        UNKNOWN = "unknown", _("perhaps sent")
        DROPPED = "dropped", _("no longer needed")

    key = models.CharField(max_length=200, unique=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", verbose_name=_("to"))
    subject = models.CharField(_("subject"), max_length=200)
    body = models.TextField(blank=True, help_text=_("Emptied once sent: it may hold a link that must not be kept."))
    html = models.TextField(blank=True)
    kind = models.CharField(
        _("kind"),
        max_length=20,
        blank=True,
        help_text=_("What its reader may choose not to get; empty for what must come."),
    )
    notice_key = models.CharField(
        max_length=200, blank=True, help_text=_("Not sent if this notice was read in the app meanwhile.")
    )
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.QUEUED)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    not_before = models.DateTimeField(_("not before"))
    lease_until = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(_("sent"), null=True)
    last_error = models.CharField(_("what went wrong"), max_length=500, blank=True)
    created_at = models.DateTimeField(_("written"))

    class Meta:
        verbose_name = _("outgoing mail")
        verbose_name_plural = _("outgoing mail")
        indexes = [
            models.Index(fields=["not_before"], condition=models.Q(state__in=["queued", "sending"]), name="mail_due"),
        ]

    def __str__(self) -> str:
        return f"{self.key} ({self.state})"
