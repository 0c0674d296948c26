"""Real rows for tests, made through the rules where there is one."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

from crm.models import Membership, Team, User
from crm.models.audit import Via
from leads.models import ActivityType, Contact, Organization, Source
from leads.writing import name_key
from pipeline import moves
from pipeline.models import (
    CloseReason,
    Deal,
    EntryCondition,
    Pipeline,
    PipelineVersion,
    ProcessAction,
    Stage,
    StageTask,
    Step,
)

NOW = datetime(2026, 9, 15, 10, 0, tzinfo=UTC)
"""A Tuesday."""
PASSWORD = "a long enough password"

_numbers = itertools.count(1)


def user(role: str = "rep", team: Team | None = None, **fields: Any) -> User:
    number = next(_numbers)
    fields = {"name": f"Person {number}", "email": f"person{number}@example.com", **fields}
    made = User.objects.create_user(fields.pop("email"), PASSWORD, role=role, **fields)
    if team is not None:
        Membership.objects.create(team=team, user=made, started_at=NOW - timedelta(days=1000))
    return made


def team(name: str = "", parent: Team | None = None) -> Team:
    return Team.objects.create(name=name or f"Team {next(_numbers)}", parent=parent)


def pipeline(*names: str, **fields: Any) -> Pipeline:
    """Open stages of these names, then Won and Lost. Without names: First, Second, Third."""
    made = Pipeline.objects.create(**{"name": f"Pipeline {next(_numbers)}", "currency": "EUR", **fields})
    step = Step.objects.create(pipeline=made, name="Step", phase="closing")
    for order, name in enumerate(names or ("First", "Second", "Third")):
        Stage.objects.create(
            pipeline=made, step=step, name=name, order=order, probability=10 * order, target_days=7, idle_days=5
        )
    Stage.objects.create(pipeline=made, step=step, name="Won", kind="won", order=90, probability=100)
    Stage.objects.create(pipeline=made, name="Lost", kind="lost", order=91)
    PipelineVersion.objects.create(pipeline=made, number=1, at=NOW - timedelta(days=1000), definition={})
    return made


def stage(pipeline: Pipeline, name: str) -> Stage:
    return Stage.objects.get(pipeline=pipeline, name=name)


def condition(stage: Stage, kind: str = "commitment", **fields: Any) -> EntryCondition:
    fields = {"label": f"Condition {next(_numbers)}", "order": next(_numbers), **fields}
    return EntryCondition.objects.create(stage=stage, kind=kind, **fields)


def stage_task(stage: Stage, title: str = "", **fields: Any) -> StageTask:
    return StageTask.objects.create(
        stage=stage, title=title or f"Task {next(_numbers)}", order=next(_numbers), **fields
    )


def action(stage: Stage, what: str = "notify", **fields: Any) -> ProcessAction:
    made = ProcessAction.objects.create(**{"stage": stage, "what": what, "order": next(_numbers), **fields})
    Stage.objects.filter(pk=stage.pk).update(acts=True)
    return made


def lost_reason(**fields: Any) -> CloseReason:
    return CloseReason.objects.create(**{"kind": "lost", "name": f"Reason {next(_numbers)}", **fields})


def organization(owner: User, **fields: Any) -> Organization:
    fields = {"name": f"Organization {next(_numbers)}", "created_at": NOW, "updated_at": NOW, **fields}
    return Organization.objects.create(**{"owner": owner, "name_key": name_key(fields["name"]), **fields})


def contact(owner: User, **fields: Any) -> Contact:
    fields = {"name": f"Contact {next(_numbers)}", "created_at": NOW, "updated_at": NOW, **fields}
    return Contact.objects.create(**{"owner": owner, "name_key": name_key(fields["name"]), **fields})


def activity_type(key: str = "call", **fields: Any) -> ActivityType:
    return ActivityType.objects.get_or_create(key=key, defaults={"name": key.capitalize(), **fields})[0]


def source(name: str = "Cold call", channel: str = "outbound") -> Source:
    return Source.objects.get_or_create(name=name, defaults={"channel": channel})[0]


def deal(stage: Stage, owner: User, *, now: datetime = NOW, **fields: Any) -> Deal:
    """Let in whatever the gate says: by history."""
    fields = {"title": f"Deal {next(_numbers)}", "owner": owner, **fields}
    close = moves.Close(reason=lost_reason()) if stage.kind == "lost" else None
    return moves.create_with_history(
        [(fields, [moves.Stay(stage, now, close=close)])], by=owner, via=Via.IMPORT, now=now
    )[0]
