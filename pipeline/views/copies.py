"""A deal once more: one click, and what its first stage asks for in the usual dialog."""

from __future__ import annotations

import secrets
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from crm.models.audit import Via
from crm.visitors import Request
from pipeline import opening
from pipeline.doors import deal_to_edit
from pipeline.forms.gate import GateForm, Wish, read_wish
from pipeline.models import Deal
from pipeline.moves import Moved, Refused
from pipeline.views import outcomes
from pipeline.views.answers import leave
from pipeline.views.asking import answered, given, refused


@require_POST
def duplicate(request: Request, pk: int) -> HttpResponse:
    """Leads to the new deal."""
    deal = deal_to_edit(request, pk)
    stage = opening.first_stage(deal)
    wish = read_wish(request.POST, versioned=False) if "asked" in request.POST else Wish(stage.pk if stage else 0)
    form = answered(request, stage, wish, currency=deal.currency)
    if form is not None and not form.is_valid():
        return _show_gate(request, deal, form, wish)
    filled: dict[str, Any] = {name: value for name, value in given(form).items() if name in ("fill", "override")}
    key = request.POST.get("once_key", "") or secrets.token_hex(16)
    title = request.POST.get("title", "")
    outcome = opening.duplicate(deal, by=request.user, via=Via.PAGE, once_key=key, title=title, **filled)
    if isinstance(outcome, Moved):
        messages.success(request, _("This is the copy. What happened so far stays with the first deal."))
        return leave(request, reverse("deal", args=[outcome.deal.pk]))
    if isinstance(outcome, Refused) and outcome.to_stage is not None:
        return _show_gate(request, deal, refused(request, None, outcome, form, deal.currency), wish, outcome)
    messages.error(request, getattr(outcome, "message", ""))
    return leave(request, reverse("deal", args=[deal.pk]))


def _show_gate(
    request: Request, deal: Deal, form: GateForm, wish: Wish, refusal: Refused | None = None
) -> HttpResponse:
    title = request.POST.get("title", "") or opening.name_of_copy(deal)
    action, back = reverse("deal-duplicate", args=[deal.pk]), reverse("deal", args=[deal.pk])
    return outcomes.show_gate(request, None, form, wish, refusal, action=action, title=title, next=back)
