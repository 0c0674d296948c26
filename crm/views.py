"""The doors that all share: where one lands, and the search."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET

from crm import search
from crm.paging import query_of
from crm.visitors import Request


@require_GET
def home(request: Request) -> HttpResponse:
    return redirect("board-default")


@require_GET
def search_page(request: Request) -> HttpResponse:
    query = query_of(request)
    return render(request, "search.html", {"query": query, "groups": search.search(request.user, query)})
