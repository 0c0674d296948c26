"""Tasks for an organization itself: the part of its page, and adding one."""

from __future__ import annotations

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods
from django_htmx.http import reswap, trigger_client_event

from crm.visitors import Request
from leads.models import Organization
from pipeline import followups, organization_tasks
from pipeline.doors import organization_to_edit
from pipeline.forms.daily import TaskForm
from pipeline.views.answers import leave

PART = "pipeline/organization/_tasks.html"


@require_GET
def of_organization(request: Request, pk: int) -> HttpResponse:
    organization = get_object_or_404(Organization.objects.visible_to(request.user), pk=pk)
    template = PART if request.htmx else "pipeline/organization/tasks.html"
    return render(request, template, {"page": organization_tasks.read(organization, request.user)})


@require_http_methods(["GET", "HEAD", "POST"])
def new(request: Request, pk: int) -> HttpResponse:
    organization = organization_to_edit(request, pk)
    sent = request.POST if request.method == "POST" else None
    form = TaskForm(sent)
    if sent is not None and form.is_valid():
        data = form.cleaned_data
        try:
            made = followups.add_for(pk, data["title"], data["due_on"].due, by=request.user, once_key=data["once_key"])
        except ValidationError as refusal:
            form.take(refusal)
        else:
            return show(request, pk, said=_("Task added.") if made else _("This was saved already."))
    fragment = "pipeline/organization/task_form.html"
    context = {"form": form, "organization": organization, "fragment": fragment}
    template = fragment if request.htmx else "pipeline/organization/form.html"
    return render(request, template, context, status=422 if sent else 200)


def show(request: Request, organization_pk: int, *, said: str = "") -> HttpResponse:
    """After a change: the tasks as they are in the database. Without htmx, back to the organization."""
    if said:
        messages.success(request, said)
    organization = Organization.objects.visible_to(request.user).filter(pk=organization_pk).first()
    if organization is None or not request.htmx:
        return leave(request, reverse("organization", args=[organization_pk]) if organization else reverse("home"))
    context = {"page": organization_tasks.read(organization, request.user), "parts": [PART]}
    response = reswap(render(request, "pipeline/deal/parts.html", context), "none")
    return trigger_client_event(response, "deal:changed")
