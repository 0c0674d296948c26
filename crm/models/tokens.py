"""How programs come in: a token in place of a password, and what was answered to a request that may be sent again."""

from __future__ import annotations

from typing import Self

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from crm.models.people import User


class ApiTokenQuerySet(models.QuerySet["ApiToken"]):
    def of(self, user: User) -> Self:
        return self.filter(user=user)

    def in_use(self) -> Self:
        return self.filter(revoked_at__isnull=True)


class ApiToken(models.Model):
    """The value itself is kept nowhere. It is random and long, so that a plain hash of it cannot be guessed back."""

    class Scope(models.TextChoices):
        READ = "read", _("Read")
        WRITE = "write", _("Read and write")
        ADMIN = "admin", _("Everything its owner may")

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="tokens", verbose_name=_("owner"))
    name = models.CharField(_("name"), max_length=60)
    scope = models.CharField(_("scope"), max_length=5, choices=Scope)
    prefix = models.CharField(_("begins with"), max_length=12)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    created_at = models.DateTimeField(_("made"))
    # A day and no time: a program that reads all day long writes this once.
    last_used_on = models.DateField(_("last used"), null=True)
    revoked_at = models.DateTimeField(_("revoked"), null=True)

    objects = ApiTokenQuerySet.as_manager()

    class Meta:
        verbose_name = _("access token")
        verbose_name_plural = _("access tokens")
        ordering = ["-created_at", "-pk"]
        constraints = [
            models.CheckConstraint(condition=models.Q(scope__in=["read", "write", "admin"]), name="token_scope_known")
        ]

    def __str__(self) -> str:
        return self.name


class Answer(models.Model):
    """What a request with an Idempotency-Key was answered, written in the transaction of its effect."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    key = models.CharField(max_length=200)
    asked = models.CharField(max_length=64, help_text=_("Hash of method, address and body."))
    status = models.PositiveSmallIntegerField(default=0)
    headers = models.JSONField(default=dict)
    body = models.TextField(default="")
    created_at = models.DateTimeField(db_index=True)

    class Meta:
        verbose_name = _("answer to repeat")
        constraints = [models.UniqueConstraint(fields=["user", "key"], name="answer_once")]
