"""Three outcomes, one fragment: moved 200, stale 409, refused 422; with them the touched columns, from the database."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from crm.visitors import Request
from pipeline import gates
from pipeline.board.page import stages_in_order
from pipeline.conditions import Verdict
from pipeline.forms.gate import GateForm, Wish, earliest
from pipeline.models import Deal, Kind
from pipeline.moves import Moved, Outcome, Refused, Stale
from pipeline.views.boards import Origin, came_from, shown_on


def show(request: Request, deal: Deal | None, outcome: Outcome, wish: Wish) -> HttpResponse:
    """Moved, stale, or a stage that is gone. `deal` as it was before; None for one that was to be made."""
    origin = shown_on(request)
    if isinstance(outcome, Moved):
        _say_moved(request, outcome)
        status, note = 200, {}
    elif isinstance(outcome, Stale):
        status, note = 409, {"stale": outcome, "sentence": stale_sentence(request, outcome)}
    else:
        messages.error(request, outcome.message)
        status, note = 409, {}
    if not request.htmx:
        back = came_from(request) or reverse("board-default")
        if isinstance(outcome, Stale):
            context = {**note, "back": back, "deal": outcome.deal}
            return render(request, "pipeline/stale.html", context, status=status)
        return redirect(back) if status == 200 else _gone(request, outcome, back)
    if origin is None:
        return HttpResponse(status=status, headers={"HX-Refresh": "true"})
    gone = isinstance(outcome, Refused)
    context = _columns(request, origin, None if gone else _touched(deal, outcome, wish), wish)
    return render(request, "pipeline/outcome.html", {**context, **note}, status=status)


def show_new(request: Request, deal: Deal, wish: Wish) -> HttpResponse:
    messages.success(request, _("“%(deal)s” is in %(stage)s now.") % {"deal": deal.title, "stage": deal.stage})
    origin = shown_on(request)
    if not request.htmx or origin is None:
        return redirect(came_from(request) or reverse("board", args=[deal.pipeline_id]))
    return render(request, "pipeline/outcome.html", _columns(request, origin, {deal.stage_id}, wish))


def show_stages(request: Request, deal: Deal) -> HttpResponse:
    """“Move to…”: a button for each stage, all of one form."""
    stages = [stage for stage in stages_in_order(deal.pipeline) if stage.pk != deal.stage_id]
    following = gates.next_stage(deal.stage, stages_in_order(deal.pipeline))
    context = {"deal": deal, "stages": stages, "following": following, "next": came_from(request)}
    return render(request, "pipeline/move_to.html", context)


def show_gate(
    request: Request, deal: Deal | None, form: GateForm, wish: Wish | None, refusal: Refused | None = None, *,
    verdicts: Sequence[Verdict] = (), status: int = 422,
) -> HttpResponse:  # fmt: skip
    """The dialog with what is missing. `wish` is None when somebody only looks; `verdicts` shows what is met too."""
    if refusal is not None and refusal.code == "closed":
        status = 409
    context: dict[str, Any] = {
        "deal": deal,
        "form": form,
        "target": form.target,
        "refusal": refusal,
        "closed": refusal is not None and refusal.code == "closed",
        "reopen": wish.reopen if wish is not None else request.GET.get("reopen") == "1",
        "met": [verdict for verdict in verdicts if verdict.state == "met"],
        "next": came_from(request),
        "earliest": earliest(deal) if deal else "",
        "approvers": _approvers(form, deal),
        "title": request.POST.get("title", ""),
        "once_key": request.POST.get("once_key", ""),
        "lost": form.target.kind == Kind.LOST,
    }
    if wish is None:
        return render(request, "pipeline/gate.html", context)
    origin = shown_on(request) if request.htmx else None
    if origin is None:
        return render(request, "pipeline/gate.html", context, status=status)
    touched = {pk for pk in (wish.left, deal.stage_id if deal else None, form.target.pk) if pk}
    dialog = render_to_string("pipeline/gate.html", context, request)
    columns = render_to_string("pipeline/outcome.html", _columns(request, origin, touched, wish), request)
    return HttpResponse(dialog + columns, status=status)


def _approvers(form: GateForm, deal: Deal | None) -> str:
    if deal is None or not any(ask.verdict.condition.kind == "approval" for ask in form.asks):
        return ""
    return ", ".join(person.name for person in gates.approvers(deal.owner, timezone.now()))


def _touched(deal: Deal | None, outcome: Outcome, wish: Wish) -> set[int]:
    now = outcome.deal.stage_id if outcome.deal else None
    return {pk for pk in (wish.left, deal.stage_id if deal else None, now, wish.to) if pk}


def _columns(request: Request, origin: Origin, stages: set[int] | None, wish: Wish) -> dict[str, Any]:
    """Those of the board on the screen; all of them when its stages have changed."""
    shown = {stage.pk for stage in stages_in_order(origin.pipeline)}
    context = origin.columns(request, shown if stages is None else stages & shown, wish.cards)
    return {**context, "all_columns": stages is None}


def _say_moved(request: Request, outcome: Moved) -> None:
    named = {"deal": outcome.deal.title, "stage": outcome.deal.stage.name}
    text = _("“%(deal)s” is in %(stage)s now.") % named
    if outcome.warnings:
        labels = "; ".join(verdict.condition.label for verdict in outcome.warnings)
        messages.warning(request, text + " " + _("Still open: %(labels)s.") % {"labels": labels})
    elif outcome.visit is not None:
        messages.success(request, text)


def stale_sentence(request: Request, stale: Stale) -> str:
    """“Anna moved this to Pitch at 10:42.”"""
    named = {"stage": stale.deal.stage.name, "when": _when(stale.at), "deal": stale.deal.title}
    if stale.deal.deleted_at is not None:
        return _("“%(deal)s” was deleted %(when)s.") % named
    if stale.by is None:
        return _("“%(deal)s” was moved to %(stage)s %(when)s.") % named
    if stale.by == request.user:
        return _("You moved “%(deal)s” to %(stage)s %(when)s.") % named
    return _("%(name)s moved “%(deal)s” to %(stage)s %(when)s.") % {**named, "name": stale.by.name}


def _when(moment: datetime.datetime) -> str:
    local = timezone.localtime(moment)
    time = {"time": date_format(local, "H:i"), "day": date_format(local, "j M")}
    return _("at %(time)s") % time if local.date() == timezone.localdate() else _("on %(day)s at %(time)s") % time


def _gone(request: Request, refusal: Outcome, back: str) -> HttpResponse:
    return render(
        request, "pipeline/stale.html", {"sentence": getattr(refusal, "message", ""), "back": back}, status=409
    )
