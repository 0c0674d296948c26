"""Tasks of a deal, from its page."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from crm.models.audit import Via
from crm.templatetags.ui import day_words
from crm.visitors import Request
from pipeline import calendar, followups
from pipeline.doors import deal_to_edit, task_to_edit
from pipeline.forms.daily import DayForm, TaskForm
from pipeline.models import Task
from pipeline.views.answers import ask, refuse, show, words_of

PARTS = ("tasks", "head", "gate", "timeline")


@require_http_methods(["GET", "HEAD", "POST"])
def new(request: Request, pk: int) -> HttpResponse:
    deal = deal_to_edit(request, pk)
    sent = request.POST if request.method == "POST" else None
    form = TaskForm(sent)
    if sent is not None and form.is_valid():
        try:
            made = followups.add(
                deal.pk, form.cleaned_data["title"], form.cleaned_data["due_on"], by=request.user,
                once_key=form.cleaned_data["once_key"],
            )  # fmt: skip
        except ValidationError as refusal:
            form.take(refusal)
        else:
            return show(request, deal.pk, *PARTS, said=_("Task added.") if made else _("This was saved already."))
    return ask(request, deal, "task_form.html", _("New task"), {"form": form}, 422 if sent else 200)


@require_POST
def done(request: Request, pk: int) -> HttpResponse:
    return _finish(request, pk, followups.complete, _("Done: %(task)s."))


@require_POST
def skip(request: Request, pk: int) -> HttpResponse:
    return _finish(request, pk, followups.skip, _("Skipped: %(task)s."))


def _finish(request: Request, pk: int, rule: Callable[..., list[Task]], words: str) -> HttpResponse:
    task = task_to_edit(request, pk)
    try:
        planned = rule(task.pk, by=request.user, via=Via.PAGE)
    except ValidationError as refusal:
        return refuse(request, task.deal_id, *PARTS, why=" ".join(refusal.messages))
    said = words % {"task": task.title}
    return show(request, task.deal_id, *PARTS, said=" ".join([said, *_next(request, planned)]), planned=planned)


def _next(request: Request, planned: Sequence[Task]) -> list[str]:
    """The tasks that the process planned after it."""
    return [
        _("Next: %(task)s, %(day)s.")
        % {"task": task.title, "day": day_words(calendar.day_of(task.due_at, request.user))}
        for task in planned
    ]


@require_POST
def reopen(request: Request, pk: int) -> HttpResponse:
    task = task_to_edit(request, pk)
    followups.reopen(task.pk, by=request.user, via=Via.PAGE)
    return show(request, task.deal_id, *PARTS, said=_("Open again: %(task)s.") % {"task": task.title})


@require_POST
def reschedule(request: Request, pk: int) -> HttpResponse:
    task = task_to_edit(request, pk)
    form = DayForm(request.POST)
    if not form.is_valid():
        return refuse(request, task.deal_id, "tasks", why=words_of(form))
    try:
        followups.reschedule(task.pk, form.cleaned_data["due_on"], by=request.user, via=Via.PAGE)
    except ValidationError as refusal:
        return refuse(request, task.deal_id, "tasks", why=" ".join(refusal.messages))
    day = day_words(form.cleaned_data["due_on"])
    return show(request, task.deal_id, *PARTS, said=_("“%(task)s” is due %(day)s.") % {"task": task.title, "day": day})
