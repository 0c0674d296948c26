from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.translation import gettext

from crm.admin.base import ConfiguredPage, Form, ListForm, ListPage
from pipeline.models import CardRule, CloseReason, Deal, EntryCondition, ProcessAction, Product, Tag


class ReasonForm(ListForm):
    class Meta:
        model = CloseReason
        fields = ["kind", "name", "asks_note", "asks_date", "not_real", "order"]

    def clean_kind(self) -> str:
        kind: str = self.cleaned_data["kind"]
        if self.instance.pk and kind != self.instance.kind and Deal.objects.filter(close_reason=self.instance).exists():
            raise ValidationError(gettext("Fixed: deals were closed with this reason."))
        return kind


@admin.register(CloseReason)
class ReasonPage(ListPage):
    form = ReasonForm
    list_display = ["name", "kind", "asks_note", "asks_date", "not_real", "order"]
    list_filter = ["kind", *ListPage.list_filter]
    fields = ["kind", "name", "asks_note", "asks_date", "not_real", "order", "in_use"]


@admin.register(Product)
class ProductPage(ListPage):
    list_display = ["name"]
    fields = ["name", "in_use"]


@admin.register(Tag)
class TagPage(ConfiguredPage):
    form = Form
    list_display = ["name"]
    search_fields = ["name"]
    fields = ["name"]

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """As long as nothing has it."""
        if obj is None or obj.deals.exists() or CardRule.objects.filter(tag=obj).exists():
            return False
        asked = EntryCondition.objects.filter(when_tag=obj).exists()
        return not asked and not ProcessAction.objects.filter(tag=obj).exists()
