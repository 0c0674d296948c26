"""The fields of each record type, declared once: forms, filters, conditions, imports and exports read this list."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.core.exceptions import ValidationError
from django.core.validators import URLValidator, validate_email
from django.utils.translation import gettext as _

from crm import money
from crm.text import clean_text

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


class FieldKind(StrEnum):
    TEXT = "text"
    LONG_TEXT = "long_text"
    EMAIL = "email"
    PHONE = "phone"
    URL = "url"
    INTEGER = "integer"
    MONEY = "money"
    CURRENCY = "currency"
    DATE = "date"
    REFERENCE = "reference"
    TAGS = "tags"


@dataclass(frozen=True)
class Field:
    """`reference` names the model of a reference or of tags, such as "leads.Source"."""

    name: str
    label: StrOrPromise
    kind: FieldKind
    required: bool = False
    max_length: int = 200
    reference: str = ""
    editable: bool = True
    importable: bool = True
    in_conditions: bool = False

    @property
    def is_text(self) -> bool:
        return self.kind in (FieldKind.TEXT, FieldKind.LONG_TEXT, FieldKind.EMAIL, FieldKind.PHONE, FieldKind.URL)

    def check(self, value: Any) -> Any:
        """The value as it is stored, or ValidationError. Takes typed values (a Decimal, a date, an instance or None)."""
        if self.is_text:
            value = self._check_text(value)
        elif self.kind == FieldKind.CURRENCY:
            value = money.check_currency(value)
        elif value is not None:
            self._check_type(value)
        if self.required and value in (None, ""):
            raise ValidationError(_("%(label)s is required.") % {"label": self.label}, code="required")
        return value

    def _check_text(self, value: Any) -> str:
        if not isinstance(value, str):
            raise ValidationError(_("%(label)s must be a text.") % {"label": self.label}, code="type")
        value = clean_text(value)
        if len(value) > self.max_length:
            raise ValidationError(
                _("%(label)s has %(count)d characters; at most %(limit)d fit.")
                % {"label": self.label, "count": len(value), "limit": self.max_length},
                code="max_length",
            )
        if value and self.kind == FieldKind.EMAIL:
            validate_email(value)
        if value and self.kind == FieldKind.URL:
            URLValidator(schemes=["http", "https"])(value)
        return value

    def _check_type(self, value: Any) -> None:
        wanted: Any = {
            FieldKind.INTEGER: int,
            FieldKind.MONEY: Decimal,
            FieldKind.DATE: datetime.date,
            FieldKind.REFERENCE: apps.get_model(self.reference) if self.reference else object,
            FieldKind.TAGS: (list, tuple, set, frozenset),
        }[self.kind]
        if not isinstance(value, wanted) or isinstance(value, bool | datetime.datetime):
            raise ValidationError(_("%(label)s has the wrong type.") % {"label": self.label}, code="type")
        if self.kind == FieldKind.INTEGER and not 0 <= value <= 2**31 - 1:
            raise ValidationError(_("%(label)s is out of range.") % {"label": self.label}, code="range")
        if self.kind == FieldKind.DATE and not 1900 <= value.year <= 2999:
            raise ValidationError(
                _("%(label)s must lie between the years 1900 and 2999.") % {"label": self.label}, code="range"
            )


_declared: dict[str, dict[str, Field]] = {}


def declare(object_type: str, fields: Iterable[Field]) -> None:
    _declared[object_type] = {field.name: field for field in fields}


def of(object_type: str) -> Mapping[str, Field]:
    return _declared[object_type]
