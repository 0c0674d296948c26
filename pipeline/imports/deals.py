"""Importing deals: new ones come with the dates of the file as their history, known ones change through the rules."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm import importing
from crm.cells import Moment
from crm.importing import Importable, ImportField, Job, Kind, Outcome, Result
from crm.importing.columns import nearest
from crm.models.audit import Via
from crm.tables import Fault, Row
from crm.text import same_name_key
from pipeline import deals, moves
from pipeline.imports import shaping
from pipeline.imports.drafts import FIELDS, ID, STAGE, DealFields, Draft, external_id
from pipeline.imports.places import Places
from pipeline.imports.stays import Dates, Impossible, stays_of
from pipeline.imports.writing import create, existing_deals, refused_elsewhere
from pipeline.models import CloseReason, Deal, Stage
from pipeline.models import Kind as Outlook
from pipeline.moves import Close


class _Deals:
    def __init__(self, job: Job) -> None:
        self.job, self.sheet = job, job.sheet
        self.places, self.fields = Places(job), DealFields(job)
        self.reasons = {(reason.kind, same_name_key(reason.name)): reason for reason in CloseReason.objects.all()}
        self.first_line: dict[str, int] = {}
        self.dated: set[str] = set()
        self.chances: dict[str, tuple[float, int]] = {}

    def look(self, row: Row) -> None:
        key = self.places.look(row)
        self.fields.look(row)
        if self.sheet.text(row, "started"):
            self.dated.add(key)
        chance = self.sheet.text(row, "probability").removesuffix("%").strip()
        if chance.replace(".", "", 1).isdigit() and chance.isascii():
            total, count = self.chances.get(key, (0.0, 0))
            self.chances[key] = (total + float(chance), count + 1)

    def ready(self) -> None:
        means = {key: total / count for key, (total, count) in self.chances.items()}
        self.places.ready(lambda names: shaping.usual_order(names, means))
        self.fields.ready()

    def results(self) -> Iterable[Result]:
        return importing.by_chunks(self.job, self._take)

    def _take(self, rows: list[Row]) -> Sequence[Result]:
        drafts = self._drafts(rows)
        there = existing_deals(self.job, [draft.external for draft in drafts])
        new = [draft for draft in drafts if draft.external not in there]
        for draft in new:
            self._complete(draft)
        create(self.job, [draft for draft in new if not draft.entry.faults])
        return [self._result(draft, there.get(draft.external)) for draft in drafts]

    def _drafts(self, rows: list[Row]) -> list[Draft]:
        entries = [self.sheet.entry(row.line, self.sheet.texts(row)) for row in rows]
        self.fields.load(entries)
        drafts = []
        for entry in entries:
            draft = Draft(
                entry, external_id(self.job, entry), [entry.line], self.fields.of(entry), self.places.of(entry)
            )
            first = self.first_line.setdefault(draft.external, entry.line) if draft.external else entry.line
            if first != entry.line:
                remedy = _("Keep one of the two, or add a column of ids.")
                draft.refuse(self.job, "external_id", _("Line %(line)d is the same deal.") % {"line": first}, remedy)
            self._read_close_date(draft)
            drafts.append(draft)
        return drafts

    def _read_close_date(self, draft: Draft) -> None:
        """Of an open deal, the day of closing is the expected one."""
        closed: Moment | None = draft.entry.values.get("closed")
        if closed is not None and draft.stage is not None and draft.stage.kind == Outlook.OPEN:
            draft.fields.setdefault("expected_close", closed.at.astimezone(self.sheet.zone).date())

    def _complete(self, draft: Draft) -> None:
        """A new deal: what it must have, and the stays that the file's dates tell of."""
        self.fields.of_new(draft)
        if draft.stage is None or draft.entry.faults:
            return
        values = draft.entry.values
        dates = Dates(
            values.get("started"),
            values.get("entered"),
            values.get("closed") if draft.stage.kind != Outlook.OPEN else None,
        )
        close, first = self._close(draft), self._first(draft.stage)
        try:
            draft.stays = stays_of(draft.stage, first, dates, close, self.sheet.zone, self.job.now)
        except Impossible as impossible:
            draft.refuse(self.job, impossible.field, impossible.reason, _("Correct the date."))

    def _first(self, stage: Stage) -> Stage:
        """Where a deal with a start is taken to have begun: the first stage whose deals in this file have one."""
        stages = self.places.stages[stage.pipeline_id]
        dated = [each for key, each in stages.items() if key in self.dated and each.kind == Outlook.OPEN]
        return min(dated, key=lambda each: each.order) if dated else self.places.first_open(stage.pipeline_id)

    def _close(self, draft: Draft) -> Close | None:
        text = draft.entry.values.get("close_reason", "")
        if not text or draft.stage is None or draft.stage.kind == Outlook.OPEN:
            return None
        reason = self.reasons.get((draft.stage.kind, same_name_key(text)))
        if reason is None:
            names = [each.name for (kind, _key), each in self.reasons.items() if kind == draft.stage.kind]
            draft.refuse(self.job, "close_reason", _("There is no such reason."), nearest(text, names))
        return Close(reason, draft.entry.values.get("close_note", ""))

    def _result(self, draft: Draft, deal: Deal | None) -> Result:
        if deal is None or draft.entry.faults:
            outcome = Outcome.REFUSED if draft.entry.faults else Outcome.CREATED
            return Result(draft.entry.line, outcome, tuple(draft.entry.faults))
        try:
            outcome, note = self._change(draft, deal)
        except ValidationError as error:
            draft.entry.faults += self.sheet.faults(draft.entry, error)
            outcome, note = Outcome.REFUSED, ""
        return Result(draft.entry.line, outcome, tuple(draft.entry.faults), note)

    def _change(self, draft: Draft, deal: Deal) -> tuple[Outcome, str]:
        """Fields by `deals.edit`; another stage is a move now, through the gate, with the fields or not at all."""
        stage, job = draft.stage, self.job
        changes = {name: value for name, value in draft.fields.items() if getattr(deal, name) != value}
        if self._may_not(draft, deal, changes) or stage is None:
            return Outcome.REFUSED, ""
        if stage.pk != deal.stage_id:
            close = self._close(draft)
            fill = moves.Fill(changes=changes) if changes else None
            if not draft.entry.faults:
                answer = moves.move_deal(
                    deal.pk, stage.pk, by=job.by, via=Via.IMPORT, version=deal.version, fill=fill, close=close
                )
                draft.entry.faults += self._of_move(draft, answer)
            return (Outcome.REFUSED if draft.entry.faults else Outcome.UPDATED), ""
        note = self._other_dates(draft, deal)
        if not changes:
            return Outcome.UNCHANGED, note
        edited = deals.edit(deal.pk, changes, version=deal.version, by=job.by, via=Via.IMPORT)
        if isinstance(edited, deals.Conflict):
            draft.entry.faults.append(_somebody_was_quicker())
            return Outcome.REFUSED, ""
        return Outcome.UPDATED if edited.changed else Outcome.UNCHANGED, note

    def _may_not(self, draft: Draft, deal: Deal, changes: dict[str, Any]) -> bool:
        changed = bool(changes) or draft.stage is not None and draft.stage.pk != deal.stage_id
        if not refused_elsewhere(self.job, draft, deal) and changed and not self._editable(deal):
            reason = _("%(name)s may not change this deal.") % {"name": self.job.by.name}
            draft.refuse(self.job, "external_id", reason, _("Import as its owner or their manager: --by EMAIL."))
        return bool(draft.entry.faults)

    def _editable(self, deal: Deal) -> bool:
        return Deal.objects.editable_by(self.job.by).filter(pk=deal.pk).exists()

    def _of_move(self, draft: Draft, answer: moves.Outcome) -> list[Fault]:
        if isinstance(answer, moves.Moved):
            return []
        if isinstance(answer, moves.Stale):
            return [_somebody_was_quicker()]
        faults = [
            self.sheet.fault(draft.entry, name or "stage", " ".join(words)) for name, words in answer.errors.items()
        ]
        remedy = _("Do in the program what is missing, then import the row again.") if answer.missing else ""
        return faults or [self.sheet.fault(draft.entry, "stage", answer.message, remedy)]

    def _other_dates(self, draft: Draft, deal: Deal) -> str:
        """Histories of deals that are here are not imported; that the file knows better is worth a word."""
        values = draft.entry.values
        pairs = [("started", deal.started_at)]
        if deal.closed_at is not None:
            pairs.append(("closed", deal.closed_at))
        other = [self.sheet.column(name) for name, at in pairs if name in values and not self._same(values[name], at)]
        if not other:
            return ""
        return _("Not as in the deal's history, which stays: %(columns)s.") % {"columns": ", ".join(other)}

    def _same(self, moment: Moment, at: Any) -> bool:
        zone = self.sheet.zone
        return (
            moment.at == at
            or moment.precision == "day"
            and moment.at.astimezone(zone).date() == at.astimezone(zone).date()
        )


