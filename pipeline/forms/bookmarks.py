"""Naming a view, and reading its filters again when it is opened."""

from __future__ import annotations

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from crm.forms import Form
from crm.models import User
from pipeline.forms.filters import FilterForm, ListForm
from pipeline.models import SavedView

_READERS = {SavedView.Shown.BOARD.value: FilterForm, SavedView.Shown.LIST.value: ListForm}


class ViewForm(Form):
    name = forms.CharField(label=_("Name"), max_length=60, widget=forms.TextInput({"autocomplete": "off"}))
    shared = forms.BooleanField(label=_("Share it with your people"), required=False)

    def __init__(self, *args: object, user: User, slot: str = "view", **options: object) -> None:
        super().__init__(*args, auto_id=f"{slot}-%s", **options)
        if not user.is_manager:
            del self.fields["shared"]


class KeepForm(ViewForm):
    first = forms.BooleanField(label=_("The board opens with it"), required=False)


def reader_of(shown: str) -> type[FilterForm]:
    return _READERS[shown]


def still_there(view: SavedView, user: User) -> tuple[str, list[str]]:
    """The filters that this person can be shown, and the names of those that they cannot: never their values."""
    form = reader_of(view.shown)(QueryDict(view.query), user)
    form.is_valid()
    kept, dropped = QueryDict(mutable=True), []
    for name, value in QueryDict(view.query).items():
        if name in form.fields and name not in form.errors:
            kept[name] = str(value)
        else:
            dropped.append(str(form.fields[name].label) if name in form.fields else name)
    return kept.urlencode(), dropped
