"""What every form of the product has in common: how it is drawn, and which text it lets in."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.forms.renderers import DjangoTemplates
from django.template import loader

from crm.text import clean_text

# Secrets are taken as they are typed; everything else that is text passes the gate.
_UNTOUCHED = (forms.PasswordInput,)
_STYLES: list[tuple[tuple[type[forms.Widget], ...], str]] = [
    ((forms.CheckboxSelectMultiple, forms.RadioSelect), "choice-list"),
    ((forms.CheckboxInput,), "form-check-input"),
    ((forms.Select,), "form-select"),
    ((forms.widgets.Input, forms.Textarea), "form-control"),
]


class Renderer(DjangoTemplates):
    """Fields and forms from templates/forms/, widgets from Django. Only for our pages: Django admin keeps its own."""

    form_template_name = "forms/_form.html"
    field_template_name = "forms/_field.html"

    def get_template(self, template_name: str) -> Any:
        # Django draws each option of a list by a template of its own, which costs more than the rest of a page.
        if template_name == "django/forms/widgets/select.html":
            template_name = "forms/_select.html"
        ours = template_name.startswith("forms/")
        return loader.get_template(template_name) if ours else super().get_template(template_name)


class HouseForm(forms.BaseForm):
    """Gatekeeping and look for the fields of a form; `label_suffix` is empty because labels stand above."""

    default_renderer = Renderer

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("label_suffix", "")
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            _dress(field)

    def add_field(self, name: str, field: forms.Field) -> None:
        """A field that is known only once the form is being made."""
        _dress(field)
        self.fields[name] = field

    def take(self, refusal: ValidationError) -> None:
        """What a rule refused, beside the fields that it names; what belongs to no field of this form, on top."""
        if not hasattr(refusal, "error_dict"):
            return self.add_error(None, refusal)
        for name, errors in refusal.error_dict.items():
            self.add_error(name if name in self.fields else None, errors)
        return None


class Form(HouseForm, forms.Form):
    pass


class ModelForm(HouseForm, forms.ModelForm):
    pass


def _dress(field: forms.Field) -> None:
    _style(field.widget)
    if isinstance(field, forms.CharField) and not isinstance(field.widget, _UNTOUCHED):
        _gatekeep(field)


def _style(widget: forms.Widget) -> None:
    css = next((css for kinds, css in _STYLES if isinstance(widget, kinds)), "")
    if css and "class" not in widget.attrs and not widget.is_hidden:
        widget.attrs["class"] = css


def _gatekeep(field: forms.CharField) -> None:
    """Text is cleaned before the field looks at it, so that a name of invisible characters counts as empty."""
    to_python = field.to_python

    def cleaned(value: Any) -> Any:
        return to_python(clean_text(value) if isinstance(value, str) else value)

    setattr(field, "to_python", cleaned)  # noqa: B010  (of this form's own copy of the field)
