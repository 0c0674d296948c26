"""Amounts as people type them."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

_GROUPED = re.compile(r"\d{1,3}(,\d{3})+(\.\d+)?")


class AmountField(forms.CharField):
    """“12500.50”, “12,500.50” and “12 500” give a Decimal, nothing gives None; the rules check the rest."""

    def __init__(self, **options: Any) -> None:
        options.setdefault("widget", forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}))
        super().__init__(max_length=40, required=False, **options)

    def clean(self, value: Any) -> Any:
        text = "".join(str(super().clean(value)).split())
        if not text:
            return None
        if _GROUPED.fullmatch(text):
            text = text.replace(",", "")
        try:
            amount = Decimal(text)
        except InvalidOperation:
            amount = Decimal("NaN")
        if not amount.is_finite():
            raise ValidationError(_("Enter a number such as 12500.50."), code="invalid")
        return amount

    def prepare_value(self, value: Any) -> Any:
        return format(value.normalize(), "f") if isinstance(value, Decimal) else value
