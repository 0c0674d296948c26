"""What the pages of the administration have in common: rules write, nothing with a history is deleted."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.widgets import RelatedFieldWidgetWrapper
from django.core.exceptions import ValidationError
from django.db import IntegrityError, models
from django.db.models import QuerySet
from django.forms.models import BaseInlineFormSet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.text import capfirst
from django.utils.translation import gettext, gettext_lazy

from crm import configuration
from crm.text import clean_text


class CleanText:
    """A name of invisible characters counts as empty, as everywhere in the product."""

    fields: dict[str, forms.Field]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            if isinstance(field, forms.CharField):
                _clean_first(field)


def _clean_first(field: forms.CharField) -> None:
    to_python = field.to_python
    setattr(field, "to_python", lambda value: to_python(clean_text(value) if isinstance(value, str) else value))  # noqa: B010


class Form(CleanText, forms.ModelForm):
    pass


class PlainFields:
    """A choice is a choice: no buttons beside it that open other pages in small windows."""

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        field = super().formfield_for_dbfield(db_field, request, **kwargs)  # type: ignore[misc]
        if field is not None and isinstance(field.widget, RelatedFieldWidgetWrapper):
            field.widget = field.widget.widget
        return field


class Page(PlainFields, admin.ModelAdmin):
    """A refusal that only the rule could find, because somebody was quicker, comes back as a message."""

    form = Form
    section = "lists"
    actions = None
    show_full_result_count = False
    list_per_page = 50

    def has_delete_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        title = {"title": capfirst(self.opts.verbose_name_plural)}
        return super().changelist_view(request, {**title, **(extra_context or {})})

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        """A page is called like what it shows."""
        if context.get("original") is not None:
            context |= {"title": str(context["original"]), "subtitle": None}
        return super().render_change_form(request, context, *args, **kwargs)

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:  # fmt: skip
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except ValidationError as error:
            for message in error.messages:
                messages.error(request, message)
        except IntegrityError:
            messages.error(
                request, gettext("Somebody else was changing the same. Nothing was saved; look at it again.")
            )
        return redirect(request.get_full_path())


class ReadOnly(Page):
    """To look something up: what rules wrote is not edited here."""

    section = "history"

    def has_add_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False


class Rows(PlainFields, admin.TabularInline):
    """Inline rows; they end or are retired rather than deleted, unless a page says otherwise."""

    form = Form
    template = "admin/rows.html"
    extra = 0

    def get_formset(self, request: HttpRequest, obj: models.Model | None = None, **kwargs: Any) -> Any:
        made = super().get_formset(request, obj, **kwargs)
        name_fields(made.form)
        return made

    def has_delete_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False


def name_fields(form: Any) -> None:
    """In rows, the heads of the columns are labels for the eye only: each field says for itself what it is called."""
    for name, field in form.base_fields.items():
        field.widget.attrs.setdefault("aria-label", capfirst(str(field.label or name)))


class ConfiguredPage(Page):
    """Saves through crm.configuration, its inline rows too."""

    def save_model(self, request: HttpRequest, obj: Any, form: forms.ModelForm, change: bool) -> None:
        configuration.save(obj, by=request.user)  # type: ignore[arg-type]

    def save_formset(
        self, request: HttpRequest, form: forms.ModelForm, formset: BaseInlineFormSet, change: bool
    ) -> None:
        for row in formset.save(commit=False):
            configuration.save(row, by=request.user)  # type: ignore[arg-type]
        for row in formset.deleted_objects:
            configuration.delete(row, by=request.user)  # type: ignore[arg-type]

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        configuration.delete(obj, by=request.user)  # type: ignore[arg-type]


class ListForm(Form):
    """For rows that are taken out of use by a date: the date is a box to tick."""

    in_use = forms.BooleanField(
        label=gettext_lazy("In use"), required=False, initial=True,
        help_text=gettext_lazy("Off: no longer offered. Records that have it keep it."),
    )  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["in_use"].initial = self.instance.retired_at is None

    def clean_in_use(self) -> bool:
        in_use: bool = self.cleaned_data["in_use"]
        if not in_use and self.instance.pk and self.instance.retired_at is None:
            reason = configuration.why_still_needed(self.instance)
            if reason:
                raise ValidationError(reason)
        return in_use

    def _post_clean(self) -> None:
        if "in_use" in self.cleaned_data:
            retired = None if self.cleaned_data["in_use"] else self.instance.retired_at or timezone.now()
            self.instance.retired_at = retired
        super()._post_clean()  # type: ignore[misc]


class InUse(admin.SimpleListFilter):
    title = gettext_lazy("in use")
    parameter_name = "in_use"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("no", gettext_lazy("No longer")), ("all", gettext_lazy("All"))]

    def choices(self, changelist: Any) -> Any:
        first, *others = super().choices(changelist)
        return [{**first, "display": gettext("In use")}, *others]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() == "all":
            return queryset
        return queryset.filter(retired_at__isnull=self.value() != "no")


class ListPage(ConfiguredPage):
    form = ListForm
    list_filter = [InUse]
