"""The marks on a pipeline's cards, as rows of its page."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.forms.models import BaseInlineFormSet
from django.http import HttpRequest
from django.utils.translation import gettext

from crm.admin.base import Form, Rows
from pipeline.models import CardRule

MOST = 8
What = CardRule.What


class RuleForm(Form):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["tag"].empty_label = "–"  # type: ignore[attr-defined]
        bound = self.instance.at_least
        self.initial["at_least"] = None if bound is None else Decimal(format(bound.normalize(), "f"))

    def clean(self) -> dict[str, Any]:
        """What the kind of rule does not read is emptied; a change of kind leaves nothing behind."""
        data = super().clean() or self.cleaned_data
        bounded, tagged = data.get("what") in (What.VALUE, What.EMPLOYEES), data.get("what") == What.TAG
        if bounded and data.get("at_least") is None and "at_least" not in self.errors:
            self.add_error("at_least", gettext("Say from how much on."))
        if tagged and not data.get("tag") and "tag" not in self.errors:
            self.add_error("tag", gettext("Choose the tag."))
        return data | {
            "at_least": data.get("at_least") if bounded else None, "tag": data.get("tag") if tagged else None
        }  # fmt: skip


class RulesFormSet(BaseInlineFormSet):
    def clean(self) -> None:
        super().clean()
        kept = [form.cleaned_data for form in self.forms if form.cleaned_data and form not in self.deleted_forms]
        labels = Counter(row["label"].casefold() for row in kept if "label" in row)
        if any(number > 1 for number in labels.values()):
            raise ValidationError(gettext("Two marks have the same label."))

    def add_fields(self, form: Any, index: int | None) -> None:
        super().add_fields(form, index)
        if "DELETE" in form.fields:
            form.fields["DELETE"].label = gettext("Remove")


class CardRules(Rows):
    model = CardRule
    form = RuleForm
    formset = RulesFormSet
    fields = ["order", "what", "at_least", "tag", "label", "colour"]
    ordering = ["order", "pk"]
    max_num = MOST

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return True
