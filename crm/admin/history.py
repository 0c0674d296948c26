"""What happened to records: to look at."""

from __future__ import annotations

from django.contrib import admin
from django.utils.translation import gettext_lazy

from crm.admin.base import ReadOnly
from crm.models import Change


@admin.register(Change)
class ChangePage(ReadOnly):
    list_display = ["at", "by", "via", "object_type", "object_id", "field", "old_value", "new_value", "reason"]
    list_filter = ["via", "object_type"]
    search_fields = ["=object_id", "field"]
    search_help_text = gettext_lazy("The number of a record, or the name of a field")
    list_select_related = ["by"]
    fields = ["at", "by", "via", "object_type", "object_id", "version", "field", "old", "new", "reason"]

    @admin.display(description=gettext_lazy("before"))
    def old_value(self, change: Change) -> str:
        return _short(change.old)

    @admin.display(description=gettext_lazy("after"))
    def new_value(self, change: Change) -> str:
        return _short(change.new)


def _short(value: object) -> str:
    text = "" if value is None else str(value)
    return text if len(text) <= 60 else f"{text[:59]}…"
