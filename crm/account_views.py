"""The doors of one's own account: signing in and out, a forgotten password, the profile."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth import login, logout, update_session_auth_hash
from django.contrib.auth.decorators import login_not_required
from django.forms.models import model_to_dict
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render, resolve_url
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from crm import password_reset, reminders, users
from crm.account_forms import NewPasswordForm, PasswordForm, ProfileForm, ResetForm, SignInForm
from crm.models.audit import Via
from crm.proxy import client_address
from crm.sign_in import TooManyTries, sign_in
from crm.visitors import Request

# Where the two halves of a reset link wait while the address of the page no longer shows them.
LINK = "password_reset_link"


@login_not_required
@sensitive_post_parameters("password")
@require_http_methods(["GET", "HEAD", "POST"])
def sign_in_page(request: HttpRequest) -> HttpResponse:
    target = _wanted_page(request)
    if request.user.is_authenticated:
        return redirect(target)
    form, status = SignInForm(request.POST or None), 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                user = sign_in(**form.cleaned_data, address=client_address(request), request=request)
            except TooManyTries:
                status = 429
                form.add_error(None, _("Too many tries. Wait 15 minutes, then try again."))
            else:
                if user:
                    login(request, user)
                    return redirect(target)
                form.add_error(None, _("Email and password do not belong together, or the account is closed."))
    return render(request, "account/sign_in.html", {"form": form, "next": target}, status=status)


def _wanted_page(request: HttpRequest) -> str:
    wanted = request.POST.get("next") or request.GET.get("next", "")
    if url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure()):
        return wanted
    return resolve_url("home")


@login_not_required
@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    logout(request)
    messages.info(request, _("You are signed out."))
    return redirect("sign-in")


@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
def ask_for_link(request: HttpRequest) -> HttpResponse:
    form = ResetForm(request.POST or None)
    if form.is_valid():
        password_reset.ask(form.cleaned_data["email"], address=client_address(request))
        return redirect("password-reset-sent")
    return render(request, "account/reset.html", {"form": form}, status=422 if form.is_bound else 200)


@login_not_required
@require_GET
def link_sent(request: HttpRequest) -> HttpResponse:
    return render(request, "account/reset.html", {"sent": True})


@login_not_required
@require_GET
def open_link(request: HttpRequest, uid: str, token: str) -> HttpResponse:
    """Takes the secret out of the address, where it would stay in the history of the browser."""
    request.session[LINK] = [uid, token]
    return redirect("password-reset-choose")


@login_not_required
@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
def choose_password(request: HttpRequest) -> HttpResponse:
    owner = password_reset.user_of(*request.session.get(LINK, ["", ""]))
    if owner is None:
        return render(request, "account/reset_choose.html", status=410)
    form = NewPasswordForm(owner, request.POST or None)
    if form.is_valid():
        users.set_password(owner, form.cleaned_data["new_password1"], by=owner, via=Via.PAGE)
        logout(request)
        messages.success(request, _("Your password is changed. Sign in with it."))
        return redirect("sign-in")
    status = 422 if form.is_bound else 200
    return render(request, "account/reset_choose.html", {"form": form, "owner": owner}, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
def profile(request: Request) -> HttpResponse:
    form = ProfileForm(request.POST or None, initial=_present(request))
    shifts = _reminders_that_shift(request, form)
    if form.is_valid() and not shifts:
        users.edit_profile(request.user, form.cleaned_data, by=request.user, via=Via.PAGE)
        messages.success(request, _("Your profile is saved."))
        return redirect("profile")
    context = {"form": form, "password_form": PasswordForm(request.user), "shifts": shifts}
    return render(request, "account/profile.html", context, status=422 if form.is_bound else 200)


def _reminders_that_shift(request: Request, form: ProfileForm) -> list[reminders.Shift]:
    """Shown once before another time zone is saved; the form then says that they were seen."""
    if not form.is_valid() or form.cleaned_data["time_zone"] == request.user.time_zone:
        return []
    zone = form.cleaned_data["time_zone"]
    return [] if request.POST.get("seen") == zone else reminders.shifted(request.user, zone)


@sensitive_post_parameters()
@require_POST
def change_password(request: Request) -> HttpResponse:
    form = PasswordForm(request.user, request.POST)
    if not form.is_valid():
        context = {"form": ProfileForm(initial=_present(request)), "password_form": form}
        return render(request, "account/profile.html", context, status=422)
    users.set_password(request.user, form.cleaned_data["new_password1"], by=request.user, via=Via.PAGE)
    update_session_auth_hash(request, request.user)
    messages.success(request, _("Your password is changed. Other devices must sign in again."))
    return redirect("profile")


def _present(request: Request) -> dict[str, str]:
    return model_to_dict(request.user, users.PROFILE)
