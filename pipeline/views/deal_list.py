"""The doors to the list of a pipeline's deals: the page, its filters, and the close date that is put off."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from django.contrib import messages
from django.core.exceptions import BadRequest, ValidationError
from django.http import HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from crm.models.audit import Via
from crm.paging import page_of
from crm.visitors import Request
from pipeline import close_dates, deals
from pipeline.board import COLUMNS, ORDERS, SORTS, Listing
from pipeline.doors import deal_to_edit
from pipeline.forms.bulk import kinds
from pipeline.forms.filters import Asked, ListForm, read_filters
from pipeline.forms.gate import Wish, cards_on_screen
from pipeline.models import Pipeline
from pipeline.views import outcomes
from pipeline.views.answers import number, show
from pipeline.views.boards import came_from, deals_at, ordered, shown_on, toggle
from pipeline.views.bulk_messages import tell_finished
from pipeline.views.shown import choices, others

DESCENDING_FIRST = ("value", "days")


@require_GET
def deal_list(request: Request, pipeline_id: int) -> HttpResponse:
    pipeline = get_object_or_404(Pipeline.objects.in_use(), pk=pipeline_id)
    asked = read_filters(request.GET, request.user, also=("page",), form_class=ListForm)
    if request.session.get("pipeline") != pipeline_id:
        request.session["pipeline"] = pipeline_id
    if "page" not in request.GET and len(asked.query) < len(request.GET.urlencode()):
        return redirect(address(pipeline_id, asked.query))
    tell_finished(request)
    page = page_of(request, Listing(request.user, pipeline, asked.filters))
    return render(request, "pipeline/list.html", _context(request, pipeline, asked) | {"page": page})


@require_GET
def list_filters(request: Request, pipeline_id: int) -> HttpResponse:
    """The form of the filters as they are: for its panel in the list, or as a page."""
    pipeline = get_object_or_404(Pipeline.objects.in_use(), pk=pipeline_id)
    asked = read_filters(request.GET, request.user, form_class=ListForm)
    asked.offer_marks_of(pipeline)
    context = {"pipeline": pipeline, "asked": asked, "listing": True}
    return render(request, "pipeline/_filters.html" if request.htmx else "pipeline/filters.html", context)


@require_GET
def no_next_count(request: Request, pipeline_id: int) -> HttpResponse:
    """How many open deals of the board or the list on the screen have no next step: beside the switch that shows them."""
    pipeline = get_object_or_404(Pipeline.objects.in_use(), pk=pipeline_id)
    asked = read_filters(request.GET, request.user, also=("page", "cards"), form_class=ListForm)
    without = replace(asked.filters, no_next=True, status="")
    return render(request, "pipeline/_no_next.html", {"count": Listing(request.user, pipeline, without).count()})


@require_POST
def close_date(request: Request, pk: int) -> HttpResponse:
    """Puts off the day on which the deal is expected to close."""
    deal = deal_to_edit(request, pk)
    step = next((each for each in close_dates.STEPS if each == request.POST.get("by")), None)
    if step is None:
        raise BadRequest(_("The date moves on by a week, a month, or to the end of the quarter."))
    version = number(request.POST.get("version", ""))
    origin = shown_on(request)
    try:
        outcome = close_dates.move_on(
            deal.pk, step, version=version, by=request.user, via=Via.BOARD if origin else Via.PAGE
        )
    except ValidationError as refusal:
        messages.error(request, " ".join(refusal.messages))
        return _after(request, pk, deal.stage_id)
    day = outcome.deal.expected_close
    named = {"deal": deal.title, "day": date_format(day, "j M Y") if day else "–"}
    if isinstance(outcome, deals.Conflict):
        messages.error(request, _("Somebody was quicker: “%(deal)s” closes on %(day)s now.") % named)
    else:
        messages.success(request, _("“%(deal)s” is expected to close on %(day)s.") % named)
    return _after(request, pk, deal.stage_id)


def _after(request: Request, pk: int, stage_id: int) -> HttpResponse:
    """Its card on a board, its facts on its page, or back to where the form stood."""
    if request.htmx and shown_on(request):
        deal = deal_to_edit(request, pk)
        return outcomes.show_card(request, deal, Wish(to=stage_id, cards=cards_on_screen(request.POST)))
    if request.htmx:
        return show(request, pk, "head", "facts", "way", "gate", "timeline")
    return redirect(came_from(request) or reverse("deal", args=[pk]))


def address(pipeline_id: int, query: str = "") -> str:
    return reverse("deal-list", args=[pipeline_id]) + (f"?{query}" if query else "")


@dataclass(frozen=True)
class Head:
    """A column's head: where a click leads, if anywhere, and which way it is sorted now, in the words of `aria-sort`."""

    name: str
    label: str
    query: str
    now: str


def _heads(asked: Asked) -> list[Head]:
    heads = []
    for name in asked.filters.columns or COLUMNS:
        label = COLUMNS[name]
        if name not in SORTS:
            heads.append(Head(name, str(label), "", ""))
            continue
        down = f"-{name}"
        first, second = (down, name) if name in DESCENDING_FIRST else (name, down)
        sort = asked.filters.sort
        now = {name: "ascending", down: "descending"}.get(sort, "")
        heads.append(Head(name, str(label), changed(asked.query, sort=second if sort == first else first), now))
    return heads


def changed(query: str, **values: str) -> str:
    """The address with other values; an empty one takes it out."""
    data = QueryDict(query, mutable=True)
    for name, value in values.items():
        data.pop(name, None)
        if value:
            data[name] = value
    return data.urlencode()


def _context(request: Request, pipeline: Pipeline, asked: Asked) -> dict[str, Any]:
    return {
        "pipeline": pipeline,
        "asked": asked,
        "board_query": changed(asked.query, sort="", status="", columns=""),
        "deals_at": deals_at(),
        "heads": _heads(asked),
        "shown": asked.filters.columns or tuple(COLUMNS),
        "columns": choices(COLUMNS, asked.filters.columns, asked, "columns"),
        "others": others(asked, "columns"),
        "kinds": kinds(request.user),
        "here": request.get_full_path(),
        "pipelines": list(Pipeline.objects.in_use()),
        "orders": [(key, label, changed(ordered(asked, key), sort="")) for key, label in ORDERS.items()],
        "order": SORTS[asked.filters.sort.removeprefix("-")] if asked.filters.sort else ORDERS[asked.filters.order],
        "toggles": [toggle(asked, name) for name in ("over", "idle", "no_next")],
    }
