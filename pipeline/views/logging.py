"""Logging what was said: choose what it was, type, Enter. What the buyer agreed to and proofs of it."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from crm.models.audit import Via
from crm.visitors import Request
from leads.models import ActivityType
from pipeline import commitments, followups, logbook
from pipeline.doors import deal_to_edit
from pipeline.forms.daily import EvidenceForm, LogForm
from pipeline.models import Deal, EntryCondition
from pipeline.views.answers import ask, number, read_page, refuse, show

AFTER_LOGGING = ("log", "head", "way", "gate", "tasks", "timeline")
AFTER_TICKING = ("head", "way", "gate", "timeline")


@require_http_methods(["GET", "HEAD", "POST"])
def log(request: Request, pk: int) -> HttpResponse:
    """Step one without `type`, step two with it."""
    deal = deal_to_edit(request, pk)
    page = read_page(request, deal)
    if request.method != "POST" and "type" not in request.GET:
        return ask(request, deal, "log_types.html", _("Log what happened"), {"page": page})
    chosen = number(request.POST.get("type") or request.GET.get("type", ""))
    type = get_object_or_404(ActivityType.objects.in_use(), pk=chosen)
    sent = request.POST if request.method == "POST" else None
    form = LogForm(sent, type=type, people=page.people, to_agree=page.gate.to_agree)
    context = {"form": form, "type": type, "page": page}
    if sent is not None and form.is_valid():
        try:
            made = logbook.log(
                deal.pk, form.entry(), by=request.user, via=Via.PAGE, agreed=form.agreed_ids(),
                evidence=form.cleaned_data.get("evidence", ""), once_key=form.cleaned_data["once_key"],
            )  # fmt: skip
        except ValidationError as refusal:
            form.take(refusal)
        else:
            said = _("Logged: %(type)s.") % {"type": type.name} if made else _("This was saved already.")
            return show(request, deal.pk, *AFTER_LOGGING, said=said, just_logged=True)
    return ask(request, deal, "log_form.html", _("Log: %(type)s") % {"type": type.name}, context, 422 if sent else 200)


@require_http_methods(["GET", "HEAD", "POST"])
def commit(request: Request, pk: int) -> HttpResponse:
    """Tick a condition: one click, or the proof where one is asked for."""
    deal = deal_to_edit(request, pk)
    condition = _condition(request, deal)
    sent = request.POST if request.method == "POST" else None
    form = EvidenceForm(sent, condition=condition)
    if sent is not None and (form.is_valid() or not condition.needs_evidence):
        try:
            with followups.holding(deal.pk) as locked:
                commitments.record(
                    locked, condition.pk, by=request.user, evidence=form.cleaned_data.get("evidence", "")
                )
        except ValidationError as refusal:
            if not condition.needs_evidence:
                return refuse(request, deal.pk, *AFTER_TICKING, why=" ".join(refusal.messages))
            form.take(refusal)
        else:
            return show(request, deal.pk, *AFTER_TICKING, said=_("Noted: %(what)s.") % {"what": condition.label})
    context: dict[str, Any] = {"form": form, "condition": condition}
    return ask(request, deal, "evidence_form.html", condition.label, context, 422 if sent else 200)


@require_POST
def withdraw(request: Request, pk: int) -> HttpResponse:
    deal = deal_to_edit(request, pk)
    condition = _condition(request, deal)
    with followups.holding(deal.pk) as locked:
        commitments.withdraw(locked, condition.pk, by=request.user)
    return show(request, deal.pk, *AFTER_TICKING, said=_("Withdrawn: %(what)s.") % {"what": condition.label})


def _condition(request: Request, deal: Deal) -> EntryCondition:
    sent = request.POST if request.method == "POST" else request.GET
    rows = EntryCondition.objects.filter(stage__pipeline=deal.pipeline_id, kind__in=["commitment", "by_hand"])
    return get_object_or_404(rows, pk=number(sent.get("condition", "")))
