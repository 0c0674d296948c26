"""The doors of the shell: signing in and out, the profile, the search, and where one lands."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth import login, logout, update_session_auth_hash
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import BadRequest
from django.forms.models import model_to_dict
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render, resolve_url
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from crm import search, users
from crm.account_forms import PasswordForm, ProfileForm, SignInForm
from crm.models.audit import Via
from crm.proxy import client_address
from crm.sign_in import TooManyTries, sign_in


@require_GET
def home(request: HttpRequest) -> HttpResponse:
    return redirect("board-default")


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


@require_POST
@login_not_required
def sign_out(request: HttpRequest) -> HttpResponse:
    logout(request)
    messages.info(request, _("You are signed out."))
    return redirect("sign-in")


def _wanted_page(request: HttpRequest) -> str:
    wanted = request.POST.get("next") or request.GET.get("next", "")
    if url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure()):
        return wanted
    return resolve_url("home")


@require_GET
def search_page(request: HttpRequest) -> HttpResponse:
    query = request.GET.get("q", "").strip()
    if len(query) > search.LONGEST:
        raise BadRequest(_("A search takes at most %(limit)d characters.") % {"limit": search.LONGEST})
    return render(request, "search.html", {"query": query, "groups": search.search(request.user, query)})


@require_http_methods(["GET", "HEAD", "POST"])
def profile(request: HttpRequest) -> HttpResponse:
    form = ProfileForm(request.POST or None, initial=model_to_dict(request.user, ["name", "time_zone", "theme"]))
    if request.method == "POST" and form.is_valid():
        users.edit_profile(request.user, form.cleaned_data, by=request.user, via=Via.PAGE)
        messages.success(request, _("Your profile is saved."))
        return redirect("profile")
    context = {"form": form, "password_form": PasswordForm(request.user)}
    return render(request, "account/profile.html", context, status=422 if form.is_bound else 200)


@sensitive_post_parameters()
@require_POST
def change_password(request: HttpRequest) -> HttpResponse:
    form = PasswordForm(request.user, request.POST)
    if not form.is_valid():
        profile_form = ProfileForm(initial=model_to_dict(request.user, ["name", "time_zone", "theme"]))
        return render(request, "account/profile.html", {"form": profile_form, "password_form": form}, status=422)
    users.set_password(request.user, form.cleaned_data["new_password1"], by=request.user, via=Via.PAGE)
    update_session_auth_hash(request, request.user)
    messages.success(request, _("Your password is changed. Other devices must sign in again."))
    return redirect("profile")
