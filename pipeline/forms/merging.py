"""Which of two deals gives a field that both know differently."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from crm.forms import Form
from pipeline.merge_page import Difference

MINE, THEIRS = "mine", "theirs"


class MergeForm(Form):
    """What the deal knows stays, unless the other's is chosen; what only the other knows is taken, unless it is left out."""

    def __init__(self, *args: Any, differences: list[Difference], **options: Any) -> None:
        super().__init__(*args, auto_id="merge-%s", **options)
        for each in differences:
            choices = [(MINE, each.mine or _("leave it empty")), (THEIRS, each.theirs)]
            initial = MINE if each.mine else THEIRS
            field = forms.ChoiceField(
                label=each.label, choices=choices, initial=initial, required=False, widget=forms.RadioSelect
            )
            self.add_field(each.name, field)

    def clean(self) -> dict[str, Any]:
        """Each is answered, though none has a star: a page of ours always sends a choice."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if not all(cleaned.get(name) for name in self.fields):
            raise forms.ValidationError(_("Choose for each of these."))
        return cleaned

    def taken(self) -> list[str]:
        return [name for name, chosen in self.cleaned_data.items() if chosen == THEIRS]
