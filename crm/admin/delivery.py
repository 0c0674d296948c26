"""The administration of what people are told: mails, reminders, and who is away when."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import path, reverse
from django.utils import timezone
from django.utils.translation import gettext, gettext_lazy

from crm import absences, mail_folder, outbox, reminders
from crm.admin.base import Page, ReadOnly
from crm.models import Absence, OutgoingMail, Reminder, User
from crm.models.audit import Via


class KindOfMail(admin.SimpleListFilter):
    """Mails that one cannot leave, such as a link for a new password, are of no kind."""

    title = gettext_lazy("kind")
    parameter_name = "of"
    NONE = "none"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        kinds = OutgoingMail.objects.order_by("kind").values_list("kind", flat=True).distinct()
        return [(kind or self.NONE, kind or gettext("of no kind")) for kind in kinds]

    def queryset(self, request: HttpRequest, queryset: QuerySet[OutgoingMail]) -> QuerySet[OutgoingMail]:
        kind = self.value()
        return queryset.filter(kind="" if kind == self.NONE else kind) if kind else queryset


@admin.register(OutgoingMail)
class MailPage(ReadOnly):
    """Whether it went out. What it says is shown only where mails go into a folder: elsewhere it is its reader's."""

    list_display = ["created_at", "user", "subject", "state", "attempts", "sent_at", "last_error"]
    list_filter = ["state", KindOfMail]
    search_fields = ["user__email", "subject"]
    list_select_related = ["user"]
    fields = ["created_at", "user", "subject", "kind", "state", "attempts", "not_before", "sent_at", "last_error"]

    def get_urls(self) -> list[Any]:
        again = self.admin_site.admin_view(self.send_again)
        return [path("<int:pk>/send-again/", again, name="crm_outgoingmail_send_again"), *super().get_urls()]

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        mail = context.get("original")
        if mail is not None:
            context["text_of_mail"] = mail_folder.text_of(mail)
            context["may_send_again"] = bool(mail.body) and mail.state in ("dead", "unknown")
        return super().render_change_form(request, context, *args, **kwargs)

    def send_again(self, request: HttpRequest, pk: int) -> HttpResponse:
        row = get_object_or_404(OutgoingMail, pk=pk)
        if request.method == "POST":
            if outbox.send_again(row.pk):
                messages.success(request, gettext("It is sent again."))
            else:
                messages.info(request, gettext("It is under way, or its text is no longer kept."))
        return redirect(reverse("admin:crm_outgoingmail_change", args=[row.pk]))


@admin.register(Reminder)
class ReminderPage(ReadOnly):
    list_display = ["not_before", "user", "kind", "object_id", "state", "attempts", "reason", "done_at"]
    list_filter = ["state", "kind"]
    search_fields = ["user__email", "user__name"]
    list_select_related = ["user"]
    ordering = ["-id"]
    fields = [
        "user", "stands_in_for", "kind", "object_type", "object_id", "wall_day", "wall_clock", "zone", "due_at", "not_before", "state",
        "attempts", "tried_at", "reason", "made_at", "done_at",
    ]  # fmt: skip

    def get_urls(self) -> list[Any]:
        again = self.admin_site.admin_view(self.deliver_again)
        return [path("<int:pk>/deliver-again/", again, name="crm_reminder_deliver_again"), *super().get_urls()]

    def deliver_again(self, request: HttpRequest, pk: int) -> HttpResponse:
        row = get_object_or_404(Reminder, pk=pk)
        if request.method == "POST":
            if reminders.deliver_again(row.pk):
                messages.success(request, gettext("It is delivered again, with five new attempts."))
            else:
                messages.info(request, gettext("It was not given up, or another one waits for the same."))
        return redirect(reverse("admin:crm_reminder_change", args=[row.pk]))


@admin.register(Absence)
class AbsencePage(Page):
    """Added and removed; what was wrong is removed and added anew."""

    section = "people"
    list_display = ["user", "first_day", "last_day", "deputy", "note"]
    list_filter = ["user"]
    list_select_related = ["user", "deputy"]
    fields = ["user", "first_day", "last_day", "deputy", "note"]
    ordering = ["-last_day", "user"]

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        return super().formfield_for_foreignkey(db_field, request, **{"queryset": User.objects.active(), **kwargs})

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Days that are over explain why somebody was not told."""
        return obj is not None and obj.last_day >= timezone.localdate()

    def save_model(self, request: HttpRequest, obj: Absence, form: forms.ModelForm, change: bool) -> None:
        made = absences.add(**form.cleaned_data, by=request.user, via=Via.ADMIN)  # type: ignore[arg-type]
        obj.pk, obj._state.adding = made.pk, False

    def delete_model(self, request: HttpRequest, obj: Absence) -> None:
        absences.remove(obj.pk, by=request.user, via=Via.ADMIN)  # type: ignore[arg-type]
