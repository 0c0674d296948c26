"""The doors that all share: where one lands, and the search."""

from __future__ import annotations

from urllib.parse import urlsplit

from django.core.exceptions import BadRequest
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET

from crm import search
from crm.paging import query_of
from crm.visitors import Request

PALETTE = 5
"""So many of each kind while one types; the page of the search shows more."""


@require_GET
def home(request: Request) -> HttpResponse:
    """A rep begins with what there is to do, whoever manages with how it stands."""
    return redirect("board-default" if request.user.is_manager else "my-day")


@require_GET
def search_page(request: Request) -> HttpResponse:
    if request.htmx:
        return _found(request)
    query = query_of(request)
    return render(request, "search.html", {"query": query, "groups": search.search(request.user, query)})


def _found(request: Request) -> HttpResponse:
    """The list of the search window. What cannot be searched for is said in it."""
    try:
        query = query_of(request)
    except BadRequest as refusal:
        return render(request, "_found.html", {"refusal": str(refusal)}, status=422)
    groups = search.search(request.user, query, PALETTE) if query else search.start(request.user, _here(request))
    context = {"query": query, "groups": groups, "count": sum(len(group.hits) for group in groups)}
    return render(request, "_found.html", context)


def _here(request: Request) -> str:
    return urlsplit(request.htmx.current_url or "").path
