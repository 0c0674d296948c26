"""What people say to each other about a deal and the files they keep on it."""

from __future__ import annotations

from typing import Self

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from crm.models import User
from pipeline import access
from pipeline.models.deals import Deal


class Comment(models.Model):
    """Plain text among colleagues; `@name` tells somebody. What was taken back is not shown."""

    deal = models.ForeignKey(Deal, models.CASCADE, related_name="comments", verbose_name=_("deal"))
    text = models.TextField(_("text"))
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("by"))
    at = models.DateTimeField(_("when"))
    deleted_at = models.DateTimeField(_("taken back"), null=True)

    class Meta:
        verbose_name = _("comment")
        verbose_name_plural = _("comments")
        ordering = ["-at", "-pk"]
        indexes = [models.Index(fields=["deal", "-at"], name="comment_of_deal")]

    def __str__(self) -> str:
        return self.text[:80]


class DealFollower(models.Model):
    """That somebody follows the deal, or has stopped to. The owner and the members follow without a row."""

    deal = models.ForeignKey(Deal, models.CASCADE, related_name="followers", verbose_name=_("deal"))
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="followed_deals", verbose_name=_("user")
    )
    follows = models.BooleanField(_("follows"), default=True)
    since = models.DateTimeField(_("since"))

    class Meta:
        verbose_name = _("follower of the deal")
        verbose_name_plural = _("followers of the deal")
        constraints = [models.UniqueConstraint(fields=["deal", "user"], name="deal_follower_once")]

    def __str__(self) -> str:
        return str(self.user)


class DealFileQuerySet(models.QuerySet["DealFile"]):
    def existing(self) -> Self:
        return self.filter(deleted_at__isnull=True)

    def visible_to(self, user: User) -> Self:
        """Those of the deals that one sees."""
        return self.existing().filter(deal__in=Deal.objects.existing().filter(access.deals_visible_to(user)))

    def of(self, deal: Deal) -> Self:
        """By name, the newest version of each first."""
        return self.existing().filter(deal=deal).order_by("name", "-version")


class DealFile(models.Model):
    """One version of one file. The bytes lie under a random name, are never changed, and have no address of their own."""

    class Type(models.TextChoices):
        CONTRACT = "contract", _("Contract")
        OFFER = "offer", _("Offer")
        PRESENTATION = "presentation", _("Presentation")
        ORDER = "order", _("Order")
        OTHER = "other", _("Other")

    deal = models.ForeignKey(Deal, models.CASCADE, related_name="files", verbose_name=_("deal"))
    name = models.CharField(_("name"), max_length=255)
    version = models.PositiveIntegerField(_("version"))
    type = models.CharField(_("type"), max_length=12, choices=Type, default=Type.OTHER)
    signed = models.BooleanField(_("signed"), default=False)
    stored_as = models.CharField(_("stored as"), max_length=100, unique=True, editable=False)
    size = models.PositiveBigIntegerField(_("size"), editable=False)
    content_type = models.CharField(_("kind of content"), max_length=100, editable=False)
    digest = models.CharField(_("digest"), max_length=64, editable=False, help_text=_("SHA-256 of the content."))
    added_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("added by"))
    added_at = models.DateTimeField(_("added"))
    deleted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("deleted by")
    )
    deleted_at = models.DateTimeField(_("deleted"), null=True)

    objects = DealFileQuerySet.as_manager()

    class Meta:
        verbose_name = _("file of the deal")
        verbose_name_plural = _("files of the deal")
        ordering = ["deal", "name", "-version"]
        constraints = [
            models.UniqueConstraint(fields=["deal", "name", "version"], name="deal_file_version_once"),
            models.CheckConstraint(
                condition=models.Q(deleted_at__isnull=True, deleted_by__isnull=True)
                | models.Q(deleted_at__isnull=False, deleted_by__isnull=False),
                name="deal_file_deleted_or_not",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.version})" if self.version > 1 else self.name
