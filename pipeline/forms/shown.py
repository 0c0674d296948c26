"""What a list or a card shows, as a part of the address: “title,value,close”. The title is always there and stands first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.translation import gettext as _

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

FIRST = "title"


class ShownInput(forms.HiddenInput):
    """A form of boxes sends the name once for each box: the same as one text with commas."""

    def value_from_datadict(self, data: Any, files: Any, name: str) -> str:
        return ",".join(data.getlist(name) if hasattr(data, "getlist") else [data.get(name, "")])


class ShownField(forms.Field):
    """A tuple of names in the order in which they were given; empty where all stand in their usual order."""

    def __init__(self, names: Mapping[str, StrOrPromise], *, ordered: bool, **options: Any) -> None:
        super().__init__(required=False, widget=ShownInput, **options)
        self.names, self.ordered = names, ordered

    def to_python(self, value: Any) -> tuple[str, ...]:
        given = [name.strip() for name in str(value or "").split(",") if name.strip()]
        for name in given:
            if name not in self.names:
                raise forms.ValidationError(_("There is no “%(name)s” to show.") % {"name": name[:40]}, code="invalid")
        wanted = dict.fromkeys([FIRST, *given])
        shown = tuple(wanted if self.ordered else (name for name in self.names if name in wanted))
        return () if not given or shown == tuple(self.names) else shown
