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
from pipeline import gates, in_force, open_deals
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
    moved = outcome.deal.pk if outcome.deal else None
    context = _columns(request, origin, None if gone else _touched(deal, outcome, wish), wish, moved)
    return render(request, "pipeline/outcome.html", {**context, **note}, status=status)


def show_undone(request: Request, deal: Deal, outcome: Outcome, wish: Wish) -> HttpResponse:
    if isinstance(outcome, Moved):
        named = {"deal": outcome.deal.title, "stage": outcome.deal.stage.name}
        said = [_("Taken back: “%(deal)s” is in %(stage)s again.") % named, *outcome.told]
        messages.success(request, " ".join(said))
        outcome = Moved(outcome.deal, None)
    return show(request, deal, outcome, wish)


def show_card(request: Request, deal: Deal, wish: Wish) -> HttpResponse:
    """The deal as its card is now, in the column where it stands."""
    origin = shown_on(request)
    if not request.htmx or origin is None:
        return redirect(came_from(request) or reverse("deal", args=[deal.pk]))
    return render(request, "pipeline/outcome.html", _columns(request, origin, {deal.stage_id}, wish, deal.pk))


def show_new(request: Request, deal: Deal, wish: Wish) -> HttpResponse:
    messages.success(request, _("“%(deal)s” is in %(stage)s now.") % {"deal": deal.title, "stage": deal.stage})
    say_others(request, deal)
    origin = shown_on(request)
    if not request.htmx or origin is None:
        return redirect(came_from(request) or reverse("board", args=[deal.pipeline_id]))
    context = _columns(request, origin, {deal.stage_id}, wish, deal.pk)
    return render(request, "pipeline/outcome.html", {**context, "added_to": deal.stage_id})


def say_others(request: Request, deal: Deal) -> None:
    """That somebody works with its organization already, for whoever has just chosen it."""
    others = open_deals.of(deal.organization, request.user, deal.pk) if deal.organization else []
    if others:
        messages.warning(request, " ".join(other.sentence for other in others[:3]))


def show_stages(request: Request, deal: Deal) -> HttpResponse:
    """“Move to…”: a button for each stage, all of one form."""
    columns = in_force.read(deal.pipeline_id).columns
    stages = [stage for stage in columns if stage.pk != deal.stage_id]
    following = gates.next_stage(deal.stage, columns)
    context = {"deal": deal, "stages": stages, "following": following, "next": came_from(request)}
    return render(request, "pipeline/move_to.html", context)


def show_gate(
    request: Request, deal: Deal | None, form: GateForm, wish: Wish | None, refusal: Refused | None = None, *,
    verdicts: Sequence[Verdict] = (), status: int = 422, **more: Any,
) -> HttpResponse:  # fmt: skip
    """The dialog with what is missing. `wish` is None when somebody only looks; `verdicts` shows what is met too.

    `more` says where it is sent to, if that is not where moves and new deals are (`action`), and what else it knows.
    """
    if refusal is not None and refusal.code in ("closed", "full"):
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
        "organization": request.POST.get("organization", ""),
        "once_key": request.POST.get("once_key", ""),
        "lost": form.target.kind == Kind.LOST,
        "action": reverse("deal-move", args=[deal.pk]) if deal else reverse("deal-new"),
        **more,
    }
    if wish is None:
        return render(request, "pipeline/gate.html", context)
    origin = shown_on(request) if request.htmx else None
    if origin is None:
        return render(request, "pipeline/gate.html", context, status=status)
    touched = {pk for pk in (wish.left, deal.stage_id if deal else None, form.target.pk) if pk}
    dialog = render_to_string("pipeline/gate.html", context, request)
    columns = _columns(request, origin, touched, wish, deal.pk if deal else None)
    columns["added_to"] = None if deal else form.target.pk
    board = render_to_string("pipeline/outcome.html", columns, request)
    return HttpResponse(dialog + board, status=status)


def _approvers(form: GateForm, deal: Deal | None) -> str:
    if deal is None or not any(ask.verdict.condition.kind == "approval" for ask in form.asks):
        return ""
    return ", ".join(person.name for person in gates.approvers(deal.owner, timezone.now()))


def _touched(deal: Deal | None, outcome: Outcome, wish: Wish) -> set[int]:
    now = outcome.deal.stage_id if outcome.deal else None
    return {pk for pk in (wish.left, deal.stage_id if deal else None, now, wish.to) if pk}


def _columns(
    request: Request, origin: Origin, stages: set[int] | None, wish: Wish, deal_id: int | None
) -> dict[str, Any]:
    """Of the board on the screen the card, and the heads and the order of its columns; all of it when its stages have changed."""
    if stages is None:
        shown = {stage.pk for stage in in_force.read(origin.pipeline.pk).stages}
        return {**origin.columns(request, shown, wish.cards), "all_columns": True}
    return origin.columns(request, stages, wish.cards, {deal_id} if deal_id else set())


def _say_moved(request: Request, outcome: Moved) -> None:
    named = {"deal": outcome.deal.title, "stage": outcome.deal.stage.name}
    text = _("“%(deal)s” is in %(stage)s now.") % named
    if outcome.warnings:
        labels = "; ".join(verdict.condition.label for verdict in outcome.warnings)
        text += " " + _("Still open: %(labels)s.") % {"labels": labels}
        messages.warning(request, text, extra_tags=_undo_of(outcome))
    elif outcome.visit is not None:
        messages.success(request, text, extra_tags=_undo_of(outcome))


def _undo_of(outcome: Moved) -> str:
    """Beside the message stands the button that takes the move back."""
    return reverse("move-undo", args=[outcome.visit.pk]) if outcome.visit else ""


def stale_sentence(request: Request, stale: Stale) -> str:
    """“Anna moved this to Pitch at 10:42.”"""
    named = {"stage": stale.deal.stage.name, "when": _when(stale.at), "deal": stale.deal.title}
    if stale.deal.merged_into_id is not None:
        return _("“%(deal)s” was merged into another deal %(when)s.") % named
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
