"""The page of one deal: what lacks to go on, what to do, what happened, who takes part. A fixed number of queries.

Each part is read when it is asked for, so that an answer that shows two parts reads no more than these.
"""

from __future__ import annotations

import datetime
import secrets
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from django.utils import timezone

from crm.access import assignable_users
from crm.models import Change, User
from leads.models import ActivityType
from pipeline import (
    close_dates,
    conditions,
    deal_files,
    facts,
    followups,
    in_force,
    open_deals,
    pauses,
    stays,
    talk,
    task_reminders,
    touches,
)
from pipeline.conditions import Verdict
from pipeline.fields import DEAL_FIELDS
from pipeline.gates import next_stage
from pipeline.in_force import Process
from pipeline.models import (
    Approval,
    Deal,
    DealContact,
    DealFile,
    DealMember,
    EntryCondition,
    Kind,
    Resource,
    Stage,
    StageTask,
    StageVisit,
    Tag,
    Task,
)
from pipeline.timeline import Read, Timeline, files_of, finished_tasks, reach_of, timeline

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

_LABELS = {field.name: field.label for field in DEAL_FIELDS}
DONE_SHOWN = 20
DAILY = ("note", "call", "email", "meeting", "presentation")
"""What is logged most, one click away; other types of activity are two."""


@dataclass(frozen=True)
class Point:
    """One condition of the next gate, with the evidence for it (`file` is the number of one), and which way leads to having it met."""

    verdict: Verdict
    evidence: str
    file: int | None
    approval: Approval | None

    @property
    def condition(self) -> EntryCondition:
        return self.verdict.condition

    @property
    def way(self) -> str:
        """What can be done about it: tick, field, contact, member, activity, tasks, approval; empty: nothing here."""
        if self.verdict.state == "broken":
            return ""
        kinds = {
            "commitment": "tick", "by_hand": "tick", "field": "field", "contact_role": "contact", "contact_reachable": "contact",
            "everyone_agrees": "contact", "member_role": "member", "activity": "activity", "tasks_done": "tasks", "approval": "approval",
        }  # fmt: skip
        return kinds.get(self.condition.kind, "")


@dataclass(frozen=True)
class NextGate:
    """`stage` None: there is no next stage to go to."""

    stage: Stage | None
    points: list[Point] = field(default_factory=list)

    @property
    def missing(self) -> int:
        return sum(point.verdict.stops for point in self.points)

    @property
    def warnings(self) -> int:
        return sum(not point.verdict.passes and not point.condition.blocks for point in self.points)

    @property
    def is_open(self) -> bool:
        return self.stage is not None and not self.missing

    @property
    def to_agree(self) -> list[EntryCondition]:
        """Commitments of the buyer that are still open: what they may have agreed to in a call."""
        return [
            point.condition
            for point in self.points
            if point.condition.kind == "commitment" and point.verdict.state == "missing"
        ]


@dataclass(frozen=True)
class Fact:
    name: str
    label: StrOrPromise
    editable: bool


@dataclass
class OpenTask:
    task: Task
    overdue: bool
    resources: list[Resource]
    reminders: dict[int, str]
    """What its owner may be reminded at, by minutes before it; of somebody else's task nothing."""


