"""How the doors of a deal answer: parts of its page as they are now, or a small form; each also as a plain page."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django_htmx.http import HttpResponseClientRedirect, reswap, trigger_client_event

from crm.forms import Form
from crm.visitors import Request
from pipeline import access, deal_page
from pipeline.deal_page import DealPage
from pipeline.doors import manages
from pipeline.forms.daily import CommentForm
from pipeline.models import Deal

LARGEST = 2**31 - 1


def number(text: str) -> int:
    """A number that a form of ours carries; BadRequest for what cannot be one."""
    if not (text.isascii() and text.isdecimal()) or not 0 < int(text[:12]) <= LARGEST:
        raise BadRequest(_("A number in the form makes no sense. Open the page again."))
    return int(text)


def read_page(request: Request, deal: Deal, skip: int = 0, upto: str = "") -> DealPage:
    may_edit = deal.deleted_at is None and access.edits_deal(request.user, deal.pk, deal.owner_id)
    may_manage = may_edit and manages(request.user, deal)
    return deal_page.read(deal, request.user, may_edit=may_edit, may_manage=may_manage, skip=skip, upto=upto)


def show(request: Request, deal_pk: int, *parts: str, said: str = "", **context: Any) -> HttpResponse:
    """After a change: the named parts as they are in the database. Without htmx, back to the deal."""
    if said:
        messages.success(request, said)
    deal = Deal.objects.visible_to(request.user).with_names().filter(pk=deal_pk).first()
    if deal is None or not request.htmx:
        return leave(request, reverse("deal", args=[deal_pk]) if deal else reverse("home"))
    context |= {"page": read_page(request, deal), "parts": [f"pipeline/deal/_{part}.html" for part in parts]}
    if "talk" in parts:
        context["comment_form"] = CommentForm()
    response = reswap(render(request, "pipeline/deal/parts.html", context), "none")
    return trigger_client_event(response, "deal:changed")


def leave(request: Request, address: str) -> HttpResponse:
    """To another page, whichever way the request came."""
    return HttpResponseClientRedirect(address) if request.htmx else HttpResponseRedirect(address)


def ask(
    request: Request, deal: Deal, fragment: str, heading: str, context: dict[str, Any], status: int = 200
) -> HttpResponse:
    """A small form: by itself for htmx, else on a page of its own."""
    context |= {"deal": deal, "heading": heading, "fragment": f"pipeline/deal/{fragment}"}
    return render(
        request, f"pipeline/deal/{fragment}" if request.htmx else "pipeline/deal/form.html", context, status=status
    )


def refuse(request: Request, deal_pk: int, *parts: str, why: str) -> HttpResponse:
    """What a rule refused and no form can take: said in words beside the truth."""
    messages.error(request, why)
    return show(request, deal_pk, *parts)


def words_of(form: Form) -> str:
    """What is wrong with a form that has no place of its own to say it."""
    return " ".join(str(error) for errors in form.errors.values() for error in errors)
