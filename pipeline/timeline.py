"""What happened on a deal, newest first, in plain words: activities, moves, changes, commitments, approvals, tasks, files, talk."""

from __future__ import annotations

import datetime
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Q, QuerySet
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from crm.models import Change, User
from crm.models.audit import Via
from leads import access
from leads.models import Activity, Direction
from pipeline import change_words
from pipeline.models import (
    ActionRun,
    Approval,
    Comment,
    Commitment,
    Deal,
    DealActivity,
    DealFile,
    Kind,
    MoveAttempt,
    ProcessAction,
    StageVisit,
    Task,
)

PAGE = 30
FURTHEST = 1_000
LetIn = StageVisit.LetIn


@dataclass(frozen=True)
class Entry:
    """`at` None: nobody knows when. `small` entries are of less interest; `undone` ones no longer hold.

    `key` is what the entry is called for ever, so that it can be linked to.
    """

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
    key: str = ""
    files: list[DealFile] = field(default_factory=list)
    comment: int | None = None
    activity: int | None = None
    """One that the reader may delete; in the entry of its deletion, bring back."""
    linked: int | None = None
    """The other deal, where one opened the other."""
    merged: int | None = None
    """The deal that became part of this one: its history has a page of its own."""


@dataclass(frozen=True)
class Timeline:
    entries: list[Entry]
    next_skip: int | None
    """How many to skip for the older ones; None when these are all."""


@dataclass(frozen=True)
class Read:
    """What a page shows elsewhere too, and therefore has read: times of corrected histories, finished tasks, all files."""

    corrected: Collection[datetime.datetime]
    finished: Sequence[Task]
    files: Sequence[DealFile]


def reach_of(skip: int, upto: str) -> int:
    """So many of each kind of entry are asked for."""
    return FURTHEST if upto else skip + PAGE + 1


def timeline(
    deal: Deal, visits: Sequence[StageVisit], skip: int = 0, upto: str = "", reader: User | None = None,
    read: Read | None = None,
) -> Timeline:  # fmt: skip
    """`visits` are all of the deal, undone ones too, in the order they were written. A fixed number of queries.

    `upto`: the key of an entry that is shown in any case, with all that is newer. `reader`: who may change what is shown.
    """
    wanted = reach_of(skip, upto)
    read = read or Read(_corrected(deal), finished_tasks(deal, wanted), files_of(deal))
    commitments = list(_commitments(deal)[:wanted])
    said_in: dict[int, list[Commitment]] = {}
    for commitment in commitments:
        if commitment.activity_id:
            said_in.setdefault(commitment.activity_id, []).append(commitment)
    found = [
        *_activities(deal, said_in, wanted, None if deal.merged_into_id else reader),
        *_moves(deal, visits, read.corrected),
        *_refusals(deal, wanted),
        *change_words.entries(deal, wanted, Entry),
        *_promises(commitments),
        *_approvals(deal, wanted),
        *_tasks(read.finished[:wanted]),
        *_files(read.files[:wanted]),
        *_comments(deal, wanted),
        *_by_itself(deal, visits, wanted),
    ]
    found.sort(key=lambda entry: entry.sort, reverse=True)
    asked_for = next((place for place, entry in enumerate(found, 1) if upto and entry.key == upto), 0)
    end = max(skip + PAGE, asked_for)
    return Timeline(found[skip:end], end if len(found) > end else None)


def _activities(deal: Deal, said_in: dict[int, list[Commitment]], limit: int, reader: User | None) -> Iterator[Entry]:
    columns = ("activity__type", "activity__outcome", "activity__by", "activity__deleted_by")
    links = DealActivity.objects.filter(deal=deal).select_related(*columns).prefetch_related("activity__contacts")
    told_at = Coalesce("activity__deleted_at", "activity__happened_at")
    for link in links.order_by(told_at.desc(), "-pk")[:limit]:
        activity = link.activity
        changed = activity.pk if reader and access.deletes_activities_of(reader, activity.by_id) else None
        if activity.deleted_at is not None:
            yield _deleted(activity, activity.deleted_at, changed)
            continue
        names = ", ".join(contact.name for contact in activity.contacts.all())
        notes = [activity.outcome.name] if activity.outcome else []
        if activity.minutes:
            notes.append(ngettext("%(n)d minute", "%(n)d minutes", activity.minutes) % {"n": activity.minutes})
        notes += [
            _("They agreed to: %(what)s") % {"what": said.condition.label} for said in said_in.get(activity.pk, [])
        ]
        yield Entry(
            activity.happened_at, activity.happened_at, activity.by, activity.type.icon,
            _activity_words(activity.by.name, activity.type.name, activity.direction, names), notes, activity.text,
            key=f"activity-{activity.pk}", files=_proofs(said_in.get(activity.pk, [])), activity=changed,
        )  # fmt: skip


