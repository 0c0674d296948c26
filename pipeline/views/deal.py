"""The page of a deal and its timeline, the lists of deals on other pages, deleting and bringing back."""

from __future__ import annotations

from django.http import HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from crm.models.audit import Via
from crm.paging import page_of
from crm.visitors import Request
from leads.models import Contact, Organization
from pipeline import deals, merging
from pipeline.doors import deal_to_manage, deleted_deal, manages, merged_deal
from pipeline.forms.daily import CommentForm
from pipeline.models import Deal
from pipeline.views.answers import ask, leave, number, read_page, show
from pipeline.views.bulk_messages import tell_finished

LIST_SHOWN = 50
WENT_OVER = ("comment-", "activity-", "task-", "file-", "unfiled-", "said-", "withdrawn-")
"""Entries of a timeline that a merge takes along, by their keys."""


@require_GET
def page(request: Request, pk: int) -> HttpResponse:
    """`entry` names one of the timeline, which is then shown however old it is."""
    deal = Deal.objects.visible_to(request.user).with_names().filter(pk=pk).first()
    if deal is None:
        return show_gone(request, deleted_deal(request, pk))
    tell_finished(request)
    shown = read_page(request, deal, upto=request.GET.get("entry", "")[:60])
    return render(request, "pipeline/deal/page.html", {"page": shown, "comment_form": CommentForm()})


def show_gone(request: Request, deal: Deal) -> HttpResponse:
    """That it was deleted; or of a merged one its history, and the deal that it is part of now."""
    found = merging.history_for(request.user, deal.pk)
    if found is not None:
        deal, survivor = found
        entry = request.GET.get("entry", "")[:60]
        if entry.startswith(WENT_OVER):  # a link in an old mail finds what it means
            there = QueryDict(mutable=True)
            there["entry"] = entry
            return redirect(f"{reverse('deal', args=[survivor.pk])}?{there.urlencode()}#entry-{entry}")
        shown = read_page(request, deal, upto=entry)
        shown.now = deal.deleted_at or shown.now  # its last stay grows no longer
        return render(request, "pipeline/merge/history.html", {"page": shown, "survivor": survivor}, status=410)
    context = {"deal": deal, "may_restore": deal.merged_into_id is None and manages(request.user, deal)}
    return render(request, "pipeline/deal/gone.html", context, status=410)


@require_GET
def older(request: Request, pk: int) -> HttpResponse:
    """More of the timeline: `skip` says how many are on the screen. Also of a merged deal."""
    deal = Deal.objects.visible_to(request.user).with_names().filter(pk=pk).first()
    if deal is None:
        deal, _survivor = merged_deal(request, pk)
    shown = read_page(request, deal, skip=min(number(request.GET.get("skip", "30")), 10_000))
    template = "pipeline/deal/older.html" if request.htmx else "pipeline/deal/timeline.html"
    return render(request, template, {"page": shown})


@require_http_methods(["GET", "HEAD", "POST"])
def delete(request: Request, pk: int) -> HttpResponse:
    deal = deal_to_manage(request, pk)
    if request.method != "POST":
        return ask(request, deal, "delete_form.html", _("Delete this deal?"), {})
    deals.delete(deal.pk, by=request.user, via=Via.PAGE)
    return leave(request, reverse("deal", args=[deal.pk]))


@require_POST
def restore(request: Request, pk: int) -> HttpResponse:
    deal = Deal.objects.visible_to(request.user).filter(pk=pk).first() or deleted_deal(request, pk)
    if deal.merged_into_id is not None or not manages(request.user, deal):
        return render(request, "403.html", status=403)
    deals.restore(deal.pk, by=request.user, via=Via.PAGE)
    return show(request, deal.pk, said=_("The deal is back."))


# --- Deals on the pages of organizations and contacts


@require_GET
def of_organization(request: Request, pk: int) -> HttpResponse:
    organization = get_object_or_404(Organization.objects.visible_to(request.user), pk=pk)
    rows = Deal.objects.visible_to(request.user).of_organization(organization)
    return _list(request, rows, organization.name, reverse("organization", args=[pk]))


@require_GET
def of_contact(request: Request, pk: int) -> HttpResponse:
    contact = get_object_or_404(Contact.objects.visible_to(request.user), pk=pk)
    rows = Deal.objects.visible_to(request.user).of_contact(contact)
    return _list(request, rows, contact.name, reverse("contact", args=[pk]))


def _list(request: Request, rows: object, name: str, back: str) -> HttpResponse:
    shown = page_of(request, rows, LIST_SHOWN)  # type: ignore[arg-type]
    template = "pipeline/deal/_list.html" if request.htmx else "pipeline/deal/list.html"
    return render(request, template, {"page": shown, "name": name, "back": back})
