"""What every record that people work on has in common: who, when, which version, and whether it still exists."""

from __future__ import annotations

from typing import Self

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class RecordQuerySet(models.QuerySet):
    def existing(self) -> Self:
        """Neither deleted nor merged into another record."""
        return self.filter(deleted_at__isnull=True)

    def deleted(self) -> Self:
        """And not part of another one now."""
        return self.unmerged().filter(deleted_at__isnull=False)

    def unmerged(self) -> Self:
        return self.filter(merged_into__isnull=True)


class Record(models.Model):
    """`version` counts every edit: a writer names the version it read, and loses when somebody was quicker."""

    version = models.PositiveIntegerField(_("version"), default=1, editable=False)
    created_at = models.DateTimeField(_("created"), editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        editable=False,
        related_name="+",
        verbose_name=_("created by"),
    )
    updated_at = models.DateTimeField(_("changed"), editable=False)
    updated_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        editable=False,
        related_name="+",
        verbose_name=_("changed by"),
    )
    deleted_at = models.DateTimeField(_("deleted"), null=True, editable=False)
    deleted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        editable=False,
        related_name="+",
        verbose_name=_("deleted by"),
    )
    merged_into = models.ForeignKey(
        "self", models.PROTECT, null=True, editable=False, related_name="+", verbose_name=_("merged into")
    )

    class Meta:
        abstract = True