def _deleted(activity: Activity, at: datetime.datetime, changed: int | None) -> Entry:
    """That there was one, and not what it said."""
    given = {"who": _name(activity.deleted_by), "what": activity.type.name}
    words = _("%(who)s deleted what was logged here: %(what)s") % given
    return Entry(
        at, at, activity.deleted_by, "trash", words, small=True, key=f"unlogged-{activity.pk}", activity=changed
    )


def _proofs(commitments: Sequence[Commitment]) -> list[DealFile]:
    files = {row.evidence_file.pk: row.evidence_file for row in commitments if row.evidence_file is not None}
    return [file for file in files.values() if file.deleted_at is None]


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


def _corrected(deal: Deal) -> set[datetime.datetime]:
    rows = Change.objects.filter(object_type="deal", object_id=deal.pk, field="history")
    return set(rows.values_list("at", flat=True))


def _moves(deal: Deal, visits: Sequence[StageVisit], corrected: Collection[datetime.datetime]) -> Iterator[Entry]:
    """Stays that a manager's correction replaced are told by the correction alone."""
    overridden = _overridden(deal) if any(visit.let_in == LetIn.OVERRIDE for visit in visits) else {}
    before: dict[int, StageVisit] = {}
    for visit in visits:
        origin = before.get(visit.seq - 1)
        if visit.undone_at is None or visit.undone_at not in corrected:
            known = visit.entered_precision != "unknown"
            yield Entry(
                visit.entered_at, visit.entered_at if known else None, visit.by, _icon(visit), _move_words(visit, origin),
                _move_notes(visit, overridden.get(visit.pk, [])), undone=_undone(visit), days_only=visit.entered_precision == "day",
                key=f"move-{visit.pk}",
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
        yield Entry(attempt.at, attempt.at, attempt.by, "lock", words % given, small=True, key=f"try-{attempt.pk}")


# --- What people agreed to, approved, finished


def _commitments(deal: Deal) -> QuerySet[Commitment]:
    rows = Commitment.objects.filter(deal=deal).select_related(
        "condition", "contact", "recorded_by", "withdrawn_by", "evidence_file"
    )
    return rows.order_by("-recorded_at", "-pk")


def _promises(commitments: Sequence[Commitment]) -> Iterator[Entry]:
    for row in commitments:
        given = {
            "who": row.recorded_by.name,
            "what": row.condition.label,
            "contact": row.contact.name if row.contact else "",
        }
        proofs = _proofs([row])
        notes = [row.evidence] if row.evidence and row.evidence not in [file.name for file in proofs] else []
        undone = _("withdrawn by %(who)s") % {"who": _name(row.withdrawn_by)} if row.withdrawn_at else ""
        if row.activity_id is None:
            words = (
                _("%(contact)s agreed, noted by %(who)s: %(what)s") if row.contact else _("%(who)s confirmed: %(what)s")
            )
            yield Entry(
                row.happened_at, row.happened_at, row.recorded_by, "circle-check", words % given, notes, undone=undone,
                key=f"said-{row.pk}", files=proofs,
            )  # fmt: skip
        if row.withdrawn_at is not None:
            words = _("%(who)s withdrew: %(what)s") % {**given, "who": _name(row.withdrawn_by)}
            at, key = row.withdrawn_at, f"withdrawn-{row.pk}"
            yield Entry(at, at, row.withdrawn_by, "x", words, small=True, key=key)


def _approvals(deal: Deal, limit: int) -> Iterator[Entry]:
    rows = Approval.objects.filter(deal=deal).select_related("condition", "asked_by", "decided_by")
    for row in rows.order_by("-asked_at", "-pk")[:limit]:
        given: dict[str, Any] = {"who": row.asked_by.name, "what": row.condition.label}
        yield Entry(
            row.asked_at, row.asked_at, row.asked_by, "shield-check", _("%(who)s asked for approval: %(what)s") % given,
            [row.why] if row.why else [], key=f"asked-{row.pk}",
        )  # fmt: skip
        if row.decided_at is not None:
            given["who"] = _name(row.decided_by)
            words = _("%(who)s approved: %(what)s") if row.decision == "approved" else _("%(who)s declined: %(what)s")
            notes = [row.reason] if row.reason else []
            at, key = row.decided_at, f"answered-{row.pk}"
            yield Entry(at, at, row.decided_by, "shield-check", words % given, notes, key=key)


def finished_tasks(deal: Deal, limit: int) -> list[Task]:
    """The last ones, newest first; cancelled ones are not told."""
    rows = Task.objects.finished().filter(deal=deal).select_related("closed_by", "stage_task")
    return list(rows[:limit])


def _tasks(rows: Iterable[Task]) -> Iterator[Entry]:
    for row in rows:
        given = {"who": _name(row.closed_by), "task": row.title}
        words = _("%(who)s finished “%(task)s”") if row.state == "done" else _("%(who)s skipped “%(task)s”")
        if row.closed_at is not None:
            yield Entry(
                row.closed_at, row.closed_at, row.closed_by, "check", words % given, small=True, key=f"task-{row.pk}"
            )


def files_of(deal: Deal) -> list[DealFile]:
    """Deleted ones too, the last first."""
    rows = DealFile.objects.filter(deal=deal).select_related("added_by", "deleted_by")
    return list(rows.order_by("-added_at", "-pk"))


def _files(rows: Iterable[DealFile]) -> Iterator[Entry]:
    for row in rows:
        given = {"who": row.added_by.name, "name": str(row), "n": row.version}
        gone, about = (
            row.deleted_at is not None,
            [row.get_type_display().lower()] if row.type != DealFile.Type.OTHER else [],
        )
        notes = [", ".join([*about, _("signed")])] if row.signed else about
        # Of what is still there the name stands below, as a link.
        there = _("%(who)s added a file") if row.version == 1 else _("%(who)s added version %(n)s of a file")
        words = (_("%(who)s added “%(name)s”") if gone else there) % given
        yield Entry(
            row.added_at, row.added_at, row.added_by, "paperclip", words, notes, small=gone, key=f"file-{row.pk}",
            files=[] if gone else [row],
        )  # fmt: skip
        if row.deleted_at is not None:
            words = _("%(who)s deleted “%(name)s”") % {**given, "who": _name(row.deleted_by)}
            yield Entry(row.deleted_at, row.deleted_at, row.deleted_by, "trash", words, small=True, key=f"unfiled-{row.pk}")  # fmt: skip


def _comments(deal: Deal, limit: int) -> Iterator[Entry]:
    for row in Comment.objects.filter(deal=deal).select_related("by").order_by("-at", "-pk")[:limit]:
        key = f"comment-{row.pk}"
        if row.deleted_at is None:
            words = _("%(who)s wrote") % {"who": row.by.name}
            yield Entry(row.at, row.at, row.by, "message", words, text=row.text, key=key, comment=row.pk)
        else:
            words = _("%(who)s took a comment back") % {"who": row.by.name}
            yield Entry(row.at, row.at, row.by, "message", words, small=True, key=key)


def _by_itself(deal: Deal, visits: Sequence[StageVisit], limit: int) -> Iterator[Entry]:
    """What the process did beside changing fields, which is told as changes. Asked for only where it does something."""
    if not any(visit.stage.acts or visit.via == Via.PROCESS for visit in visits):
        return
    rows = ActionRun.objects.filter(Q(deal=deal) | Q(made=deal)).select_related("action__pipeline")
    for run in rows.order_by("-at", "-pk")[:limit]:
        given = {
            "who": run.action.get_role_display(),
            "what": run.action.get_what_display(),
            "pipeline": run.action.pipeline,
        }
        undone = _("taken back") if run.undone_at and run.made_id is None else ""
        key, refused = f"process-{run.pk}", run.outcome == ActionRun.Outcome.REFUSED
        if run.made_id == deal.pk:
            words, linked = _("The process opened this deal because of another one"), run.deal_id
        elif refused:
            words, linked = _("The process could not do this: %(what)s") % given, None
        elif run.made_id is not None:
            words, linked = _("The process opened a deal in %(pipeline)s") % given, run.made_id
        elif run.action.what == ProcessAction.What.NOTIFY:
            words, linked = _("The process told: %(who)s") % given, None
        else:
            continue
        notes = [run.note] if run.note else []
        yield Entry(run.at, run.at, None, "settings", words, notes, small=True, undone=undone, key=key, linked=linked)


def _name(user: User | None) -> str:
    return user.name if user else _("The process")