def _somebody_was_quicker() -> Fault:
    return Fault(_("Somebody changed this deal during the import."), _("Import the file again."))


DEALS = Importable(
    "deals", gettext_lazy("Deals"),
    (
        ID, STAGE, *FIELDS,
        ImportField("pipeline", gettext_lazy("Pipeline"), Kind.TEXT, ("deal pipeline", "pipeline name")),
        ImportField(
            "started", gettext_lazy("Start"), Kind.MOMENT,
            ("engage date", "created date", "create date", "start date", "created", "created at", "opened"),
        ),
        ImportField(
            "entered", gettext_lazy("In this stage since"), Kind.MOMENT,
            ("last stage change date", "date entered current stage", "stage entered at", "in stage since"),
        ),
        ImportField("closed", gettext_lazy("Closed"), Kind.MOMENT, ("close date", "closed date", "closed at", "date closed")),
        ImportField("expected_close", gettext_lazy("Expected close"), Kind.DAY, ("expected close date", "estimated close date")),
        ImportField(
            "close_reason", gettext_lazy("Reason"), Kind.TEXT,
            ("loss reason", "lost reason", "closed lost reason", "closed won reason", "loss reason c"),
        ),
        ImportField("close_note", gettext_lazy("Note on the reason"), Kind.TEXT, ("loss note",)),
        ImportField("probability", gettext_lazy("Probability"), Kind.TEXT, ("deal probability", "win probability")),
    ),
    needs=(("stage",), ("external_id", "title")), begin=_Deals,
)  # fmt: skip
