"""What happened on a deal, newest first, in plain words: activities, moves, changes, commitments, approvals, tasks."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from crm.models import Change, User
from leads.models import Direction
from pipeline import change_words
from pipeline.models import Approval, Commitment, Deal, DealActivity, Kind, MoveAttempt, StageVisit, Task

PAGE = 30
LetIn = StageVisit.LetIn


@dataclass(frozen=True)
class Entry:
    """`at` None: nobody knows when. `small` entries are of less interest; `undone` ones no longer hold."""

    sort: datetime.datetime
    at: datetime.datetime | None
    who: User | None
    icon: str
    words: str
    notes: list[str] = field(default_factory=list)
    text: str = ""
    small: bool = False
    undone: str = ""
    days_only: bool = False


@dataclass(frozen=True)
class Timeline:
    entries: list[Entry]
    next_skip: int | None
    """How many to skip for the older ones; None when these are all."""


def timeline(deal: Deal, visits: Sequence[StageVisit], skip: int = 0) -> Timeline:
    """`visits` are all of the deal, undone ones too, in the order they were written. A fixed number of queries."""
    wanted = skip + PAGE + 1
    commitments = list(_commitments(deal)[:wanted])
    said_in: dict[int, list[Commitment]] = {}
    for commitment in commitments:
        if commitment.activity_id:
            said_in.setdefault(commitment.activity_id, []).append(commitment)
    found = [
        *_activities(deal, said_in, wanted),
        *_moves(deal, visits),
        *_refusals(deal, wanted),
        *change_words.entries(deal, wanted, Entry),
        *_promises(commitments),
        *_approvals(deal, wanted),
        *_tasks(deal, wanted),
    ]
    found.sort(key=lambda entry: entry.sort, reverse=True)
    more = len(found) > skip + PAGE
    return Timeline(found[skip : skip + PAGE], skip + PAGE if more else None)


def _activities(deal: Deal, said_in: dict[int, list[Commitment]], limit: int) -> Iterator[Entry]:
    links = DealActivity.objects.filter(deal=deal, activity__deleted_at__isnull=True)
    links = links.select_related("activity__type", "activity__outcome", "activity__by").prefetch_related(
        "activity__contacts"
    )
    for link in links.order_by("-activity__happened_at", "-pk")[:limit]:
        activity = link.activity
        names = ", ".join(contact.name for contact in activity.contacts.all())
        notes = [activity.outcome.name] if activity.outcome else []
        notes += [
            _("They agreed to: %(what)s") % {"what": said.condition.label} for said in said_in.get(activity.pk, [])
        ]
        yield Entry(
            activity.happened_at, activity.happened_at, activity.by, activity.type.icon,
            _activity_words(activity.by.name, activity.type.name, activity.direction, names), notes, activity.text,
        )  # fmt: skip


def _activity_words(who: str, what: str, direction: str, names: str) -> str:
    given = {"who": who, "what": what, "names": names}
    if direction == Direction.IN:
        return (
            _("%(what)s from %(names)s, noted by %(who)s") % given
            if names
            else _("%(what)s from the buyer, noted by %(who)s") % given
        )
    return _("%(who)s: %(what)s with %(names)s") % given if names else _("%(who)s: %(what)s") % given


# --- Moves


def _moves(deal: Deal, visits: Sequence[StageVisit]) -> Iterator[Entry]:
    """Stays that a manager's correction replaced are told by the correction alone."""
    corrected = set(
        Change.objects.filter(object_type="deal", object_id=deal.pk, field="history").values_list("at", flat=True)
    )
    overridden = _overridden(deal)
    before: dict[int, StageVisit] = {}
    for visit in visits:
        origin = before.get(visit.seq - 1)
        if visit.undone_at is None or visit.undone_at not in corrected:
            known = visit.entered_precision != "unknown"
            yield Entry(
                visit.entered_at, visit.entered_at if known else None, visit.by, _icon(visit), _move_words(visit, origin),
                _move_notes(visit, overridden.get(visit.pk, [])), undone=_undone(visit), days_only=visit.entered_precision == "day",
            )  # fmt: skip
        if visit.undone_at is None or visit.seq not in before:
            before[visit.seq] = visit


def _overridden(deal: Deal) -> dict[int, list[str]]:
    """Visit → what a manager let it in without."""
    attempts = MoveAttempt.objects.filter(deal=deal, outcome="moved", visit__let_in=LetIn.OVERRIDE)
    return {
        attempt.visit_id or 0: [row.condition.label for row in attempt.conditions.all() if row.result == "overridden"]
        for attempt in attempts.prefetch_related("conditions__condition")
    }


def _icon(visit: StageVisit) -> str:
    return {Kind.WON: "trophy", Kind.LOST: "ban"}.get(Kind(visit.stage.kind), "arrow-right")


