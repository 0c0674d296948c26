"""Asking for approval, and the list of what waits for a manager."""

from __future__ import annotations

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from django_htmx.http import trigger_client_event

from crm.visitors import Request
from pipeline import approvals
from pipeline.doors import deal_to_edit
from pipeline.forms.daily import AskForm, DecisionForm
from pipeline.models import Approval, Deal, EntryCondition
from pipeline.views.answers import ask as ask_form
from pipeline.views.answers import number, refuse, show, words_of

PARTS = ("gate", "timeline")


@require_http_methods(["GET", "HEAD", "POST"])
def ask(request: Request, pk: int) -> HttpResponse:
    deal = deal_to_edit(request, pk)
    sent = request.POST if request.method == "POST" else None
    rows = EntryCondition.objects.filter(stage__pipeline=deal.pipeline_id, kind="approval")
    condition = get_object_or_404(rows, pk=number((sent or request.GET).get("condition", "")))
    form = AskForm(sent, auto_id=f"ask-{condition.pk}-%s")
    if sent is None or not form.is_valid():
        context = {"form": form, "condition": condition}
        return ask_form(request, deal, "ask_form.html", condition.label, context, 422 if sent else 200)
    try:
        approvals.ask(deal.pk, condition.pk, by=request.user, why=form.cleaned_data["why"])
    except ValidationError as refusal:
        return refuse(request, deal.pk, *PARTS, why=" ".join(refusal.messages))
    return show(request, deal.pk, *PARTS, said=_("Asked for approval."))


@require_GET
def waiting(request: Request) -> HttpResponse:
    return render(request, "pipeline/deal/approvals.html", {"waiting": approvals.waiting_for(request.user)})


@require_GET
def count(request: Request) -> HttpResponse:
    number_waiting = approvals.waiting_for(request.user).count()
    return render(request, "pipeline/deal/_approvals_count.html", {"count": number_waiting})


@require_POST
def decide(request: Request, pk: int) -> HttpResponse:
    """From the list, or with `from=deal` from the page of the deal."""
    seen = Approval.objects.filter(deal__in=Deal.objects.visible_to(request.user)).select_related("condition", "deal")
    approval = get_object_or_404(seen, pk=pk)
    if not approvals.decided_by(request.user).filter(pk=approval.deal_id).exists():
        raise PermissionDenied
    form = DecisionForm(request.POST)
    why = ""
    if form.is_valid():
        try:
            approve = form.cleaned_data["approve"] == "1"
            approvals.decide(pk, by=request.user, approve=approve, reason=form.cleaned_data["reason"])
        except ValidationError as refusal:
            why = " ".join(refusal.messages)
    else:
        why = words_of(form)
    return _answer(request, approval, why)


def _answer(request: Request, approval: Approval, why: str) -> HttpResponse:
    if why:
        messages.error(request, why)
    else:
        messages.success(request, _("Answered: %(what)s.") % {"what": approval.condition.label})
    if request.POST.get("from") == "deal":
        return trigger_client_event(show(request, approval.deal_id, *PARTS), "approvals:changed")
    if not request.htmx:
        return redirect("approvals")
    again = {"pk": approval.pk, "reason": request.POST.get("reason", ""), "why": why}
    context = {"waiting": approvals.waiting_for(request.user), "again": again}
    response = render(request, "pipeline/deal/approvals_answer.html", context, status=422 if why else 200)
    return trigger_client_event(response, "approvals:changed")
