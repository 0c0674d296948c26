"""The doors to the board: the page, its columns, more cards."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from django.core.exceptions import BadRequest
from django.http import Http404, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import Resolver404, resolve, reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from crm.visitors import Request
from pipeline import board
from pipeline.board import ORDERS, PAGE
from pipeline.forms.filters import Asked, read_filters
from pipeline.models import Pipeline

MOST_CARDS = 200
"""Of one column on one page."""
FARTHEST = 1_000_000


@require_GET
def board_default(request: Request) -> HttpResponse:
    """The board that was open last, or the first one."""
    pipelines = Pipeline.objects.in_use()
    last = request.session.get("pipeline", 0)
    found = pipelines.filter(pk=last).first() or pipelines.first()
    if found is None:
        return render(request, "pipeline/no_pipeline.html")
    return redirect("board", found.pk)


@require_GET
def board_page(request: Request, pipeline_id: int) -> HttpResponse:
    pipeline = get_object_or_404(Pipeline.objects.in_use(), pk=pipeline_id)
    asked = read_filters(request.GET, request.user, also=("cards",))
    cards = number(request.GET, "cards", PAGE, MOST_CARDS, least=1)
    if request.session.get("pipeline") != pipeline_id:
        request.session["pipeline"] = pipeline_id
    partly = request.htmx and not request.htmx.history_restore_request
    if not partly and "cards" not in request.GET and len(asked.query) < len(request.GET.urlencode()):
        return redirect(address(pipeline_id, asked.query))
    context = _context(request, pipeline, asked, cards)
    answer = render(request, "pipeline/_board.html" if partly else "pipeline/board.html", context)
    if partly:
        answer.headers["HX-Push-Url"] = address(pipeline_id, asked.query)
    return answer


@require_GET
def board_column(request: Request, pipeline_id: int, stage_id: int) -> HttpResponse:
    """One column again, or with `offset` the cards that follow."""
    pipeline = get_object_or_404(Pipeline.objects.in_use(), pk=pipeline_id)
    asked = read_filters(request.GET, request.user, also=("offset", "cards"))
    offset = number(request.GET, "offset", 0, FARTHEST)
    cards = number(request.GET, "cards", PAGE, MOST_CARDS, least=1)
    shown = board.read(request.user, pipeline, asked.filters, only={stage_id}, offset=offset, limit=cards)
    if not shown.columns:
        raise Http404
    context = {**_frame(pipeline, asked), "column": shown.columns[0]}
    return render(request, "pipeline/more_cards.html" if offset else "pipeline/_column.html", context)


@require_GET
def board_filters(request: Request, pipeline_id: int) -> HttpResponse:
    """The form of the filters as they are: for its panel on the board, or as a page."""
    pipeline = get_object_or_404(Pipeline.objects.in_use(), pk=pipeline_id)
    context = {"pipeline": pipeline, "asked": read_filters(request.GET, request.user)}
    return render(request, "pipeline/_filters.html" if request.htmx else "pipeline/filters.html", context)


def number(data: QueryDict, name: str, default: int, largest: int, least: int = 0) -> int:
    text = data.get(name, str(default))
    if not (text.isascii() and text.isdigit() and len(text) < 8 and least <= int(text) <= largest):
        named = {"name": name, "text": text[:40], "least": least, "most": largest}
        raise BadRequest(_("“%(name)s” must be a number from %(least)d to %(most)d, not “%(text)s”.") % named)
    return int(text)


def address(pipeline_id: int, query: str = "") -> str:
    return reverse("board", args=[pipeline_id]) + (f"?{query}" if query else "")


def _frame(pipeline: Pipeline, asked: Asked) -> dict[str, Any]:
    """What columns and cards need besides themselves."""
    return {
        "pipeline": pipeline,
        "asked": asked,
        "query": asked.query,
        "deals_at": reverse("deal-new").removesuffix("new/"),
    }


def _context(request: Request, pipeline: Pipeline, asked: Asked, cards: int) -> dict[str, Any]:
    return {
        **_frame(pipeline, asked),
        "board": board.read(request.user, pipeline, asked.filters, limit=cards),
        "cards": cards,
        "pipelines": list(Pipeline.objects.in_use()),
        "orders": [(key, label, _ordered(asked, key)) for key, label in ORDERS.items()],
        "order": ORDERS[asked.filters.order],
        "toggles": [_toggle(asked, name) for name in ("over", "idle", "no_next")],
    }


def _ordered(asked: Asked, order: str) -> str:
    query = QueryDict(asked.query, mutable=True)
    query["order"] = order
    return query.urlencode()


@dataclass(frozen=True)
class Toggle:
    """A filter that one click turns on and off."""

    label: str
    on: bool
    query: str


def _toggle(asked: Asked, name: str) -> Toggle:
    query = QueryDict(asked.query, mutable=True)
    on = bool(query.pop(name, None))
    if not on:
        query[name] = "1"
    return Toggle(str(asked.form.fields[name].label), on, query.urlencode())


# --- The board that a request comes from


@dataclass(frozen=True)
class Origin:
    pipeline: Pipeline
    asked: Asked

    @property
    def url(self) -> str:
        return address(self.pipeline.pk, self.asked.query)

    def columns(self, request: Request, stages: set[int], cards: int = PAGE) -> dict[str, Any]:
        """The context that draws these columns again, from the database."""
        shown = board.read(request.user, self.pipeline, self.asked.filters, only=stages, limit=cards)
        return {**_frame(self.pipeline, self.asked), "columns": shown.columns}


def origin_of(request: Request, url: str) -> Origin | None:
    """The board at this address of ours, with its filters; None for any other page."""
    if not url_has_allowed_host_and_scheme(url, {request.get_host()}, require_https=request.is_secure()):
        return None
    parts = urlsplit(url)
    try:
        match = resolve(parts.path)
    except Resolver404:
        return None
    if match.url_name != "board":
        return None
    pipeline = Pipeline.objects.in_use().filter(pk=match.kwargs["pipeline_id"]).first()
    if pipeline is None:
        return None
    try:
        return Origin(pipeline, read_filters(QueryDict(parts.query), request.user, also=("cards",)))
    except BadRequest:
        return Origin(pipeline, read_filters(QueryDict(), request.user))


def shown_on(request: Request) -> Origin | None:
    """The board from which a part of the page asks, or to which a plain form goes back."""
    return origin_of(request, request.headers.get("HX-Current-URL", "") or request.POST.get("next", ""))


def came_from(request: Request) -> str:
    """Where a page of a form goes back to: the page with the link to it, if it is one of ours."""
    given = request.POST.get("next") or request.GET.get("next") or request.headers.get("Referer", "")
    if not url_has_allowed_host_and_scheme(given, {request.get_host()}, require_https=request.is_secure()):
        return ""
    parts = urlsplit(given)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path
