"""The page of one deal: what lacks to go on, what to do, what happened, who takes part. A fixed number of queries.

Each part is read when it is asked for, so that an answer that shows two parts reads no more than these.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from django.utils import timezone

from crm.access import assignable_users
from crm.models import Company, User
from leads.models import ActivityType
from pipeline import conditions, facts, stays
from pipeline.conditions import Verdict
from pipeline.fields import DEAL_FIELDS
from pipeline.models import (
    Approval,
    Commitment,
    Deal,
    DealContact,
    DealMember,
    EntryCondition,
    Kind,
    Resource,
    Stage,
    StageVisit,
    Tag,
    Task,
)
from pipeline.moves import gate
from pipeline.timeline import Timeline, timeline

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

_LABELS = {field.name: field.label for field in DEAL_FIELDS}
DONE_SHOWN = 20
DAILY = ("note", "call", "email", "meeting", "presentation")
"""What is logged most, one click away; other types of activity are two."""


@dataclass(frozen=True)
class Point:
    """One condition of the next gate, with what was recorded for it, and which way leads to having it met."""

    verdict: Verdict
    commitment: Commitment | None
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


@dataclass
class DealPage:
    """`may_edit`: the reader works on the deal; `may_manage`: as a manager of its owner."""

    deal: Deal
    reader: User
    may_edit: bool
    may_manage: bool
    skip: int = 0
    now: datetime.datetime = field(default_factory=timezone.now)

    @cached_property
    def company(self) -> Company:
        return Company.current()

    @cached_property
    def stages(self) -> list[Stage]:
        return gate.stages_in_use(self.deal.pipeline_id)

    @cached_property
    def visits(self) -> list[StageVisit]:
        """All of them, undone ones too, in the order in which they were written."""
        rows = StageVisit.objects.filter(deal=self.deal).select_related("stage", "by", "undone_by", "close_reason")
        return list(rows.order_by("pk"))

    @cached_property
    def way(self) -> list[stays.Stop]:
        return stays.way(self.deal, self.stages, self.standing, self.company, self.now)

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
    def lacks_next_step(self) -> bool:
        return self.deal.status == Kind.OPEN and not self.is_paused and self.deal.next_task_due_at is None

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
        return _next_stage(self.stages, self.deal.stage)

    @cached_property
    def gate(self) -> NextGate:
        target = self.next_stage
        if target is None:
            return NextGate(None)
        rows = EntryCondition.objects.in_use().filter(stage=target)
        asked = conditions.gate_conditions(self.stages, rows, self.deal.stage, target, target.pipeline.jumps)
        known = facts.load_facts([self.deal], asked, self.now, self.company)[self.deal.pk]
        points = [
            Point(verdict, _recorded(known, verdict), known.approvals.get(verdict.condition.pk))
            for verdict in conditions.judge(asked, known)
        ]
        return NextGate(target, points)

    # --- What to do

    @cached_property
    def resources(self) -> list[Resource]:
        """Of the present stage, those beside a task too."""
        return list(Resource.objects.in_use().filter(stage=self.deal.stage_id).order_by("order", "pk"))

    @property
    def stage_resources(self) -> list[Resource]:
        open_templates = {each.task.stage_task_id for each in self.tasks}
        return [resource for resource in self.resources if resource.stage_task_id not in open_templates - {None}]

    @cached_property
    def tasks(self) -> list[OpenTask]:
        rows = Task.objects.open().filter(deal=self.deal).select_related("owner").order_by("due_at", "pk")
        return [
            OpenTask(
                task,
                task.due_at < self.now,
                [r for r in self.resources if r.stage_task_id and r.stage_task_id == task.stage_task_id],
            )
            for task in rows
        ]

    @cached_property
    def finished_tasks(self) -> list[Task]:
        """The last ones, newest first; cancelled ones are not told."""
        rows = Task.objects.existing().filter(deal=self.deal, state__in=["done", "skipped"]).select_related("closed_by")
        return list(rows.order_by("-closed_at", "-pk")[:DONE_SHOWN])

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
        return timeline(self.deal, self.visits, self.skip)

    # --- Who

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


def _next_stage(stages: Sequence[Stage], origin: Stage) -> Stage | None:
    """Of an open stage the next open one, at last the first won one; of a won stage the next won one."""
    if origin.kind == Kind.LOST:
        return None
    ahead = [stage for stage in stages if stage.kind in (Kind.OPEN, Kind.WON)]
    last = max(ahead, key=lambda stage: (stage.kind == Kind.WON, stage.order, stage.pk), default=None)
    doors = conditions.path(stages, origin, last) if last is not None else []
    return doors[0] if doors else None


def _recorded(known: facts.Facts, verdict: Verdict) -> Commitment | None:
    rows = known.commitments.get(verdict.condition.pk, [])
    return rows[0] if rows and verdict.state == "met" else None


def read(deal: Deal, reader: User, *, may_edit: bool, may_manage: bool, skip: int = 0) -> DealPage:
    return DealPage(deal, reader, may_edit, may_manage, skip)
