"""The doors to changing many tasks: choosing what to do, and doing it. How far it is and taking it back are those of deals."""

from __future__ import annotations

from django.contrib import messages
from django.core.exceptions import BadRequest, PermissionDenied, ValidationError
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from crm.visitors import Request
from pipeline import bulk
from pipeline.forms.bulk import fresh_key, read_chosen, write_chosen
from pipeline.forms.bulk_tasks import FORMS, TasksForm, kinds
from pipeline.models import BulkRun, Task
from pipeline.views.answers import leave
from pipeline.views.boards import came_from
from pipeline.views.bulk import on_the_way, too_many


@require_POST
def ask(request: Request) -> HttpResponse:
    chosen, action = _chosen(request), _action(request)
    return _ask(request, action, FORMS[action](user=request.user), chosen)


@require_POST
def start(request: Request) -> HttpResponse:
    chosen, action = _chosen(request), _action(request)
    form = FORMS[action](request.POST, user=request.user)
    if not form.is_valid():
        return _ask(request, action, form, chosen, 422)
    try:
        run = bulk.start_tasks(
            chosen, action, form.given(), by=request.user, words=form.words(),
            once_key=request.POST.get("once_key", ""), back_to=came_from(request),
        )  # fmt: skip
    except bulk.TooMany:
        return too_many(request)
    except bulk.NotYours as refusal:
        raise PermissionDenied from refusal
    except ValidationError as refusal:
        form.take(refusal)
        return _ask(request, action, form, chosen, 422)
    return on_the_way(request, run)


def _chosen(request: Request) -> dict[int, int | None]:
    """404 when one of them is not there for this person, 403 when one may only be read."""
    chosen = read_chosen(request.POST, "task")
    if len(chosen) > bulk.MOST:
        return chosen
    if Task.objects.visible_to(request.user).filter(pk__in=chosen).count() != len(chosen):
        raise Http404
    if Task.objects.editable_by(request.user).filter(pk__in=chosen).count() != len(chosen):
        raise PermissionDenied
    return chosen


def _action(request: Request) -> str:
    action = request.POST.get("action", "")
    if action not in FORMS:
        raise BadRequest(_("There is nothing to do by the name “%(name)s”.") % {"name": action[:40]})
    if action == BulkRun.Action.GIVE and not request.user.is_manager:
        raise PermissionDenied
    return action


def _ask(
    request: Request, action: str, form: TasksForm, chosen: dict[int, int | None], status: int = 200
) -> HttpResponse:
    if len(chosen) > bulk.MOST:
        return too_many(request)
    if not chosen:
        messages.error(request, _("Choose at least one task."))
        return leave(request, came_from(request) or reverse("tasks"))
    context = {
        "action": action, "form": form, "chosen": chosen, "tasks": write_chosen(chosen), "next": came_from(request),
        "once_key": request.POST.get("once_key") or fresh_key(),
        "heading": next((kind.heading for kind in kinds(request.user) if kind.name == action), ""),
    }  # fmt: skip
    return render(request, "pipeline/task_list/ask.html", context, status=status)
