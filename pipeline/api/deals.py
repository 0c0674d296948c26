"""The doors of programs to deals: list, create, read, change, delete."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import Http404
from django.utils.translation import gettext as _
from rest_framework.request import Request
from rest_framework.response import Response

from crm.api.access import require_admin_scope
from crm.api.asking import TEXT, Filter, choice, declared_filters, declared_orders, same, words
from crm.api.description import Described
from crm.api.resources import DeletableView, EditableView, ListView, ObjectView, RestoreView
from crm.api.shapes import Shape
from crm.api.views import ApiView
from crm.models import User
from crm.models.audit import Via
from crm.problems import Problem
from crm.text import same_name_key
from pipeline import deals, followups, merging, moves, open_deals, touches
from pipeline.api import outcomes
from pipeline.api.shapes import DealShape, MadeDealShape, NewDealShape
from pipeline.doors import manages
from pipeline.models import Deal, Kind
from pipeline.moves import Moved


def may_override(view: ApiView, values: dict[str, Any]) -> str:
    """The reason to let it in without its conditions, if one is given and the token may give it."""
    reason: str = values.pop("override_reason", "")
    if reason:
        words = _("To let a deal in without its conditions, a manager's token needs the scope “admin”.")
        require_admin_scope(view.request, words)
    return reason


def _matching(query: str) -> Q:
    match = Q(title__icontains=query) | Q(organization__name__icontains=query)
    return match | Q(organization__name_key__contains=same_name_key(query))


def seen_deals(user: User) -> QuerySet[Any]:
    return Deal.objects.visible_to(user).select_related("close_reason").prefetch_related("tags")


def whole_deals(user: User) -> QuerySet[Any]:
    """As they are shown: with how often somebody was in touch."""
    return touches.counted(seen_deals(user))


class DealList(ListView):
    shape = DealShape
    filters = declared_filters("deal") | {
        "q": Filter(words, _matching, TEXT, _("Part of the title, or of the organization's name.")),
        "pipeline": same("pipeline"),
        "stage": same("stage"),
        "status": choice("status", *Kind.values),
        "contact": same("people__contact", _("A contact who takes part.")),
    }
    orders = (*declared_orders("deal"), "next_task_due_at", "stage_entered_at", "closed_at")
    order = "-id"
    described = {
        "get": Described("List deals", gives=DealShape, many=True),
        "post": Described(
            "Add a deal", takes=NewDealShape, gives=MadeDealShape, status=201,
            says=_("“open_deals” warns of those that there are already with the same organization."),
        ),
    }  # fmt: skip

    def rows(self) -> QuerySet[Any]:
        return whole_deals(self.user)

    def post(self, request: Request) -> Response:
        return self.once(self._post)

    def _post(self) -> Response:
        self.asked()
        values = NewDealShape(context=self.context()).values(self.body())
        override, stage = may_override(self, values), values.pop("stage")
        outcome = moves.create_deal(stage, values, by=self.user, via=Via.API, override=override)
        if isinstance(outcome, Moved):
            made = whole_deals(self.user).get(pk=outcome.deal.pk)
            return self.made(outcome.deal, MadeDealShape(made, context={"others": self._others(outcome.deal)}))
        if getattr(outcome, "code", "") == "stage_gone":
            raise outcomes.no_such("stage", _("There is no such stage."))
        return outcomes.show(self, outcome)

    def _others(self, deal: Deal) -> list[open_deals.OpenDeal]:
        return open_deals.of(deal.organization, self.user, deal.pk) if deal.organization else []


class _OrMerged(ObjectView):
    def visible(self) -> QuerySet[Any]:
        return whole_deals(self.user)

    def to_see(self, pk: int) -> Any:
        """410 for a merged one, with the deal that it is part of now, for whoever sees that."""
        try:
            return super().to_see(pk)
        except Http404:
            found = merging.history_for(self.user, pk)
            if found is None:
                raise
            words = _("This deal was merged into another one.")
            raise Problem(410, "merged", words, merged_into=found[1].pk) from None


class DealObject(_OrMerged, EditableView, DeletableView):
    shape = DealShape
    described = {
        "get": Described(
            "Read a deal", gives=DealShape, also=(410,),
            says=_("410 “merged” names in “merged_into” the deal that it is part of now."),
        ),
        "patch": Described(
            "Change a deal", takes=DealShape, gives=DealShape, versioned=True, also=(410,),
            says=_("Its stage is changed by moving it. To change its owner, a token needs the scope “admin”."),
        ),
        "delete": Described(
            "Delete a deal", status=204, versioned=True, also=(410,),
            says=_("Of a manager with scope “admin”. Its history stays, and it can be brought back."),
        ),
    }  # fmt: skip

    def editable(self) -> QuerySet[Any]:
        return Deal.objects.editable_by(self.user)

    def hold(self, record: Any) -> Deal:
        return followups.lock(record.pk)

    def change(self, record: Any, values: dict[str, Any]) -> None:
        if "owner" in values and values["owner"].pk != record.owner_id:
            require_admin_scope(self.request, _("To give it to somebody else, a token needs the scope “admin”."))
        deals.edit(record.pk, values, version=record.version, by=self.user, via=Via.API)

    def to_delete(self, pk: int) -> Any:
        found = self.to_edit(pk)
        if not manages(self.user, found):
            raise PermissionDenied
        return found

    def remove(self, record: Any) -> None:
        deals.delete(record.pk, by=self.user, via=Via.API)


class DealRestore(_OrMerged, RestoreView):
    shape = DealShape
    described = {
        "post": Described(
            "Bring back a deleted deal", gives=DealShape, also=(410,),
            says=_("Of a manager with scope “admin”. What was merged into another deal stays there."),
        )
    }  # fmt: skip

    def deleted(self) -> QuerySet[Any]:
        return Deal.objects.known_to(self.user).deleted()

    def restorable(self) -> QuerySet[Any]:
        return Deal.objects.restorable_by(self.user)

    def bring_back(self, record: Any) -> None:
        deals.restore(record.pk, by=self.user, via=Via.API)


def read_body(view: ApiView, shape: type[Shape]) -> dict[str, Any]:
    view.asked()
    return shape(context={"user": view.user}).values(view.body())
