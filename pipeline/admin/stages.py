"""The page of a stage: what lets a deal in, what is done there, what helps; and the page that retires it."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse
from django.utils.translation import gettext, gettext_lazy, ngettext

from crm.admin.base import InUse
from pipeline import retirement
from pipeline.admin.actions import Actions
from pipeline.admin.forms import ConditionForm, ResourceForm, RetireForm, StagePageForm, TaskForm
from pipeline.admin.parts import StageParts
from pipeline.admin.process import DefinitionPage
from pipeline.models import Deal, EntryCondition, Resource, Stage, StageTask
from pipeline.soundness import problems


class Conditions(StageParts):
    model = EntryCondition
    form = ConditionForm
    fieldsets = [
        (
            None,
            {
                "fields": [
                    ("order", "kind", "blocks"),
                    "label",
                    ("field", "operator", "compared_with"),
                    "contact_role",
                    "member_role",
                    ("activity_type", "times"),
                    ("needs_evidence", "since_entering"),
                ]
            },
        ),
        (
            gettext_lazy("Applies only when …"),
            {
                "fields": [("when_value_at_least", "when_currency"), ("when_tag", "when_source", "when_customer")],
                "classes": ["collapse"],
                "description": gettext_lazy(
                    "All that is filled here must hold; elsewhere the condition is shown as not needed."
                ),
            },
        ),
    ]


class Tasks(StageParts):
    model = StageTask
    form = TaskForm
    fieldsets = [
        (
            None,
            {
                "fields": [
                    ("order", "kind", "required"),
                    "title",
                    "instructions",
                    ("channel", "template"),
                    ("offset_days", "working_days", "after_previous"),
                    ("owner_role", "per_day"),
                ]
            },
        ),
        (
            gettext_lazy("Repeats"),
            {"fields": [("repeat_days", "repeat_limit", "repeat_until")], "classes": ["collapse"]},
        ),
    ]


class Resources(StageParts):
    model = Resource
    form = ResourceForm
    formfield_overrides = {models.URLField: {"assume_scheme": "https"}}
    fieldsets = [(None, {"fields": [("order", "kind", "for_buyer"), "title", "stage_task", "text", "url"]})]


@admin.register(Stage)
class StagePage(DefinitionPage):
    form = StagePageForm
    list_display = ["name", "pipeline", "step", "kind", "probability", "target_days", "idle_days"]
    list_filter = ["pipeline", "kind", InUse]
    list_select_related = ["pipeline", "step"]
    search_fields = ["name"]
    ordering = ["pipeline__order", "pipeline", "order"]
    inlines = [Conditions, Tasks, Resources, Actions]
    readonly_fields = ["pipeline"]
    fieldsets = [
        (
            None,
            {
                "fields": [
                    ("pipeline", "step"),
                    ("name", "kind"),
                    "description",
                    ("probability", "target_days", "idle_days"),
                    "most_deals",
                    "is_presentation",
                    "qualified_from_here",
                ]
            },
        ),
        (gettext_lazy("The buyer's side"), {"fields": ["buyer_phase", "buyer_asks", "buyer_receives"]}),
        (gettext_lazy("This change"), {"fields": ["note"]}),
    ]

    def has_add_permission(self, request: HttpRequest) -> bool:
        """On the page of its pipeline, where its place is."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return obj is None or obj.retired_at is None

    def get_urls(self) -> list[Any]:
        own = [path("<int:pk>/retire/", self.admin_site.admin_view(self.retire), name="pipeline_stage_retire")]
        return own + super().get_urls()

    def retire(self, request: HttpRequest, pk: int) -> HttpResponse:
        stage = get_object_or_404(Stage.objects.select_related("pipeline").filter(retired_at__isnull=True), pk=pk)
        deals = Deal.objects.filter(stage=stage).count()
        form = RetireForm(retirement.targets(stage), deals, request.POST if request.method == "POST" else None)
        if form.is_valid():
            done = self._retire(request, stage, form)
            if done:
                return redirect("admin:pipeline_pipeline_change", stage.pipeline_id)
        context = {
            **self.admin_site.each_context(request), "opts": self.opts, "form": form, "stage": stage, "deals": deals,
            "subject": stage.name, "back": reverse("admin:pipeline_stage_change", args=[pk]),
            "title": gettext("Retire %(stage)s") % {"stage": stage.name},
        }  # fmt: skip
        return render(request, "admin/pipeline/stage/retire.html", context, status=422 if form.is_bound else 200)

    def _retire(self, request: HttpRequest, stage: Stage, form: RetireForm) -> bool:
        target = form.cleaned_data["to_stage"]
        try:
            done = retirement.retire_stage(stage, target, by=request.user, note=form.cleaned_data["note"])  # type: ignore[arg-type]
        except ValidationError as error:
            form.add_error(None, error.messages)
            return False
        messages.success(request, gettext("“%(stage)s” is retired.") % {"stage": stage.name})
        if done.moved and target:
            words = ngettext(
                "%(number)d deal went to “%(target)s”.", "%(number)d deals went to “%(target)s”.", done.moved
            )
            messages.success(request, words % {"number": done.moved, "target": target.name})
        if done.left:
            words = ngettext(
                "%(number)d deal follows within minutes.", "%(number)d deals follow within minutes.", done.left
            )
            messages.info(request, words % {"number": done.left})
        return True

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        stage = context.get("original")
        if stage is not None:
            context["deals_here"] = Deal.objects.existing().filter(stage=stage).count()
            found = problems(stage.pipeline) if request.method == "GET" else []
            context["found"] = [problem for problem in found if problem.stage_id == stage.pk]
        return super().render_change_form(request, context, *args, **kwargs)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Stage]:
        return super().get_queryset(request).select_related("pipeline", "step")
