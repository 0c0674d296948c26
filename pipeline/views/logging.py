"""Logging what was said: choose what it was, type, Enter. What the buyer agreed to and proofs of it."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST
from django_htmx.http import trigger_client_event

from crm.models.audit import Via
from crm.visitors import Request
from leads.models import Activity, ActivityType, Direction
from pipeline import commitments, followups, logbook
from pipeline.deal_page import DealPage
from pipeline.doors import deal_to_edit, deal_to_see
from pipeline.forms.daily import EvidenceForm, LogForm, fits
from pipeline.models import Deal, EntryCondition, Task
from pipeline.models.tasks import TaskQuerySet
from pipeline.views import day_line, worked
from pipeline.views.answers import ask, number, read_page, refuse, show

AFTER_LOGGING = ("log", "head", "way", "gate", "tasks", "timeline")
AFTER_DELETING = ("head", "way", "gate", "tasks", "timeline")
AFTER_TICKING = ("head", "way", "gate", "timeline")


@require_http_methods(["GET", "HEAD", "POST"])
def log(request: Request, pk: int) -> HttpResponse:
    """Step one without `type`, step two with it."""
    deal = deal_to_edit(request, pk)
    page = read_page(request, deal)
    if request.method != "POST" and "type" not in request.GET:
        if day_line.asked_from(request):
            return render(request, "pipeline/day/log.html", {"page": page, "likely": _likely_type(request, page)})
        return ask(request, deal, "log_types.html", _("Log what happened"), {"page": page})
    chosen = number(request.POST.get("type") or request.GET.get("type", ""))
    type = get_object_or_404(ActivityType.objects.in_use(), pk=chosen)
    sent = request.POST if request.method == "POST" else None
    sent_files = request.FILES if sent is not None else None
    form = LogForm(
        sent,
        sent_files,
        type=type,
        deal=deal,
        people=page.people,
        to_agree=page.gate.to_agree,
        tasks=_tasks(request, deal),
    )
    context = {"form": form, "type": type, "page": page, "in_dialog": day_line.asked_from(request)}
    if sent is not None and form.is_valid():
        try:
            made = logbook.log(
                deal.pk, form.entry(), by=request.user, via=Via.PAGE, agreed=form.agreed_ids(),
                evidence=form.cleaned_data.get("evidence", ""), proof=form.proof(), finishes=form.finished(),
                once_key=form.cleaned_data["once_key"],
            )  # fmt: skip
        except ValidationError as refusal:
            form.take(refusal)
        else:
            said = _("Logged: %(type)s.") % {"type": type.name} if made else _("This was saved already.")
            done = form.finished() if made is not None else None
            return _logged(request, deal, " ".join([said, *_done(request, done), *_stopped(made)]))
    return ask(request, deal, "log_form.html", _("Log: %(type)s") % {"type": type.name}, context, 422 if sent else 200)


@require_POST
def remove(request: Request, pk: int, activity_pk: int) -> HttpResponse:
    deal, activity = _found(request, pk, activity_pk)
    try:
        logbook.delete(activity.pk, by=request.user, via=Via.PAGE)
    except ValidationError as refusal:
        return refuse(request, deal.pk, "timeline", why=" ".join(refusal.messages))
    back = reverse("deal-log-restore", args=[deal.pk, activity.pk])
    messages.success(request, _("Deleted: %(type)s.") % {"type": activity.type.name}, extra_tags=back)
    return show(request, deal.pk, *AFTER_DELETING)


@require_POST
def restore(request: Request, pk: int, activity_pk: int) -> HttpResponse:
    deal, activity = _found(request, pk, activity_pk)
    logbook.restore(activity.pk, by=request.user, via=Via.PAGE)
    return show(request, deal.pk, *AFTER_DELETING, said=_("It is back: %(type)s.") % {"type": activity.type.name})


def _found(request: Request, pk: int, activity_pk: int) -> tuple[Deal, Activity]:
    """What was logged on this deal, deleted or not, by somebody of whom the visitor may delete it."""
    deal = deal_to_see(request, pk)
    rows = Activity.objects.restorable_by(request.user).filter(deal_links__deal=deal).select_related("type")
    return deal, get_object_or_404(rows, pk=activity_pk)


def _tasks(request: Request, deal: Deal) -> TaskQuerySet:
    """What is due first first."""
    return Task.objects.editable_by(request.user).filter(deal=deal).order_by("due_at", "pk")


def _likely_type(request: Request, page: DealPage) -> str:
    """What finishes the first task; else what is logged most, the first one."""
    task, keys = _tasks(request, page.deal).open().first(), [type.key for type in page.daily_types]
    return next((key for key in keys if task is not None and fits(key, task.kind)), keys[0] if keys else "")


def _done(request: Request, task: Task | None) -> list[str]:
    done = task is not None and Task.objects.visible_to(request.user).filter(pk=task.pk, state=Task.State.DONE).exists()
    return [_("Done: %(task)s.") % {"task": task.title}] if task is not None and done else []


def _stopped(made: Activity | None) -> list[str]:
    """The follow-ups that the answer of the buyer made needless."""
    tasks = followups.stopped_by(made) if made is not None and made.direction == Direction.IN else []
    return [_("The buyer answered: “%(task)s” is no longer needed.") % {"task": task.title} for task in tasks]


def _logged(request: Request, deal: Deal, said: str) -> HttpResponse:
    """What was logged may have been the answer that the last task waited for: then what comes next is asked."""
    lacking = worked.lacking(request, deal.pk) if deal.next_task_due_at is not None else None
    if day_line.asked_from(request):
        messages.success(request, said)
        answer = trigger_client_event(day_line.show(request, deal.pk, said=said), "dialog:close", after="swap")
    else:
        answer = show(request, deal.pk, *AFTER_LOGGING, said=said, just_logged=True)
    return worked.ask_next(answer, lacking) if request.htmx and lacking is not None else answer


@require_http_methods(["GET", "HEAD", "POST"])
def commit(request: Request, pk: int) -> HttpResponse:
    """Tick a condition: one click, or the proof where one is asked for."""
    deal = deal_to_edit(request, pk)
    condition = _condition(request, deal)
    sent = request.POST if request.method == "POST" else None
    form = EvidenceForm(sent, request.FILES if sent is not None else None, condition=condition, deal=deal)
    if sent is not None and (form.is_valid() or not condition.needs_evidence):
        evidence, proof = form.cleaned_data.get("evidence", ""), form.proof()
        try:
            with followups.holding(deal.pk) as locked:
                commitments.record(locked, condition.pk, by=request.user, evidence=evidence, proof=proof)
        except ValidationError as refusal:
            if not condition.needs_evidence:
                return refuse(request, deal.pk, *AFTER_TICKING, why=" ".join(refusal.messages))
            form.take(refusal)
        else:
            return show(request, deal.pk, *AFTER_TICKING, said=_("Noted: %(what)s.") % {"what": condition.label})
    context: dict[str, Any] = {"form": form, "condition": condition}
    return ask(request, deal, "evidence_form.html", condition.label, context, 422 if sent else 200)


@require_POST
def withdraw(request: Request, pk: int) -> HttpResponse:
    deal = deal_to_edit(request, pk)
    condition = _condition(request, deal)
    with followups.holding(deal.pk) as locked:
        commitments.withdraw(locked, condition.pk, by=request.user)
    return show(request, deal.pk, *AFTER_TICKING, said=_("Withdrawn: %(what)s.") % {"what": condition.label})


def _condition(request: Request, deal: Deal) -> EntryCondition:
    sent = request.POST if request.method == "POST" else request.GET
    rows = EntryCondition.objects.filter(stage__pipeline=deal.pipeline_id, kind__in=["commitment", "by_hand"])
    return get_object_or_404(rows, pk=number(sent.get("condition", "")))
