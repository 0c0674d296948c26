"""Value and close date of a deal, changed from the board or the list."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods
from django_htmx.http import trigger_client_event

from crm.models.audit import Via
from crm.visitors import Request
from pipeline import deals
from pipeline.doors import deal_to_edit
from pipeline.forms.deal_fields import QuickForm
from pipeline.forms.gate import Wish, cards_on_screen
from pipeline.models import Deal
from pipeline.views import outcomes, rows
from pipeline.views.answers import number
from pipeline.views.boards import came_from
from pipeline.views.fields import in_words


@require_http_methods(["GET", "HEAD", "POST"])
def quick_edit(request: Request, pk: int) -> HttpResponse:
    deal = deal_to_edit(request, pk)
    form = QuickForm(request.POST if request.method == "POST" else None, deal=deal, reader=request.user, slot="quick")
    if request.method != "POST":
        return _ask(request, deal, form)
    version = number(request.POST.get("version", ""))
    if not form.is_valid():
        return _ask(request, deal, form, 422, version=version)
    try:
        outcome = deals.edit(deal.pk, form.changes(), version=version, by=request.user, via=Via.BOARD)
    except ValidationError as refusal:
        form.take(refusal)
        return _ask(request, deal, form, 422, version=version)
    if isinstance(outcome, deals.Conflict):
        theirs = [in_words(clash, outcome.deal) for clash in outcome.clashes]
        return _ask(request, outcome.deal, form, 409, theirs=theirs)
    if rows.is_listed(request):
        answer = rows.show_row(request, outcome.deal, "value", _("Saved.") if outcome.changed else "")
        return trigger_client_event(answer, "dialog:close")
    if outcome.changed:
        messages.success(request, _("Saved."))
    return outcomes.show_card(request, outcome.deal, Wish(to=deal.stage_id, cards=cards_on_screen(request.POST)))


def _ask(request: Request, deal: Deal, form: QuickForm, status: int = 200, **more: Any) -> HttpResponse:
    context = {"deal": deal, "form": form, "version": deal.version, "next": came_from(request), **more}
    return render(request, "pipeline/quick_form.html", context, status=status)
