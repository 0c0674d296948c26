"""What an address may ask for: filters, orderings and fields from lists of what is allowed. All else is refused by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Q
from django.http import QueryDict
from django.utils.translation import gettext as _

from crm import fields
from crm.api.shapes import BIGGEST_ID, Money, Schema, read_day, read_moment, wrong
from crm.fields import FieldKind
from crm.problems import Fault, Problem, faults_of
from crm.search import LONGEST
from crm.text import clean_text

LONGEST_ADDRESS = 3_500
"""Characters after the question mark. The web server itself refuses a first line of more than 8,190."""
MOST_PARAMETERS = 50


@dataclass(frozen=True)
class Filter:
    """`read` makes a value of the text, or raises ValidationError; `where` says which rows have it, if it chooses rows."""

    read: Callable[[str], Any]
    where: Callable[[Any], Q | None]
    schema: Schema
    says: str = ""


def number(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or len(text) > 19 or int(text) > BIGGEST_ID:
        raise wrong(_("A whole number is expected."))
    return int(text)


def words(text: str) -> str:
    if len(text) > LONGEST:
        raise wrong(_("At most %(count)d characters.") % {"count": LONGEST}, "max_length")
    return clean_text(text)


def amount(text: str) -> Decimal:
    return Money().to_internal_value(text)


def one_of(*known: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in known:
            raise wrong(_("One of these is expected: %(known)s.") % {"known": ", ".join(known)}, "choice")
        return text

    return read


ID: Schema = {"type": "integer", "minimum": 0, "maximum": BIGGEST_ID}
TEXT: Schema = {"type": "string", "maxLength": LONGEST}
DAY: Schema = {"type": "string", "format": "date"}
MOMENT: Schema = {"type": "string", "format": "date-time"}
AMOUNT: Schema = {"type": "string", "pattern": r"^-?\d{1,20}(\.\d{1,10})?$"}


def same(column: str, says: str = "") -> Filter:
    """By id."""
    return Filter(number, lambda value: Q(**{column: value}), ID, says)


def choice(column: str, *known: str) -> Filter:
    return Filter(one_of(*known), lambda value: Q(**{column: value}), {"type": "string", "enum": list(known)})


def between(column: str, read: Callable[[str], Any], schema: Schema, ends: tuple[str, str]) -> dict[str, Filter]:
    low, high = ends
    return {
        f"{column}_{low}": Filter(read, lambda value: Q(**{f"{column}__gte": value}), schema, _("This or later, or more.")),
        f"{column}_{high}": Filter(read, lambda value: Q(**{f"{column}__lte": value}), schema, _("This or earlier, or less.")),
    }  # fmt: skip


def declared_filters(object_type: str) -> dict[str, Filter]:
    """One or two for each declared field, and `updated_since`."""
    found: dict[str, Filter] = {}
    for name, declared in fields.of(object_type).items():
        if declared.kind in (FieldKind.REFERENCE, FieldKind.TAGS):
            found[name] = same(name, str(declared.label))
        elif declared.kind == FieldKind.DATE:
            found |= between(name, read_day, DAY, ("from", "to"))
        elif declared.kind in (FieldKind.MONEY, FieldKind.INTEGER):
            is_money = declared.kind == FieldKind.MONEY
            found |= between(name, amount if is_money else number, AMOUNT if is_money else ID, ("min", "max"))
        elif declared.kind != FieldKind.LONG_TEXT:
            found[name] = _exactly(name, str(declared.label))
    return found | {"updated_since": since("updated_at")}


def _exactly(column: str, says: str) -> Filter:
    return Filter(words, lambda value: Q(**{f"{column}__iexact": value}), TEXT, says)


def since(column: str) -> Filter:
    return Filter(read_moment, lambda value: Q(**{f"{column}__gte": value}), MOMENT, _("Changed then or later."))


def declared_orders(object_type: str) -> tuple[str, ...]:
    kinds = (FieldKind.TEXT, FieldKind.DATE, FieldKind.MONEY, FieldKind.INTEGER)
    names = [name for name, each in fields.of(object_type).items() if each.kind in kinds]
    return ("id", *names, "created_at", "updated_at")


@dataclass
class Asked:
    """What an address asks for, read and found in order."""

    where: Q = field(default_factory=Q)
    values: dict[str, Any] = field(default_factory=dict)
    only: frozenset[str] | None = None
    order: str = ""
    cursor: str = ""
    size: int = 50
    cut: bool = False
    """More rows were asked for than a page holds."""
    count: bool = False


PAGE, LARGEST_PAGE = 50, 200
PAGING = ("cursor", "page_size", "limit", "count", "ordering")
"""`limit` is `page_size` by the name that other programs use."""


def read_address(
    query: QueryDict, *, filters: Mapping[str, Filter], orders: tuple[str, ...] = (), names: frozenset[str] = frozenset(),
    paged: bool = False,
) -> Asked:  # fmt: skip
    """Raises Problem 400 that names each parameter which is not understood."""
    asked = Asked()
    faults: list[Fault] = []
    known = {*filters, *(PAGING if paged else ()), *(("fields",) if names else ())}
    for name in list(query)[:MOST_PARAMETERS]:
        try:
            if name not in known:
                raise wrong(_("There is no such parameter here."), "unknown_parameter")
            if len(query.getlist(name)) > 1:
                raise wrong(_("This stands in the address more than once."), "twice")
            _take(asked, name, _storable(str(query[name])), filters, orders, names)
        except ValidationError as error:
            faults += faults_of(error, name.replace("\x00", "?")[:100])
    if paged and "limit" in query and "page_size" in query:
        faults.append(Fault("limit", "twice", _("“limit” and “page_size” say the same; send one of them.")))
    if len(query) > MOST_PARAMETERS:
        faults.append(Fault("", "too_many", _("At most %(count)d parameters.") % {"count": MOST_PARAMETERS}))
    if faults:
        raise Problem(400, "parameters", _("Something in the address is not understood; each fault is named."), *faults)
    return asked


def _storable(text: str) -> str:
    if "\x00" in text or any(0xD800 <= ord(char) <= 0xDFFF for char in text):
        raise wrong(_("This contains a character that cannot be stored."), "text")
    return text


def _take(
    asked: Asked, name: str, text: str, filters: Mapping[str, Filter], orders: tuple[str, ...], names: frozenset[str]
) -> None:  # fmt: skip
    if name in filters:
        asked.values[name] = filters[name].read(text)
        asked.where &= filters[name].where(asked.values[name]) or Q()
    elif name == "fields":
        asked.only = _names(text, names)
    elif name == "ordering":
        asked.order = one_of(*orders, *(f"-{each}" for each in orders))(text)
    elif name == "cursor":
        asked.cursor = text
    elif name == "count":
        asked.count = one_of("0", "1")(text) == "1"
    else:
        wanted = number(text)
        if not wanted:
            raise wrong(_("A page has one row at least."), "range")
        asked.size, asked.cut = min(wanted, LARGEST_PAGE), wanted > LARGEST_PAGE


def _names(text: str, known: frozenset[str]) -> frozenset[str]:
    wanted = text.split(",")
    unknown = [name for name in wanted if name not in known]
    if unknown:
        named = {"name": unknown[0][:40], "known": ", ".join(sorted(known))}
        raise wrong(_("There is no field “%(name)s”; there are %(known)s.") % named, "unknown_field")
    return frozenset(wanted)
