"""The administration of webhooks: made and tried here, and what was sent, waits, or was given up."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse
from django.utils.translation import gettext, gettext_lazy, ngettext

from crm.admin.base import Form, Page, ReadOnly
from crm.models import Webhook, WebhookDelivery
from crm.webhooks import addresses, delivering, keeping, kinds

State = WebhookDelivery.State


class WebhookForm(Form):
    events = forms.MultipleChoiceField(
        label=gettext_lazy("Events"), widget=forms.CheckboxSelectMultiple,
        error_messages={"required": gettext_lazy("Choose at least one event.")},
    )  # fmt: skip
    pipeline = forms.TypedChoiceField(
        label=gettext_lazy("Only of this pipeline"), required=False, coerce=int, empty_value=None,
        help_text=gettext_lazy("Deals, and tasks and activities on them. Nothing is told of organizations and contacts then."),
    )  # fmt: skip

    class Meta:
        model = Webhook
        fields = ["name", "url", "events", "pipeline", "team", "with_imports"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["events"].choices = [(event, f"{label} ({event})") for event, label in kinds.known().items()]  # type: ignore[attr-defined]
        self.fields["pipeline"].choices = [("", gettext("All")), *kinds.pipelines()]  # type: ignore[attr-defined]
        self.fields["team"].empty_label = gettext("All")  # type: ignore[attr-defined]
        self.fields["url"].help_text = gettext("Begins with https:// and has a name on the internet.")
        self.fields["url"].widget.attrs["class"] = "vLargeTextField"

    def clean_url(self) -> str:
        url: str = self.cleaned_data["url"]
        addresses.read(url)
        return url


@admin.register(Webhook)
class WebhookPage(Page):
    section = "programs"
    form = WebhookForm
    list_display = ["name", "host", "owner", "is_on", "waiting", "given_up"]
    list_select_related = ["owner"]
    readonly_fields = ["owner", "tried_at"]

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return [*WebhookForm.Meta.fields, *(["owner", "tried_at"] if obj else [])]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Webhook]:
        waiting = Count("deliveries", filter=Q(deliveries__state__in=[State.QUEUED, State.SENDING]))
        given_up = Count("deliveries", filter=Q(deliveries__state=State.PARKED) & ~Q(deliveries__event=kinds.TEST))
        return super().get_queryset(request).annotate(waiting=waiting, given_up=given_up)

    @admin.display(description=gettext_lazy("host"))
    def host(self, hook: Webhook) -> str:
        return hook.host

    @admin.display(description=gettext_lazy("on"), boolean=True)
    def is_on(self, hook: Webhook) -> bool:
        return hook.paused_at is None

    @admin.display(description=gettext_lazy("waiting"))
    def waiting(self, hook: Any) -> int:
        return int(hook.waiting)

    @admin.display(description=gettext_lazy("given up"))
    def given_up(self, hook: Any) -> int:
        return int(hook.given_up)

    def save_model(self, request: HttpRequest, obj: Webhook, form: forms.ModelForm, change: bool) -> None:
        if change:
            keeping.change(obj.pk, form.cleaned_data, by=request.user)  # type: ignore[arg-type]
            return
        made, secret = keeping.make(form.cleaned_data, by=request.user)  # type: ignore[arg-type]
        obj.pk, obj._state.adding = made.pk, False
        request.secret_of_webhook = secret  # type: ignore[attr-defined]

    def response_add(self, request: HttpRequest, obj: Webhook, post_url_continue: str | None = None) -> HttpResponse:
        """The one page on which the secret can be read: nothing of it goes into a session or an address."""
        return self._secret(request, obj, request.secret_of_webhook)  # type: ignore[attr-defined]

    def get_urls(self) -> list[Any]:
        wrap = self.admin_site.admin_view
        own = [
            path(f"<int:pk>/{name.replace('_', '-')}/", wrap(getattr(self, name)), name=f"crm_webhook_{name}")
            for name in ("test", "new_secret", "pause", "resume", "send_parked")
        ]
        return own + super().get_urls()

    def test(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Of the answer its status is shown and nothing else, so that nobody reads the inside by it."""
        hook = get_object_or_404(Webhook, pk=pk)
        if request.method == "POST":
            row = delivering.send_now(keeping.queue_test(hook.pk))
            if row.state == State.SENT:
                messages.success(
                    request, gettext("The receiver took the test: %(status)d.") % {"status": row.status or 0}
                )
            else:
                messages.error(request, gettext("The test did not arrive: %(why)s.") % {"why": row.last_error})
        return redirect(_page_of(hook))

    def new_secret(self, request: HttpRequest, pk: int) -> HttpResponse:
        hook = get_object_or_404(Webhook, pk=pk)
        if request.method != "POST":
            return redirect(_page_of(hook))
        return self._secret(request, hook, keeping.new_secret(hook.pk, by=request.user), renewed=True)  # type: ignore[arg-type]

    def pause(self, request: HttpRequest, pk: int) -> HttpResponse:
        hook = get_object_or_404(Webhook, pk=pk)
        if request.method == "POST":
            reason = gettext("Paused by %(name)s.") % {"name": request.user.name}  # type: ignore[union-attr]
            keeping.pause(hook.pk, reason, by=request.user)  # type: ignore[arg-type]
            messages.success(request, gettext("Nothing is sent until it is resumed."))
        return redirect(_page_of(hook))

    def resume(self, request: HttpRequest, pk: int) -> HttpResponse:
        hook = get_object_or_404(Webhook, pk=pk)
        if request.method == "POST":
            keeping.resume(hook.pk, by=request.user)  # type: ignore[arg-type]
            messages.success(request, gettext("What happens from now on is sent again."))
        return redirect(_page_of(hook))

    def send_parked(self, request: HttpRequest, pk: int) -> HttpResponse:
        hook = get_object_or_404(Webhook, pk=pk)
        if request.method == "POST":
            count = keeping.send_parked_again(hook.pk)
            words = ngettext("%(count)d event is sent again.", "%(count)d events are sent again.", count)
            messages.success(request, words % {"count": count})
        return redirect(_page_of(hook))

    def _secret(self, request: HttpRequest, hook: Webhook, secret: str, renewed: bool = False) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request), "opts": self.opts, "secret": secret, "renewed": renewed,
            "subject": hook.name, "back": _page_of(hook), "title": gettext("The secret of %(name)s") % {"name": hook.name},
        }  # fmt: skip
        return render(request, "admin/crm/webhook/secret.html", context)


