"""Who and what a deal is linked to: contacts and their stance, colleagues, activities, who has its page open."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from pipeline.models.deals import Deal
from pipeline.models.process import ContactRole, MemberRole, Stance


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


class DealViewer(models.Model):
    """Who has the page of a deal open. Written by the listener of their stream; a row that is not renewed means nothing."""

    deal = models.ForeignKey(Deal, models.CASCADE, related_name="viewers", verbose_name=_("deal"))
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", verbose_name=_("user"))
    seen_at = models.DateTimeField(_("last seen"))

    class Meta:
        verbose_name = _("viewer of the deal")
        verbose_name_plural = _("viewers of the deal")
        constraints = [models.UniqueConstraint(fields=["deal", "user"], name="deal_viewer_once")]

    def __str__(self) -> str:
        return str(self.user)


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
