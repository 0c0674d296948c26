"""Which column is which field: by what was said, else by the names that other systems give their columns."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from crm import cells
from crm.tables import Fault, Row, Table, Unreadable, shortened
from crm.text import clean_text, same_name_key

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


class Kind(StrEnum):
    TEXT = "text"
    NUMBER = "number"
    WHOLE = "whole"
    DAY = "day"
    MOMENT = "moment"


@dataclass(frozen=True)
class ImportField:
    """`synonyms` are column names of other systems, the likeliest first; spelling, case and signs do not count."""

    name: str
    label: StrOrPromise
    kind: Kind = Kind.TEXT
    synonyms: tuple[str, ...] = ()

    @property
    def names(self) -> list[str]:
        return list(dict.fromkeys(_plain(name) for name in (self.name, *self.synonyms)))


@dataclass
class Entry:
    """A row as it was understood. Empty cells are no values: an import fills and changes, it does not empty."""

    line: int
    values: dict[str, Any] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)


@dataclass
class Sheet:
    """A table whose columns have a meaning. `values` says by field which text stands for which."""

    table: Table
    fields: dict[str, ImportField]
    places: dict[str, int]
    values: dict[str, dict[str, str]]
    date_order: str
    numbers: str
    zone: ZoneInfo

    def column(self, name: str) -> str:
        place = self.places.get(name)
        return "" if place is None else self.table.header[place]

    def unused(self) -> list[str]:
        taken = set(self.places.values())
        return [name for place, name in enumerate(self.table.header) if place not in taken and name]

    def text(self, row: Row, name: str) -> str:
        """The cell as it counts: trimmed, and replaced where the file's words were given another meaning."""
        place = self.places.get(name)
        if place is None or not row.cells:
            return ""
        text = row.cells[place].strip()
        return self.values.get(name, {}).get(same_name_key(text), text)

    def texts(self, row: Row) -> dict[str, str]:
        return {name: text for name in self.places if (text := self.text(row, name))}

    def entry(self, line: int, texts: dict[str, str]) -> Entry:
        """Each text as its field's kind; what cannot be read is a fault of the entry."""
        entry = Entry(line, texts=texts)
        for name, text in texts.items():
            try:
                value = self._typed(self.fields[name].kind, text)
            except cells.BadCell as bad:
                entry.faults.append(self.fault(entry, name, bad.reason, bad.remedy))
            except ValidationError as error:
                entry.faults.append(self.fault(entry, name, " ".join(error.messages)))
            else:
                if value != "":
                    entry.values[name] = value
        return entry

    def _typed(self, kind: Kind, text: str) -> Any:
        match kind:
            case Kind.NUMBER:
                return cells.number(text, self.numbers)
            case Kind.WHOLE:
                return cells.whole(text, self.numbers)
            case Kind.DAY:
                return cells.day(text, self.date_order)
            case Kind.MOMENT:
                return cells.moment(text, self.date_order, self.zone)
        return clean_text(text)

    def fault(self, entry: Entry, name: str, reason: str, remedy: str = "") -> Fault:
        return Fault(reason, remedy, self.column(name), shortened(entry.texts.get(name, "")))

    def faults(self, entry: Entry, error: ValidationError) -> list[Fault]:
        """A rule's refusal, by column."""
        if not hasattr(error, "error_dict"):
            return [Fault(" ".join(error.messages))]
        return [self.fault(entry, name, " ".join(messages)) for name, messages in error.message_dict.items()]

    def rows(self) -> Iterator[Row]:
        return self.table.rows()


def match_columns(header: Sequence[str], fields: Sequence[ImportField], wishes: Iterable[str] = ()) -> dict[str, int]:
    """Field → place of its column. `wishes` are COLUMN=FIELD; with nothing after the sign, the column is left out."""
    places: dict[str, int] = {}
    taken: set[int] = set()
    for wish in wishes:
        column, sign, name = wish.rpartition("=")
        if not sign:
            raise Unreadable(_("“%(wish)s”: write --map COLUMN=FIELD.") % {"wish": wish})
        place = _place_of(column, header)
        taken.add(place)
        if name.strip():
            found = field_named(name, fields)
            if found.name in places:
                raise Unreadable(_("Two columns are said to be “%(field)s”.") % {"field": found.name})
            places[found.name] = place
    plain = [_plain(name) for name in header]
    for each in fields:
        free = [plain.index(name) for name in each.names if name in plain and plain.index(name) not in taken]
        if each.name not in places and free:
            places[each.name] = free[0]
            taken.add(free[0])
    return places


def match_values(
    wishes: Iterable[str], fields: Sequence[ImportField], header: Sequence[str], places: dict[str, int]
) -> dict[str, dict[str, str]]:
    """`wishes` are FIELD:TEXT=MEANING; instead of the field, its column may be named."""
    columns = {_plain(header[place]): name for name, place in places.items()}
    found: dict[str, dict[str, str]] = {}
    for wish in wishes:
        name, colon, rest = wish.partition(":")
        text, sign, meaning = rest.partition("=")
        if not (colon and sign and name.strip()):
            raise Unreadable(_("“%(wish)s”: write --value FIELD:TEXT=MEANING.") % {"wish": wish})
        field = columns.get(_plain(name)) or field_named(name, fields).name
        found.setdefault(field, {})[same_name_key(text)] = meaning.strip()
    return found


def field_named(name: str, fields: Sequence[ImportField]) -> ImportField:
    plain = _plain(name)
    for each in fields:
        if plain == _plain(each.name) or plain == _plain(str(each.label)):
            return each
    for each in fields:
        if plain in each.names:
            return each
    known = ", ".join(each.name for each in fields)
    raise Unreadable(_("There is no field “%(name)s”. The fields are: %(known)s.") % {"name": name, "known": known})


def nearest(text: str, names: Iterable[str]) -> str:
    """“Did you mean …?”, or nothing where no name comes near."""
    by_key = {same_name_key(name): name for name in names}
    close = [by_key[key] for key in difflib.get_close_matches(same_name_key(text), list(by_key), n=3, cutoff=0.6)]
    if not close:
        return ""
    return _("Did you mean %(names)s?") % {"names": ", ".join(f"“{name}”" for name in close)}


def _place_of(column: str, header: Sequence[str]) -> int:
    for same in (str.strip, str.casefold, _plain):
        found = [i for i, name in enumerate(header) if name and same(name) == same(column.strip())]
        if len(found) == 1:
            return found[0]
    detail = {"column": column, "header": ", ".join(header)}
    raise Unreadable(_("There is no column “%(column)s”. The columns are: %(header)s.") % detail)


def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", "", same_name_key(name))