def _page_of(hook: Webhook) -> str:
    return reverse("admin:crm_webhook_change", args=[hook.pk])


@admin.register(WebhookDelivery)
class DeliveryPage(ReadOnly):
    """What a receiver answered is not kept, and what was sent is not either: it is read anew when it is sent again."""

    section = "programs"
    list_display = [
        "happened_at",
        "webhook",
        "event",
        "object_id",
        "state",
        "attempts",
        "status",
        "last_error",
        "sent_at",
    ]
    list_filter = ["state", "webhook", "event"]
    list_select_related = ["webhook"]
    search_fields = ["=object_id", "=event_id"]
    search_help_text = gettext_lazy("The number of a record, or the id of an event")
    ordering = ["-id"]
    fields = [
        "webhook", "event", "event_id", "object_type", "object_id", "version", "sequence", "happened_at", "state", "attempts",
        "status", "last_error", "not_before", "sent_at",
    ]  # fmt: skip

    def get_urls(self) -> list[Any]:
        again = self.admin_site.admin_view(self.send_again)
        return [path("<int:pk>/send-again/", again, name="crm_webhookdelivery_send_again"), *super().get_urls()]

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        try:
            return super().get_search_results(request, queryset, search_term)
        except ValidationError:  # no such id can be
            return queryset.none(), False

    def send_again(self, request: HttpRequest, pk: int) -> HttpResponse:
        row = get_object_or_404(WebhookDelivery, pk=pk)
        if request.method == "POST":
            if keeping.send_again(row.pk):
                messages.success(request, gettext("It is sent again, with the same id."))
            else:
                messages.info(request, gettext("It is waiting to be sent already."))
        return redirect(reverse("admin:crm_webhookdelivery_change", args=[row.pk]))
