"""The door of programs to the board: the columns, totals and cards that its page shows, as numbers."""

from __future__ import annotations

from typing import Any

from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from rest_framework.request import Request
from rest_framework.response import Response

from crm.api.asking import DAY, ID, TEXT, number
from crm.api.description import Described
from crm.api.shapes import shown_amount, wrong
from crm.api.views import ApiView
from crm.problems import Fault, Problem
from pipeline import board
from pipeline.api.shapes import CardShape
from pipeline.board import ORDERS, PAGE
from pipeline.board.page import Column
from pipeline.forms.filters import read_filters
from pipeline.models import Deal, Pipeline

MOST = 200
FLAG: dict[str, Any] = {"type": "string", "enum": ["0", "1"]}
OWN = ("pipeline", "stage", "cards", "offset")
COLUMN = {
    "type": "object",
    "properties": {
        "stage": {"type": "object", "properties": {"id": {"type": "integer"}, "name": {"type": "string"}, "kind": {"type": "string"}}},
        "count": {"type": "integer"},
        "totals": {
            "type": "array",
            "items": {"type": "object", "properties": {"currency": {"type": "string"}, "value": {"type": "string"}}},
        },
        "over_target": {"type": "integer"},
        "cards": {"type": "array", "items": {"type": "object"}},
        "next": {"type": ["string", "null"], "format": "uri"},
    },
    "required": ["stage", "count", "totals", "over_target", "cards", "next"],
}  # fmt: skip
BOARD = {
    "type": "object",
    "properties": {"pipeline": {"type": "integer"}, "columns": {"type": "array", "items": COLUMN}},
    "required": ["pipeline", "columns"],
}


class Board(ApiView):
    described = {
        "get": Described(
            "Read a board: its columns, their totals and first cards", gives=BOARD, required=frozenset({"pipeline"}), also=(404,),
            says=_("Cards stand in the order of what to do next. “next” of a column gives the cards that follow."),
            parameters={
                "pipeline": (ID, ""),
                "owner": (ID, ""),
                "team": (ID, ""),
                "tag": (ID, ""),
                "q": (TEXT, _("Part of a title, or of an organization's name.")),
                "over": (FLAG, _("Over target only.")),
                "idle": (FLAG, _("Idle only.")),
                "no_next": (FLAG, _("Without a next step only.")),
                "mark": (ID, _("The number of a mark on cards, as in the address of the board.")),
                "close_from": (DAY, ""),
                "close_to": (DAY, ""),
                "order": ({"type": "string", "enum": list(ORDERS)}, ""),
                "stage": (ID, _("This column only.")),
                "cards": ({"type": "integer", "minimum": 1, "maximum": MOST, "default": PAGE}, _("Of each column.")),
                "offset": (ID, _("Cards of each column to pass over.")),
            },
        )
    }  # fmt: skip

    def get(self, request: Request) -> Response:
        query = request._request.GET
        filters = read_filters(query, self.user, also=OWN).filters
        pipeline = get_object_or_404(Pipeline.objects.in_use(), pk=self._number("pipeline", None))
        stage, offset = self._number("stage", 0), self._number("offset", 0, most=1_000_000)
        limit = self._number("cards", PAGE, most=MOST, least=1)
        shown = board.read(
            self.user,
            pipeline,
            filters,
            only={stage} if stage else None,
            gated=False,
            offset=offset,
            limit=limit,
        )
        if stage and not shown.columns:
            raise Problem(400, "parameters", _("There is no such stage."), Fault("stage", "does_not_exist", ""))
        return Response({"pipeline": pipeline.pk, "columns": self._columns(shown.columns)})

    def _number(self, name: str, default: int | None, most: int = 2**63 - 1, least: int = 0) -> int:
        text = self.request._request.GET.get(name)
        if text is None and default is not None:
            return default
        try:
            found = number(str(text or ""))
            if not least <= found <= most:
                raise wrong(_("From %(least)d to %(most)d.") % {"least": least, "most": most}, "range")
        except Exception as error:
            why = _("“%(name)s” must be a whole number.") % {"name": name}
            raise Problem(400, "parameters", why, Fault(name, "type", why)) from error
        return found

    def _columns(self, columns: list[Column]) -> list[dict[str, Any]]:
        shown = self._cards(columns)
        return [
            {
                "stage": {"id": column.stage.pk, "name": column.stage.name, "kind": column.stage.kind},
                "count": column.count,
                "totals": [
                    {"currency": currency, "value": shown_amount(value)}
                    for currency, value in sorted(column.sums.items())
                    if value
                ],
                "over_target": column.over,
                "cards": [shown[pk] for pk in column.order if pk in shown],
                "next": self._next(column),
            }
            for column in columns
        ]

    def _cards(self, columns: list[Column]) -> dict[int, Any]:
        """Of all columns at once: each reading of rows costs the same whether it is of one column or of all."""
        made = {card.pk: card for column in columns for card in column.cards}
        seen = Deal.objects.visible_to(self.user).select_related("close_reason").prefetch_related("tags")
        found = seen.in_bulk(made)
        for pk, deal in found.items():
            deal.over_target, deal.movable = made[pk].over, made[pk].movable  # type: ignore[attr-defined]
            deal.marks = [rule.label for rule in made[pk].marks]  # type: ignore[attr-defined]
        return dict(zip(found, CardShape(list(found.values()), many=True).data, strict=True))

    def _next(self, column: Column) -> str | None:
        if not column.next_offset:
            return None
        query = self.request._request.GET.copy()
        query["stage"], query["offset"] = str(column.stage.pk), str(column.next_offset)
        return self.request.build_absolute_uri(f"{self.request.path}?{query.urlencode()}")
