"""The door of a move: find what the user may edit, read the form, call the rule, show what came of it."""

from __future__ import annotations

import secrets

from django.contrib import messages
from django.core.exceptions import BadRequest, ValidationError
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from crm.models.audit import Via
from crm.visitors import Request
from pipeline import approvals, gates, moves, open_deals, opening
from pipeline.board.lifted import outlooks
from pipeline.conditions import Verdict
from pipeline.doors import deal_to_edit, deleted_deal
from pipeline.forms.deal_fields import NewDealForm
from pipeline.forms.gate import GateForm, Wish, cards_on_screen, read_wish
from pipeline.forms.questions import OrganizationField
from pipeline.models import Deal, Stage, StageVisit
from pipeline.moves import Moved, Refused
from pipeline.moves.move import missing_for
from pipeline.views import outcomes
from pipeline.views.asking import answered, given, refused
from pipeline.views.boards import came_from, shown_on
from pipeline.views.deal import show_gone


@require_http_methods(["GET", "HEAD", "POST"])
def deal_move(request: Request, pk: int) -> HttpResponse:
    try:
        deal = deal_to_edit(request, pk, named=request.method != "POST")
    except Http404:
        return show_gone(request, deleted_deal(request, pk))
    if request.method != "POST":
        return _choose(request, deal)
    wish = read_wish(request.POST)
    target = _stage_of(deal, wish.to) if wish.asked is not None or "ask" in request.POST else None
    form = answered(request, target, wish, deal=deal)
    if target is not None and form is not None and "ask" in request.POST:
        return _ask_for_approval(request, deal, target, wish)
    if form is not None and not form.is_valid():
        return outcomes.show_gate(request, deal, form, wish)
    outcome = moves.move_deal(
        deal.pk, wish.to, by=request.user, via=Via.BOARD if shown_on(request) else Via.PAGE, version=wish.version,
        reopen=wish.reopen, **given(form),
    )  # fmt: skip
    if isinstance(outcome, Refused) and outcome.to_stage is not None and outcome.code != "stage_gone":
        return outcomes.show_gate(request, deal, refused(request, deal, outcome, form), wish, outcome)
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
    form = GateForm(request.POST, files=request.FILES, target=target, user=request.user, verdicts=fresh, deal=deal)
    return outcomes.show_gate(request, deal, form, wish, status=200)


@require_GET
def deal_gates(request: Request, pk: int) -> HttpResponse:
    """While a card is lifted: what each column of the board would answer."""
    deal = deal_to_edit(request, pk, named=False)
    return render(request, "pipeline/lifted.html", {"outlooks": outlooks(deal, request.user)})


@require_POST
def undo(request: Request, visit_id: int) -> HttpResponse:
    """Takes back the move that began this stay."""
    visit = get_object_or_404(StageVisit.objects.filter(deal__in=Deal.objects.visible_to(request.user)), pk=visit_id)
    deal = deal_to_edit(request, visit.deal_id)
    outcome = moves.undo_move(deal.pk, visit_id, by=request.user, via=Via.BOARD if shown_on(request) else Via.PAGE)
    return outcomes.show_undone(request, deal, outcome, Wish(to=deal.stage_id, cards=cards_on_screen(request.POST)))


# --- A new deal in a column


@require_http_methods(["GET", "HEAD", "POST"])
def deal_new(request: Request) -> HttpResponse:
    """A name and Enter. The gate asks as for any entry, in the same dialog."""
    stage = _stage_named(request)
    if request.method != "POST":
        return _ask_name(request, stage, NewDealForm(reader=request.user))
    named = NewDealForm(request.POST, reader=request.user)
    if not named.is_valid():
        return _ask_name(request, stage, named, 422)
    wish = read_wish(request.POST, versioned=False)
    form = answered(request, stage, wish)
    if form is not None and not form.is_valid():
        return outcomes.show_gate(request, None, form, wish)
    filled = given(form)
    filled.pop("happened_at", None)
    outcome = opening.open_deal(
        stage.pk, named.cleaned_data, by=request.user, via=Via.BOARD,
        once_key=request.POST.get("once_key", "") or secrets.token_hex(16), **filled,
    )  # fmt: skip
    if isinstance(outcome, Refused) and outcome.to_stage is not None:
        return outcomes.show_gate(request, None, refused(request, None, outcome, form), wish, outcome)
    if isinstance(outcome, Moved):
        return outcomes.show_new(request, outcome.deal, wish)
    return outcomes.show(request, None, outcome, wish)


def _ask_name(request: Request, stage: Stage, form: NewDealForm, status: int = 200) -> HttpResponse:
    key = request.POST.get("once_key", "") or secrets.token_hex(16)
    context = {"stage": stage, "form": form, "once_key": key, "next": came_from(request)}
    short = request.htmx and status == 200
    return render(request, "pipeline/_new_deal.html" if short else "pipeline/new_deal.html", context, status=status)


@require_GET
def open_deals_of(request: Request) -> HttpResponse:
    """Below the field of an organization: who works with the one that was typed."""
    named = request.GET.get("organization") or request.GET.get("f_organization") or ""
    but = request.GET.get("but", "")
    try:
        chosen = OrganizationField(request.user).clean(named[:200])
    except ValidationError:
        chosen = None
    known = int(but) if but.isascii() and but.isdigit() and len(but) < 19 else None
    others = open_deals.of(chosen, request.user, known) if chosen is not None else []
    return render(request, "pipeline/_open_deals.html", {"others": others})


def _stage_named(request: Request) -> Stage:
    text = (request.POST if request.method == "POST" else request.GET).get("to", "")
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise BadRequest(_("“%(name)s” must be a number, not “%(text)s”.") % {"name": "to", "text": text[:40]})
    rows = Stage.objects.in_use().select_related("pipeline").filter(pipeline__retired_at__isnull=True)
    return get_object_or_404(rows, pk=int(text))
