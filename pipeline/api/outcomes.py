"""What came of a move, told once for all doors of the API: moved 200, stale 409, refused 422 with what is missing."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from rest_framework.response import Response

from crm.api.shapes import shown_moment
from crm.api.views import ApiView, tag_of
from crm.models import User
from crm.problems import Fault, Problem
from pipeline.api.shapes import BriefDealShape, StageShape
from pipeline.api.visits import VisitShape, told
from pipeline.models import Deal, Stage
from pipeline.moves import Moved, Outcome, Refused, Stale
from pipeline.moves.undo import undo_until

MOVED = {
    "type": "object",
    "properties": {
        "deal": {"$ref": "#/components/schemas/Deal"},
        "visit": {"anyOf": [{"$ref": "#/components/schemas/Visit"}, {"type": "null"}]},
        "undo_until": {"type": ["string", "null"], "format": "date-time"},
        "warnings": {"type": "array", "items": {"type": "object"}},
        "kept": {
            "type": "array",
            "items": {"type": "string"},
            "description": "After an undo: what the process had done by itself and is not taken back, in words.",
        },
    },
    "required": ["deal", "visit", "undo_until", "warnings", "kept"],
}


def deal_of(deal: Deal) -> dict[str, Any]:
    return dict(BriefDealShape(deal).data)


def show(view: ApiView, outcome: Outcome, *, undone: bool = False) -> Response:
    if isinstance(outcome, Moved):
        return _moved(outcome, undone)
    if isinstance(outcome, Stale):
        return _stale(view, outcome)
    return refuse(view, outcome)


def _moved(outcome: Moved, undone: bool) -> Response:
    visit = outcome.visit
    data = {
        "deal": deal_of(outcome.deal),
        "visit": VisitShape(visit).data if visit else None,
        "undo_until": shown_moment(undo_until(visit)) if visit and not undone else None,
        "warnings": [told(verdict, outcome.deal) for verdict in outcome.warnings],
        "kept": outcome.told,
    }
    return Response(data, headers={"ETag": tag_of(outcome.deal.version)})


def _stale(view: ApiView, outcome: Stale) -> Response:
    return view.tell(
        409, "stale", _("Somebody was quicker; this is the deal as it is now."), deal=deal_of(outcome.deal),
        moved_by=_person(outcome.by), moved_at=shown_moment(outcome.at),
    )  # fmt: skip


def _person(user: User | None) -> dict[str, Any] | None:
    return {"id": user.pk, "name": user.name} if user else None


STATUS = {"closed": 409, "full": 409, "stage_gone": 409, "not_allowed": 403}


def refuse(view: ApiView, outcome: Refused) -> Response:
    """`refusal` is the rule that said no; what was filled in wrongly is a fault of the body."""
    if outcome.code == "invalid":
        faults = [Fault(name, "invalid", " ".join(texts)) for name, texts in outcome.errors.items()]
        raise Problem(400, "invalid", outcome.message, *faults)
    status = STATUS.get(outcome.code, 422)
    more: dict[str, Any] = {
        "refusal": outcome.code,
        "unmet": [told(verdict, outcome.deal) for verdict in outcome.missing],
    }
    if outcome.code == "stage_gone" and outcome.deal is not None:
        stages = Stage.objects.in_use().filter(pipeline=outcome.deal.pipeline_id).order_by("order", "pk")
        more["stages"] = StageShape(stages, many=True).data
    return view.tell(status, "refused" if status == 422 else outcome.code, outcome.message, **more)


def no_such(field: str, message: str) -> ValidationError:
    return ValidationError({field: ValidationError(message, code="does_not_exist")})
