"""The fields of a body, strict both ways: a value has its one type, and nothing unknown or read-only is let through.

Each says in `schema()` what it takes, so that the description of the API cannot differ from what it does.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, cast

from django.core.exceptions import ValidationError
from django.db.models import Model, QuerySet
from django.utils.dateparse import parse_date, parse_datetime
from django.utils.translation import gettext as _
from rest_framework import serializers

from crm import fields
from crm.fields import Field, FieldKind
from crm.models import User
from crm.problems import Fault, Problem, faults_of

BIGGEST_ID = 2**63 - 1
Chosen = Callable[[User], "QuerySet[Any]"]
Schema = dict[str, Any]


def wrong(message: str, code: str = "type") -> ValidationError:
    return ValidationError(message, code=code)


class Part(serializers.Field):
    """`says` explains the field to whoever reads the documentation."""

    kind: Schema = {}

    def __init__(self, *, says: str = "", **options: Any) -> None:
        super().__init__(**options)
        self.says = says

    def to_internal_value(self, data: Any) -> Any:
        return data

    def to_representation(self, value: Any) -> Any:
        return value

    def shown(self) -> Schema:
        """How it is shown: limits are for what is sent, what is stored already is given as it is."""
        limits = ("maxLength", "maxItems", "minimum", "maximum")
        return {key: value for key, value in self.schema().items() if key not in limits}

    def schema(self) -> Schema:
        found = dict(self.kind)
        if self.allow_null and "type" in found:
            found["type"] = [found["type"], "null"]
            if "enum" in found:
                found["enum"] = [*found["enum"], None]
        if self.says:
            found["description"] = str(self.says)
        if self.read_only:
            found["readOnly"] = True
        return found


class Text(Part):
    kind = {"type": "string"}

    def __init__(self, *, longest: int = 200, **options: Any) -> None:
        super().__init__(**options)
        self.field = Field(options.get("source") or "text", _("The text"), FieldKind.LONG_TEXT, max_length=longest)

    def to_internal_value(self, data: Any) -> str:
        checked: str = self.field.check(data)
        return checked

    def schema(self) -> Schema:
        limit = {} if self.read_only else {"maxLength": self.field.max_length}
        return super().schema() | limit


class Whole(Part):
    kind = {"type": "integer"}

    def __init__(self, *, least: int = 0, most: int = 2**31 - 1, **options: Any) -> None:
        super().__init__(**options)
        self.least, self.most = least, most

    def to_internal_value(self, data: Any) -> int:
        if not isinstance(data, int) or isinstance(data, bool):
            raise wrong(_("A whole number is expected, without quotes."))
        if not self.least <= data <= self.most:
            raise wrong(_("From %(least)d to %(most)d.") % {"least": self.least, "most": self.most}, "range")
        return data

    def schema(self) -> Schema:
        limits = {} if self.read_only else {"minimum": self.least, "maximum": self.most}
        return super().schema() | limits


class Yes(Part):
    kind = {"type": "boolean"}

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            raise wrong(_("true or false is expected."))
        return data


class Choice(Part):
    def __init__(self, choices: Iterable[str], **options: Any) -> None:
        super().__init__(**options)
        self.known = list(choices)

    @property
    def kind(self) -> Schema:  # type: ignore[override]
        return {"type": "string", "enum": self.known}

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str) or data not in self.known:
            raise wrong(
                _("One of these is expected: %(known)s.") % {"known": ", ".join(filter(None, self.known))}, "choice"
            )
        return data


class Day(Part):
    kind = {"type": "string", "format": "date"}

    def to_internal_value(self, data: Any) -> datetime.date:
        return read_day(data)


class Moment(Part):
    """Always with its offset; shown in UTC."""

    kind = {"type": "string", "format": "date-time"}

    def to_internal_value(self, data: Any) -> datetime.datetime:
        return read_moment(data)

    def to_representation(self, value: datetime.datetime) -> str:
        return shown_moment(value)


def shown_moment(value: datetime.datetime) -> str:
    return value.astimezone(datetime.UTC).isoformat().replace("+00:00", "Z")


def read_day(data: Any) -> datetime.date:
    try:
        day = parse_date(data) if isinstance(data, str) and re.fullmatch(r"\d{4}-\d\d-\d\d", data, re.ASCII) else None
    except ValueError:
        day = None
    if day is None:
        raise wrong(_("A day is expected, such as 2026-09-30."), "date")
    if not 1900 <= day.year <= 2999:
        raise wrong(_("A day between the years 1900 and 2999 is expected."), "range")
    return day


def read_moment(data: Any) -> datetime.datetime:
    try:
        moment = parse_datetime(data) if isinstance(data, str) and len(data) < 40 and data.isascii() else None
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise wrong(_("A time with its offset is expected, such as 2026-09-30T10:00:00Z."), "datetime")
    if not 1900 <= moment.year <= 2999:
        raise wrong(_("A time between the years 1900 and 2999 is expected."), "range")
    return moment.astimezone(datetime.UTC)


class Money(Part):
    """As text, so that no program rounds it; taken as a number too, which is read exactly."""

    def to_internal_value(self, data: Any) -> Decimal:
        if isinstance(data, bool) or not isinstance(data, str | int | Decimal):
            raise wrong(_('An amount is expected, such as "12500.50".'))
        if isinstance(data, str) and not re.fullmatch(r"-?\d{1,20}(\.\d{1,10})?", data, re.ASCII):
            raise wrong(_('An amount is expected, such as "12500.50".'))
        try:
            return Decimal(data)
        except InvalidOperation as error:
            raise wrong(_('An amount is expected, such as "12500.50".')) from error

    def to_representation(self, value: Decimal) -> str:
        return shown_amount(value)

    def schema(self) -> Schema:
        text = {"type": "string", "pattern": r"^\d{1,13}(\.\d{1,4})?$"}
        nothing = [{"type": "null"}] if self.allow_null else []
        number = [] if self.read_only else [{"type": "number", "minimum": 0, "exclusiveMaximum": 10**13}]
        return super().schema() | {"anyOf": [text, *number, *nothing]}


def shown_amount(value: Decimal) -> str:
    """With two decimals at least, and no needless ones."""
    text = format(value.normalize(), "f")
    whole, _point, rest = text.partition(".")
    return f"{whole}.{rest.ljust(2, '0')}"


NOT_THERE = "does_not_exist"


def not_there() -> ValidationError:
    """The same for what does not exist and for what this person may not choose."""
    return wrong(_("There is nothing with this id that you could choose."), NOT_THERE)


def read_id(data: Any) -> int:
    if not isinstance(data, int) or isinstance(data, bool):
        raise wrong(_("An id is expected, a whole number without quotes."))
    if not 0 < data <= BIGGEST_ID:
        raise not_there()
    return data


class Reference(Part):
    """An id of a row that the user may choose; what the record has already may stay."""

    kind = {"type": "integer", "minimum": 1, "maximum": BIGGEST_ID}

    def __init__(self, among: Chosen | None = None, **options: Any) -> None:
        super().__init__(**options)
        self.among = among

    def get_attribute(self, instance: Any) -> Any:
        return getattr(instance, f"{self.source}_id")

    def to_internal_value(self, data: Any) -> Model:
        pk = read_id(data)
        record = getattr(self.parent, "instance", None)
        if isinstance(record, Model) and getattr(record, f"{self.source}_id", None) == pk:
            return cast(Model, getattr(record, str(self.source)))
        found = self.choice(record).filter(pk=pk).first()
        if found is None:
            raise not_there()
        return cast(Model, found)

    def choice(self, record: Any) -> QuerySet[Any]:
        assert self.among is not None  # noqa: S101  (fields that only show have none, and are never read)
        return self.among(self.context["user"])


class OwnerOf(Reference):
    """A rep owns what they make and gives away nothing; whoever may not take it from its owner leaves it there."""

    def choice(self, record: Any) -> QuerySet[Any]:
        owners = super().choice(record)
        reachable = record is None or owners.filter(pk=record.owner_id).exists()
        return owners if reachable else owners.none()


class References(Part):
    """Several ids, each once, in no order. `longest` keeps a body from asking for thousands."""

    def __init__(self, among: Chosen | None = None, *, longest: int = 100, **options: Any) -> None:
        super().__init__(**options)
        self.among, self.longest = among, longest

    def to_representation(self, value: Any) -> list[int]:
        return sorted(row.pk for row in value.all())

    def to_internal_value(self, data: Any) -> list[Model]:
        if not isinstance(data, list):
            raise wrong(_("A list of ids is expected, such as [1, 2]."))
        if len(data) > self.longest:
            raise wrong(_("At most %(count)d ids.") % {"count": self.longest}, "too_many")
        wanted = {read_id(each) for each in data}
        assert self.among is not None  # noqa: S101
        found = list(self.among(self.context["user"]).filter(pk__in=wanted))
        if len(found) < len(wanted):
            raise not_there()
        return found

    def schema(self) -> Schema:
        limit = {} if self.read_only else {"maxItems": self.longest}
        return super().schema() | {"type": "array", "items": {"type": "integer"}} | limit


class Declared(Part):
    """A text, number or code as the record type declares it."""

    def __init__(self, field: Field, **options: Any) -> None:
        numeric = field.kind == FieldKind.INTEGER
        super().__init__(**{"required": field.required, "allow_null": numeric and not field.required} | options)
        self.field = field

    def to_internal_value(self, data: Any) -> Any:
        if not self.field.is_text and not isinstance(data, int if self.field.kind == FieldKind.INTEGER else str):
            raise wrong(_("%(label)s has the wrong type.") % {"label": self.field.label})
        return self.field.check(data)

    def schema(self) -> Schema:
        text: Schema = {"type": "string", "maxLength": self.field.max_length}
        if self.field.kind == FieldKind.CURRENCY:
            text = {"type": "string", "pattern": "^[A-Z]{3}$"}
        elif self.field.kind == FieldKind.EMAIL:
            text |= {"anyOf": [{"format": "email"}, {"maxLength": 0}]}
        elif self.field.kind == FieldKind.INTEGER:
            text = {"type": ["integer", "null"] if self.allow_null else "integer", "minimum": 0, "maximum": 2**31 - 1}
        return super().schema() | text


def declared(object_type: str, name: str, among: Chosen | None = None, **options: Any) -> Any:
    """The part for a field of `crm.fields`: the one declaration of its name, type and length."""
    field = fields.of(object_type)[name]
    common: dict[str, Any] = {
        "required": field.required,
        "allow_null": not field.required,
        "says": str(field.label),
    } | options
    kinds: dict[FieldKind, Any] = {FieldKind.MONEY: Money, FieldKind.DATE: Day}
    if field.kind == FieldKind.REFERENCE:
        return (OwnerOf if name == "owner" else Reference)(among, **common)
    if field.kind == FieldKind.TAGS:
        return References(among, **common | {"allow_null": False})
    if field.kind in kinds:
        return kinds[field.kind](**common)
    return Declared(field, says=str(field.label), **options)


class Shape(serializers.Serializer):
    """`only` are the names to show. `example` is a body that works."""

    example: Schema = {}

    def __init__(self, *args: Any, only: frozenset[str] | None = None, **options: Any) -> None:
        super().__init__(*args, **options)
        if only is not None:
            for name in set(self.fields) - only:
                self.fields.pop(name)

    @classmethod
    def parts(cls) -> dict[str, Part]:
        return dict(cls().fields)  # type: ignore[arg-type]

    def values(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """What was sent, as the rules take it. Raises Problem 400 with every fault by its field."""
        faults = [fault for name in body for fault in self._refused(name)]
        found: dict[str, Any] = {}
        for name, part in self.fields.items():
            if part.read_only:
                continue
            if name in body:
                try:
                    found[part.source or name] = self._value(part, body[name])
                except ValidationError as error:
                    faults += faults_of(error, name)
            elif part.required and not self.partial:
                faults.append(Fault(name, "required", _("This is required.")))
        if faults:
            raise Problem(400, "invalid", _("Something in what was sent is wrong; each fault is named."), *faults)
        return found

    def _refused(self, name: str) -> list[Fault]:
        part = self.fields.get(name)
        if part is None:
            return [Fault(name[:100], "unknown_field", _("There is no such field here."))]
        return [Fault(name, "read_only", _("This cannot be set here."))] if part.read_only else []

    def _value(self, part: serializers.Field, value: Any) -> Any:
        if value is not None:
            return part.to_internal_value(value)
        if part.allow_null:
            return None
        raise wrong(_("null cannot be stored here."), "null")
