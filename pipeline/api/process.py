"""The doors of programs to the sales process: pipelines, stages, and the lists that deals choose from."""

from __future__ import annotations

from typing import Any

from django.db.models import Case, QuerySet, Value, When
from rest_framework.request import Request
from rest_framework.response import Response

from crm.api.asking import choice, same
from crm.api.description import Described
from crm.api.resources import ListView, ObjectView
from crm.api.views import ApiView
from leads.models import ActivityType, Source
from pipeline.api.shapes import PipelineShape, StageShape
from pipeline.models import CloseReason, Kind, Pipeline, Product, Stage, Tag


class PipelineList(ListView):
    shape = PipelineShape
    orders = ("id", "order", "name")
    order = "order"
    described = {"get": Described("List pipelines", gives=PipelineShape, many=True)}

    def rows(self) -> QuerySet[Any]:
        return Pipeline.objects.in_use()


class PipelineObject(ObjectView):
    shape = PipelineShape
    described = {"get": Described("Read a pipeline", gives=PipelineShape)}

    def visible(self) -> QuerySet[Any]:
        return Pipeline.objects.in_use()


def stages() -> QuerySet[Stage]:
    retired = Case(When(retired_at__isnull=True, then=Value(False)), default=Value(True))
    return Stage.objects.annotate(is_retired=retired)


class StageList(ListView):
    """Those in use; a deal's past may name others, which are read by their id."""

    shape = StageShape
    filters = {"pipeline": same("pipeline"), "kind": choice("kind", *Kind.values)}
    orders = ("id", "order", "name")
    order = "order"
    described = {"get": Described("List stages", gives=StageShape, many=True)}

    def rows(self) -> QuerySet[Any]:
        return stages().filter(retired_at__isnull=True, pipeline__retired_at__isnull=True)


class StageObject(ObjectView):
    shape = StageShape
    described = {"get": Described("Read a stage", gives=StageShape)}

    def visible(self) -> QuerySet[Any]:
        return stages()


def _rows(**columns: str) -> dict[str, Any]:
    properties = {name: {"type": kind} for name, kind in columns.items()}
    return {"type": "array", "items": {"type": "object", "properties": properties}}


class Choices(ApiView):
    """What may be chosen for a deal and what is logged on it."""

    described = {
        "get": Described(
            "Read what may be chosen: sources, products, tags, types of activities, reasons",
            gives={
                "type": "object",
                "properties": {
                    "sources": _rows(id="integer", name="string", channel="string"),
                    "products": _rows(id="integer", name="string"),
                    "tags": _rows(id="integer", name="string"),
                    "activity_types": _rows(key="string", name="string", directed="boolean", outcomes="array"),
                    "close_reasons": _rows(kind="string", name="string", asks_note="string", asks_date="boolean"),
                },
            },
        )
    }

    def get(self, request: Request) -> Response:
        self.asked()
        types = ActivityType.objects.in_use().prefetch_related("outcomes")
        reasons = CloseReason.objects.in_use()
        data = {
            "sources": list(Source.objects.in_use().values("id", "name", "channel")),
            "products": list(Product.objects.in_use().values("id", "name")),
            "tags": list(Tag.objects.values("id", "name")),
            "activity_types": [
                {
                    "key": each.key, "name": each.name, "directed": each.directed,
                    "outcomes": [outcome.name for outcome in each.outcomes.all()],
                }
                for each in types
            ],
            "close_reasons": list(reasons.values("kind", "name", "asks_note", "asks_date")),
        }  # fmt: skip
        return Response(data)