def _move_words(visit: StageVisit, origin: StageVisit | None) -> str:
    given = {"who": _name(visit.by), "stage": visit.stage.name, "origin": origin.stage.name if origin else ""}
    if origin is None:
        return _("%(who)s created the deal in %(stage)s") % given
    if visit.stage.kind == Kind.LOST:
        return _("%(who)s marked it lost") % given
    words = {
        LetIn.OVERRIDE: _("%(who)s let it into %(stage)s without its conditions"),
        LetIn.BACKWARD: _("%(who)s moved it back from %(origin)s to %(stage)s"),
        LetIn.RETIRED: _("%(origin)s is no longer in use: it went on in %(stage)s"),
        LetIn.REOPENED: _("%(who)s reopened it in %(stage)s"),
    }
    if visit.stage.kind == Kind.WON and origin.stage.kind == Kind.OPEN:
        return _("%(who)s won it: %(stage)s") % given
    return words.get(LetIn(visit.let_in), _("%(who)s moved it from %(origin)s to %(stage)s")) % given


def _move_notes(visit: StageVisit, missing: list[str]) -> list[str]:
    notes = [_("Missing: %(what)s") % {"what": "; ".join(missing)}] if missing else []
    if visit.reason:
        notes.append(_("Reason: %(why)s") % {"why": visit.reason})
    if visit.close_reason and visit.stage.kind != Kind.OPEN:
        notes.append(": ".join(part for part in (visit.close_reason.name, visit.close_note) if part))
    return notes


def _undone(visit: StageVisit) -> str:
    return _("taken back by %(who)s") % {"who": _name(visit.undone_by)} if visit.undone_at else ""


def _refusals(deal: Deal, limit: int) -> Iterator[Entry]:
    attempts = MoveAttempt.objects.filter(deal=deal, outcome="refused").select_related("to_stage", "by")
    for attempt in attempts.prefetch_related("conditions__condition").order_by("-at", "-pk")[:limit]:
        missing = "; ".join(row.condition.label for row in attempt.conditions.all() if row.result == "stopped")
        given = {"who": _name(attempt.by), "stage": attempt.to_stage.name, "missing": missing}
        words = (
            _("%(who)s tried to move it to %(stage)s. Missing: %(missing)s")
            if missing
            else _("%(who)s tried to move it to %(stage)s")
        )
        yield Entry(attempt.at, attempt.at, attempt.by, "lock", words % given, small=True)


# --- What people agreed to, approved, finished


def _commitments(deal: Deal) -> QuerySet[Commitment]:
    rows = Commitment.objects.filter(deal=deal).select_related("condition", "contact", "recorded_by", "withdrawn_by")
    return rows.order_by("-recorded_at", "-pk")


def _promises(commitments: Sequence[Commitment]) -> Iterator[Entry]:
    for row in commitments:
        given = {
            "who": row.recorded_by.name,
            "what": row.condition.label,
            "contact": row.contact.name if row.contact else "",
        }
        notes = [row.evidence] if row.evidence else []
        undone = _("withdrawn by %(who)s") % {"who": _name(row.withdrawn_by)} if row.withdrawn_at else ""
        if row.activity_id is None:
            words = (
                _("%(contact)s agreed, noted by %(who)s: %(what)s") if row.contact else _("%(who)s confirmed: %(what)s")
            )
            yield Entry(
                row.happened_at, row.happened_at, row.recorded_by, "circle-check", words % given, notes, undone=undone
            )
        if row.withdrawn_at is not None:
            words = _("%(who)s withdrew: %(what)s") % {**given, "who": _name(row.withdrawn_by)}
            yield Entry(row.withdrawn_at, row.withdrawn_at, row.withdrawn_by, "x", words, small=True)


def _approvals(deal: Deal, limit: int) -> Iterator[Entry]:
    rows = Approval.objects.filter(deal=deal).select_related("condition", "asked_by", "decided_by")
    for row in rows.order_by("-asked_at", "-pk")[:limit]:
        given: dict[str, Any] = {"who": row.asked_by.name, "what": row.condition.label}
        yield Entry(
            row.asked_at, row.asked_at, row.asked_by, "shield-check", _("%(who)s asked for approval: %(what)s") % given,
            [row.why] if row.why else [],
        )  # fmt: skip
        if row.decided_at is not None:
            given["who"] = _name(row.decided_by)
            words = _("%(who)s approved: %(what)s") if row.decision == "approved" else _("%(who)s declined: %(what)s")
            notes = [row.reason] if row.reason else []
            yield Entry(row.decided_at, row.decided_at, row.decided_by, "shield-check", words % given, notes)


def _tasks(deal: Deal, limit: int) -> Iterator[Entry]:
    rows = Task.objects.existing().filter(deal=deal, state__in=["done", "skipped"]).select_related("closed_by")
    for row in rows.order_by("-closed_at", "-pk")[:limit]:
        given = {"who": _name(row.closed_by), "task": row.title}
        words = _("%(who)s finished “%(task)s”") if row.state == "done" else _("%(who)s skipped “%(task)s”")
        if row.closed_at is not None:
            yield Entry(row.closed_at, row.closed_at, row.closed_by, "check", words % given, small=True)


def _name(user: User | None) -> str:
    return user.name if user else _("The process")
