"""The door to one's own days off."""

from __future__ import annotations

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from crm import absences
from crm.choice_forms import AbsenceForm
from crm.models.audit import Via
from crm.visitors import Request


@require_http_methods(["GET", "HEAD", "POST"])
def absence_list(request: Request) -> HttpResponse:
    sent = request.POST if request.method == "POST" else None
    form = AbsenceForm(request.user, sent)
    if form.is_valid():
        try:
            absences.add(request.user, **form.cleaned_data, by=request.user, via=Via.PAGE)
        except ValidationError as refusal:
            form.take(refusal)
        else:
            messages.success(request, _("Reminders wait until you are back."))
            return redirect("absences")
    context = {"form": form, "coming": absences.coming(request.user, timezone.now())}
    return render(request, "account/absences.html", context, status=422 if sent else 200)


@require_POST
def absence_remove(request: Request, pk: int) -> HttpResponse:
    row = get_object_or_404(request.user.absences, pk=pk)
    absences.remove(row.pk, by=request.user, via=Via.PAGE)
    messages.success(request, _("These days are working days again."))
    return redirect("absences")
