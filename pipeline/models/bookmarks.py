"""Views of a board or a list that somebody keeps by name: the pipeline, the filters and the order, as in the address."""

from __future__ import annotations

from typing import Self

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from crm.models import User
from pipeline import access
from pipeline.models.process import Pipeline


class SavedViewQuerySet(models.QuerySet["SavedView"]):
    def visible_to(self, user: User) -> Self:
        """One's own, and those shared by admins and by managers of one's teams."""
        return self.filter(access.saved_views_visible_to(user))

    def editable_by(self, user: User) -> Self:
        """One's own; admins also what others share."""
        shared = models.Q(shared=True) if user.is_admin else models.Q(pk__in=[])
        return self.filter(models.Q(by=user) | shared)

    def usable(self) -> Self:
        return self.filter(pipeline__retired_at__isnull=True)


class SavedView(models.Model):
    class Shown(models.TextChoices):
        BOARD = "board", _("Board")
        LIST = "list", _("List")

    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", verbose_name=_("by"))
    name = models.CharField(_("name"), max_length=60)
    pipeline = models.ForeignKey(Pipeline, models.CASCADE, related_name="+", verbose_name=_("pipeline"))
    shown = models.CharField(_("shown as"), max_length=5, choices=Shown, default=Shown.BOARD)
    query = models.CharField(_("filters and order"), max_length=1000, blank=True)
    shared = models.BooleanField(_("shared"), default=False)
    created_at = models.DateTimeField()

    objects = SavedViewQuerySet.as_manager()

    class Meta:
        verbose_name = _("saved view")
        verbose_name_plural = _("saved views")
        ordering = ["name", "pk"]
        constraints = [models.UniqueConstraint(fields=["by", "name"], name="saved_view_name_once")]

    def __str__(self) -> str:
        return self.name


class FirstView(models.Model):
    """The view that the board opens with, one a person: their own or a shared one."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    view = models.ForeignKey(SavedView, models.CASCADE, related_name="+")

    class Meta:
        verbose_name = _("first view")

    def __str__(self) -> str:
        return f"{self.user}: {self.view}"
