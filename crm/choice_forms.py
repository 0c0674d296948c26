"""The forms by which people say how they are told, when not, and when they are away."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Self

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm import access, notice_choices
from crm.forms import Form
from crm.models import User
from crm.notice_choices import Channels, Kind

CLOCK = forms.TimeInput(format="%H:%M", attrs={"type": "time"})
DAY = forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})


class ChoicesForm(Form):
    """Two boxes to tick for each kind."""

    def __init__(self, chosen: Mapping[str, Channels], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for kind in notice_choices.kinds():
            for way, label in (("bell", _("%(kind)s: in the app")), ("email", _("%(kind)s: by email"))):
                box = forms.BooleanField(
                    required=False, initial=getattr(chosen[kind.key], way),
                    widget=forms.CheckboxInput(attrs={"aria-label": label % {"kind": kind.label}}),
                )  # fmt: skip
                self.add_field(f"{kind.key}_{way}", box)

    def rows(self) -> Iterator[tuple[Kind, Any, Any]]:
        for kind in notice_choices.kinds():
            yield kind, self[f"{kind.key}_bell"], self[f"{kind.key}_email"]

    def chosen(self) -> dict[str, Channels]:
        given = self.cleaned_data
        return {
            kind.key: Channels(given[f"{kind.key}_bell"], given[f"{kind.key}_email"]) for kind in notice_choices.kinds()
        }


class QuietForm(Form):
    quiet_from = forms.TimeField(label=gettext_lazy("From"), required=False, widget=CLOCK)
    quiet_until = forms.TimeField(label=gettext_lazy("Until"), required=False, widget=CLOCK)

    @classmethod
    def of(cls, user: User) -> Self:
        return cls(initial={"quiet_from": user.quiet_from, "quiet_until": user.quiet_until})

    def clean(self) -> dict[str, Any]:
        given = self.cleaned_data
        begins, ends = given.get("quiet_from"), given.get("quiet_until")
        if (begins is None) != (ends is None) and not self.errors:
            raise ValidationError(_("Give both hours, or none for no quiet hours."))
        if begins is not None and begins == ends:
            raise ValidationError(_("The quiet hours end when they begin; give two different hours."))
        return given


class AbsenceForm(Form):
    first_day = forms.DateField(label=gettext_lazy("First day"), widget=DAY)
    last_day = forms.DateField(label=gettext_lazy("Last day"), widget=DAY)
    deputy: forms.Field = forms.ModelChoiceField(
        None, label=gettext_lazy("Who stands in"), required=False, empty_label="–",
        help_text=gettext_lazy("Is told of your tasks that are due and of approvals that wait for you, as far as they see them."),
    )  # fmt: skip
    note = forms.CharField(label=gettext_lazy("Note"), max_length=200, required=False)

    def __init__(self, user: User, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        people = access.known_users(user).filter(is_active=True).exclude(pk=user.pk)
        self.fields["deputy"].queryset = people.order_by("name")  # type: ignore[attr-defined]
