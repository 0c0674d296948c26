"""The forms of organizations and contacts. They offer what the user may choose; the rules check again."""

from __future__ import annotations

from typing import Any

from django import forms
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm import access
from crm.forms import ModelForm
from crm.models import User
from leads.models import Contact, Organization

# A choice among more organizations than this would be no help; the one already chosen is always among them.
LONGEST_CHOICE = 2_000


class _RecordForm(ModelForm):
    """`values()` gives what the rules take. The owner is asked only where there is a choice."""

    version = forms.IntegerField(required=False, min_value=1, max_value=2**31 - 1, widget=forms.HiddenInput)
    once_key = forms.CharField(required=False, max_length=64, widget=forms.HiddenInput)

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user
        if self.instance.pk:
            self.fields["version"].initial = self.instance.version
            self.fields["version"].required = True
        self._ask_for_owner(access.assignable_users(user))

    def _ask_for_owner(self, owners: QuerySet[User]) -> None:
        """Only where there is a choice: a rep owns what they make, and gives away nothing."""
        choice = list(owners[:2])
        reachable = not self.instance.pk or owners.filter(pk=self.instance.owner_id).exists()
        if len(choice) > 1 and reachable:
            self.fields["owner"] = forms.ModelChoiceField(
                owners, label=gettext_lazy("Owner"), initial=self.instance.owner_id or self.user.pk, empty_label=None,
                widget=forms.Select(attrs={"class": "form-select"}),
            )  # fmt: skip

    def values(self) -> dict[str, Any]:
        """The fields that stand on the form; the owner of something new is whoever makes it."""
        chosen = {name: value for name, value in self.cleaned_data.items() if name not in ("version", "once_key")}
        return chosen if self.instance.pk else {"owner": self.user, **chosen}

    def _post_clean(self) -> None:
        """The instance stays as it is in the database: the rules write it, under its lock."""


def _choice_of_organizations(user: User, chosen: int | None) -> QuerySet[Organization]:
    seen = Organization.objects.visible_to(user)
    if seen[LONGEST_CHOICE : LONGEST_CHOICE + 1]:
        seen = seen.editable_by(user)
    return (seen | Organization.objects.the_one(chosen)).order_by("name", "pk")


class OrganizationForm(_RecordForm):
    website = forms.URLField(label=gettext_lazy("Website"), required=False, max_length=200, assume_scheme="https")

    class Meta:
        model = Organization
        fields = [
            "name",
            "website",
            "phone",
            "industry",
            "employees",
            "street",
            "postal_code",
            "city",
            "country",
            "parent",
        ]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        parents = _choice_of_organizations(self.user, self.instance.parent_id)
        self.fields["parent"].queryset = parents.exclude(pk=self.instance.pk)  # type: ignore[attr-defined]
        self.fields["parent"].empty_label = _("No larger organization")  # type: ignore[attr-defined]


class ContactForm(_RecordForm):
    class Meta:
        model = Contact
        fields = ["name", "title", "email", "phone", "organization"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        chosen = self.instance.organization_id
        self.fields["organization"].queryset = _choice_of_organizations(self.user, chosen)  # type: ignore[attr-defined]
        self.fields["organization"].empty_label = _("No organization")  # type: ignore[attr-defined]
