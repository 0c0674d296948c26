"""The process of a pipeline as it is in force, kept in each process of the server until it changes.

Nobody has to say that it has changed: the database gives a pipeline another edition with every change of a part of it
(`database_rules`). One query reads the present edition, and with it the company, which is not kept. What was read under
that edition is true; what was read under another one, or within changes that were rolled back, is never asked for again.
"""

from __future__ import annotations

import datetime
import uuid
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

from django.db import DEFAULT_DB_ALIAS, models
from django.db.models import Subquery

from crm import clock
from crm.models import Company
from crm.prepared import Given, Prepared
from pipeline.models import (
    CardRule,
    Deal,
    EntryCondition,
    Kind,
    Pipeline,
    PipelineVersion,
    Resource,
    Stage,
    StageTask,
)

M = TypeVar("M", bound=models.Model)
Part = TypeVar("Part", EntryCondition, StageTask, Resource)
Row = Sequence[Any]
KINDS = [Kind.OPEN, Kind.WON, Kind.LOST]


@dataclass(frozen=True)
class _Kept:
    """Plain rows: objects are made for each who asks, since what one does to them is no other's."""

    edition: uuid.UUID
    version_id: int
    pipeline: Row
    stages: list[Row]
    rules: list[Row]
    parts: dict[Any, dict[int, list[Row]]]
    """By model, those in use by stage."""


_kept: dict[int, _Kept] = {}
"""By pipeline. One entry takes the place of another at once, so threads need no lock."""


@dataclass(frozen=True)
class Process:
    """Its objects are made when they are asked for, and belong to whoever asked for the process."""

    company: Company
    rows: _Kept

    def clock(self) -> datetime.datetime:
        """When it was read, by the clock of the database; to be asked before anything else is read."""
        return clock.told_by(self.company)

    @property
    def version_id(self) -> int:
        """Of the newest version; 0 where none was ever saved."""
        return self.rows.version_id

    @cached_property
    def pipeline(self) -> Pipeline:
        return _made(Pipeline, self.rows.pipeline)

    @cached_property
    def all_stages(self) -> list[Stage]:
        """Retired ones too."""
        stages = [_made(Stage, row) for row in self.rows.stages]
        for stage in stages:
            stage.pipeline = self.pipeline
        return stages

    @cached_property
    def stages(self) -> list[Stage]:
        """Those in use, in order."""
        return [stage for stage in self.all_stages if stage.retired_at is None]

    @cached_property
    def columns(self) -> list[Stage]:
        """The same as they stand side by side: open ones, then won, then lost."""
        return as_columns(self.stages)

    def stage(self, pk: int) -> Stage | None:
        """One in use."""
        return next((stage for stage in self.stages if stage.pk == pk), None)

    def stage_of(self, deal: Deal) -> Stage:
        """Where it stands, perhaps in a retired one."""
        return next(stage for stage in self.all_stages if stage.pk == deal.stage_id)

    @cached_property
    def rules(self) -> list[CardRule]:
        """What marks its cards, in order."""
        rules = [_made(CardRule, row) for row in self.rows.rules]
        for rule in rules:
            rule.pipeline = self.pipeline
        return rules

    def conditions(self, stages: Iterable[Stage]) -> list[EntryCondition]:
        return self._of(EntryCondition, stages)

    def tasks(self, stage: Stage) -> list[StageTask]:
        return self._of(StageTask, [stage])

    def resources(self, stage: Stage) -> list[Resource]:
        return self._of(Resource, [stage])

    def _of(self, model: type[Part], stages: Iterable[Stage]) -> list[Part]:
        rows = self.rows.parts[model]
        return [_made(model, row) for stage in stages for row in rows.get(stage.pk, ())]


def read(pipeline_id: int) -> Process:
    """One query, when it has not changed since this process read it last."""
    company, edition = Company(pk=1), None
    for row in _present(pipeline=pipeline_id):
        told = dict(zip(_told(), row, strict=True))
        company = _made(Company, [told.pop(column) for column in _columns(Company)])
        edition = told.pop("edition")
        vars(company).update(told)
    # Before anybody has saved the company there is no row to tell it.
    return Process(company, _under(pipeline_id, edition or _edition(pipeline_id)))


def _told() -> list[str]:
    return [*_columns(Company), "has_holidays", "edition", *clock.told()]


def _company_and_edition() -> models.QuerySet[Company, Any]:
    edition = Pipeline.objects.filter(pk=Given("pipeline", models.BigIntegerField())).values("edition")
    return Company.known(**clock.told(), edition=Subquery(edition)).values_list(*_told())


_present = Prepared(_company_and_edition)


def read_all() -> list[Process]:
    """Of every pipeline, retired ones too; two queries, when none has changed."""
    company = Company.current(**clock.told())
    editions = Pipeline.objects.order_by("pk").values_list("pk", "edition")
    return [Process(company, _under(pk, edition)) for pk, edition in editions]


def as_columns(stages: Iterable[Stage]) -> list[Stage]:
    return sorted(stages, key=lambda stage: KINDS.index(Kind(stage.kind)))


def _under(pipeline_id: int, edition: uuid.UUID) -> _Kept:
    kept = _kept.get(pipeline_id)
    while kept is None or kept.edition != edition:
        read, edition = _read(pipeline_id, edition), _edition(pipeline_id)
        # Changed while its parts were read, one after the other: once more.
        if read.edition == edition:
            kept = _kept[pipeline_id] = read
    return kept


def _edition(pipeline_id: int) -> uuid.UUID:
    return Pipeline.objects.values_list("edition", flat=True).get(pk=pipeline_id)


def _read(pipeline_id: int, edition: uuid.UUID) -> _Kept:
    parts = {model: _by_stage(model, pipeline_id) for model in (EntryCondition, StageTask, Resource)}
    versions = PipelineVersion.objects.filter(pipeline=pipeline_id).order_by("-number")
    return _Kept(
        edition=edition,
        version_id=versions.values_list("pk", flat=True).first() or 0,
        pipeline=Pipeline.objects.values_list(*_columns(Pipeline)).get(pk=pipeline_id),
        stages=list(Stage.objects.filter(pipeline=pipeline_id).values_list(*_columns(Stage))),
        rules=list(CardRule.objects.filter(pipeline=pipeline_id).values_list(*_columns(CardRule))),
        parts=parts,
    )


def _by_stage(model: Any, pipeline_id: int) -> dict[int, list[Row]]:
    columns, found = _columns(model), defaultdict[int, list[Row]](list)
    place = columns.index("stage_id")
    for row in model.objects.in_use().filter(stage__pipeline=pipeline_id).values_list(*columns):
        found[row[place]].append(row)
    return dict(found)


def _made(model: type[M], row: Row) -> M:
    return model.from_db(DEFAULT_DB_ALIAS, _columns(model), row)


def _columns(model: type[models.Model]) -> list[str]:
    return [field.attname for field in model._meta.concrete_fields]
