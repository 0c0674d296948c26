"""Who takes part in a deal."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from crm.forms import Form
from crm.models import User
from leads.models import Contact
from pipeline.forms.daily import once_key
from pipeline.models import ContactRole, DealContact, MemberRole, Stance

ROLES = [("", _("No role yet")), *ContactRole.choices]


class PersonForm(Form):
    """What somebody is on the deal."""

    role = forms.ChoiceField(label=_("Role"), choices=ROLES, required=False)
    stance = forms.ChoiceField(label=_("Stance"), choices=Stance.choices)
    is_primary = forms.BooleanField(label=_("Main contact"), required=False)

    def __init__(self, *args: Any, person: DealContact, **options: Any) -> None:
        present = {"role": person.role, "stance": person.stance, "is_primary": person.is_primary}
        super().__init__(*args, initial=present, auto_id=f"person-{person.contact_id}-%s", **options)
        if person.is_primary:
            # Somebody is always the main contact: another one takes over, nobody just stops.
            del self.fields["is_primary"]


class KnownPersonForm(Form):
    """Somebody who is a contact already."""

    contact = forms.ModelChoiceField(
        Contact.objects.none(), widget=forms.HiddenInput,
        error_messages={"invalid_choice": _("Choose a contact that is there."), "required": _("Choose a contact.")},
    )  # fmt: skip
    role = forms.ChoiceField(label=_("Role"), choices=ROLES, required=False)

    def __init__(self, *args: Any, reader: User, **options: Any) -> None:
        super().__init__(*args, auto_id="known-%s", **options)
        self.fields["contact"].queryset = Contact.objects.visible_to(reader)  # type: ignore[attr-defined]


class NewPersonForm(Form):
    """Somebody nobody knows yet."""

    name = forms.CharField(label=_("Name"), max_length=200)
    email = forms.EmailField(label=_("Email"), required=False, max_length=254)
    phone = forms.CharField(label=_("Phone"), max_length=40, required=False)
    role = forms.ChoiceField(label=_("Role"), choices=ROLES, required=False)
    once_key = once_key()

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, auto_id="new-person-%s", **options)


class MemberForm(Form):
    user = forms.ModelChoiceField(User.objects.none(), label=_("Colleague"))
    role = forms.ChoiceField(label=_("Role"), choices=MemberRole.choices)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, auto_id="member-%s", **options)
        self.fields["user"].queryset = User.objects.active().order_by("name")  # type: ignore[attr-defined]
