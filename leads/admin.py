"""The administration of sources and of the types of activities."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy

from crm.admin.base import ListForm, ListPage, Rows
from leads.models import Activity, ActivityOutcome, ActivityType, Source


def icons() -> list[tuple[str, str]]:
    """Those that the pages can draw."""
    names = (settings.BASE_DIR / "static" / "icons.txt").read_text(encoding="utf-8").split()
    return [(name, name.replace("-", " ")) for name in sorted(names)]


@admin.register(Source)
class SourcePage(ListPage):
    list_display = ["name", "channel", "order"]
    list_filter = ["channel", *ListPage.list_filter]
    fields = ["name", "channel", "order", "in_use"]


class Outcomes(Rows):
    model = ActivityOutcome
    fields = ["order", "name", "held"]

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Activities keep their outcome: with the first one logged, the list only grows."""
        return obj is None or not Activity.objects.filter(type=obj).exists()


class ActivityTypeForm(ListForm):
    icon = forms.ChoiceField(label=gettext_lazy("Icon"), choices=icons)


@admin.register(ActivityType)
class ActivityTypePage(ListPage):
    form = ActivityTypeForm
    list_display = ["name", "key", "counts_as_touch", "counts_as_presentation", "order"]
    fields = ["name", "key", "icon", "directed", "counts_as_touch", "counts_as_presentation", "order", "in_use"]
    inlines = [Outcomes]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return ["key"] if obj else []
