"""Importing histories: a row says which deal entered which stage when. The rows of a deal may stand anywhere in the file."""

from __future__ import annotations

import datetime
import itertools
import json
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.importing import Importable, ImportField, Job, Kind, Outcome, Result, known
from crm.importing.columns import Entry
from crm.tables import Fault, Row
from crm.text import same_name_key
from pipeline.imports import shaping
from pipeline.imports.drafts import FIELDS, ID, STAGE, DealFields, Draft, external_id
from pipeline.imports.places import Places
from pipeline.imports.writing import create, existing_deals, refused_elsewhere
from pipeline.models import Deal, Stage, StageVisit
from pipeline.moves import Stay

CASES = 250
Case = list[tuple[int, dict[str, str]]]
"""The rows of one deal: line and texts."""


class _Spool:
    """The rows of a file on disk, to be read deal by deal; SQLite's temporary file goes with the connection."""

    def __init__(self) -> None:
        self.file = sqlite3.connect("")
        self.file.execute("PRAGMA cache_size = -32000")
        self.file.execute("CREATE TABLE part (deal TEXT, line INTEGER, texts TEXT)")
        self.waiting: list[tuple[str, int, str]] = []

    def add(self, deal: str, line: int, texts: dict[str, str]) -> None:
        self.waiting.append((deal, line, json.dumps(texts)))
        if len(self.waiting) >= 5_000:
            self._flush()

    def cases(self) -> Iterator[Case]:
        """In the order of each deal's first row."""
        self._flush()
        parts = self.file.execute(
            "SELECT deal, line, texts FROM ("
            "SELECT deal, line, texts, min(line) OVER (PARTITION BY deal) AS first FROM part) ORDER BY first, line"
        )
        for _deal, rows in itertools.groupby(parts, key=lambda part: part[0]):
            yield [(line, json.loads(texts)) for _deal, line, texts in rows]

    def close(self) -> None:
        self.file.close()

    def _flush(self) -> None:
        self.file.executemany("INSERT INTO part VALUES (?, ?, ?)", self.waiting)
        self.waiting.clear()


