"""One import from the first look at the file to the last count."""

from __future__ import annotations

import datetime
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from django.db import connection, transaction
from django.utils.translation import gettext as _

from crm import cells, clock, encodings, tables
from crm.importing.columns import ImportField, Kind, Sheet, match_columns, match_values, nearest
from crm.importing.report import Outcome, Report, Result
from crm.models import Company, User
from crm.tables import Row

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

CHUNK = 500


class Stop(Exception):
    """The import cannot begin; the message says what to give it."""


@dataclass(frozen=True)
class Options:
    """What was asked for. `ask(question, choices)` is there when somebody sits at a terminal."""

    map: Sequence[str] = ()
    value: Sequence[str] = ()
    pipeline: str = ""
    currency: str = ""
    create_stages: bool = False
    create_owners: bool = False
    won: Sequence[str] = ()
    lost: Sequence[str] = ()
    owner: str = ""
    by: str = ""
    source: str = "import"
    date_order: str = ""
    numbers: str = ""
    encoding: str = ""
    delimiter: str = ""
    dry_run: bool = False
    ask: Callable[[str, list[str]], list[str]] | None = None


@dataclass
class Job:
    """What a reader of rows works with. `say` tells the person in front of it; `now` is the moment of the import."""

    sheet: Sheet
    options: Options
    by: User
    now: datetime.datetime
    say: Callable[[str], None]
    report: Report = field(default_factory=Report)


class Reader(Protocol):
    """Each row is looked at first, so that what the file as a whole lacks is said before anything is written."""

    def look(self, row: Row) -> None: ...

    def ready(self) -> None: ...

    def results(self) -> Iterable[Result]: ...


@dataclass(frozen=True)
class Importable:
    """`needs`: of each group of fields, one column must be there."""

    name: str
    label: StrOrPromise
    fields: tuple[ImportField, ...]
    needs: tuple[tuple[str, ...], ...]
    begin: Callable[[Job], Reader]


_registered: dict[str, Importable] = {}


def register(importable: Importable) -> None:
    _registered[importable.name] = importable


def importables() -> dict[str, Importable]:
    return dict(_registered)


def run(
    name: str, path: Path, options: Options, *, say: Callable[[str], None], each: Callable[[Result, Report], None],
    now: datetime.datetime | None = None,
) -> Report:  # fmt: skip
    """Import the file. `each` hears of every row. A dry run does all of it and takes it back.

    Raises Stop and Unreadable before anything is written.
    """
    importable = _registered[name]
    table = tables.open_table(path, options.encoding, options.delimiter)
    sheet = _understand(table, importable, options)
    _tell(sheet, bool(options.encoding), say)
    with transaction.atomic() if options.dry_run else nullcontext():  # without, each chunk is one of its own
        job = Job(sheet, options, acting_user(options), now or clock.now(), say)
        reader = importable.begin(job)
        for row in sheet.rows():
            _refuse_open_order(sheet, row)
            reader.look(row)
        job.report.blank = table.blank
        reader.ready()
        for result in reader.results():
            job.report.counts[result.outcome] += 1
            each(result, job.report)
        if options.dry_run:
            connection.check_constraints()
            transaction.set_rollback(True)
    return job.report


def by_chunks(job: Job, take: Callable[[list[Row]], Sequence[Result | None]]) -> Iterator[Result]:
    """The rows in the order of the file, so many at a time; those that could not be read are refused here.

    For a row that has to wait for another, `take` gives None and the reader comes back to it.
    """
    rows = job.sheet.rows()
    while chunk := list(itertools.islice(rows, CHUNK)):
        taken = iter(take([row for row in chunk if row.fault is None]))
        for row in chunk:
            result = Result(row.line, Outcome.REFUSED, (row.fault,)) if row.fault else next(taken)
            if result is not None:
                yield result


def acting_user(options: Options) -> User:
    """Who is written down as the one who imported: --by, else the first administrator, else the owner named."""
    if options.by:
        return user_by_email(options.by, "--by")
    admin = User.objects.active().filter(role=User.Role.ADMIN).order_by("pk").first()
    if admin is not None:
        return admin
    if options.owner:
        return user_by_email(options.owner, "--owner")
    raise Stop(_("Nobody is there in whose name to import: there is no active administrator. Give --by EMAIL."))


def user_by_email(email: str, option: str) -> User:
    active = User.objects.active()
    found = active.filter(email=email.strip().lower()).first()
    if found is None:
        hint = nearest(email, active.values_list("email", flat=True))
        raise Stop(
            _("%(option)s: nobody active has the email “%(email)s”.") % {"option": option, "email": email} + f" {hint}"
        )
    return found


def _understand(table: tables.Table, importable: Importable, options: Options) -> Sheet:
    places = match_columns(table.header, importable.fields, options.map)
    for group in importable.needs:
        if not any(name in places for name in group):
            detail = {"fields": _(" or ").join(f"“{name}”" for name in group), "header": ", ".join(table.header)}
            message = _(
                "No column for %(fields)s was found among: %(header)s. Say which one it is with --map COLUMN=FIELD."
            )
            raise Stop(message % detail)
    values = match_values(options.value, importable.fields, table.header, places)
    fields = {each.name: each for each in importable.fields}
    return Sheet(table, fields, places, values, options.date_order, options.numbers, Company.current().zone)


def _tell(sheet: Sheet, encoding_given: bool, say: Callable[[str], None]) -> None:
    names = {",": _("commas"), ";": _("semicolons"), "\t": _("tabs"), "|": _("bars")}
    table = sheet.table
    detail = {
        "file": tables.shortened(table.path.name, 80), "encoding": encodings.in_words(table.encoding),
        "separator": names.get(table.delimiter, table.delimiter),
    }  # fmt: skip
    say(_("%(file)s: %(encoding)s, separated by %(separator)s.") % detail)
    if table.encoding == "cp1252" and not encoding_given:
        say(_("Windows-1252 was recognised, not declared: look whether names come out right, or give --encoding."))
    say(_("Columns: %(pairs)s.") % {"pairs": ", ".join(f"{sheet.column(name)} → {name}" for name in sheet.places)})
    if sheet.unused():
        say(_("Left out: %(columns)s.") % {"columns": ", ".join(sheet.unused())})


def _refuse_open_order(sheet: Sheet, row: Row) -> None:
    """Asked once for the file, not for each of its rows."""
    if sheet.date_order:
        return
    for name, each in sheet.fields.items():
        if each.kind in (Kind.DAY, Kind.MOMENT) and (text := sheet.text(row, name)) and cells.needs_order(text):
            detail = {"text": tables.shortened(text), "line": row.line, "column": sheet.column(name)}
            message = _("“%(text)s” (line %(line)d, %(column)s) can be read in two ways. Give --date-order dmy or mdy.")
            raise Stop(message % detail)
