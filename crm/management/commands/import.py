"""`manage.py import deals FILE.csv`: the deals of another system, row by row through the rules."""

from __future__ import annotations

import sys
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from crm import cells, importing, tables
from crm.importing import Options, Outcome, Report, Result

EVERY = 5.0
"""Seconds between two lines of progress."""


class Command(BaseCommand):
    help = "Imports organizations, contacts, deals or histories of stages from a CSV file; see docs/import.md."

    def add_arguments(self, parser: ArgumentParser) -> None:
        say = parser.add_argument
        say("table", choices=sorted(importing.importables()))
        say("file", type=Path)
        say(
            "--map",
            action="append",
            default=[],
            metavar="COLUMN=FIELD",
            help="which field a column is; COLUMN= leaves it out",
        )
        say(
            "--value",
            action="append",
            default=[],
            metavar="FIELD:TEXT=MEANING",
            help="read one text of a field as another",
        )
        say("--pipeline", default="", metavar="NAME")
        say("--currency", default="", metavar="CODE", help="of a pipeline that the import makes")
        say(
            "--create-stages",
            action="store_true",
            help="make the pipeline from the file's stages, where it has none yet",
        )
        say("--create-owners", action="store_true", help="make reps, who cannot sign in, of owners who are not users")
        say("--won", action="append", default=[], metavar="STAGE", help="with --create-stages: a stage of won deals")
        say("--lost", action="append", default=[], metavar="STAGE", help="with --create-stages: a stage of lost deals")
        say("--owner", default="", metavar="EMAIL", help="whose the new records are where the file names nobody")
        say("--source", default="import", metavar="NAME", help="the system that the file's ids come from")
        say("--date-order", default="", choices=cells.DATE_ORDERS)
        say("--numbers", default="", choices=cells.NUMBER_STYLES)
        say("--encoding", default="", help="where it is not recognised")
        say("--delimiter", default="", help="where it is not recognised")
        say("--dry-run", action="store_true", help="do all of it and take it back")
        say("--by", default="", metavar="EMAIL", help="who imports; else the first administrator")

    def handle(self, *args: Any, **options: Any) -> None:
        began = self.told = time.monotonic()
        names = Options.__dataclass_fields__.keys() - {"ask"}
        wishes = Options(**{name: options[name] for name in names}, ask=self._ask if sys.stdin.isatty() else None)
        try:
            report = importing.run(options["table"], options["file"], wishes, say=self.stdout.write, each=self._each)
        except (importing.Stop, tables.Unreadable) as error:
            raise CommandError(str(error)) from error
        for note in report.notes:
            self.stdout.write(note)
        self.stdout.write(_summary(report) + f" {time.monotonic() - began:.1f} s")
        if wishes.dry_run:
            self.stdout.write(_("This was a dry run: nothing was written."))

    def _each(self, result: Result, report: Report) -> None:
        if result.note:
            self.stdout.write(_("line %(line)d: %(note)s") % {"line": result.line, "note": result.note})
        for fault in result.faults:
            self.stdout.write(fault_in_words(result.line, fault))
        if report.rows > 1 and time.monotonic() - self.told > EVERY:
            self.told = time.monotonic()
            rows = report.rows
            self.stderr.write(ngettext("… %(rows)d row", "… %(rows)d rows", rows) % {"rows": rows})

    def _ask(self, question: str, choices: list[str]) -> list[str]:
        """Answered by numbers or names, separated by commas."""
        self.stdout.write(question)
        for number, choice in enumerate(choices, start=1):
            self.stdout.write(f"  {number}. {choice}")
        answers = [answer.strip() for answer in input("> ").split(",") if answer.strip()]
        return [
            choices[int(each) - 1] if each.isdigit() and 0 < int(each) <= len(choices) else each for each in answers
        ]


def fault_in_words(line: int, fault: tables.Fault) -> str:
    """“line 12, close_value “1e3”: This is not a number. Write the number alone, such as 12500.50.”"""
    where = _("line %(line)d") % {"line": line}
    if fault.column:
        where += f", {tables.shortened(fault.column)}"
        where += f" “{fault.value}”" if fault.value else ""
    return f"{where}: {fault.reason} {fault.remedy}".rstrip()


def _summary(report: Report) -> str:
    counts = {outcome.value: report.counts[outcome] for outcome in Outcome}
    rows = ngettext("%(rows)d row", "%(rows)d rows", report.rows) % {"rows": report.rows}
    parts = _("%(created)d created, %(updated)d updated, %(unchanged)d unchanged, %(refused)d refused") % counts
    words = f"{rows}: {parts}"
    if report.blank:
        blank = ngettext("%(count)d blank line skipped", "%(count)d blank lines skipped", report.blank)
        words += f" ({blank % {'count': report.blank}})"
    return words + "."
