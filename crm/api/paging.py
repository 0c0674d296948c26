"""Pages by position and not by number: rows that come or go meanwhile neither repeat nor hide another one."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import DateField, DateTimeField, DecimalField, F, Field, IntegerField, Model, Q, QuerySet
from django.utils.translation import gettext as _

from crm.api.shapes import BIGGEST_ID, read_day, read_moment
from crm.problems import Fault, Problem


@dataclass(frozen=True)
class Place:
    """Between two rows: after the one with this value and id, or with `back` before it."""

    value: Any
    pk: int
    back: bool = False


@dataclass(frozen=True)
class Page:
    rows: list[Any]
    next: str
    """A cursor; empty at the end."""
    previous: str


def page_of(rows: QuerySet[Any], order: str, cursor: str, size: int) -> Page:
    """`order` is a column, with a minus for the largest first. Rows without a value come last either way."""
    column, down = order.removeprefix("-"), order.startswith("-")
    column = "pk" if column == "id" else column
    place = _read(cursor, rows.model, column, order) if cursor else None
    back = place is not None and place.back
    if place is not None:
        rows = rows.filter(_beyond(place, column, down))
    found = list(rows.order_by(*_keys(rows.model, column, down != back, back))[: size + 1])
    more, found = len(found) > size, found[:size]
    if back:
        found.reverse()
    if not found:
        return Page([], "", "")
    first, last = (_written(row, column, order, at_start) for row, at_start in ((found[0], True), (found[-1], False)))
    return Page(found, last if more or back else "", first if (more if back else place is not None) else "")


def _keys(model: type[Model], column: str, down: bool, back: bool) -> list[Any]:
    if column == "pk":
        return ["-pk" if down else "pk"]
    pk = "-pk" if down else "pk"
    if not _column(model, column).null:
        return [f"-{column}" if down else column, pk]
    ends = {"nulls_first": True} if back else {"nulls_last": True}
    return [F(column).desc(**ends) if down else F(column).asc(**ends), pk]


def _beyond(place: Place, column: str, down: bool) -> Q:
    """The rows on the other side of the place. Of a nullable column those without a value lie at the far end."""
    lower = down != place.back
    step = "lt" if lower else "gt"
    later_pk = Q(**{f"pk__{step}": place.pk})
    if column == "pk":
        return later_pk
    same, empty = Q(**{column: place.value}) & later_pk, Q(**{f"{column}__isnull": True})
    if place.value is None:
        return (~empty | (empty & later_pk)) if place.back else empty & later_pk
    beyond = Q(**{f"{column}__{step}": place.value}) | same
    return beyond if place.back else beyond | empty


def _column(model: type[Model], column: str) -> Field[Any, Any]:
    found: Field[Any, Any] = model._meta.get_field(column)  # type: ignore[assignment]
    return found


def _written(row: Any, column: str, order: str, back: bool) -> str:
    value = None if column == "pk" else getattr(row, column)
    if isinstance(value, datetime | date):
        value = value.isoformat()
    elif isinstance(value, Decimal):
        value = str(value)
    text = json.dumps([order, value, row.pk, int(back)], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _read(cursor: str, model: type[Model], column: str, order: str) -> Place:
    try:
        text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        of, value, pk, back = json.loads(text)
        if of != order or type(pk) is not int or not 0 < pk <= BIGGEST_ID or back not in (0, 1):
            raise ValueError
        if value is not None and column != "pk":
            value = _reader(_column(model, column))(value)
        elif column != "pk" and not _column(model, column).null:
            raise ValueError
        return Place(value, pk, bool(back))
    except (ValueError, TypeError, ArithmeticError, ValidationError, binascii.Error, RecursionError) as error:
        why = _("This is no cursor of this list in this order; take it from “next” or “previous”.")
        raise Problem(400, "parameters", why, Fault("cursor", "cursor", why)) from error


def _reader(column: Field[Any, Any]) -> Callable[[Any], Any]:
    if isinstance(column, DateTimeField):
        return read_moment
    if isinstance(column, DateField):
        return read_day
    if isinstance(column, DecimalField):
        return _amount
    return _whole if isinstance(column, IntegerField) else _text


def _amount(value: Any) -> Decimal:
    found = Decimal(value) if isinstance(value, str) and len(value) < 30 else Decimal("NaN")
    if not found.is_finite() or abs(found) >= 10**13:
        raise ValueError
    return found


def _whole(value: Any) -> int:
    if type(value) is not int or abs(value) > BIGGEST_ID:
        raise ValueError
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str) or "\x00" in value or any(0xD800 <= ord(char) <= 0xDFFF for char in value):
        raise ValueError
    return value
