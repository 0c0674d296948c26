"""Merging two deals: finding the other one, looking at both, and after it the history of the one that was merged."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from crm.models.audit import Via
from crm.paging import query_of
from crm.visitors import Request
from pipeline import merge_page, merging
from pipeline.doors import deal_to_edit
from pipeline.forms.merging import MergeForm
from pipeline.merge_page import MergePage
from pipeline.merging import Merged, Newer
from pipeline.models import Deal
from pipeline.timeline import Entry
from pipeline.views.answers import number


@require_http_methods(["GET", "HEAD", "POST"])
def merge_deals(request: Request, pk: int) -> HttpResponse:
    """Without `other` a search for it; with it both side by side. The deal of the address survives."""
    deal = deal_to_edit(request, pk)
    if request.method != "POST":
        named = request.GET.get("other", "")
        return _show(request, deal, deal_to_edit(request, number(named))) if named else _find(request, deal)
    return _merge(request, deal, deal_to_edit(request, number(request.POST.get("other", ""))))


def _find(request: Request, deal: Deal, refused: str = "", status: int = 200) -> HttpResponse:
    query = query_of(request)
    found = merge_page.candidates(deal, request.user, query)
    context = {"deal": deal, "query": query, "found": found, "refused": refused}
    return render(request, "pipeline/merge/find.html", context, status=status)


def _merge(request: Request, deal: Deal, other: Deal) -> HttpResponse:
    seen = number(request.POST.get("version", "")), number(request.POST.get("other_version", ""))
    form = MergeForm(request.POST, differences=MergePage(deal, other).differences)
    if not form.is_valid():  # a field came to differ since they looked
        return _show(request, deal, other, 409, news=_news(deal, other, seen))
    outcome = merging.merge(deal.pk, other.pk, by=request.user, via=Via.PAGE, take=form.taken(), versions=seen)
    if isinstance(outcome, Merged):
        messages.success(request, _("“%(title)s” is part of this deal now.") % {"title": outcome.other.title})
        return redirect("deal", deal.pk)
    if isinstance(outcome, Newer):
        deal, other = deal_to_edit(request, deal.pk), deal_to_edit(request, other.pk)
        return _show(request, deal, other, 409, news=_news(deal, other, seen))
    return _find(request, deal, outcome.message, 409)


def _show(request: Request, deal: Deal, other: Deal, status: int = 200, **more: Any) -> HttpResponse:
    if other == deal:
        return _find(request, deal)
    page = MergePage(deal, other)
    context = {"deal": deal, "other": other, "page": page, "form": MergeForm(differences=page.differences), **more}
    return render(request, "pipeline/merge/page.html", context, status=status)


def _news(deal: Deal, other: Deal, seen: tuple[int, int]) -> list[tuple[Deal, list[Entry]]]:
    """Of each that was changed since, what happened."""
    changed = [(each, version) for each, version in zip((deal, other), seen, strict=True) if version != each.version]
    return [(each, merge_page.news(each, version)) for each, version in changed]
