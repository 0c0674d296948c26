"""What changes how a deal stands without moving it on: pause, reopening, and the corrections of a manager."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST
from django_htmx.http import reswap, retarget

from crm.models.audit import Via
from crm.visitors import Request
from pipeline import followups, moves
from pipeline.doors import deal_to_edit, deal_to_manage
from pipeline.forms.corrections import HistoryForm, PipelineForm
from pipeline.forms.daily import PauseForm
from pipeline.forms.gate import GateForm, Wish, read_wish
from pipeline.models import Deal, Stage
from pipeline.moves import Moved, Refused
from pipeline.views import outcomes
from pipeline.views.answers import ask, leave, number, read_page, refuse, show
from pipeline.views.asking import answered, given, refused

PARTS = ("head", "way", "gate", "tasks", "timeline", "facts", "resources")


@require_http_methods(["GET", "HEAD", "POST"])
def pause(request: Request, pk: int) -> HttpResponse:
    deal = deal_to_edit(request, pk)
    sent = request.POST if request.method == "POST" else None
    form = PauseForm(sent)
    if sent is not None and form.is_valid():
        try:
            followups.pause(deal.pk, form.cleaned_data["until"], form.cleaned_data["reason"], by=request.user)
        except ValidationError as refusal:
            form.take(refusal)
        else:
            return show(request, deal.pk, *PARTS, said=_("Paused."))
    return ask(request, deal, "pause_form.html", _("Pause the deal"), {"form": form}, 422 if sent else 200)


@require_POST
def resume(request: Request, pk: int) -> HttpResponse:
    deal = deal_to_edit(request, pk)
    followups.resume(deal.pk, by=request.user)
    return show(request, deal.pk, *PARTS, said=_("The deal goes on."))


@require_POST
def reopen(request: Request, pk: int) -> HttpResponse:
    """Into the stage it was closed from, through the gate. What lacks is filled in where moves are."""
    deal = deal_to_edit(request, pk)
    target = read_page(request, deal).reopens_in
    if target is None:
        return refuse(request, deal.pk, *PARTS, why=_("There is no open stage to go on in."))
    outcome = moves.move_deal(deal.pk, target.pk, by=request.user, via=Via.PAGE, reopen=True)
    if isinstance(outcome, Moved):
        return show(request, deal.pk, *PARTS, said=_("Reopened in %(stage)s.") % {"stage": target.name})
    if isinstance(outcome, Refused):
        return _to_fill_in(request, deal, target.pk, outcome)
    return refuse(request, deal.pk, *PARTS, why=_("Somebody was quicker. This is the deal as it is now."))


def _to_fill_in(request: Request, deal: Deal, stage_pk: int, refused: Refused) -> HttpResponse:
    messages.error(request, refused.message)
    if refused.code == "conditions":
        try:
            back = reverse("deal", args=[deal.pk])
            return leave(request, f"{reverse('deal-move', args=[deal.pk])}?to={stage_pk}&reopen=1&next={back}")
        except NoReverseMatch:
            pass
    return show(request, deal.pk, *PARTS)


# --- Corrections


@require_http_methods(["GET", "HEAD", "POST"])
def dates(request: Request, pk: int) -> HttpResponse:
    """A manager corrects when the deal was where, with a reason."""
    deal = deal_to_manage(request, pk)
    page = read_page(request, deal)
    sent = request.POST if request.method == "POST" else None
    form = HistoryForm(sent, visits=page.standing, zone=request.user.zone)
    if sent is not None and form.is_valid():
        try:
            moves.rewrite_history(
                deal.pk, form.stays(), by=request.user, via=Via.PAGE, reason=form.cleaned_data["reason"]
            )
        except ValidationError as refusal:
            form.take(refusal)
        else:
            return show(request, deal.pk, *PARTS, said=_("The dates are corrected."))
    return ask(request, deal, "dates_form.html", _("Correct the dates"), {"form": form}, 422 if sent else 200)


@require_http_methods(["GET", "HEAD", "POST"])
def change_pipeline(request: Request, pk: int) -> HttpResponse:
    """First the stage; what its gate asks for is then filled in as for any move, saved and moved together."""
    deal = deal_to_manage(request, pk)
    if request.method == "POST" and "asked" in request.POST:
        wish = read_wish(request.POST)
        return _enter(request, deal, _stage_elsewhere(deal, wish.to), wish)
    sent = request.POST if request.method == "POST" else None
    form = PipelineForm(sent, deal=deal)
    if sent is not None and form.is_valid():
        stage = int(form.cleaned_data["stage"])
        return _enter(request, deal, _stage_elsewhere(deal, stage), Wish(stage, number(sent.get("version", ""))))
    context: dict[str, Any] = {"form": form, "version": deal.version}
    return ask(request, deal, "pipeline_form.html", _("Move to another pipeline"), context, 422 if sent else 200)


def _enter(request: Request, deal: Deal, target: Stage | None, wish: Wish) -> HttpResponse:
    form = answered(request, target, wish, deal=deal)
    if form is not None and not form.is_valid():
        return _show_gate(request, deal, form, wish)
    filled = given(form)
    outcome = moves.change_pipeline(
        deal.pk, wish.to, by=request.user, via=Via.PAGE, version=wish.version, fill=filled.get("fill"),
        override=filled.get("override", ""),
    )  # fmt: skip
    if isinstance(outcome, Moved):
        named = {"pipeline": outcome.deal.pipeline.name, "stage": outcome.deal.stage.name}
        messages.success(request, _("The deal is in %(pipeline)s now: %(stage)s.") % named)
    elif isinstance(outcome, Refused) and outcome.to_stage is not None and outcome.code != "stage_gone":
        return _show_gate(request, deal, refused(request, deal, outcome, form), wish, outcome)
    elif isinstance(outcome, Refused):
        messages.error(request, outcome.message)
    else:
        messages.error(request, outcomes.stale_sentence(request, outcome))
    return leave(request, reverse("deal", args=[deal.pk]))


def _show_gate(
    request: Request, deal: Deal, form: GateForm, wish: Wish, refusal: Refused | None = None
) -> HttpResponse:
    """In the dialog, whatever form asked for it. When it happened is not asked: the former pipeline ends now."""
    form.fields.pop("happened_at", None)
    action = reverse("deal-pipeline", args=[deal.pk])
    answer = outcomes.show_gate(
        request, deal, form, wish, refusal, action=action, elsewhere=True, next=reverse("deal", args=[deal.pk])
    )
    return reswap(retarget(answer, "#dialog-body"), "innerHTML")


def _stage_elsewhere(deal: Deal, pk: int) -> Stage | None:
    rows = Stage.objects.in_use().select_related("pipeline").exclude(pipeline=deal.pipeline_id)
    return rows.filter(pipeline__retired_at__isnull=True, pk=pk).first()
