"""The one writer of a process: its parts, and the version that every saved change leaves behind."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, models, transaction
from django.db.models import Exists, OuterRef, ProtectedError
from django.utils.translation import gettext as _

from crm import clock, records
from crm.models import User
from pipeline import templates
from pipeline.models import (
    EntryCondition,
    Pipeline,
    PipelineVersion,
    ProcessAction,
    Resource,
    Stage,
    StageTask,
    Step,
)
from pipeline.soundness import blocking, problems

PartOfStage = EntryCondition | StageTask | Resource | ProcessAction
Part = Pipeline | Step | Stage | PartOfStage


# --- The definition as a document


def document(pipeline: Pipeline) -> dict[str, Any]:
    """All that is in use, as JSON with ids: what a version keeps, and what a deal's history refers to."""
    stages = Stage.objects.in_use().filter(pipeline=pipeline)
    parts = {name: _by_stage(model, stages) for name, model in _PARTS_OF_STAGE.items()}
    return {
        **_row(pipeline),
        "steps": [_row(step, "pipeline") for step in Step.objects.in_use().filter(pipeline=pipeline)],
        "stages": [
            {**_row(stage, "pipeline"), **{name: rows.get(stage.pk, []) for name, rows in parts.items()}}
            for stage in stages
        ],
    }


_PARTS_OF_STAGE: dict[str, type[PartOfStage]] = {
    "conditions": EntryCondition,
    "tasks": StageTask,
    "resources": Resource,
    "actions": ProcessAction,
}


def _by_stage(model: type[PartOfStage], stages: models.QuerySet[Stage]) -> dict[int, list[dict[str, Any]]]:
    found: dict[int, list[dict[str, Any]]] = {}
    for part in model.objects.in_use().filter(stage__in=stages):
        found.setdefault(part.stage_id, []).append(_row(part, "stage"))
    return found


def _row(part: Part, parent: str = "") -> dict[str, Any]:
    """Every column, so that one added later is in the versions from then on. The edition says only that there is a change."""
    columns = [field for field in part._meta.concrete_fields if field.name not in (parent, "edition")]
    return {column.attname: records.stored(getattr(part, column.attname)) for column in columns}


def save_version(
    pipeline: Pipeline, *, by: User | None, note: str = "", now: datetime | None = None
) -> PipelineVersion:
    """The version that describes the definition as it stands now: the last one, when nothing has changed since."""
    with transaction.atomic():
        locked = Pipeline.objects.select_for_update().get(pk=pipeline.pk)
        definition = document(locked)
        last = PipelineVersion.objects.filter(pipeline=locked).order_by("-number").first()
        if last is not None and last.definition == definition:
            return last
        return PipelineVersion.objects.create(
            pipeline=locked,
            number=last.number + 1 if last else 1,
            at=now or clock.now(),
            by=by,
            note=note,
            definition=definition,
        )


# --- Making and changing one


def load_template(
    name: str, *, by: User | None, now: datetime | None = None, title: str = "", currency: str = ""
) -> Pipeline:
    """`name` is one of templates.SHIPPED. A pipeline of that title that is there already stays as it is."""
    content = templates.read(name)
    title = title or content["name"]
    with transaction.atomic():
        existing = Pipeline.objects.filter(name=title).first()
        if existing is not None:
            return existing
        templates.load_lists()
        pipeline = templates.build(content, title, currency or content["currency"])
        save_version(pipeline, by=by, note=_("Made from the template “%(name)s”.") % {"name": content["name"]}, now=now)
        return pipeline


def load_shipped(by: User | None, now: datetime) -> None:
    """What a new company starts with: the lists and the three processes."""
    templates.load_lists()
    for name in templates.SHIPPED:
        load_template(name, by=by, now=now)


def save_changes(
    pipeline: Pipeline, changed: Sequence[Part], removed: Sequence[Part] = (), *, by: User | None, note: str = "",
    now: datetime | None = None,
) -> PipelineVersion:  # fmt: skip
    """Write the changed parts, take away the removed ones, keep the version. ValidationError: it would not make sense."""
    with transaction.atomic():
        Pipeline.objects.select_for_update().get(pk=pipeline.pk)
        now = now or clock.now()
        for part in removed:
            _remove(part, now)
        _write(changed)
        _note_who_acts(pipeline)
        reasons = blocking(problems(pipeline))
        if reasons:
            raise ValidationError(reasons)
        return save_version(pipeline, by=by, note=note, now=now)


def _write(changed: Sequence[Part]) -> None:
    # Who gives a mark away goes first: at no time may two stages have it.
    for part in sorted(changed, key=lambda part: isinstance(part, Stage) and part.qualified_from_here):
        _check_kind(part)
        try:
            part.save()
        except IntegrityError as error:
            raise ValidationError(
                _("“%(part)s” has a name or a mark that another one has.") % {"part": part}
            ) from error


def _note_who_acts(pipeline: Pipeline) -> None:
    """Kept on the stage, which a move reads anyway: one that does nothing by itself is not asked what."""
    stages, acting = (
        Stage.objects.filter(pipeline=pipeline),
        Exists(ProcessAction.objects.in_use().filter(stage=OuterRef("pk"))),
    )
    stages.filter(acting, acts=False).update(acts=True)
    stages.filter(~acting, acts=True).update(acts=False)


def kind_is_fixed(stage: Stage) -> bool:
    return stage.pk is not None and stage.visits.exists()


def why_not_removable(part: Part) -> str:
    """Empty when the part may go."""
    if isinstance(part, Stage) and part.pk and (part.deals.exists() or part.visits.exists()):
        return _("Deals are or were in “%(stage)s”: retire it instead, which asks where they go.") % {
            "stage": part.name
        }
    if isinstance(part, Step) and part.stages.filter(retired_at__isnull=True).exists():
        return _("“%(step)s” has stages; give them another step first.") % {"step": part.name}
    return ""


def _check_kind(part: Part) -> None:
    if (
        isinstance(part, Stage)
        and kind_is_fixed(part)
        and Stage.objects.values_list("kind", flat=True).get(pk=part.pk) != part.kind
    ):
        raise ValidationError(_("The kind of “%(stage)s” is fixed: deals have been in it.") % {"stage": part.name})


def _remove(part: Part, now: datetime) -> None:
    """Gone when nothing ever referred to it; else retired, so that history keeps its names."""
    if isinstance(part, Stage):  # whoever is about to enter it holds it, and is waited for
        Stage.objects.select_for_update().filter(pk=part.pk).first()
    reason = why_not_removable(part)
    if reason:
        raise ValidationError(reason)
    if isinstance(part, Stage):
        _remove_unused_stage(part)
    try:
        with transaction.atomic():
            part.delete()
    except ProtectedError:
        part.retired_at = now
        part.save(update_fields=["retired_at"])


def _remove_unused_stage(stage: Stage) -> None:
    """Its parts go with it where nothing refers to them; the stage itself then follows or is retired."""
    for model in (ProcessAction, Resource, StageTask, EntryCondition):
        for part in model.objects.filter(stage=stage):
            try:
                with transaction.atomic():
                    part.delete()
            except ProtectedError:
                continue