class _History:
    def __init__(self, job: Job) -> None:
        self.job, self.sheet = job, job.sheet
        self.places, self.fields = Places(job), DealFields(job)
        self.spool = _Spool()
        self.unread: list[Result] = []

    def look(self, row: Row) -> None:
        texts = self.sheet.texts(row)
        external = known.same_id(texts.get("external_id", ""))
        if row.fault or not external:
            fault = row.fault or Fault(
                _("Without it, the row belongs to no deal."), column=self.sheet.column("external_id")
            )
            self.unread.append(Result(row.line, Outcome.REFUSED, (fault,)))
            return
        self.places.look(row)
        self.fields.look(row)
        self.spool.add(external, row.line, texts)

    def ready(self) -> None:
        self.places.ready(lambda names: shaping.order_of_histories(names, self._pairs()))
        self.fields.ready()

    def results(self) -> Iterable[Result]:
        yield from self.unread
        cases, deals = self.spool.cases(), 0
        while chunk := list(itertools.islice(cases, CASES)):
            for draft, outcome in self._take(chunk):
                deals += 1
                yield from _results(draft, outcome)
        self.spool.close()
        self.job.report.notes.append(_("The rows tell of %(count)d deals.") % {"count": deals})

    def _pairs(self) -> Counter[tuple[str, str]]:
        """How often a deal entered one stage before it first entered another."""
        before: Counter[tuple[str, str]] = Counter()
        for case in self.spool.cases():
            parts = self._in_time([self.sheet.entry(line, texts) for line, texts in case])
            keys = dict.fromkeys(same_name_key(entry.values.get("stage", "")) for entry in parts)
            before.update(itertools.combinations(keys, 2))
        return before

    def _in_time(self, entries: Iterable[Entry]) -> list[Entry]:
        """By time; rows of the same time as they stand. Rows with faults are left out."""
        sound = [each for each in entries if not each.faults and "entered_at" in each.values]
        return sorted(sound, key=lambda each: each.values["entered_at"].at)

    def _take(self, cases: Sequence[Case]) -> list[tuple[Draft, Outcome]]:
        drafts = [self._draft(case) for case in cases]
        there = existing_deals(self.job, [draft.external for draft in drafts])
        new = [draft for draft in drafts if draft.external not in there]
        for draft in new:
            self.fields.of_new(draft)
        create(self.job, [draft for draft in new if not draft.entry.faults])
        histories = self._histories(there.values())
        return [(draft, self._outcome(draft, there.get(draft.external), histories)) for draft in drafts]

    def _draft(self, case: Case) -> Draft:
        """The latest row that says something of the deal is right; a fault of any row is one of the whole."""
        entries = [self.sheet.entry(line, texts) for line, texts in case]
        self.fields.load(entries)
        stages = [self._stage(entry) for entry in entries]
        whole = Entry(case[0][0])
        for entry in self._in_time(entries):
            whole.values |= entry.values
            whole.texts |= entry.texts
        draft = Draft(whole, external_id(self.job, entries[0]), [line for line, _texts in case])
        by_line = dict(zip(draft.lines, stages, strict=True))
        draft.by_line = {entry.line: tuple(entry.faults) for entry in entries if entry.faults}
        if draft.by_line:
            whole.faults = [fault for faults in draft.by_line.values() for fault in faults]
            return draft
        stays: list[Stay] = []
        for entry in self._in_time(entries):
            stage, moment = by_line[entry.line], entry.values["entered_at"]
            if stage is not None and (not stays or stays[-1].stage.pk != stage.pk):
                stays.append(Stay(stage, moment.at, moment.precision))
        return replace(draft, fields=self.fields.of(whole), stage=stays[-1].stage, stays=stays)

    def _stage(self, entry: Entry) -> Stage | None:
        moment = entry.values.get("entered_at")
        if moment is None and "entered_at" not in entry.texts:
            entry.faults.append(self.sheet.fault(entry, "entered_at", _("Say when the deal entered the stage.")))
        elif moment is not None and moment.at > self.job.now:
            entry.faults.append(
                self.sheet.fault(entry, "entered_at", _("This lies in the future."), _("Correct the date."))
            )
        return self.places.of(entry)

    def _histories(self, deals: Iterable[Deal]) -> dict[int, list[tuple[int, datetime.datetime]]]:
        found: dict[int, list[tuple[int, datetime.datetime]]] = defaultdict(list)
        visits = StageVisit.objects.standing().filter(deal__in=[deal.pk for deal in deals]).order_by("deal", "seq")
        for deal_id, stage_id, entered_at in visits.values_list("deal_id", "stage_id", "entered_at"):
            found[deal_id].append((stage_id, entered_at))
        return found

    def _outcome(
        self, draft: Draft, deal: Deal | None, histories: dict[int, list[tuple[int, datetime.datetime]]]
    ) -> Outcome:
        if deal is not None and not draft.entry.faults and not refused_elsewhere(self.job, draft, deal):
            here, told = histories[deal.pk], [(stay.stage.pk, stay.entered_at) for stay in draft.stays]
            if here[: len(told)] == told:  # what happened here since is no difference
                return Outcome.UNCHANGED
            reason = _("This deal is here, with another history.")
            draft.refuse(self.job, "external_id", reason, _("A manager corrects its dates on the deal's page."))
        return Outcome.REFUSED if draft.entry.faults else Outcome.CREATED


def _results(draft: Draft, outcome: Outcome) -> Iterator[Result]:
    """Each row of the deal shares its outcome; the reason stands with the row that it is in, or with the first."""
    by_line = draft.by_line or {draft.lines[0]: tuple(draft.entry.faults)}
    first = min(by_line)
    for line in draft.lines:
        faults: tuple[Fault, ...] = ()
        if outcome == Outcome.REFUSED:
            faults = by_line.get(line) or (Fault(_("Refused with line %(line)d of the same deal.") % {"line": first}),)
        yield Result(line, outcome, faults)


STAGE_HISTORY = Importable(
    "stage_history", gettext_lazy("Histories of stages"),
    (
        replace(ID, synonyms=("case id", "opportunity id", "deal id", "record id", "case", "deal", "id")),
        replace(STAGE, synonyms=("to stage", "stage name", "new value", "deal stage")),
        ImportField(
            "entered_at", gettext_lazy("Entered"), Kind.MOMENT,
            ("entered", "date entered", "created date", "edit date", "last modified", "timestamp", "changed at"),
        ),
        *(each if each.name != "title" else replace(each, synonyms=("deal name", "opportunity name")) for each in FIELDS),
    ),
    needs=(("external_id",), ("stage",), ("entered_at",)), begin=_History,
)  # fmt: skip
