"""The door of a move: find what the user may edit, read the form, call the rule, show what came of it."""

from __future__ import annotations

import secrets
from typing import Any

from django.contrib import messages
from django.core.exceptions import BadRequest, ValidationError
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from crm.models.audit import Via
from crm.visitors import Request
from pipeline import approvals, gates, moves, opening
from pipeline.conditions import Verdict
from pipeline.doors import deal_to_edit, deleted_deal
from pipeline.forms.gate import GateForm, Wish, merged, read_wish, unanswered
from pipeline.models import Deal, Stage
from pipeline.moves import Moved, Refused
from pipeline.moves.move import missing_for
from pipeline.views import outcomes
from pipeline.views.boards import came_from, shown_on
from pipeline.views.deal import show_gone


@require_http_methods(["GET", "HEAD", "POST"])
def deal_move(request: Request, pk: int) -> HttpResponse:
    try:
        deal = deal_to_edit(request, pk)
    except Http404:
        return show_gone(request, deleted_deal(request, pk))
    if request.method != "POST":
        return _choose(request, deal)
    wish = read_wish(request.POST)
    target = _stage_of(deal, wish.to)
    form = _answered(request, deal, target, wish)
    if target is not None and form is not None and "ask" in request.POST:
        return _ask_for_approval(request, deal, target, wish)
    if form is not None and not form.is_valid():
        return outcomes.show_gate(request, deal, form, wish)
    outcome = moves.move_deal(
        deal.pk, wish.to, by=request.user, via=Via.BOARD if shown_on(request) else Via.PAGE, version=wish.version,
        reopen=wish.reopen, **(_given(form) if form else {}),
    )  # fmt: skip
    if isinstance(outcome, Refused) and outcome.to_stage is not None and outcome.code != "stage_gone":
        return outcomes.show_gate(request, deal, _refused(request, deal, outcome, form), wish, outcome)
    return outcomes.show(request, deal, outcome, wish)


def _choose(request: Request, deal: Deal) -> HttpResponse:
    """The stages to move to, or with `to` what that one still asks for."""
    to = request.GET.get("to", "")
    target = _stage_of(deal, int(to)) if to.isascii() and to.isdigit() and len(to) < 19 else None
    if to and target is None:
        raise BadRequest(_("There is no stage “%(stage)s” to move to.") % {"stage": to[:40]})
    if target is None or target.pk == deal.stage_id:
        return outcomes.show_stages(request, deal)
    verdicts = missing_for(deal, target, request.user)
    form = GateForm(None, target=target, user=request.user, verdicts=verdicts, deal=deal)
    return outcomes.show_gate(request, deal, form, None, verdicts=verdicts)


def _stage_of(deal: Deal, pk: int) -> Stage | None:
    return Stage.objects.in_use().select_related("pipeline").filter(pipeline=deal.pipeline_id, pk=pk).first()


def _answered(request: Request, deal: Deal, target: Stage | None, wish: Wish) -> GateForm | None:
    """The form that was filled in; None for a plain drop, which asks nothing yet."""
    if wish.asked is None or target is None:
        return None
    verdicts = unanswered(wish.asked, deal.pipeline_id)
    return GateForm(request.POST, target=target, user=request.user, verdicts=verdicts, deal=deal)


def _given(form: GateForm) -> dict[str, Any]:
    return {
        "fill": form.fill(),
        "override": form.cleaned_data.get("override") or "",
        "close": form.close(),
        "happened_at": form.happened,
    }


def _refused(request: Request, deal: Deal | None, refusal: Refused, form: GateForm | None) -> GateForm:
    """The dialog with what was typed and, beside it, what is still missing."""
    target = refusal.to_stage
    assert target is not None  # noqa: S101  (the caller has looked)
    if form is None:
        return GateForm(None, target=target, user=request.user, verdicts=refusal.missing, deal=deal)
    asked = [ask.verdict for ask in form.asks]
    again = GateForm(request.POST, target=target, user=request.user, verdicts=merged(asked, refusal.missing), deal=deal)
    again.is_valid()
    again.tell(refusal)
    return again


def _ask_for_approval(request: Request, deal: Deal, target: Stage, wish: Wish) -> HttpResponse:
    """Commits alone; the dialog stays open with what was typed, and says who was asked."""
    text = request.POST["ask"]
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise BadRequest(_("There is nothing to approve by that number."))
    try:
        approval = approvals.ask(deal.pk, int(text), by=request.user)
    except ValidationError as refusal:
        messages.error(request, " ".join(refusal.messages))
    else:
        names = ", ".join(person.name for person in gates.approvers(deal.owner, approval.asked_at))
        messages.success(request, _("%(names)s is asked to approve.") % {"names": names})
    fresh: list[Verdict] = missing_for(deal, target, request.user)
    form = GateForm(request.POST, target=target, user=request.user, verdicts=fresh, deal=deal)
    return outcomes.show_gate(request, deal, form, wish, status=200)


# --- A new deal in a column


@require_http_methods(["GET", "HEAD", "POST"])
def deal_new(request: Request) -> HttpResponse:
    """A name and Enter. The gate asks as for any entry, in the same dialog."""
    stage = _stage_named(request)
    if request.method != "POST":
        context = {"stage": stage, "once_key": secrets.token_hex(16), "next": came_from(request)}
        return render(request, "pipeline/_new_deal.html" if request.htmx else "pipeline/new_deal.html", context)
    wish = read_wish(request.POST, versioned=False)
    form = None
    if wish.asked is not None:
        verdicts = unanswered(wish.asked, stage.pipeline_id)
        form = GateForm(request.POST, target=stage, user=request.user, verdicts=verdicts)
        if not form.is_valid():
            return outcomes.show_gate(request, None, form, wish)
    given = _given(form) if form else {}
    given.pop("happened_at", None)
    outcome = opening.open_deal(
        stage.pk, {"title": request.POST.get("title", "")}, by=request.user, via=Via.BOARD,
        once_key=request.POST.get("once_key", "") or secrets.token_hex(16), **given,
    )  # fmt: skip
    if isinstance(outcome, Refused) and outcome.to_stage is not None:
        return outcomes.show_gate(request, None, _refused(request, None, outcome, form), wish, outcome)
    if isinstance(outcome, Moved):
        return outcomes.show_new(request, outcome.deal, wish)
    return outcomes.show(request, None, outcome, wish)


def _stage_named(request: Request) -> Stage:
    text = (request.POST if request.method == "POST" else request.GET).get("to", "")
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise BadRequest(_("“%(name)s” must be a number, not “%(text)s”.") % {"name": "to", "text": text[:40]})
    rows = Stage.objects.in_use().select_related("pipeline").filter(pipeline__retired_at__isnull=True)
    return get_object_or_404(rows, pk=int(text))
