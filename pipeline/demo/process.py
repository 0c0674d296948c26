"""The three processes as the story needs them, with tags and products."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from crm.demo.company import Staff
from crm.demo.world import World, read
from pipeline import definition, lists
from pipeline.models import CloseReason, EntryCondition, Kind, Pipeline, Product, Stage, StageTask, Tag

FACTS = read(__file__, "content/deals.toml")
KEYS = ("standard", "b2b", "renewal")


@dataclass
class Process:
    """`stages` holds the open stages in order, then the won one: a deal's place is its index there."""

    key: str
    pipeline: Pipeline
    stages: list[Stage]
    lost: Stage
    conditions: dict[int, list[EntryCondition]]
    tasks: dict[int, list[StageTask]]

    @property
    def facts(self) -> dict[str, Any]:
        found: dict[str, Any] = FACTS["pipelines"][self.key]
        return found

    @property
    def won(self) -> int:
        return len(self.stages) - 1

    def moment(self, place: int) -> str:
        """Which sentences fit there."""
        found: str = self.facts["moments"][place]
        return found


@dataclass
class Processes:
    by_key: dict[str, Process]
    tags: list[Tag]
    products: list[Product]
    reasons: dict[tuple[str, str], CloseReason]


def load(world: World) -> Processes:
    admin, began = world.of(Staff).admin, world.moment(690)
    by_key = {key: _process(key, definition.load_template(key, by=admin, now=began)) for key in KEYS}
    reasons = {(reason.kind, reason.name): reason for reason in CloseReason.objects.all()}
    return Processes(by_key, lists.add_tags(FACTS["tags"]), lists.add_products(FACTS["products"]), reasons)


def _process(key: str, pipeline: Pipeline) -> Process:
    stages = list(Stage.objects.in_use().filter(pipeline=pipeline).select_related("pipeline").order_by("order", "pk"))
    return Process(
        key, pipeline,
        stages=[stage for stage in stages if stage.kind != Kind.LOST],
        lost=next(stage for stage in stages if stage.kind == Kind.LOST),
        conditions={stage.pk: list(EntryCondition.objects.in_use().filter(stage=stage).order_by("order", "pk")) for stage in stages},
        tasks={stage.pk: list(StageTask.objects.in_use().filter(stage=stage).order_by("order", "pk")) for stage in stages},
    )  # fmt: skip
