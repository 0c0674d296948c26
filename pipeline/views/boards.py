"""The doors to the board: the page, its columns, more cards."""

from __future__ import annotations

from collections.abc import Collection
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
from pipeline import board, bookmarks
from pipeline.board import FACTS, ORDERS, PAGE
from pipeline.forms.filters import Asked, read_filters
from pipeline.live.events import cursor_of
from pipeline.models import CardRule, Deal, Pipeline
from pipeline.views import bulk_messages
from pipeline.views.shown import choices, others

MOST_CARDS = 200
"""Of one column on one page."""
FARTHEST = 1_000_000


@require_GET
def board_default(request: Request) -> HttpResponse:
    """The view that one opens first, or the board that was open last, or the first one."""
    kept = bookmarks.first_of(request.user)
    if kept is not None:
        return redirect("view", kept.pk)
    pipelines = Pipeline.objects.in_use()
    last = request.session.get("pipeline", 0)
    found = pipelines.filter(pk=last).first() or pipelines.first()
    if found is None:
        return render(request, "pipeline/no_pipeline.html")
    return redirect("board", found.pk)


@require_GET
def board_page(request: Request, pipeline_id: int) -> HttpResponse:
    pipelines = list(Pipeline.objects.in_use())
    pipeline = next((each for each in pipelines if each.pk == pipeline_id), None)
    if pipeline is None:
        raise Http404
    asked = read_filters(request.GET, request.user, also=("cards",))
    cards = number(request.GET, "cards", PAGE, MOST_CARDS, least=1)
    if request.session.get("pipeline") != pipeline_id:
        request.session["pipeline"] = pipeline_id
    partly = request.htmx and not request.htmx.history_restore_request
    if not partly and "cards" not in request.GET and len(asked.query) < len(request.GET.urlencode()):
        return redirect(address(pipeline_id, asked.query))
    if not partly:
        bulk_messages.tell_finished(request)
    context = {**_context(request, pipeline, asked, cards), "pipelines": pipelines}
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
    context = {**_frame(pipeline, asked), "columns": shown.columns, "offset": offset}
    return render(request, "pipeline/column.html", context)


@require_GET
def board_cards(request: Request, pipeline_id: int) -> HttpResponse:
    """The cards of these deals, the heads of their columns and of `stages`, and the order in which cards stand there."""
    pipeline = get_object_or_404(Pipeline.objects.in_use(), pk=pipeline_id)
    asked = read_filters(request.GET, request.user, also=("deals", "stages", "cards"))
    deals, stages = numbers(request.GET, "deals"), numbers(request.GET, "stages")
    stages |= set(Deal.objects.visible_to(request.user).filter(pk__in=deals).values_list("stage_id", flat=True))
    cards = number(request.GET, "cards", PAGE, MOST_CARDS, least=1)
    context = Origin(pipeline, asked).columns(request, stages, cards, deals)
    return render(request, "pipeline/outcome.html", context)


@require_GET
def board_filters(request: Request, pipeline_id: int) -> HttpResponse:
    """The form of the filters as they are: for its panel on the board, or as a page."""
    pipeline = get_object_or_404(Pipeline.objects.in_use(), pk=pipeline_id)
    asked = read_filters(request.GET, request.user)
    asked.offer_marks_of(pipeline)
    context = {"pipeline": pipeline, "asked": asked}
    return render(request, "pipeline/_filters.html" if request.htmx else "pipeline/filters.html", context)


@require_GET
def board_keys(request: Request) -> HttpResponse:
    """What the keys of the board do."""
    return render(request, "pipeline/keys.html")


def number(data: QueryDict, name: str, default: int, largest: int, least: int = 0) -> int:
    text = data.get(name, str(default))
    if not (text.isascii() and text.isdigit() and len(text) < 8 and least <= int(text) <= largest):
        named = {"name": name, "text": text[:40], "least": least, "most": largest}
        raise BadRequest(_("“%(name)s” must be a number from %(least)d to %(most)d, not “%(text)s”.") % named)
    return int(text)


def numbers(data: QueryDict, name: str) -> set[int]:
    """“3,14,15”, at most as many as a column may show."""
    parts = [part for part in data.get(name, "").split(",") if part]
    if len(parts) > MOST_CARDS or not all(part.isascii() and part.isdigit() and len(part) < 19 for part in parts):
        raise BadRequest(_("“%(name)s” must be numbers with commas between them.") % {"name": name})
    return {int(part) for part in parts}


def address(pipeline_id: int, query: str = "") -> str:
    return reverse("board", args=[pipeline_id]) + (f"?{query}" if query else "")


