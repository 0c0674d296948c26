"""Whether a deal may enter a stage: the order of the checks, the same for every door."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass, field

from django.db.models import OuterRef, Subquery
from django.utils.translation import gettext as _

from crm.models import Company, User
from pipeline import access, conditions
from pipeline.conditions import Verdict
from pipeline.facts import load_facts
from pipeline.models import Deal, EntryCondition, Kind, Pipeline, PipelineVersion, Stage, StageVisit
from pipeline.moves.outcomes import Close, Refused

LetIn = StageVisit.LetIn


@dataclass(frozen=True)
class Entry:
    """A wish to enter `target`. `origin` is the stage being left, None for a new deal."""

    deal: Deal
    origin: Stage | None
    target: Stage
    stages: Sequence[Stage]
    by: User | None
    override: str = ""
    close: Close | None = None
    reopen: bool = False

    @property
    def reopens(self) -> bool:
        return self.origin is not None and self.origin.kind != Kind.OPEN and self.target.kind == Kind.OPEN


@dataclass(frozen=True)
class Pass:
    """May enter. `unmet` are conditions that warn, or that a manager overrode."""

    let_in: LetIn
    unmet: list[Verdict] = field(default_factory=list)


def stages_in_use(pipeline_id: int) -> list[Stage]:
    """Ordered, each with the id of the process version in force as `version_id`."""
    newest = PipelineVersion.objects.filter(pipeline=OuterRef("pipeline")).order_by("-number").values("pk")[:1]
    stages = Stage.objects.in_use().filter(pipeline=pipeline_id).select_related("pipeline").order_by("order", "pk")
    return list(stages.annotate(version_id=Subquery(newest)))


def ask(entry: Entry, company: Company, now: datetime.datetime) -> Pass | Refused:
    refusal = _outside_the_conditions(entry, company, now)
    if refusal is not None:
        return refusal
    if entry.target.kind == Kind.LOST:
        return Pass(LetIn.LOST)
    if (
        entry.origin is not None
        and not entry.reopens
        and not conditions.is_forward(entry.stages, entry.origin, entry.target)
    ):
        return Pass(LetIn.BACKWARD)
    return _through_the_conditions(entry, company, now)


def _through_the_conditions(entry: Entry, company: Company, now: datetime.datetime) -> Pass | Refused:
    open_ones = [verdict for verdict in verdicts(entry, now, company) if not verdict.passes]
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


def verdicts(entry: Entry, now: datetime.datetime, company: Company | None = None) -> list[Verdict]:
    """How each condition of this entry stands."""
    origin = None if entry.reopens else entry.origin
    doors = conditions.path(entry.stages, origin, entry.target)
    rows = EntryCondition.objects.in_use().filter(stage__in=[stage.pk for stage in doors])
    asked = conditions.gate_conditions(entry.stages, rows, origin, entry.target, entry.target.pipeline.jumps)
    return conditions.judge(asked, load_facts([entry.deal], asked, now, company)[entry.deal.pk])


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
        and len(conditions.path(entry.stages, origin, target)) > 1
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
