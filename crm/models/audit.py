"""Append-only rows about records: what changed, under which foreign id a record is known, which form was already sent."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class Via(models.TextChoices):
    """The door through which a change came."""

    PAGE = "page", _("page")
    BOARD = "board", _("board")
    API = "api", _("API")
    ADMIN = "admin", _("administration")
    IMPORT = "import", _("import")
    BULK = "bulk", _("bulk edit")
    PROCESS = "process", _("the process")


class Change(models.Model):
    """One changed field of one record. `old` and `new` are JSON values; references are stored as ids."""

    object_type = models.CharField(_("kind of record"), max_length=40)
    object_id = models.BigIntegerField(_("number of the record"))
    version = models.PositiveIntegerField(_("version"), help_text=_("The version of the record that this change made."))
    field = models.CharField(_("field"), max_length=60)
    old = models.JSONField(_("before"), null=True)
    new = models.JSONField(_("after"), null=True)
    at = models.DateTimeField(_("when"))
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("by"))
    via = models.CharField(_("by way of"), max_length=10, choices=Via)
    reason = models.CharField(_("reason"), max_length=500, blank=True)

    class Meta:
        verbose_name = _("change")
        verbose_name_plural = _("changes")
        ordering = ["-at", "-pk"]
        indexes = [models.Index(fields=["object_type", "object_id", "-at"], name="change_of_object")]

    def __str__(self) -> str:
        return f"{self.object_type} {self.object_id}: {self.field}"


class ExternalId(models.Model):
    """The id by which another system knows a record, so that the same file twice changes nothing."""

    source = models.CharField(max_length=60)
    object_type = models.CharField(max_length=40)
    external_id = models.CharField(max_length=200)
    object_id = models.BigIntegerField()

    class Meta:
        verbose_name = _("external id")
        constraints = [
            models.UniqueConstraint(fields=["source", "object_type", "external_id"], name="external_id_once"),
        ]
        indexes = [models.Index(fields=["object_type", "object_id"], name="external_id_of_object")]

    def __str__(self) -> str:
        return f"{self.source}: {self.external_id}"


class OnceKey(models.Model):
    """A form that was already acted on: a double click or a reload finds what the first one made."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    key = models.CharField(max_length=64)
    result_id = models.BigIntegerField(null=True)
    created_at = models.DateTimeField()

    class Meta:
        verbose_name = _("sent form")
        constraints = [models.UniqueConstraint(fields=["user", "key"], name="once_key_once")]
