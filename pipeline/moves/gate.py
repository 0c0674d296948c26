"""Whether a deal may enter a stage: the order of the checks, the same for every door."""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from crm.models import Company, User
from pipeline import access, conditions, in_force, room
from pipeline.conditions import Verdict
from pipeline.facts import Facts, load_facts
from pipeline.in_force import Process
from pipeline.models import Deal, EntryCondition, Kind, Pipeline, Stage, StageVisit
from pipeline.moves.outcomes import Close, Refused

LetIn = StageVisit.LetIn


@dataclass(frozen=True)
class Entry:
    """A wish to enter `target`, a stage of the process. `origin` is the stage being left, None for a new deal."""

    deal: Deal
    origin: Stage | None
    target: Stage
    process: Process
    by: User | None
    override: str = ""
    close: Close | None = None
    reopen: bool = False
    reason: str = ""

    @property
    def reopens(self) -> bool:
        return self.origin is not None and self.origin.kind != Kind.OPEN and self.target.kind == Kind.OPEN


@dataclass(frozen=True)
class Pass:
    """May enter. `unmet` are conditions that warn, or that a manager overrode."""

    let_in: LetIn
    unmet: list[Verdict] = field(default_factory=list)


def ask(entry: Entry, now: datetime.datetime, known: Facts | None = None) -> Pass | Refused:
    """With `known` nothing is read, nor held until it is written."""
    refusal = _outside_the_conditions(entry, entry.process.company, now)
    if refusal is not None:
        return refusal
    if room.is_full(entry.target, entry.deal, hold=known is None):
        most = entry.target.most_deals or 0
        message = ngettext(
            "“%(stage)s” takes at most %(count)d deal. First move it on.",
            "“%(stage)s” takes at most %(count)d deals. First move one of them on.",
            most,
        ) % {"stage": entry.target.name, "count": most}
        return Refused(entry.deal, entry.target, "full", message)
    if entry.target.kind == Kind.LOST:
        return Pass(LetIn.LOST)
    if (
        entry.origin is not None
        and not entry.reopens
        and not conditions.is_forward(entry.process.stages, entry.origin, entry.target)
    ):
        return Pass(LetIn.BACKWARD)
    return _through_the_conditions(entry, now, known)


def outlook(deal: Deal, by: User, now: datetime.datetime | None = None) -> list[tuple[Stage, Pass | Refused]]:
    """What a move into each other stage would be answered, in a fixed number of queries. Nothing is tried or kept."""
    process = in_force.read(deal.pipeline_id)
    now = now or process.clock()
    origin = process.stage_of(deal)
    entries = [Entry(deal, origin, stage, process, by, reopen=True) for stage in process.stages if stage != origin]
    asked = {condition.pk: condition for entry in entries for condition in _asked(entry)}
    known = load_facts([(deal, list(asked.values()))], now, process.company)[deal.pk]
    return [(entry.target, ask(entry, now, known)) for entry in entries]


def _through_the_conditions(entry: Entry, now: datetime.datetime, known: Facts | None) -> Pass | Refused:
    open_ones = [verdict for verdict in verdicts(entry, now, known) if not verdict.passes]
    stopping = [verdict for verdict in open_ones if verdict.stops]
    normal = LetIn.REOPENED if entry.reopens else LetIn.CONDITIONS
    if not stopping:
        return Pass(normal, open_ones)
    if not entry.override.strip():
        return Refused(entry.deal, entry.target, "conditions", _missing_message(stopping, entry.target), open_ones)
    if entry.by is None or not access.manages_owner(entry.by, entry.deal.owner_id):
        return Refused(
            entry.deal,
            entry.target,
            "not_allowed",
            _("Only a manager may let a deal in without its conditions."),
            open_ones,
        )
    return Pass(LetIn.OVERRIDE, open_ones)


def verdicts(entry: Entry, now: datetime.datetime, known: Facts | None = None) -> list[Verdict]:
    """How each condition of this entry stands."""
    asked = _asked(entry)
    if known is None:
        known = load_facts([(entry.deal, asked)], now, entry.process.company)[entry.deal.pk]
    return conditions.judge(asked, known)


def _asked(entry: Entry) -> list[EntryCondition]:
    stages, origin = entry.process.stages, _from(entry)
    rows = entry.process.conditions(conditions.path(stages, origin, entry.target))
    return conditions.gate_conditions(stages, rows, origin, entry.target, entry.target.pipeline.jumps)


def _from(entry: Entry) -> Stage | None:
    """A deal that is reopened comes from before the first stage."""
    return None if entry.reopens else entry.origin


def _missing_message(stopping: list[Verdict], target: Stage) -> str:
    labels = "; ".join(verdict.condition.label for verdict in stopping)
    return _("Before “%(stage)s”: %(missing)s.") % {"stage": target.name, "missing": labels}


def _outside_the_conditions(entry: Entry, company: Company, now: datetime.datetime) -> Refused | None:
    """Rules that no condition row states."""
    origin, target = entry.origin, entry.target
    if origin is not None and origin.kind != Kind.OPEN and target.kind != origin.kind:
        refusal = _about_closed(entry, company, now)
        if refusal is not None:
            return refusal
    if target.kind == Kind.LOST:
        return _about_losing(entry)
    if (
        target.pipeline.jumps == Pipeline.Jumps.NONE
        and len(conditions.path(entry.process.stages, origin, target)) > 1
        and not entry.reopens
    ):
        message = _("This pipeline goes one stage at a time: move to the next stage first.")
        return Refused(entry.deal, target, "jump", message)
    return None


def _about_closed(entry: Entry, company: Company, now: datetime.datetime) -> Refused | None:
    deal, target = entry.deal, entry.target
    if not entry.reopens or not entry.reopen:
        message = _("This deal is closed. Reopen it to go on with it.")
        return Refused(deal, target, "closed", message)
    limit = datetime.timedelta(days=company.reopen_days)
    late = deal.closed_at is not None and now - deal.closed_at > limit
    if late and entry.by is not None and not access.manages_owner(entry.by, deal.owner_id):
        message = _("It was closed more than %(days)d days ago; ask your manager to reopen it.") % {
            "days": company.reopen_days
        }
        return Refused(deal, target, "not_allowed", message)
    return None


def _about_losing(entry: Entry) -> Refused | None:
    """A lost deal says why, and what the reason asks for: which competitor, when to come back."""
    close, reason = entry.close, entry.close.reason if entry.close else None
    if entry.origin is not None and entry.origin.kind == Kind.LOST:
        return None
    message = ""
    if close is None or reason is None or reason.kind != Kind.LOST:
        message = _("Say why it was lost.")
    elif reason.asks_note and not close.note.strip():
        message = reason.asks_note
    elif reason.asks_date and close.come_back_on is None:
        message = _("Say when to come back to it.")
    return Refused(entry.deal, entry.target, "reason", message) if message else None
