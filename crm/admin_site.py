"""The administration: administrators only, who type their password again after ten minutes without a page of it."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import update_wrapper
from typing import Any

from django import forms
from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render, resolve_url
from django.urls import path, reverse, reverse_lazy
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.http import url_has_allowed_host_and_scheme, urlencode
from django.utils.translation import gettext, gettext_lazy
from django.views.decorators.debug import sensitive_post_parameters

from crm.forms import Form
from crm.hashers import LONGEST
from crm.proxy import client_address
from crm.sign_in import TooManyTries, sign_in

ASK_AGAIN_AFTER = timedelta(minutes=10)
STAMP = "administration_confirmed"
# A write for every page would be for nothing.
STAMP_STEP = timedelta(seconds=30)
# The field of the password inside a form that was kept; no form of the administration calls a field like this.
KEPT_PASSWORD = "_password_again"  # noqa: S105  (a name, not a password)

# Sections of the first page and of the side bar; each ModelAdmin names its own.
SECTIONS = {
    "process": gettext_lazy("Sales process"),
    "people": gettext_lazy("People and company"),
    "lists": gettext_lazy("Lists to choose from"),
    "programs": gettext_lazy("Other programs"),
    "history": gettext_lazy("What happened"),
}


class StagecraftAdminSite(AdminSite):
    site_header = gettext_lazy("Stagecraft administration")
    site_title = gettext_lazy("Stagecraft administration")
    index_title = gettext_lazy("Administration")
    empty_value_display = "–"

    def get_urls(self) -> list[Any]:
        urls = [each for each in super().get_urls() if not str(getattr(each, "name", "")).startswith("password_change")]
        for each in urls:
            page: Any = getattr(each, "callback", None)
            if hasattr(page, "login_url"):
                page.login_url = reverse_lazy("sign-in")
        return [path("confirm/", self.confirm, name="confirm"), *urls]

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """There is one sign-in, the product's own."""
        target = request.GET.get("next") or reverse("admin:index")
        return redirect(f"{resolve_url('sign-in')}?{urlencode({'next': target})}")

    login.login_required = False  # type: ignore[attr-defined]

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:
        guarded = super().admin_view(view, cacheable)

        def page(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if request.user.is_authenticated:
                self._refuse_others(request)
                if not _is_fresh(request) and not _password_was_kept_along(request):
                    return self._ask_again(request)
                _stamp(request)
            return guarded(request, *args, **kwargs)

        return update_wrapper(page, guarded)

    @method_decorator(sensitive_post_parameters("password"))
    def confirm(self, request: HttpRequest) -> HttpResponse:
        self._refuse_others(request)
        target = _wanted(request)
        form = ConfirmForm(request, request.POST if request.method == "POST" else None)
        if form.is_valid():
            _stamp(request)
            return redirect(target)
        context = {"form": form, "next": target, "action": reverse("admin:confirm")}
        return render(request, "admin/confirm.html", context, status=422 if form.is_bound else 200)

    def _ask_again(self, request: HttpRequest) -> HttpResponse:
        """A form that was sent too late is kept inside the question and goes on where it was going."""
        if request.method != "POST":
            return redirect(f"{reverse('admin:confirm')}?{urlencode({'next': request.get_full_path()})}")
        tried = KEPT_PASSWORD in request.POST
        form = ConfirmForm(request, request.POST if tried else None, field=KEPT_PASSWORD)
        context = {"form": form, "kept": _kept(request.POST), "action": request.get_full_path()}
        return render(request, "admin/confirm.html", context, status=422 if tried else 403)

    def _refuse_others(self, request: HttpRequest) -> None:
        if not self.has_permission(request):
            raise PermissionDenied(
                gettext("The administration is for administrators. Ask one of yours to change something here.")
            )

    def register(self, model_or_iterable: Any, admin_class: Any = None, **options: Any) -> None:
        """A role is all there is: Django's groups of permissions get no page."""
        models: list[Any] = [model_or_iterable] if isinstance(model_or_iterable, type) else list(model_or_iterable)
        super().register([each for each in models if each._meta.app_label != "auth"], admin_class, **options)

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        """By what one wants to do, not by where the code lies."""
        apps = super().get_app_list(request, app_label)
        if app_label is not None:
            return apps
        models = [model for app in apps for model in app["models"]]
        return [
            {
                "name": name,
                "app_label": section,
                "app_url": reverse("admin:index"),
                "has_module_perms": True,
                "models": [
                    model for model in models if getattr(self._registry[model["model"]], "section", "lists") == section
                ],
            }
            for section, name in SECTIONS.items()
        ]


class ConfirmForm(Form):
    """The password of whoever is signed in, counted like a try to sign in."""

    def __init__(self, request: HttpRequest, data: QueryDict | None = None, field: str = "password") -> None:
        super().__init__(data)
        self.request, self.field = request, field
        attributes = {"autocomplete": "current-password", "autofocus": True, "class": "form-control"}
        self.fields[field] = forms.CharField(
            label=gettext("Password"), max_length=LONGEST, strip=False, widget=forms.PasswordInput(attrs=attributes)
        )

    def clean(self) -> dict[str, Any]:
        password = self.cleaned_data.get(self.field)
        if password:
            user = self.request.user
            try:
                found = sign_in(user.email, password, address=client_address(self.request), request=self.request)  # type: ignore[union-attr]
            except TooManyTries:
                self.add_error(self.field, gettext("Too many tries. Wait 15 minutes, then try again."))
            else:
                if found != user:
                    self.add_error(self.field, gettext("That is not your password."))
        return self.cleaned_data


def _is_fresh(request: HttpRequest) -> bool:
    """Signing in counts: the middleware notes when the session started."""
    times = [request.session[key] for key in (STAMP, "started") if key in request.session]
    return any(timezone.now() - datetime.fromisoformat(each) < ASK_AGAIN_AFTER for each in times)


def _stamp(request: HttpRequest) -> None:
    now, last = timezone.now(), request.session.get(STAMP)
    if last is None or now - datetime.fromisoformat(last) > STAMP_STEP:
        request.session[STAMP] = now.isoformat()


def _password_was_kept_along(request: HttpRequest) -> bool:
    if request.method != "POST" or KEPT_PASSWORD not in request.POST:
        return False
    request.sensitive_post_parameters = [KEPT_PASSWORD]  # type: ignore[attr-defined]  # left out of reports of errors
    return ConfirmForm(request, request.POST, field=KEPT_PASSWORD).is_valid()


def _kept(data: QueryDict) -> list[tuple[str, str]]:
    ours = ("csrfmiddlewaretoken", KEPT_PASSWORD)
    return [(name, value) for name in data if name not in ours for value in data.getlist(name)]


def _wanted(request: HttpRequest) -> str:
    wanted = request.POST.get("next") or request.GET.get("next", "")
    if url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure()):
        return wanted
    return reverse("admin:index")
