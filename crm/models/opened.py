"""What each person opened last, so that the search can offer it first."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class Opened(models.Model):
    """One row a record, with the last time. Written by crm/opened.py, which keeps the latest of each person."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", verbose_name=_("user"))
    object_type = models.CharField(max_length=20)
    object_id = models.BigIntegerField()
    at = models.DateTimeField(_("opened"))

    class Meta:
        verbose_name = _("opened record")
        verbose_name_plural = _("opened records")
        ordering = ["-at", "-pk"]
        indexes = [models.Index(fields=["user", "-at", "-id"], name="opened_latest")]
        constraints = [models.UniqueConstraint(fields=["user", "object_type", "object_id"], name="opened_once")]

    def __str__(self) -> str:
        return f"{self.object_type} {self.object_id}"
