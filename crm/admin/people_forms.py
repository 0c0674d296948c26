"""The forms of people in the administration."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import dates
from django.utils.translation import gettext, gettext_lazy

from crm import forms as house
from crm import money
from crm.account_forms import time_zones
from crm.admin.base import Form
from crm.models import Company, Team, User

DAYS = [
    ("0", gettext_lazy("Monday")),
    ("1", gettext_lazy("Tuesday")),
    ("2", gettext_lazy("Wednesday")),
    ("3", gettext_lazy("Thursday")),
    ("4", gettext_lazy("Friday")),
    ("5", gettext_lazy("Saturday")),
    ("6", gettext_lazy("Sunday")),
]
MONTHS = list(dates.MONTHS.items())


class NewUserForm(Form):
    """No password: the person sets it by the link in the mail."""

    time_zone = forms.ChoiceField(label=gettext_lazy("Time zone"), choices=time_zones)
    team = forms.ModelChoiceField(
        Team.objects, label=gettext_lazy("Team"), required=False,
        help_text=gettext_lazy("A rep works in it, a manager manages it. More can be added afterwards."),
    )  # fmt: skip

    class Meta:
        model = User
        fields = ["email", "name", "role", "time_zone"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["time_zone"].initial = Company.current().time_zone

    def clean_email(self) -> str:
        email: str = self.cleaned_data["email"].strip().lower()
        known = User.objects.filter(email=email).first()
        if known is not None:
            words = gettext("%(name)s has this email already.") if known.is_active else gettext(
                "%(name)s had this email and was deactivated; reactivate the account instead."
            )  # fmt: skip
            raise ValidationError(words % {"name": known.name})
        return email


class UserForm(Form):
    time_zone = forms.ChoiceField(label=gettext_lazy("Time zone"), choices=time_zones)

    class Meta:
        model = User
        fields = ["name", "role", "time_zone"]

    def clean_role(self) -> str:
        role: str = self.cleaned_data["role"]
        if role != User.Role.ADMIN and is_last_admin(self.instance.pk):
            raise ValidationError(gettext("This is the last administrator: make somebody else one first."))
        return role


def is_last_admin(user_id: int) -> bool:
    """For a word beside the field; the rule asks again under a lock."""
    admins = User.objects.active().filter(role=User.Role.ADMIN)
    return admins.filter(pk=user_id).exists() and not admins.exclude(pk=user_id).exists()


class DeactivateForm(house.Form):
    deals_to = forms.ModelChoiceField(
        User.objects.none(), label=gettext_lazy("Who takes over"), required=False, empty_label="–"
    )

    def __init__(self, leaving: User, held: list[str], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["deals_to"]
        field.queryset = User.objects.active().exclude(pk=leaving.pk)  # type: ignore[attr-defined]
        field.required = bool(held)
        field.error_messages["required"] = gettext("Say who takes over what is listed above.")


class CompanyForm(Form):
    time_zone = forms.ChoiceField(
        label=gettext_lazy("Time zone"),
        choices=time_zones,
        help_text=gettext_lazy("Where a day of the company begins and ends."),
    )
    fiscal_year_starts_in = forms.TypedChoiceField(
        label=gettext_lazy("Fiscal year starts in"), choices=MONTHS, coerce=int
    )
    working_days = forms.MultipleChoiceField(
        label=gettext_lazy("Working days"), choices=DAYS, widget=forms.CheckboxSelectMultiple,
        help_text=gettext_lazy("Tasks that count working days are due on these, holidays left out."),
    )  # fmt: skip

    class Meta:
        model = Company
        fields = [
            "name", "time_zone", "base_currency", "week_starts_on", "fiscal_year_starts_in", "working_days",
            "reps_see_team_deals", "everyone_sees_organizations", "reopen_days", "overdue_days",
        ]  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["working_days"] = list(self.instance.working_days)

    def clean_working_days(self) -> str:
        return "".join(sorted(self.cleaned_data["working_days"]))

    def clean_base_currency(self) -> str:
        return money.check_currency(self.cleaned_data["base_currency"].strip().upper())
