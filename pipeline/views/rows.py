"""One row of a list, drawn again from the database: after a cell was changed, or somebody else's change was left."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import BadRequest
from django.http import HttpResponse, QueryDict
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET
from django_htmx.http import reswap, retarget, trigger_client_event

from crm.visitors import Request
from pipeline.board import COLUMNS, Listing
from pipeline.doors import deal_to_see
from pipeline.fields import DEAL_FIELDS
from pipeline.forms.filters import ListForm, read_filters
from pipeline.models import Deal, Pipeline
from pipeline.views.boards import deals_at, page_at

_LABELS = {field.name: field.label for field in DEAL_FIELDS}
CELLS = {"title": "title", "value": "value", "expected_close": "close", "owner": "owner"}
"""Fields that are changed in the list, and the columns in which they stand."""


@require_GET
def deal_row(request: Request, pk: int) -> HttpResponse:
    return show_row(request, deal_to_see(request, pk))


def is_listed(request: Request) -> bool:
    return bool(request.htmx) and _list_of(request) is not None


def show_row(request: Request, deal: Deal, field: str = "", said: str = "") -> HttpResponse:
    """Where the row stands on the screen; with the field that was changed, and what is said of it to who cannot see it."""
    found = _list_of(request)
    if found is None or found[0].pk != deal.pipeline_id:
        return HttpResponse(headers={"HX-Refresh": "true"})
    pipeline, query = found
    filters = read_filters(query, request.user, also=("page",), form_class=ListForm).filters
    context = {
        "rows": Listing(request.user, pipeline, filters).rows([deal.pk]),
        "shown": filters.columns or tuple(COLUMNS),
        "deals_at": deals_at(),
        "here": request.htmx.current_url_abs_path,
    }
    response = render(request, "pipeline/row.html", context)
    told: dict[str, Any] = {"deal": deal.pk, "cell": CELLS.get(field, ""), "said": said}
    response = trigger_client_event(response, "list:drawn", told, after="swap")
    return reswap(retarget(response, f"#deal-{deal.pk}"), "outerHTML")


def saved_words(deal: Deal, field: str) -> str:
    return _("Saved: %(field)s of “%(deal)s”.") % {"field": _LABELS[field], "deal": deal.title}


def _list_of(request: Request) -> tuple[Pipeline, QueryDict] | None:
    """The list from which a part of the page asks, with what its address says."""
    found = page_at(request, request.headers.get("HX-Current-URL", ""), "deal-list")
    if found is None:
        return None
    try:
        read_filters(found[1], request.user, also=("page",), form_class=ListForm)
    except BadRequest:
        return found[0], QueryDict()
    return found
