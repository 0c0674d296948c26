"""How one is told, and how one is not: the page of choices, quiet hours, and the link in a mail that ends its kind."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from crm import letters, notice_choices, users
from crm.choice_forms import ChoicesForm, QuietForm
from crm.models.audit import Via
from crm.visitors import Request


@require_http_methods(["GET", "HEAD", "POST"])
def choices(request: Request) -> HttpResponse:
    sent = request.POST if request.method == "POST" else None
    form = ChoicesForm(notice_choices.of(request.user), sent)
    if sent is not None and form.is_valid():
        notice_choices.choose(request.user, form.chosen(), by=request.user, via=Via.PAGE)
        messages.success(request, _("Saved: this is how you are told."))
        return redirect("notice-choices")
    return _page(request, form, QuietForm.of(request.user), 422 if sent else 200)


@require_http_methods(["POST"])
def quiet(request: Request) -> HttpResponse:
    form = QuietForm(request.POST)
    if not form.is_valid():
        return _page(request, ChoicesForm(notice_choices.of(request.user)), form, 422)
    users.edit_profile(request.user, form.cleaned_data, by=request.user, via=Via.PAGE)
    messages.success(request, _("Your quiet hours are saved."))
    return redirect("notice-choices")


def _page(request: Request, form: ChoicesForm, quiet_form: QuietForm, status: int) -> HttpResponse:
    context = {"form": form, "quiet_form": quiet_form}
    return render(request, "account/notices.html", context, status=status)


# The signed link is all that is asked for: a program that reads mail posts it on its own, without a session.
@csrf_exempt
@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    found = letters.who_unsubscribes(token)
    if found is None:
        return render(request, "account/unsubscribe.html", status=404)
    user, kind = found
    if request.method == "POST":
        notice_choices.unsubscribe(user, kind.key)
    context = {"kind": kind, "done": request.method == "POST", "token": token}
    return render(request, "account/unsubscribe.html", context)
