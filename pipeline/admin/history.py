"""Deals and what happened to them, to look at: rules and the product's own pages write them."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from crm.admin.base import ReadOnly
from pipeline.models import AttemptCondition, Deal, MoveAttempt, StageVisit


class Stays(admin.TabularInline):
    model = StageVisit
    fk_name = "deal"
    verbose_name_plural = StageVisit._meta.verbose_name_plural
    fields = ("seq", "stage", "entered_at", "left_at", "by", "via", "let_in", "reason", "undone_at")
    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Deal)
class DealPage(ReadOnly):
    list_display = ["title", "pipeline", "stage", "owner", "value", "currency", "started_at", "closed_at", "deleted_at"]
    list_filter = ["pipeline", "status", ("deleted_at", admin.EmptyFieldListFilter)]
    list_select_related = ["pipeline", "stage", "owner"]
    search_fields = ["title", "=id"]
    ordering = ["-id"]
    fields = [
        "title", "pipeline", "stage", "status", "organization", "value", "currency", "expected_close", "owner", "source", "product",
        "started_at", "stage_entered_at", "closed_at", "close_reason", "close_note", "credited_owner", "credited_team",
        "paused_until", "pause_reason", "version", "created_at", "created_by", "updated_at", "updated_by", "deleted_at", "deleted_by",
        "merged_into",
    ]  # fmt: skip
    inlines = [Stays]


@admin.register(StageVisit)
class VisitPage(ReadOnly):
    list_display = ["deal", "seq", "stage", "entered_at", "left_at", "by", "via", "let_in", "undone_at"]
    list_filter = ["let_in", "via", ("undone_at", admin.EmptyFieldListFilter)]
    list_select_related = ["deal", "stage", "by"]
    search_fields = ["deal__title", "=deal__id"]
    ordering = ["-id"]
    fields = [
        "deal", "seq", "stage", "pipeline_version", "entered_at", "entered_precision", "left_at", "recorded_at", "by", "via",
        "let_in", "reason", "closed_at", "close_reason", "close_note", "credited_owner", "credited_team", "undone_at", "undone_by",
    ]  # fmt: skip


class Missing(admin.TabularInline):
    model = AttemptCondition
    fields = ("condition", "result")
    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(MoveAttempt)
class AttemptPage(ReadOnly):
    list_display = ["at", "deal", "title", "from_stage", "to_stage", "outcome", "by", "via", "reason"]
    list_filter = ["outcome", "via"]
    list_select_related = ["deal", "from_stage", "to_stage", "by"]
    search_fields = ["deal__title", "=deal__id", "title"]
    ordering = ["-id"]
    fields = ["at", "deal", "title", "from_stage", "to_stage", "outcome", "by", "via", "reason"]
    inlines = [Missing]
