"""The doors of programs through which a deal moves on: the same rule as the board's, and the same gate."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import QuerySet
from django.http import Http404
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from rest_framework.request import Request
from rest_framework.response import Response

from crm.api.description import Described
from crm.api.resources import ListView
from crm.api.views import ApiView
from crm.models.audit import Via
from pipeline import commitments, followups, moves
from pipeline.api import outcomes
from pipeline.api.deals import may_override, read_body
from pipeline.api.outcomes import MOVED
from pipeline.api.shapes import (
    CommitmentShape,
    LoseShape,
    MoveShape,
    NewCommitmentShape,
    ReopenShape,
    UndoShape,
    WinShape,
)
from pipeline.models import CloseReason, Commitment, Deal, Kind, Stage, StageVisit
from pipeline.moves import Close

ALSO = (409, 422)


class DealAction(ApiView):
    """Something done with a deal that the user may edit."""

    def post(self, request: Request, pk: int) -> Response:
        return self.once(lambda: self.act(self._deal(pk)))

    def act(self, deal: Deal) -> Response:
        raise Http404

    def _deal(self, pk: int) -> Deal:
        """404 for what this person does not see, 403 for what they may only read."""
        deal = Deal.objects.editable_by(self.user).filter(pk=pk).first()
        if deal is None:
            get_object_or_404(Deal.objects.visible_to(self.user), pk=pk)
            raise PermissionDenied
        return deal

    def stages(self, deal: Deal) -> list[Stage]:
        return list(Stage.objects.in_use().filter(pipeline=deal.pipeline_id).order_by("order", "pk"))

    def enter(self, deal: Deal, stage: int, values: dict[str, Any], **options: Any) -> Response:
        override = may_override(self, values)
        outcome = moves.move_deal(
            deal.pk, stage, by=self.user, via=Via.API, version=values["version"], override=override, **options
        )
        return outcomes.show(self, outcome)

    def first_of(self, deal: Deal, kind: str) -> int:
        found = next((stage.pk for stage in self.stages(deal) if stage.kind == kind), None)
        if found is None:
            raise outcomes.no_such("stage", _("This pipeline has no such stage."))
        return found

    def of_kind(self, deal: Deal, values: dict[str, Any], kind: str) -> int:
        """The stage that was named, which must be one of this kind, or the first of them."""
        wanted: int = values.get("stage") or self.first_of(deal, kind)
        if not any(stage.pk == wanted and stage.kind == kind for stage in self.stages(deal)):
            raise outcomes.no_such("stage", _("There is no such stage of this kind in the deal's pipeline."))
        return wanted


def closing(values: dict[str, Any], kind: str) -> Close | None:
    """The reason is named as it is in the lists of the company."""
    reason, name = None, values.get("reason", "")
    if name:
        known = {each.name.casefold(): each for each in CloseReason.objects.in_use().filter(kind=kind)}
        reason = known.get(name.casefold())
        if reason is None:
            names = ", ".join(each.name for each in known.values())
            wrong = _("One of these is expected: %(known)s.") % {"known": names}
            raise ValidationError({"reason": ValidationError(wrong, code="choice")})
    return Close(reason, values.get("note", ""), values.get("come_back_on"))


class Move(DealAction):
    described = {
        "post": Described(
            "Move a deal into a stage", takes=MoveShape, gives=MOVED, also=ALSO,
            says=_("409 “stale” holds the deal as it is now; 422 “refused” names each condition that is not met."),
        )
    }  # fmt: skip

    def act(self, deal: Deal) -> Response:
        values = read_body(self, MoveShape)
        target = next((stage for stage in self.stages(deal) if stage.pk == values["stage"]), None)
        if target is not None and target.kind != Kind.OPEN and deal.stage_id != target.pk:
            return self.enter(deal, target.pk, values, close=closing(values, target.kind))
        return self.enter(deal, values["stage"], values, reason=values.get("reason", ""))


class Win(DealAction):
    described = {"post": Described("Win a deal", takes=WinShape, gives=MOVED, also=ALSO)}

    def act(self, deal: Deal) -> Response:
        values = read_body(self, WinShape)
        return self.enter(deal, self.of_kind(deal, values, Kind.WON), values, close=closing(values, Kind.WON))


class Lose(DealAction):
    described = {"post": Described("Lose a deal, and say why", takes=LoseShape, gives=MOVED, also=ALSO)}

    def act(self, deal: Deal) -> Response:
        values = read_body(self, LoseShape)
        return self.enter(deal, self.of_kind(deal, values, Kind.LOST), values, close=closing(values, Kind.LOST))


class Reopen(DealAction):
    described = {"post": Described("Go on with a closed deal", takes=ReopenShape, gives=MOVED, also=ALSO)}

    def act(self, deal: Deal) -> Response:
        values = read_body(self, ReopenShape)
        stage = self.of_kind(deal, {"stage": values.get("stage") or self._before(deal)}, Kind.OPEN)
        return self.enter(deal, stage, values, reopen=True)

    def _before(self, deal: Deal) -> int | None:
        """The open stage it was in last; the first one, where that is gone."""
        in_use = [stage.pk for stage in self.stages(deal) if stage.kind == Kind.OPEN]
        been = StageVisit.objects.standing().filter(deal=deal, stage__in=in_use).order_by("-seq")
        return been.values_list("stage_id", flat=True).first()


class Undo(DealAction):
    described = {
        "post": Described(
            "Take back the last move", takes=UndoShape, gives=MOVED, also=ALSO,
            says=_("Until the time in “undo_until”, and unless somebody has moved it on since."),
        )
    }  # fmt: skip

    def act(self, deal: Deal) -> Response:
        pk = read_body(self, UndoShape)["visit"]
        if not StageVisit.objects.filter(deal=deal, pk=pk).exists():
            raise outcomes.no_such("visit", _("This deal has no such stay."))
        return outcomes.show(self, moves.undo_move(deal.pk, pk, by=self.user, via=Via.API), undone=True)


class Commitments(ListView, DealAction):
    shape = CommitmentShape
    orders = ("id", "happened_at")
    order = "-id"
    described = {
        "get": Described("List what the buyer agreed to", gives=CommitmentShape, many=True),
        "post": Described(
            "Record what the buyer agreed to", takes=NewCommitmentShape, gives=CommitmentShape, status=201,
            says=_("What stands already with the same evidence is not recorded again."),
        ),
    }  # fmt: skip

    def rows(self) -> QuerySet[Any]:
        deal = get_object_or_404(Deal.objects.visible_to(self.user), pk=self.kwargs["pk"])
        return Commitment.objects.standing().filter(deal=deal).select_related("condition")

    def act(self, deal: Deal) -> Response:
        values = read_body(self, NewCommitmentShape)
        condition = values.pop("condition")
        try:
            with followups.holding(deal.pk) as locked:
                made = commitments.record(locked, condition, by=self.user, **values)
        except ValidationError as error:
            raise _by_name(error, condition) from error
        return Response(CommitmentShape(made).data, status=201)


def _by_name(error: ValidationError, condition: int) -> ValidationError:
    """The rule names the fields of a form with several conditions; here there is one."""
    if not hasattr(error, "error_dict"):
        return ValidationError({"condition": error.error_list})
    names = {f"evidence_{condition}": "evidence", f"when_{condition}": "happened_at"}
    return ValidationError({names.get(name, name): errors for name, errors in error.error_dict.items()})
