"""Folded rows of a stage's page."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from pipeline.admin.forms import PartsFormSet
from pipeline.admin.process import Parts, short_texts
from pipeline.models import Resource, StageTask


class StageParts(Parts):
    """Folded rows: a line that says what it is, and the form behind it."""

    template = "admin/pipeline/stage/parts.html"
    formset = PartsFormSet

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        return short_texts(field, rows=14 if db_field.model is Resource else 3)

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        own: dict[str, type[StageTask | Resource]] = {"stage_task": StageTask, "template": Resource}
        if db_field.name in own:
            stage = request.resolver_match.kwargs.get("object_id") if request.resolver_match else None
            kwargs["queryset"] = own[db_field.name].objects.in_use().filter(stage=stage)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)
