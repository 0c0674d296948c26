"""One small form for each fact of a deal that is edited in place. The rule checks again."""

from __future__ import annotations

from typing import Any

from django import forms
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from crm import access, money
from crm.forms import Form
from crm.models import User
from leads.models import Organization, Source
from pipeline.fields import DEAL_FIELDS
from pipeline.forms.amounts import AmountField
from pipeline.forms.questions import OrganizationField
from pipeline.models import Deal, Product, Tag

_LABELS = {field.name: field.label for field in DEAL_FIELDS}
DAY = forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})


class NewDealForm(Form):
    """What a deal begins with. Whether its name will do is for the rule, whose refusal is shown where all others are."""

    title = forms.CharField(
        label=_("Name"), required=False, widget=forms.TextInput({"required": True, "maxlength": 200, "autofocus": True})
    )

    def __init__(self, *args: Any, reader: User, **options: Any) -> None:
        super().__init__(*args, auto_id="deal-%s", **options)
        field = OrganizationField(reader)
        field.label, field.required = _LABELS["organization"], False
        self.add_field("organization", field)


class FieldForm(Form):
    """`changes()` gives what deals.edit takes."""

    def __init__(self, *args: Any, deal: Deal, reader: User, slot: str = "fact", **options: Any) -> None:
        super().__init__(*args, initial=self.present(deal), auto_id=f"{slot}-of-%s", **options)
        self.prepare(deal, reader)

    def prepare(self, deal: Deal, reader: User) -> None:
        """Choices that depend on the deal or the reader."""

    def present(self, deal: Deal) -> dict[str, Any]:
        return {name: getattr(deal, name) for name in self.base_fields}

    def changes(self) -> dict[str, Any]:
        return dict(self.cleaned_data)


class TitleForm(FieldForm):
    title = forms.CharField(label=_LABELS["title"], max_length=200)


class ValueForm(FieldForm):
    value = AmountField(label=_LABELS["value"])
    currency = forms.ChoiceField(label=_LABELS["currency"])

    def prepare(self, deal: Deal, reader: User) -> None:
        first = dict.fromkeys([deal.currency, deal.pipeline.currency])
        others = sorted(money.known_currencies() - set(first))
        self.fields["currency"].choices = [(code, code) for code in (*first, *others)]  # type: ignore[attr-defined]


class ExpectedCloseForm(FieldForm):
    expected_close = forms.DateField(label=_LABELS["expected_close"], required=False, widget=DAY)


class QuickForm(ValueForm):
    """What changes most often on the way through the board. Without a name in what is sent, that stays."""

    expected_close = forms.DateField(label=_LABELS["expected_close"], required=False, widget=DAY)
    title = forms.CharField(label=_LABELS["title"], max_length=200, required=False)

    def changes(self) -> dict[str, Any]:
        return {name: value for name, value in self.cleaned_data.items() if name != "title" or "title" in self.data}


class OwnerForm(FieldForm):
    owner = forms.ModelChoiceField(User.objects.none(), label=_LABELS["owner"], empty_label=None)
    tasks_stay = forms.BooleanField(label=_("Open tasks stay with the former owner"), required=False)

    def present(self, deal: Deal) -> dict[str, Any]:
        return {"owner": deal.owner}

    def changes(self) -> dict[str, Any]:
        return {"owner": self.cleaned_data["owner"]}

    def prepare(self, deal: Deal, reader: User) -> None:
        self.fields["owner"].queryset = access.assignable_users(reader)  # type: ignore[attr-defined]


class SourceForm(FieldForm):
    source = forms.ModelChoiceField(Source.objects.none(), label=_LABELS["source"], required=False, empty_label="–")

    def prepare(self, deal: Deal, reader: User) -> None:
        chosen = Source.objects.filter(Q(retired_at__isnull=True) | Q(pk=deal.source_id))
        self.fields["source"].queryset = chosen  # type: ignore[attr-defined]


class ProductForm(FieldForm):
    product = forms.ModelChoiceField(Product.objects.none(), label=_LABELS["product"], required=False, empty_label="–")

    def prepare(self, deal: Deal, reader: User) -> None:
        chosen = Product.objects.filter(Q(retired_at__isnull=True) | Q(pk=deal.product_id))
        self.fields["product"].queryset = chosen  # type: ignore[attr-defined]


class TagsForm(FieldForm):
    tags = forms.ModelMultipleChoiceField(
        Tag.objects.order_by("name"), label=_LABELS["tags"], required=False, widget=forms.CheckboxSelectMultiple
    )

    def present(self, deal: Deal) -> dict[str, Any]:
        return {"tags": list(deal.tags.all())}

    def changes(self) -> dict[str, Any]:
        return {"tags": list(self.cleaned_data["tags"])}


class OrganizationForm(FieldForm):
    """Chosen from a search: `organization` holds the number of a visible one, or nothing."""

    organization = forms.ModelChoiceField(
        Organization.objects.none(), label=_LABELS["organization"], required=False, widget=forms.HiddenInput,
        error_messages={"invalid_choice": _("Choose an organization that is there.")},
    )  # fmt: skip

    def prepare(self, deal: Deal, reader: User) -> None:
        self.fields["organization"].queryset = Organization.objects.visible_to(reader)  # type: ignore[attr-defined]


FORMS: dict[str, type[FieldForm]] = {
    "title": TitleForm,
    "value": ValueForm,
    "expected_close": ExpectedCloseForm,
    "owner": OwnerForm,
    "source": SourceForm,
    "product": ProductForm,
    "tags": TagsForm,
    "organization": OrganizationForm,
}
