"""The stays of a deal, and how the conditions of a stage stand."""

from __future__ import annotations

import datetime
from typing import Any

from django.db.models import OuterRef, QuerySet, Subquery
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.translation import gettext as _
from rest_framework.request import Request
from rest_framework.response import Response

from crm.api.asking import ID, Filter, number
from crm.api.description import Described
from crm.api.resources import ListView
from crm.api.shapes import Choice, Moment, Part, Reference, Shape, Text, Whole
from crm.api.views import ApiView, tag_of_content
from crm.models.audit import Via
from crm.problems import Fault, Problem
from pipeline import gates, in_force
from pipeline.api.shapes import NameOf
from pipeline.conditions import Verdict
from pipeline.models import Deal, Kind, Stage, StageVisit
from pipeline.models.deals import Precision
from pipeline.moves.move import missing_for


class _Seconds(Part):
    """None where no time is known, and of a won or lost stage that the deal is in."""

    kind = {"type": "integer"}

    def get_attribute(self, instance: Any) -> int | None:
        after = getattr(instance, "after", None)
        if Precision.UNKNOWN in (instance.entered_precision, after):
            return None
        if instance.left_at is None and instance.stage.kind != Kind.OPEN:
            return None
        spent: datetime.timedelta = (instance.left_at or timezone.now()) - instance.entered_at
        return max(0, int(spent.total_seconds()))


class VisitShape(Shape):
    id = Whole(read_only=True)
    stage = Reference(read_only=True)
    stage_name = NameOf(read_only=True, source="stage")
    entered_at = Moment(read_only=True)
    precision = Choice(Precision.values, read_only=True, source="entered_precision")
    left_at = Moment(read_only=True, allow_null=True)
    seconds = _Seconds(read_only=True, allow_null=True)
    by = Reference(read_only=True, allow_null=True)
    via = Choice(Via.values, read_only=True)
    let_in = Choice(StageVisit.LetIn.values, read_only=True, says=_("Why it was let in."))
    reason = Text(read_only=True)


class VisitList(ListView):
    """Without those that were undone."""

    shape = VisitShape
    orders = ("seq",)
    order = "seq"
    described = {"get": Described("List the stays of a deal in its stages", gives=VisitShape, many=True)}

    def rows(self) -> QuerySet[Any]:
        deal = get_object_or_404(Deal.objects.visible_to(self.user), pk=self.kwargs["pk"])
        standing = StageVisit.objects.standing().filter(deal=deal)
        after = standing.filter(seq=OuterRef("seq") + 1).values("entered_precision")[:1]
        return standing.select_related("stage").annotate(after=Subquery(after))


def how_to_fix(verdict: Verdict, deal: Deal | None) -> str:
    """What a program, or the person before it, does about it."""
    condition, pk = verdict.condition, deal.pk if deal else "{id}"
    if condition.kind in ("commitment", "by_hand"):
        proof = ', "evidence": "…"' if condition.needs_evidence else ""
        return f'POST /api/v1/deals/{pk}/commitments/ {{"condition": {condition.pk}{proof}}}'
    if condition.kind == "field":
        return f'PATCH /api/v1/deals/{pk}/ {{"{condition.field}": …}}'
    if condition.kind == "activity":
        key = condition.activity_type.key if condition.activity_type else "…"
        return f'POST /api/v1/activities/ {{"deal": {pk}, "type": "{key}"}}'
    if condition.kind == "tasks_done":
        return _("Finish the required tasks: PATCH /api/v1/tasks/{id}/ with the state done.")
    if condition.kind == "approval":
        return _("Ask a manager for approval on the page of the deal.")
    return _("Give the people of the deal their roles on its page.")


def told(verdict: Verdict, deal: Deal | None) -> dict[str, Any]:
    condition = verdict.condition
    return {
        "condition": condition.pk,
        "stage": condition.stage_id,
        "kind": condition.kind,
        "label": condition.label,
        "how_to_fix": how_to_fix(verdict, deal),
        "blocks": condition.blocks,
        "met": verdict.passes,
        "state": verdict.state,
        "detail": verdict.detail,
    }


CONDITION = {
    "type": "object",
    "properties": {
        **{name: {"type": "integer"} for name in ("condition", "stage")},
        **{name: {"type": "string"} for name in ("kind", "label", "how_to_fix", "detail")},
        **{name: {"type": "boolean"} for name in ("blocks", "met")},
        "state": {"type": "string", "enum": ["met", "missing", "waiting", "not_needed", "broken"]},
    },
}
GATE = {
    "type": "object",
    "properties": {
        "deal": {"type": "integer"},
        "stage": {"type": "integer"},
        "may_enter": {"type": "boolean"},
        "conditions": {"type": "array", "items": CONDITION},
    },
    "required": ["deal", "stage", "may_enter", "conditions"],
}


class Gate(ApiView):
    described = {
        "get": Described(
            "Ask what a stage still asks for", gives=GATE, says=_("Without a stage, of the one that follows."),
            parameters={"stage": (ID, _("A stage of the deal's pipeline."))},
        )
    }  # fmt: skip

    def get(self, request: Request, pk: int) -> Response:
        asked = self.asked({"stage": Filter(number, lambda value: None, ID)})
        deal = get_object_or_404(Deal.objects.visible_to(self.user).with_names(), pk=pk)
        target = self._target(deal, asked.values.get("stage"))
        verdicts = missing_for(deal, target, self.user)
        data = {
            "deal": deal.pk,
            "stage": target.pk,
            "may_enter": not any(verdict.stops for verdict in verdicts),
            "conditions": [told(verdict, deal) for verdict in verdicts],
        }
        return Response(data, headers={"ETag": tag_of_content(data)})

    def _target(self, deal: Deal, wanted: int | None) -> Stage:
        stages = in_force.read(deal.pipeline_id).stages
        if wanted is None:
            found = gates.next_stage(deal.stage, stages)
        else:
            found = next((stage for stage in stages if stage.pk == wanted), None)
        if found is None:
            why = _("This is no stage of the deal's pipeline.") if wanted else _("No stage follows; name one.")
            raise Problem(400, "parameters", why, Fault("stage", "does_not_exist", why))
        return found
