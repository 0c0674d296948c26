"""CSV files as other programs write them: encoding, separator, quotes; read row by row, never more than one in memory."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from io import TextIOWrapper
from itertools import islice
from pathlib import Path

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from crm.encodings import Unreadable, find_encoding

ROW_LIMIT = 1_000_000
CELL_LIMIT = 131_072
LINE_LIMIT = 4_000_000
COLUMN_LIMIT = 1_000
DELIMITERS = (",", ";", "\t", "|")

__all__ = ["CELL_LIMIT", "DELIMITERS", "ROW_LIMIT", "Fault", "Row", "Table", "Unreadable", "open_table", "shortened"]


@dataclass(frozen=True)
class Fault:
    """Why a row is refused: in which column, for which value, and what to do about it."""

    reason: str
    remedy: str = ""
    column: str = ""
    value: str = ""


@dataclass(frozen=True)
class Row:
    """`number` counts records from 1 after the header, `line` is where the record begins in the file.

    A row with a fault has no cells.
    """

    number: int
    line: int
    cells: tuple[str, ...] = ()
    fault: Fault | None = None


@dataclass
class Table:
    """A file that was found readable as far as its header. `blank` counts the blank rows of the latest reading."""

    path: Path
    encoding: str
    delimiter: str
    header: tuple[str, ...]
    header_line: int
    blank: int = 0

    def rows(self) -> Iterator[Row]:
        """Each record after the header. Raises Unreadable where the rest of the file cannot be trusted."""
        self.blank, number = 0, 0
        with _open(self.path, self.encoding) as file:
            for line, cells, fault in _records(file, self.delimiter):
                if line <= self.header_line:
                    continue
                if fault is None and not any(cell.strip() for cell in cells):
                    self.blank += 1
                    continue
                number += 1
                if number > ROW_LIMIT:
                    raise Unreadable(_("The file has more than %(limit)d rows; split it.") % {"limit": ROW_LIMIT})
                yield Row(number, line, fault=fault) if fault else self._row(number, line, cells)

    def _row(self, number: int, line: int, cells: list[str]) -> Row:
        width = len(self.header)
        while len(cells) > width and not cells[-1].strip():
            cells.pop()  # trailing separators
        if len(cells) != width:
            counts = {"expected": width, "found": len(cells)}
            return Row(number, line, fault=Fault(_("%(expected)d columns expected, %(found)d found.") % counts))
        for column, cell in zip(self.header, cells, strict=True):
            if "\0" in cell:
                reason, remedy = _("This contains a NUL character, which cannot be stored."), _("Take it out.")
                return Row(number, line, fault=Fault(reason, remedy, column, shortened(cell)))
        return Row(number, line, tuple(cells))


def open_table(path: Path, encoding: str = "", delimiter: str = "") -> Table:
    """Look at the whole file's encoding and at its header. Raises Unreadable with a sentence for the person who sent it."""
    if not path.is_file():
        raise Unreadable(_("There is no file “%(path)s”.") % {"path": path})
    encoding = encoding or find_encoding(path)
    try:
        return _look(path, encoding, delimiter)
    except (UnicodeError, LookupError) as error:
        raise Unreadable(_("The file cannot be read as %(encoding)s.") % {"encoding": encoding}) from error


def _look(path: Path, encoding: str, delimiter: str) -> Table:
    hint = _separator_hint(path, encoding)
    delimiter = delimiter or hint or _find_delimiter(path, encoding)
    with _open(path, encoding) as file:
        for line, cells, fault in islice(_records(file, delimiter), 1 if hint else 0, None):
            if fault is not None:
                raise Unreadable(
                    _("The header in line %(line)d cannot be read: %(why)s") % {"line": line, "why": fault.reason}
                )
            if any(cell.strip() for cell in cells):
                return Table(path, encoding, delimiter, _header(cells), line)
    raise Unreadable(_("The file has no rows."))


