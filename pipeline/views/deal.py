"""The page of a deal and its timeline, the lists of deals on other pages, deleting and bringing back."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from crm.models.audit import Via
from crm.paging import page_of
from crm.visitors import Request
from leads.models import Contact, Organization
from pipeline import deals
from pipeline.doors import deal_to_manage, deal_to_see, deleted_deal, manages
from pipeline.models import Deal
from pipeline.views.answers import ask, leave, number, read_page, show

LIST_SHOWN = 50


@require_GET
def page(request: Request, pk: int) -> HttpResponse:
    deal = Deal.objects.visible_to(request.user).with_names().filter(pk=pk).first()
    if deal is None:
        return show_gone(request, deleted_deal(request, pk))
    return render(request, "pipeline/deal/page.html", {"page": read_page(request, deal)})


def show_gone(request: Request, deal: Deal) -> HttpResponse:
    """That it was deleted, or the deal that it is part of now."""
    context = {"deal": deal, "may_restore": deal.merged_into_id is None and manages(request.user, deal)}
    return render(request, "pipeline/deal/gone.html", context, status=410)


@require_GET
def older(request: Request, pk: int) -> HttpResponse:
    """More of the timeline: `skip` says how many are on the screen."""
    deal = deal_to_see(request, pk)
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
