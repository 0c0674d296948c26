from __future__ import annotations

from typing import Self

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class NoticeQuerySet(models.QuerySet["Notice"]):
    def unread(self) -> Self:
        return self.filter(read_at__isnull=True)

    def shown(self) -> Self:
        return self.filter(in_bell=True)


class Notice(models.Model):
    """Something that one person should know, written in the transaction in which it happened (crm/notices.py).

    In parts and not in a sentence, so that it is told in the language of its reader.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="notices", verbose_name=_("user"))
    key = models.CharField(max_length=200)
    kind = models.CharField(_("kind"), max_length=20)
    who = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("who")
    )
    about = models.CharField(_("about"), max_length=200)
    text = models.CharField(_("text"), max_length=300, blank=True)
    address = models.CharField(_("address"), max_length=300)
    object_type = models.CharField(_("kind of record"), max_length=40)
    object_id = models.BigIntegerField(_("number of the record"))
    in_bell = models.BooleanField(
        _("shown in the app"), default=True, help_text=_("Off: told by email only, as its reader chose.")
    )
    made_at = models.DateTimeField(_("made"))
    read_at = models.DateTimeField(_("read"), null=True)

    objects = NoticeQuerySet.as_manager()

    class Meta:
        verbose_name = _("notice")
        verbose_name_plural = _("notices")
        ordering = ["-made_at", "-pk"]
        constraints = [models.UniqueConstraint(fields=["user", "key"], name="notice_once")]
        indexes = [
            models.Index(fields=["user", "-made_at"], name="notice_of_user"),
            models.Index(
                fields=["user"], condition=models.Q(read_at__isnull=True, in_bell=True), name="notice_unread_shown"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind}: {self.about}"