def deals_at() -> str:
    """The beginning of the addresses of deals."""
    return reverse("deal-new").removesuffix("new/")


def _frame(pipeline: Pipeline, asked: Asked) -> dict[str, Any]:
    """What columns and cards need besides themselves."""
    return {
        "pipeline": pipeline,
        "asked": asked,
        "query": asked.query,
        "board_at": address(pipeline.pk),
        "deals_at": deals_at(),
    }


def _context(request: Request, pipeline: Pipeline, asked: Asked, cards: int) -> dict[str, Any]:
    shown = board.read(request.user, pipeline, asked.filters, limit=cards)
    return {
        **_frame(pipeline, asked),
        "board": shown,
        "read_at": cursor_of(shown.read_at),
        "cards": cards,
        "orders": [(key, label, ordered(asked, key)) for key, label in ORDERS.items()],
        "order": ORDERS[asked.filters.order],
        "facts": choices(FACTS, asked.filters.facts, asked),
        "others": others(asked, "facts"),
        "hidden": [name for name in FACTS if not asked.filters.shows(name)],
        "legend": [(rule, mark_toggled(asked, rule)) for rule in shown.rules],
        "toggles": [toggle(asked, name) for name in ("over", "idle", "no_next")],
    }


def ordered(asked: Asked, order: str) -> str:
    query = QueryDict(asked.query, mutable=True)
    query["order"] = order
    return query.urlencode()


def mark_toggled(asked: Asked, rule: CardRule) -> str:
    """The address with this mark as a filter, or without it."""
    query = QueryDict(asked.query, mutable=True)
    if query.pop("mark", None) != [str(rule.pk)]:
        query["mark"] = str(rule.pk)
    return query.urlencode()


@dataclass(frozen=True)
class Toggle:
    """A filter that one click turns on and off."""

    name: str
    label: str
    on: bool
    query: str


def toggle(asked: Asked, name: str) -> Toggle:
    query = QueryDict(asked.query, mutable=True)
    on = bool(query.pop(name, None))
    if not on:
        query[name] = "1"
    return Toggle(name, str(asked.form.fields[name].label), on, query.urlencode())


# --- The board that a request comes from


@dataclass(frozen=True)
class Origin:
    pipeline: Pipeline
    asked: Asked

    @property
    def url(self) -> str:
        return address(self.pipeline.pk, self.asked.query)

    def columns(
        self, request: Request, stages: set[int], cards: int = PAGE, draw: Collection[int] | None = None
    ) -> dict[str, Any]:
        """The context that draws these columns again, from the database; with `draw` only the cards of these deals."""
        shown = board.read(request.user, self.pipeline, self.asked.filters, only=stages, draw=draw, limit=cards)
        return {
            **_frame(self.pipeline, self.asked),
            "columns": shown.columns,
            "drawn": draw,
            "read_at": cursor_of(shown.read_at),
        }


def page_at(request: Request, url: str, name: str) -> tuple[Pipeline, QueryDict] | None:
    """The pipeline that this address of ours shows in a page of this name, and what the address asks; None for any other page."""
    if not url_has_allowed_host_and_scheme(url, {request.get_host()}, require_https=request.is_secure()):
        return None
    parts = urlsplit(url)
    try:
        match = resolve(parts.path)
    except Resolver404:
        return None
    if match.url_name != name:
        return None
    pipeline = Pipeline.objects.in_use().filter(pk=match.kwargs["pipeline_id"]).first()
    return (pipeline, QueryDict(parts.query)) if pipeline else None


def origin_of(request: Request, url: str) -> Origin | None:
    """The board at this address of ours, with its filters; None for any other page."""
    found = page_at(request, url, "board")
    if found is None:
        return None
    pipeline, query = found
    try:
        return Origin(pipeline, read_filters(query, request.user, also=("cards",)))
    except BadRequest:
        return Origin(pipeline, read_filters(QueryDict(), request.user))


def shown_on(request: Request) -> Origin | None:
    """The board from which a part of the page asks, or to which a plain form goes back. Read once a request."""
    if not hasattr(request, "_shown_on"):
        url = request.headers.get("HX-Current-URL", "") or request.POST.get("next", "")
        request._shown_on = origin_of(request, url)  # type: ignore[attr-defined]
    origin: Origin | None = request._shown_on  # type: ignore[attr-defined]
    return origin


def came_from(request: Request) -> str:
    """Where a page of a form goes back to: the page with the link to it, if it is one of ours."""
    given = request.POST.get("next") or request.GET.get("next") or request.headers.get("Referer", "")
    if not url_has_allowed_host_and_scheme(given, {request.get_host()}, require_https=request.is_secure()):
        return ""
    parts = urlsplit(given)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path