@dataclass
class DealPage:
    """`may_edit`: the reader works on the deal; `may_manage`: as a manager of its owner."""

    deal: Deal
    reader: User
    may_edit: bool
    may_manage: bool
    skip: int = 0
    upto: str = ""
    now: datetime.datetime = field(default_factory=timezone.now)
    once_key: str = field(default_factory=lambda: secrets.token_hex(16))
    """Of the button that makes a copy: pressed twice, it makes one."""

    @cached_property
    def process(self) -> Process:
        return in_force.read(self.deal.pipeline_id)

    @property
    def stages(self) -> list[Stage]:
        return self.process.stages

    @cached_property
    def visits(self) -> list[StageVisit]:
        """All of them, undone ones too, in the order in which they were written."""
        rows = StageVisit.objects.filter(deal=self.deal).select_related("stage", "by", "undone_by", "close_reason")
        return list(rows.order_by("pk"))

    @cached_property
    def way(self) -> list[stays.Stop]:
        return stays.way(self.deal, self.stages, self.standing, self.process.company, self.now)

    @cached_property
    def standing(self) -> list[StageVisit]:
        return sorted((visit for visit in self.visits if visit.undone_at is None), key=lambda visit: visit.seq)

    @property
    def reopens_in(self) -> Stage | None:
        """Of a closed deal: the open stage it was in last, or the first one."""
        in_use = {stage.pk: stage for stage in self.stages if stage.kind == Kind.OPEN}
        before = next((visit.stage_id for visit in reversed(self.standing) if visit.stage_id in in_use), None)
        return in_use[before] if before else next(iter(in_use.values()), None)

    @cached_property
    def here(self) -> stays.Stop:
        return next(stop for stop in self.way if stop.place == "here")

    @property
    def is_paused(self) -> bool:
        return self.deal.paused_until is not None and self.deal.paused_until > self.now

    @property
    def is_idle(self) -> bool:
        """Nothing was done for the stage's idle days, and nobody said that this is meant so."""
        days = self.deal.stage.idle_days
        if days is None or self.deal.status != Kind.OPEN or self.is_paused:
            return False
        return self.now - self.deal.last_worked_at > datetime.timedelta(days=days)

    @property
    def woke(self) -> str:
        """That its pause ended, until somebody works on it."""
        if self.deal.status != Kind.OPEN:
            return ""
        deal = self.deal
        return pauses.woke(deal.paused_until, deal.pause_reason, deal.last_worked_at, self.now)

    @property
    def lacks_next_step(self) -> bool:
        return followups.lacks_next_step(self.deal, self.now)

    @cached_property
    def facts(self) -> list[Fact]:
        """What is edited in place, in the order of the page; the title stands above."""
        names = ["value", "expected_close", "organization", "owner", "source", "product", "tags"]
        hands_over = self.may_manage and assignable_users(self.reader).exclude(pk=self.reader.pk).exists()
        return [Fact(name, _LABELS[name], self.may_edit and (name != "owner" or hands_over)) for name in names]

    @cached_property
    def tags(self) -> list[Tag]:
        return list(self.deal.tags.all())

    @cached_property
    def lost_stage(self) -> Stage | None:
        return next((stage for stage in self.stages if stage.kind == Kind.LOST), None)

    @cached_property
    def next_stage(self) -> Stage | None:
        return next_stage(self.deal.stage, self.stages)

    @cached_property
    def gate(self) -> NextGate:
        target = self.next_stage
        if target is None:
            return NextGate(None)
        rows = self.process.conditions([target])
        asked = conditions.gate_conditions(self.stages, rows, self.deal.stage, target, target.pipeline.jumps)
        known = facts.load_facts([(self.deal, asked)], self.now, self.process.company)[self.deal.pk]
        points = [
            Point(verdict, *_evidence(known, verdict), known.approvals.get(verdict.condition.pk))
            for verdict in conditions.judge(asked, known)
        ]
        return NextGate(target, points)

    @property
    def is_late(self) -> bool:
        """Open, and its close date lies in the past."""
        day = self.deal.expected_close
        return self.deal.status == Kind.OPEN and day is not None and day < timezone.localdate(self.now)

    @cached_property
    def close_moved(self) -> int:
        return close_dates.moved_among(old for name, old, _at in self._dated if name == "expected_close")

    @cached_property
    def _dated(self) -> list[tuple[str, Any, datetime.datetime]]:
        """Close dates that became others, and corrected histories."""
        rows = Change.objects.filter(
            object_type="deal", object_id=self.deal.pk, field__in=["expected_close", "history"]
        )
        return list(rows.values_list("field", "old", "at"))

    # --- What to do

    @cached_property
    def resources(self) -> list[Resource]:
        """Of the present stage, those beside a task too."""
        return self.process.resources(self.deal.stage)

    @property
    def stage_resources(self) -> list[Resource]:
        shown = {resource.pk for each in self.tasks for resource in each.resources}
        return [resource for resource in self.resources if resource.pk not in shown]

    @cached_property
    def tasks(self) -> list[OpenTask]:
        rows = Task.objects.open().filter(deal=self.deal).select_related("owner", "stage_task").order_by("due_at", "pk")
        rows = rows.annotate(minutes_asked=task_reminders.minutes_asked(self.reader))
        return [
            OpenTask(task, task.due_at < self.now, self._beside(task.stage_task), self._remind(task)) for task in rows
        ]

    def _remind(self, task: Task) -> dict[int, str]:
        return task_reminders.choices(task) if task.owner_id == self.reader.pk else {}

    def _beside(self, template: StageTask | None) -> list[Resource]:
        """What the task itself is done with comes first."""
        if template is None:
            return []
        found = [
            each for each in self.resources if template.pk == each.stage_task_id or each.pk == template.template_id
        ]
        return sorted(found, key=lambda each: each.pk != template.template_id)

    @cached_property
    def _finished(self) -> list[Task]:
        return finished_tasks(self.deal, reach_of(self.skip, self.upto))

    @property
    def finished_tasks(self) -> list[Task]:
        """The last ones, newest first; cancelled ones are not told."""
        return self._finished[:DONE_SHOWN]

    @cached_property
    def activity_types(self) -> list[ActivityType]:
        return list(ActivityType.objects.in_use().order_by("order", "name"))

    @property
    def daily_types(self) -> list[ActivityType]:
        return [type for type in self.activity_types if type.key in DAILY]

    @property
    def other_types(self) -> list[ActivityType]:
        return [type for type in self.activity_types if type.key not in DAILY]

    @cached_property
    def timeline(self) -> Timeline:
        corrected = {at for name, _old, at in self._dated if name == "history"}
        read = Read(corrected, self._finished, self._files)
        return timeline(self.deal, self.visits, self.skip, self.upto, self.reader, read)

    @cached_property
    def touches(self) -> dict[str, Any]:
        return touches.of(self.deal)

    @cached_property
    def follows(self) -> bool:
        return talk.is_followed(self.deal, self.reader, [member.user_id for member in self.members])

    @cached_property
    def _files(self) -> list[DealFile]:
        return files_of(self.deal)

    @cached_property
    def files(self) -> list[deal_files.Shown]:
        return deal_files.shown(self._files)

    # --- Who

    @cached_property
    def others(self) -> list[open_deals.OpenDeal]:
        """Other open deals with its organization."""
        organization = self.deal.organization
        return open_deals.of(organization, self.reader, self.deal.pk) if organization else []

    @cached_property
    def people(self) -> list[DealContact]:
        return list(
            DealContact.objects.filter(deal=self.deal)
            .select_related("contact__organization")
            .order_by("-is_primary", "pk")
        )

    @cached_property
    def members(self) -> list[DealMember]:
        return list(DealMember.objects.filter(deal=self.deal).select_related("user").order_by("pk"))


def _evidence(known: facts.Facts, verdict: Verdict) -> tuple[str, int | None]:
    recorded = known.commitments.get(verdict.condition.pk, [])
    return (recorded[0].evidence, recorded[0].file) if recorded and verdict.state == "met" else ("", None)


def read(deal: Deal, reader: User, *, may_edit: bool, may_manage: bool, skip: int = 0, upto: str = "") -> DealPage:
    return DealPage(deal, reader, may_edit, may_manage, skip, upto)
