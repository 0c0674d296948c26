"""How far one is with one's goals and the regular work of the day; for managers, how far their people are."""

from __future__ import annotations

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST
from django_htmx.http import reswap, trigger_client_event

from crm.models.audit import Via
from crm.visitors import Request
from pipeline import followups, goals
from pipeline.doors import task_to_edit
from pipeline.forms.daily import CountForm
from pipeline.models import Task
from pipeline.views.answers import leave, words_of

PART = "pipeline/goals/_goals.html"


@require_GET
def page(request: Request) -> HttpResponse:
    template = PART if request.htmx else "pipeline/goals/page.html"
    return render(request, template, {"goals": goals.read(request.user)})


@require_POST
def count(request: Request, pk: int) -> HttpResponse:
    """So many of it are done."""
    task = task_to_edit(request, pk)
    form = CountForm(request.POST)
    if not form.is_valid():
        messages.error(request, words_of(form))
        return show(request)
    try:
        counted = followups.count(task.pk, form.cleaned_data["counted"], by=request.user, via=Via.PAGE)
    except ValidationError as refusal:
        messages.error(request, " ".join(refusal.messages))
        return show(request)
    given = {"task": counted.title, "counted": counted.counted, "wanted": counted.wanted}
    done = counted.state == Task.State.DONE
    return show(request, said=(_("Done: %(task)s.") if done else _("%(task)s: %(counted)s of %(wanted)s.")) % given)


def show(request: Request, *, said: str = "") -> HttpResponse:
    """After a change: the part as it is in the database. Without htmx, its page."""
    if said:
        messages.success(request, said)
    if not request.htmx:
        return leave(request, reverse("goals"))
    context = {"goals": goals.read(request.user), "parts": [PART]}
    response = reswap(render(request, "pipeline/deal/parts.html", context), "none")
    return trigger_client_event(response, "deal:changed")