def shortened(value: str, length: int = 40) -> str:
    """For a message: on one line, without characters that a terminal would act on."""
    shown = "".join(char if char.isprintable() else "�" for char in " ".join(value.split()))
    return shown if len(shown) <= length else shown[: length - 1] + "…"


def _header(cells: list[str]) -> tuple[str, ...]:
    names = [cell.strip() for cell in cells]
    while not names[-1]:
        names.pop()
    if len(names) > COLUMN_LIMIT:
        raise Unreadable(_("The header has more than %(limit)d columns.") % {"limit": COLUMN_LIMIT})
    twice = [name for name, times in Counter(name.casefold() for name in names if name).items() if times > 1]
    if twice:
        pairs = ", ".join(
            f"“{shortened(name)}” ({', '.join(str(i + 1) for i, each in enumerate(names) if each.casefold() == name)})"
            for name in twice
        )
        raise Unreadable(_("The header names columns twice: %(pairs)s. Rename one of each.") % {"pairs": pairs})
    return tuple(names)


class _Lines:
    """Lines of bounded length, and how much of the file the present record has taken."""

    def __init__(self, file: TextIOWrapper) -> None:
        self.file, self.number, self.taken = file, 0, 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        try:
            line = self.file.readline(LINE_LIMIT + 1)
        except UnicodeError as error:
            detail = {"line": self.number + 1, "encoding": self.file.encoding}
            raise Unreadable(_("From line %(line)d on, the file is not %(encoding)s.") % detail) from error
        if not line:
            raise StopIteration
        self.number += 1
        self.taken += len(line)
        if self.taken > LINE_LIMIT:
            detail = {"line": self.number, "limit": LINE_LIMIT}
            raise Unreadable(_("The record that reaches line %(line)d has more than %(limit)d characters.") % detail)
        return line


def _open(path: Path, encoding: str) -> TextIOWrapper:
    return path.open(encoding=encoding, newline="")


def _records(file: TextIOWrapper, delimiter: str) -> Iterator[tuple[int, list[str], Fault | None]]:
    """(line, cells, fault) of each record. The strict reader: a lenient one takes what follows an open quote for one cell."""
    csv.field_size_limit(CELL_LIMIT)
    lines = _Lines(file)
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        begun, lines.taken = lines.number + 1, 0
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield begun, [], _csv_fault(str(error), begun, lines.number)
        else:
            yield begun, cells, None


def _csv_fault(error: str, begun: int, ended: int) -> Fault:
    """A record over several lines that goes wrong is a quote that never closed: what follows cannot be told apart."""
    if ended > begun or "end of data" in error:
        message = _(
            "A quote opened in line %(line)d never closes. Close it, or double the quotes that are part of the text."
        )
        raise Unreadable(message % {"line": begun})
    if "field limit" in error:
        reason = ngettext(
            "A cell has more than %(limit)d character.", "A cell has more than %(limit)d characters.", CELL_LIMIT
        )
        return Fault(reason % {"limit": CELL_LIMIT}, _("Shorten it."))
    return Fault(_("There is text after a closing quote."), _("Double the quotes that are part of the text."))


def _separator_hint(path: Path, encoding: str) -> str:
    """“sep=;” on the first line, as Excel writes it for itself."""
    with _open(path, encoding) as file:
        first = file.readline(8).strip().casefold()
    return first[4] if len(first) == 5 and first.startswith("sep=") and first[4] in DELIMITERS else ""


def _find_delimiter(path: Path, encoding: str) -> str:
    """The separator by which most of the first rows have as many columns as the header, and more than one."""

    def fitness(delimiter: str) -> tuple[int, int]:
        with _open(path, encoding) as file:
            sample = file.read(64 * 1024).splitlines(keepends=True)
        try:
            records = [row for row in islice(csv.reader(sample, delimiter=delimiter), 50) if row]
        except csv.Error:
            return 0, 0
        width = len(records[0]) if records else 0
        return (sum(len(row) == width for row in records), width) if width > 1 else (0, 0)

    best = max(DELIMITERS, key=fitness)
    return best if fitness(best) != (0, 0) else ","
