"""How the doors of a task answer: with the line of My day from which they were asked, or with the parts of its own page.

Whoever finishes the last task of an open deal is asked at once what comes next.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpResponse
from django.urls import reverse
from django.utils import timezone
from django_htmx.http import trigger_client_event

from crm.visitors import Request
from leads.models import Organization
from pipeline import followups
from pipeline.models import Deal, Task
from pipeline.views import day_line, goals, organization_tasks
from pipeline.views.answers import leave, show
from pipeline.views.boards import came_from

PARTS = ("tasks", "head", "gate", "timeline")


def worked(
    request: Request, task: Task, *parts: str, said: str = "", why: str = "", was: str = "", undo: bool = False,
    asks: bool = False, **context: Any,
) -> HttpResponse:  # fmt: skip
    """`said` or `why` it was refused; `was` is the section of My day it stood in. `undo` offers to put it back, `asks` what comes next."""
    if said:
        messages.success(request, said, extra_tags=undo_of(task) if undo else "")
    if why:
        messages.error(request, why)
    lacks = lacking(request, task.deal_id) if asks and not why and task.deal_id is not None else None
    if request.htmx and day_line.asked_from(request):
        answer = day_line.show(request, task.deal_id, task_id=task.pk, said=said, was=was)
    elif request.htmx and task.deal_id is not None:
        answer = show(request, task.deal_id, *(parts or PARTS), **context)
    elif request.htmx and task.organization_id is not None:
        answer = organization_tasks.show(request, task.organization_id)
    elif request.htmx and not came_from(request):
        answer = goals.show(request)
    else:
        return _go_on(request, task, lacks)
    return ask_next(answer, lacks) if lacks is not None else answer


def ask_next(answer: HttpResponse, deal: Deal) -> HttpResponse:
    return trigger_client_event(answer, "nextstep:ask", {"address": _ask_at(deal)})


def undo_of(task: Task) -> str:
    """The address that puts the task back as it was before its last change."""
    return reverse("task-back", args=[task.pk, task.version])


def lacking(request: Request, deal_id: int) -> Deal | None:
    """The deal, if nothing is left to do on it and this person works on it."""
    deal = Deal.objects.editable_by(request.user).filter(pk=deal_id).first()
    return deal if deal is not None and followups.lacks_next_step(deal, timezone.now()) else None


def _ask_at(deal: Deal) -> str:
    return reverse("deal-next", args=[deal.pk])


def _go_on(request: Request, task: Task, lacks: Deal | None) -> HttpResponse:
    """Without scripts: back to where the form stood, or first to what comes next."""
    back = came_from(request) or _page_of(request, task)
    return leave(request, f"{_ask_at(lacks)}?{urlencode({'next': back})}" if lacks is not None else back)


def _page_of(request: Request, task: Task) -> str:
    """Of what the task is about, as far as the reader sees it."""
    if Deal.objects.visible_to(request.user).filter(pk=task.deal_id or 0).exists():
        return reverse("deal", args=[task.deal_id])
    if Organization.objects.visible_to(request.user).filter(pk=task.organization_id or 0).exists():
        return reverse("organization", args=[task.organization_id])
    return reverse("home")
