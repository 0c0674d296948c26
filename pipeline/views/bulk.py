"""The doors to changing many deals: choosing what to do, doing it, how far it is, taking it back."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from django.contrib import messages
from django.core.exceptions import BadRequest, PermissionDenied, ValidationError
from django.db.models import Case, Count, Value, When
from django.http import Http404, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from crm.paging import page_of
from crm.visitors import Request
from pipeline import bulk
from pipeline.board import Listing
from pipeline.forms.bulk import FORMS, BulkForm, fresh_key, kinds, read_chosen, write_chosen
from pipeline.forms.filters import ListForm, read_filters
from pipeline.models import BulkItem, BulkRun, Deal, Pipeline, Task
from pipeline.views.answers import leave
from pipeline.views.boards import came_from

Outcome = BulkItem.Outcome
ORDER = [Outcome.REFUSED, Outcome.STALE, Outcome.LEFT, Outcome.DONE, Outcome.BACK, Outcome.SAME]
"""What needs somebody first."""


@require_POST
def bulk_ask(request: Request, pipeline_id: int) -> HttpResponse:
    """After the deals were chosen: what exactly, and whether all that match are meant."""
    pipeline = get_object_or_404(Pipeline.objects.in_use(), pk=pipeline_id)
    chosen = _chosen(request, pipeline)
    action = _action(request)
    form = FORMS[action](pipeline=pipeline, user=request.user)
    return _ask(request, pipeline, action, form, chosen)


@require_POST
def bulk_start(request: Request, pipeline_id: int) -> HttpResponse:
    pipeline = get_object_or_404(Pipeline.objects.in_use(), pk=pipeline_id)
    chosen, action = _chosen(request, pipeline), _action(request)
    form = FORMS[action](request.POST, pipeline=pipeline, user=request.user)
    if not form.is_valid():
        return _ask(request, pipeline, action, form, chosen, 422)
    meant = chosen
    if request.POST.get("which") == "all":
        meant = _all_that_match(request, pipeline, action)
        if str(len(meant)) != request.POST.get("matching"):
            form.add_error(None, _("Other deals match by now. Look at the number again."))
            return _ask(request, pipeline, action, form, chosen, 409)
    try:
        run = bulk.start(
            pipeline, meant, action, form.given(), by=request.user, words=form.words(),
            once_key=request.POST.get("once_key", ""), back_to=came_from(request),
        )  # fmt: skip
    except bulk.TooMany:
        return too_many(request)
    except bulk.NotYours as refusal:
        raise PermissionDenied from refusal
    except ValidationError as refusal:
        form.take(refusal)
        return _ask(request, pipeline, action, form, chosen, 422)
    return on_the_way(request, run)


def on_the_way(request: Request, run: BulkRun) -> HttpResponse:
    """Few deals are changed while somebody waits; many go on without them, and come back as a message."""
    if run.total <= bulk.AT_ONCE:
        bulk.work(run.pk, bulk.AT_ONCE + 1)
    else:
        request.session["bulk"] = run.pk
    return leave(request, reverse("bulk-run", args=[run.pk]))


@require_GET
def bulk_run(request: Request, pk: int) -> HttpResponse:
    run = get_object_or_404(BulkRun.objects.of(request.user).select_related("pipeline"), pk=pk)
    if not run.is_running and request.session.get("bulk") == run.pk:
        del request.session["bulk"]
    context = _progress(run) | {"page": page_of(request, _items(run, request))}
    return render(request, "pipeline/bulk/_run.html" if request.htmx else "pipeline/bulk/run.html", context)


@require_POST
def bulk_take_back(request: Request, pk: int) -> HttpResponse:
    run = get_object_or_404(BulkRun.objects.of(request.user), pk=pk)
    try:
        run = bulk.take_back(run.pk, by=request.user)
    except ValidationError as refusal:
        messages.error(request, " ".join(refusal.messages))
        return leave(request, reverse("bulk-run", args=[pk]))
    return on_the_way(request, run)


# --- Inside


def _chosen(request: Request, pipeline: Pipeline) -> dict[int, int | None]:
    """404 when one of them is not there for this person, 403 when one may only be read."""
    chosen = read_chosen(request.POST)
    if len(chosen) > bulk.MOST:
        return chosen
    seen = Deal.objects.visible_to(request.user).filter(pipeline=pipeline, pk__in=chosen)
    if seen.count() != len(chosen):
        raise Http404
    if Deal.objects.editable_by(request.user).filter(pk__in=chosen).count() != len(chosen):
        raise PermissionDenied
    return chosen


def _action(request: Request) -> str:
    action = request.POST.get("action", "")
    if action not in FORMS:
        raise BadRequest(_("There is nothing to do by the name “%(name)s”.") % {"name": action[:40]})
    if action == BulkRun.Action.OWNER and not request.user.is_manager:
        raise PermissionDenied
    return action


def _matching(request: Request, pipeline: Pipeline, action: str) -> Any:
    """Deals that pass the filters of the list and may be changed in this way."""
    query = QueryDict(urlsplit(came_from(request)).query)
    asked = read_filters(query, request.user, also=("page",), form_class=ListForm)
    return bulk.editable(Listing(request.user, pipeline, asked.filters).deals, action, request.user)


def _all_that_match(request: Request, pipeline: Pipeline, action: str) -> dict[int, int | None]:
    found = _matching(request, pipeline, action).order_by("pk").values_list("pk", "version")
    return dict(found[: bulk.MOST + 1])


def _ask(
    request: Request, pipeline: Pipeline, action: str, form: BulkForm, chosen: dict[int, int | None], status: int = 200
) -> HttpResponse:
    if len(chosen) > bulk.MOST:
        return too_many(request)
    if not chosen:
        messages.error(request, _("Choose at least one deal."))
        return leave(request, came_from(request) or reverse("deal-list", args=[pipeline.pk]))
    matching = _matching(request, pipeline, action).order_by().count()
    context = {
        "pipeline": pipeline, "action": action, "form": form, "chosen": chosen, "deals": write_chosen(chosen),
        "matching": matching, "most": bulk.MOST, "next": came_from(request),
        "once_key": request.POST.get("once_key") or fresh_key(),
        "which": request.POST.get("which", ""),
        "heading": next((kind.heading for kind in kinds(request.user) if kind.name == action), ""),
        "losing": action == BulkRun.Action.LOSE,
    }  # fmt: skip
    return render(request, "pipeline/bulk/ask.html", context, status=status)


def too_many(request: Request) -> HttpResponse:
    return render(request, "pipeline/bulk/too_many.html", {"most": bulk.MOST, "next": came_from(request)}, status=413)


def _items(run: BulkRun, request: Request) -> Any:
    """Those that were looked at and are in sight: what one lost sight of is not named."""
    there = run.items.exclude(outcome=Outcome.WAITING).select_related("deal__stage", "task")
    rank = {outcome: place for place, outcome in enumerate(ORDER)}
    if run.of_tasks:
        there = there.filter(task__in=Task.objects.visible_to(request.user))
    else:
        there = there.filter(deal__in=Deal.objects.visible_to(request.user))
    return there.order_by(_by(rank), "deal_id", "task_id")


def _by(rank: dict[Any, int]) -> Any:
    return Case(*(When(outcome=outcome, then=Value(place)) for outcome, place in rank.items()), default=Value(9))


def _progress(run: BulkRun) -> dict[str, Any]:
    counted = dict(run.items.order_by().values_list("outcome").annotate(Count("pk")))
    back = run.back_asked_at is not None
    ahead = counted.get(Outcome.WAITING, 0)
    if back:
        about = "task_id" if run.of_tasks else "deal_id"
        looked = run.items.filter(**{f"{about}__lte": run.back_cursor}).count()
        ahead = 0 if run.back_finished_at else run.total - looked
    return {
        "run": run,
        "done": run.total - ahead,
        "tallies": [(o, str(Outcome(o).label), counted[o]) for o in ORDER if counted.get(o)],
        "may_take_back": run.finished_at is not None and not back and counted.get(Outcome.DONE),
        "back": back,
    }
