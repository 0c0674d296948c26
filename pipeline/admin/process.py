"""The page of a pipeline: its steps and stages. Each saved change is a version, written in the same transaction."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import Count, Max, Q, QuerySet
from django.forms.models import BaseInlineFormSet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext, gettext_lazy

from crm.admin.base import ConfiguredPage, InUse, Page, ReadOnly, Rows, name_fields
from pipeline import definition
from pipeline.admin.card_rules import CardRules
from pipeline.admin.forms import NewPipelineForm, PartForm, PipelineForm, StageRow, StagesFormSet, StepsFormSet
from pipeline.models import CardRule, Pipeline, PipelineVersion, Stage, Step
from pipeline.soundness import Problem, problems


class Parts(Rows):
    """Rows of the definition that are in use, in their order, to be dragged."""

    ordering = ["order", "pk"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).filter(retired_at__isnull=True)

    def get_formset(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> type[BaseInlineFormSet]:
        """Without Django's own look at what a deletion would take along: the rule retires what something refers to."""
        formset = super().get_formset(request, obj, **kwargs)
        formset.form = type("Part", (formset.form,), {"hand_clean_DELETE": lambda form: None})
        name_fields(formset.form)
        return formset

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """“Remove”: the rule decides whether the row goes or is retired, or refuses."""
        return True


def short_texts(field: Any, rows: int = 3) -> Any:
    if field is not None and isinstance(field.widget, forms.Textarea):
        field.widget = forms.Textarea(attrs={"rows": rows, "class": "vLargeTextField"})
    return field


class DefinitionPage(Page):
    """Hands what the forms hold to the rule, all at once."""

    section = "process"

    def pipeline_of(self, obj: Any) -> Pipeline:
        pipeline: Pipeline = obj.pipeline
        return pipeline

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        return short_texts(super().formfield_for_dbfield(db_field, request, **kwargs))

    def save_model(self, request: HttpRequest, obj: Any, form: forms.ModelForm, change: bool) -> None:
        """Nothing yet: it is saved along with its parts."""

    def save_related(
        self, request: HttpRequest, form: forms.ModelForm, formsets: list[BaseInlineFormSet], change: bool
    ) -> None:
        changed: list[Any] = [form.instance] if form.has_changed() else []
        removed: list[Any] = []
        for formset in formsets:
            changed += formset.save(commit=False)
            removed += formset.deleted_objects
        pipeline = self.pipeline_of(form.instance)
        definition.save_changes(
            pipeline, changed, removed, by=request.user, note=form.cleaned_data.get("note", "")  # type: ignore[arg-type]
        )  # fmt: skip
        warn(request, problems(pipeline))


def warn(request: HttpRequest, found: list[Problem]) -> None:
    for problem in found:
        messages.warning(request, problem.message)


class Steps(Parts):
    model = Step
    form = PartForm
    formset = StepsFormSet
    fields = ["order", "name", "phase", "description"]

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        return short_texts(super().formfield_for_dbfield(db_field, request, **kwargs), rows=2)


class Stages(Parts):
    model = Stage
    form = StageRow
    formset = StagesFormSet
    fields = ["order", "name", "step", "kind", "probability", "target_days", "idle_days", "qualified_from_here"]
    show_change_link = True

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "step":
            pipeline = request.resolver_match.kwargs.get("object_id") if request.resolver_match else None
            kwargs["queryset"] = Step.objects.in_use().filter(pipeline=pipeline)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)


@admin.register(Pipeline)
class PipelinePage(DefinitionPage):
    list_display = ["name", "currency", "stages_in_use", "open_deals", "version"]
    list_filter = [InUse]
    search_fields = ["name"]
    inlines = [Steps, Stages, CardRules]
    fieldsets = [
        (None, {"fields": ["name", "description", ("currency", "methodology"), "jumps", ("order", "in_use")]}),
        (gettext_lazy("Whom it is for"), {"fields": ["ideal_customer"], "classes": ["collapse"]}),
        (gettext_lazy("This change"), {"fields": ["note"]}),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Pipeline]:
        counted = Pipeline.objects.annotate(
            stage_count=Count("stages", filter=Q(stages__retired_at__isnull=True), distinct=True),
            version_number=Max("versions__number"),
        )
        return counted.order_by("order", "name")

    @admin.display(description=gettext_lazy("stages"))
    def stages_in_use(self, pipeline: Any) -> int:
        return int(pipeline.stage_count)

    @admin.display(description=gettext_lazy("open deals"))
    def open_deals(self, pipeline: Pipeline) -> int:
        return pipeline.deals.existing().open().count()

    @admin.display(description=gettext_lazy("version"))
    def version(self, pipeline: Any) -> int | None:
        return pipeline.version_number

    def pipeline_of(self, obj: Pipeline) -> Pipeline:
        return obj

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> type[forms.ModelForm]:
        self.form = PipelineForm if change else NewPipelineForm
        return super().get_form(request, obj, change, **kwargs)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.fieldsets if obj else [(None, {"fields": ["name", "currency", "start"]})]

    def get_inlines(self, request: HttpRequest, obj: Any) -> list[Any]:
        return self.inlines if obj else []

    def save_related(
        self, request: HttpRequest, form: forms.ModelForm, formsets: list[BaseInlineFormSet], change: bool
    ) -> None:
        if change:
            parts = [formset for formset in formsets if formset.model is not CardRule]
            super().save_related(request, form, parts, change)
            # How cards look makes no new version of the process.
            for formset in formsets:
                if formset not in parts:
                    ConfiguredPage.save_formset(self, request, form, formset, change)  # type: ignore[arg-type]
            return
        given = form.cleaned_data
        made = definition.load_template(
            given["start"], by=request.user, title=given["name"], currency=given["currency"]  # type: ignore[arg-type]
        )  # fmt: skip
        form.instance.pk = made.pk
        form.instance._state.adding = False

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: str | None = None) -> HttpResponse:
        """Straight to its stages: an empty name is not a process yet."""
        messages.success(request, gettext("“%(name)s” is made. These are its steps and stages.") % {"name": obj.name})
        return redirect("admin:pipeline_pipeline_change", obj.pk)

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        pipeline = context.get("original")
        if pipeline is not None:
            context |= {
                "found": problems(pipeline) if request.method == "GET" else [],
                "retired_stages": Stage.objects.filter(pipeline=pipeline, retired_at__isnull=False).select_related(
                    "retired_into"
                ),
                "latest": PipelineVersion.objects.filter(pipeline=pipeline).select_related("by").first(),
            }
        return super().render_change_form(request, context, *args, **kwargs)


@admin.register(PipelineVersion)
class VersionPage(ReadOnly):
    list_display = ["number", "pipeline", "at", "by", "note"]
    list_display_links = ["number", "pipeline"]
    list_filter = ["pipeline"]
    list_select_related = ["pipeline", "by"]
    fields = ["pipeline", "number", "at", "by", "note"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[PipelineVersion]:
        found = super().get_queryset(request)
        is_list = (
            request.resolver_match is not None
            and request.resolver_match.url_name == "pipeline_pipelineversion_changelist"
        )
        return found.defer("definition") if is_list else found
