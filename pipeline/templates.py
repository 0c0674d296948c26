"""The processes and reasons that ship with the product, read from pipeline/content/ and written as rows."""

from __future__ import annotations

import tomllib
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.db import transaction

from leads.lists import load_lists as load_lead_lists
from leads.models import ActivityType
from pipeline.models import CardRule, CloseReason, EntryCondition, Kind, Pipeline, Resource, Stage, StageTask, Step
from pipeline.soundness import check_condition

_CONTENT = Path(__file__).parent / "content"

# In the order in which a company meets them; `blank` is what an admin starts from who wants none of these.
SHIPPED = ("standard", "b2b", "renewal")
BLANK = "blank"


def read(name: str) -> dict[str, Any]:
    """KeyError: no template has that name."""
    if name not in (*SHIPPED, BLANK):
        raise KeyError(name)
    return tomllib.loads((_CONTENT / f"{name}.toml").read_text(encoding="utf-8"))


def load_lists() -> None:
    """Sources, activity types and reasons: adds what is missing, changes nothing that is there."""
    load_lead_lists()
    content = tomllib.loads((_CONTENT / "reasons.toml").read_text(encoding="utf-8"))
    with transaction.atomic():
        for kind in (Kind.WON, Kind.LOST):
            for order, entry in enumerate(content[kind], start=1):
                columns = {
                    "asks_note": entry.get("note", ""),
                    "asks_date": entry.get("date", False),
                    "not_real": not entry.get("real", True),
                    "order": order,
                }
                CloseReason.objects.get_or_create(kind=kind, name=entry["name"], defaults=columns)


def build(content: dict[str, Any], name: str, currency: str) -> Pipeline:
    """The rows of a template. Part of a transaction of definition.py, which writes the version."""
    pipeline = Pipeline(
        name=name, currency=currency, jumps=content["jumps"], methodology=content.get("methodology", ""),
        description=_line(content, "description"), ideal_customer=_line(content, "ideal_customer"),
        order=Pipeline.objects.count() + 1,
    )  # fmt: skip
    _keep(pipeline)
    place = 0
    for order, entry in enumerate(content["steps"], start=1):
        step = Step(
            pipeline=pipeline,
            name=entry["name"],
            phase=entry["phase"],
            description=_line(entry, "description"),
            order=order,
        )
        _keep(step)
        for stage in entry["stages"]:
            place += 1
            _build_stage(pipeline, step, place, stage)
    for stage in content.get("stages", []):
        place += 1
        _build_stage(pipeline, None, place, stage)
    for order, rule in enumerate(content.get("card_rules", []), start=1):
        at_least = Decimal(rule["at_least"]) if "at_least" in rule else None
        _keep(CardRule(pipeline=pipeline, order=order, **{**rule, "at_least": at_least}))
    return pipeline


def _build_stage(pipeline: Pipeline, step: Step | None, order: int, entry: dict[str, Any]) -> None:
    texts = {name: _line(entry, name) for name in ("buyer_phase", "buyer_asks", "buyer_receives", "description")}
    stage = Stage(
        pipeline=pipeline, step=step, name=entry["name"], kind=entry.get("kind", Kind.OPEN), order=order,
        probability=entry["probability"], target_days=entry.get("target"), idle_days=entry.get("idle"),
        is_presentation=entry.get("is_presentation", False), qualified_from_here=entry.get("qualified_from_here", False), **texts,
    )  # fmt: skip
    _keep(stage)
    for place, condition in enumerate(entry.get("conditions", []), start=1):
        _build_condition(stage, place, condition)
    tasks = {}
    for place, task in enumerate(entry.get("tasks", []), start=1):
        tasks[task["title"]] = _build_task(stage, place, task)
    for place, resource in enumerate(entry.get("resources", []), start=1):
        _build_resource(stage, place, resource, tasks)


def _build_condition(stage: Stage, order: int, entry: dict[str, Any]) -> None:
    columns = dict(entry)
    columns["blocks"] = not columns.pop("warns", False)
    if "activity" in columns:
        columns["activity_type"] = ActivityType.objects.get(key=columns.pop("activity"))
    if "when_value_at_least" in columns:
        columns["when_value_at_least"] = Decimal(columns["when_value_at_least"])
    condition = EntryCondition(stage=stage, order=order, **columns)
    check_condition(condition)
    _keep(condition)


def _build_task(stage: Stage, order: int, entry: dict[str, Any]) -> StageTask:
    given = ("title", "kind", "instructions", "required", "owner_role", "channel", "per_day")
    columns: dict[str, Any] = {name: entry[name] for name in given if name in entry}
    follow_up = entry.get("follow_up")
    if follow_up is None:
        columns |= {"offset_days": entry["after"], "after_previous": entry.get("then", False)}
    else:
        columns |= {
            "repeat_days": ",".join(map(str, follow_up["every"])),
            "repeat_limit": follow_up["at_most"],
            "repeat_until": follow_up["until"],
            "working_days": follow_up.get("working", False),
            "after_previous": follow_up.get("then", True),
        }
    task = StageTask(stage=stage, order=order, **columns)
    _keep(task)
    return task


def _build_resource(stage: Stage, order: int, entry: dict[str, Any], tasks: dict[str, StageTask]) -> None:
    text = (_CONTENT / "texts" / entry["text"]).read_text(encoding="utf-8")
    task = tasks[entry["beside"]]
    resource = Resource(
        stage=stage, stage_task=task, order=order, title=entry["title"], kind=entry["kind"], text=text.strip(),
        for_buyer=entry.get("for_buyer", False),
    )  # fmt: skip
    _keep(resource)
    if resource.kind == Resource.ResourceKind.TEMPLATE and task.template_id is None:
        task.template = resource
        _keep(task)


def _line(entry: dict[str, Any], name: str) -> str:
    return str(entry.get(name, "")).strip()


def _keep(part: Pipeline | Step | Stage | EntryCondition | StageTask | Resource | CardRule) -> None:
    part.full_clean()
    part.save()
