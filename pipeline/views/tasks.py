"""Tasks: added on a deal's page; finished, put off and put back there and on My day."""

from __future__ import annotations

from collections.abc import Callable

from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST
from django_htmx.http import trigger_client_event

from crm.date_words import Said
from crm.models.audit import Via
from crm.visitors import Request
from pipeline import followups, next_step, task_reminders, task_words
from pipeline.doors import deal_to_edit, task_to_edit
from pipeline.forms.daily import DayForm, NextStepForm, RemindForm, TaskForm
from pipeline.models import Deal, Task
from pipeline.views import day_line
from pipeline.views.answers import ask, show, words_of
from pipeline.views.boards import came_from
from pipeline.views.worked import PARTS, worked

QUICK = ("tomorrow", "fri", "next week", "in 2 weeks")
"""Words that stand as buttons beside the field."""


@require_http_methods(["GET", "HEAD", "POST"])
def new(request: Request, pk: int) -> HttpResponse:
    deal = deal_to_edit(request, pk)
    sent = request.POST if request.method == "POST" else None
    form = TaskForm(sent)
    if sent is not None and form.is_valid():
        said: Said = form.cleaned_data["due_on"]
        try:
            made = followups.add(
                deal.pk, form.cleaned_data["title"], said.due, by=request.user, once_key=form.cleaned_data["once_key"]
            )
        except ValidationError as refusal:
            form.take(refusal)
        else:
            words = _told(_("Task added."), said) if made else _("This was saved already.")
            return show(request, deal.pk, *PARTS, said=words)
    return ask(request, deal, "task_form.html", _("New task"), {"form": form}, 422 if sent else 200)


@require_http_methods(["GET", "HEAD", "POST"])
def next_step_form(request: Request, pk: int) -> HttpResponse:
    """What comes next, asked when nothing is left to do."""
    deal = deal_to_edit(request, pk)
    proposal = next_step.propose(deal, request.user, timezone.now())
    sent = request.POST if request.method == "POST" else None
    form = NextStepForm(sent, proposal=proposal)
    if sent is not None and form.is_valid():
        try:
            made = _take(request, deal, form)
        except ValidationError as refusal:
            form.take(refusal)
        else:
            return _taken(request, deal, form, made)
    context = {"deal": deal, "form": form, "proposal": proposal, "next": came_from(request)}
    return render(request, "pipeline/deal/next_form.html", context, status=422 if sent else 200)


def _take(request: Request, deal: Deal, form: NextStepForm) -> Task | None:
    data, own = form.cleaned_data, form.asked_by_stage()
    due, key = data["due_on"].due, data["once_key"]
    if own is not None:
        return followups.plan_next(deal.pk, own, due, by=request.user, once_key=key)
    return followups.add(deal.pk, data["title"], due, by=request.user, once_key=key)


def _taken(request: Request, deal: Deal, form: NextStepForm, made: Task | None) -> HttpResponse:
    said = _("This was saved already.")
    if made is not None:
        said = _told(_next_words(request, made), form.cleaned_data["due_on"])
    if made is not None:
        answer = worked(request, made, said=said, was=day_line.TODAY, undo=True)
    elif day_line.asked_from(request):
        answer = day_line.show(request, deal.pk, said=said)
    else:
        answer = show(request, deal.pk, *PARTS, said=said)
    return trigger_client_event(answer, "dialog:close", after="swap")


@require_POST
def done(request: Request, pk: int) -> HttpResponse:
    return _finish(request, pk, followups.complete, _("Done: %(task)s."))


@require_POST
def skip(request: Request, pk: int) -> HttpResponse:
    return _finish(request, pk, followups.skip, _("Skipped: %(task)s."))


def _finish(request: Request, pk: int, rule: Callable[..., list[Task]], words: str) -> HttpResponse:
    task = task_to_edit(request, pk)
    was, before = day_line.section_of(request, task), task.version
    try:
        planned = rule(task.pk, by=request.user, via=Via.PAGE)
    except ValidationError as refusal:
        return worked(request, task, why=" ".join(refusal.messages))
    task.refresh_from_db(fields=["version", "state"])
    said = " ".join([words % {"task": task.title}, *(_next_words(request, each) for each in planned)])
    return worked(request, task, said=said, was=was, undo=task.version > before, asks=True, planned=planned)


def _next_words(request: Request, task: Task) -> str:
    due = task_words.due(task.due_at, task.has_time, timezone.now(), request.user.zone)
    return _("Next: %(task)s, %(day)s.") % {"task": task.title, "day": due}


def _told(words: str, said: Said) -> str:
    return f"{words} {said.told}" if said.told else words


@require_POST
def reopen(request: Request, pk: int) -> HttpResponse:
    task = task_to_edit(request, pk)
    followups.reopen(task.pk, by=request.user, via=Via.PAGE)
    return worked(request, task, said=_("Open again: %(task)s.") % {"task": task.title})


@require_POST
def put_back(request: Request, pk: int, version: int) -> HttpResponse:
    """Takes back the change that made this version of the task."""
    task = task_to_edit(request, pk)
    try:
        followups.put_back(task.pk, version, by=request.user, via=Via.PAGE)
    except ValidationError as refusal:
        return worked(request, task, why=" ".join(refusal.messages))
    return worked(request, task, said=_("Taken back: %(task)s.") % {"task": task.title})


@require_http_methods(["GET", "HEAD", "POST"])
def snooze(request: Request, pk: int) -> HttpResponse:
    """Another day, by a word."""
    task = task_to_edit(request, pk)
    sent = request.POST if request.method == "POST" else None
    form = DayForm(sent)
    if sent is not None and form.is_valid():
        try:
            answer = _put_off(request, task, form.cleaned_data["due_on"])
        except ValidationError as refusal:
            form.take(refusal)
        else:
            return trigger_client_event(answer, "dialog:close", after="swap")
    context = {"task": task, "form": form, "quick": QUICK, "next": came_from(request)}
    return render(request, "pipeline/deal/snooze_form.html", context, status=422 if sent else 200)


@require_POST
def reschedule(request: Request, pk: int) -> HttpResponse:
    task = task_to_edit(request, pk)
    form = DayForm(request.POST)
    if not form.is_valid():
        return worked(request, task, "tasks", why=words_of(form))
    try:
        return _put_off(request, task, form.cleaned_data["due_on"])
    except ValidationError as refusal:
        return worked(request, task, "tasks", why=" ".join(refusal.messages))


def _put_off(request: Request, task: Task, said: Said) -> HttpResponse:
    was, before = day_line.section_of(request, task), task.version
    changed = followups.reschedule(task.pk, said.due, by=request.user, via=Via.PAGE)
    due = task_words.due(changed.due_at, changed.has_time, timezone.now(), request.user.zone)
    words = _("“%(task)s” is due %(day)s.") % {"task": task.title, "day": due}
    return worked(request, changed, said=_told(words, said), was=was, undo=changed.version > before)


@require_POST
def remind(request: Request, pk: int) -> HttpResponse:
    task = task_to_edit(request, pk)
    form = RemindForm(request.POST)
    if not form.is_valid():
        return worked(request, task, "tasks", why=words_of(form))
    before = form.cleaned_data["before"]
    try:
        if before is None:
            task_reminders.forget(task.pk, by=request.user)
        else:
            task_reminders.ask(task.pk, before, by=request.user)
    except ValidationError as refusal:
        return worked(request, task, "tasks", why=" ".join(refusal.messages))
    words = _("You are reminded of “%(task)s”.") if before is not None else _("You are not reminded of “%(task)s”.")
    return worked(request, task, "tasks", said=words % {"task": task.title})
