"""The administration of people and of the company they work for."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.translation import gettext, gettext_lazy

from crm import configuration, handover, password_reset, tokens, users
from crm.admin.base import ConfiguredPage, Page, Rows
from crm.admin.people_forms import CompanyForm, DeactivateForm, NewUserForm, UserForm
from crm.models import ApiToken, Company, Holiday, Membership, Team, User
from crm.models.audit import Via


class Memberships(Rows):
    """A membership ends; it is not deleted, because the figures of its months belong to the team."""

    model = Membership
    fields = ["team", "user", "started_at", "ended_at"]


@admin.register(User)
class UserPage(Page):
    section = "people"
    list_display = ["name", "email", "role", "is_active"]
    list_filter = ["is_active", "role"]
    search_fields = ["name", "email"]
    inlines = [Memberships]

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> type[forms.ModelForm]:
        self.form = UserForm if change else NewUserForm
        return super().get_form(request, obj, change, **kwargs)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return ["email", "name", "role", "time_zone", *([] if obj else ["team"])]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return ["email"] if obj else []

    def get_inlines(self, request: HttpRequest, obj: Any) -> list[Any]:
        return self.inlines if obj else []

    def save_model(self, request: HttpRequest, obj: User, form: forms.ModelForm, change: bool) -> None:
        if change:
            user = User.objects.get(pk=obj.pk)
            changed = {name: form.cleaned_data[name] for name in ("name", "time_zone") if name in form.changed_data}
            users.edit_profile(user, changed, by=request.user, via=Via.ADMIN)  # type: ignore[arg-type]
            users.change_role(user, form.cleaned_data["role"], by=request.user, via=Via.ADMIN)  # type: ignore[arg-type]
            return
        given = {name: form.cleaned_data[name] for name in ("email", "name", "role", "time_zone")}
        made = users.create(**given, by=request.user, via=Via.ADMIN)  # type: ignore[arg-type]
        if form.cleaned_data["team"]:
            membership = Membership(user=made, team=form.cleaned_data["team"], started_at=timezone.now())
            configuration.save(membership, by=request.user)  # type: ignore[arg-type]
        password_reset.invite(made)
        messages.info(request, gettext("An invitation to set a password goes to %(email)s.") % {"email": made.email})
        obj.pk = made.pk
        obj._state.adding = False

    save_formset = ConfiguredPage.save_formset

    def get_urls(self) -> list[Any]:
        wrap = self.admin_site.admin_view
        own = [
            path("<int:pk>/deactivate/", wrap(self.deactivate), name="crm_user_deactivate"),
            path("<int:pk>/reactivate/", wrap(self.reactivate), name="crm_user_reactivate"),
            path("<int:pk>/invite/", wrap(self.invite), name="crm_user_invite"),
            path("<int:pk>/tokens/<int:token_pk>/revoke/", wrap(self.revoke), name="crm_user_token_revoke"),
        ]
        return own + super().get_urls()

    def deactivate(self, request: HttpRequest, pk: int) -> HttpResponse:
        leaving = get_object_or_404(User.objects.active(), pk=pk)
        held = handover.held_by(leaving)
        form = DeactivateForm(leaving, held, request.POST if request.method == "POST" else None)
        if form.is_valid():
            try:
                users.deactivate(leaving, deals_to=form.cleaned_data["deals_to"], by=request.user)  # type: ignore[arg-type]
            except ValidationError as error:
                form.add_error(None, error.messages)
            else:
                messages.success(request, gettext("%(name)s can no longer sign in.") % {"name": leaving.name})
                return redirect(_page_of(leaving))
        context = {
            "form": form, "leaving": leaving, "held": held, "subject": leaving.name, "back": _page_of(leaving),
            "title": gettext("Deactivate %(name)s") % {"name": leaving.name},
        }  # fmt: skip
        status = 422 if form.is_bound else 200
        return render(request, "admin/crm/user/deactivate.html", {**self._context(request), **context}, status=status)

    def reactivate(self, request: HttpRequest, pk: int) -> HttpResponse:
        user = get_object_or_404(User, pk=pk)
        if request.method == "POST":
            users.reactivate(user, by=request.user)  # type: ignore[arg-type]
            messages.success(request, gettext("%(name)s may sign in again.") % {"name": user.name})
        return redirect(_page_of(user))

    def invite(self, request: HttpRequest, pk: int) -> HttpResponse:
        user = get_object_or_404(User.objects.active(), pk=pk)
        if request.method == "POST":
            password_reset.invite(user)
            messages.success(request, gettext("A link to set a password goes to %(email)s.") % {"email": user.email})
        return redirect(_page_of(user))

    def revoke(self, request: HttpRequest, pk: int, token_pk: int) -> HttpResponse:
        """A token of somebody else: its program gets nothing any more from here on."""
        user = get_object_or_404(User, pk=pk)
        if request.method == "POST":
            if not tokens.revoke(user, token_pk, by=request.user, via=Via.ADMIN):  # type: ignore[arg-type]
                raise Http404
            messages.success(request, gettext("The token no longer works."))
        return redirect(_page_of(user))

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        if context.get("original") is not None:
            context["tokens"] = ApiToken.objects.of(context["original"]).in_use()
        return super().render_change_form(request, context, *args, **kwargs)

    def _context(self, request: HttpRequest) -> dict[str, Any]:
        return {**self.admin_site.each_context(request), "opts": self.opts}


def _page_of(user: User) -> str:
    return reverse("admin:crm_user_change", args=[user.pk])


@admin.register(Team)
class TeamPage(ConfiguredPage):
    section = "people"
    list_display = ["name", "parent", "people"]
    search_fields = ["name"]
    fields = ["name", "parent"]
    inlines = [Memberships]

    @admin.display(description=gettext_lazy("people now"))
    def people(self, team: Team) -> int:
        return Membership.objects.current(timezone.now()).filter(team=team).count()


@admin.register(Company)
class CompanyPage(ConfiguredPage):
    """One row: the list leads straight to it."""

    section = "people"
    form = CompanyForm
    fieldsets = [
        (None, {"fields": ["name", "time_zone", "base_currency"]}),
        (
            gettext_lazy("The year and the week"),
            {"fields": ["fiscal_year_starts_in", "week_starts_on", "working_days"]},
        ),
        (
            gettext_lazy("Who sees what"),
            {"fields": ["reps_see_team_deals", "everyone_sees_organizations", "reopen_days"]},
        ),
        (gettext_lazy("What is overdue"), {"fields": ["overdue_days"]}),
    ]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return redirect("admin:crm_company_change", 1)

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Company | None:
        """Its defaults hold until somebody saves it."""
        return Company.current() if str(object_id) == "1" else None


@admin.register(Holiday)
class HolidayPage(ConfiguredPage):
    section = "people"
    list_display = ["day", "name"]
    fields = ["day", "name"]

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A holiday of the past explains due dates."""
        return obj is not None and obj.day >= timezone.localdate()
