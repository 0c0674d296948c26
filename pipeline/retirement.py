"""Taking a stage out of use: it keeps its identity and its history, its deals go on in another stage."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from crm import clock
from crm.models import User
from pipeline import definition, moves
from pipeline.models import Deal, Kind, Pipeline, PipelineVersion, Stage
from pipeline.soundness import Place, blocking, problems_of_stages

# What one request moves; the job does the rest.
BATCH = 500


@dataclass(frozen=True)
class Retirement:
    """`left`: deals that a job has yet to move."""

    moved: int
    left: int


def targets(stage: Stage) -> list[Stage]:
    """Stages that can take the deals: of the same kind, so that nobody wins, loses or reopens without having done so."""
    same = Stage.objects.in_use().filter(pipeline=stage.pipeline_id, kind=stage.kind)
    return list(same.exclude(pk=stage.pk))


def why_not(stage: Stage, to_stage: Stage | None) -> str:
    """Why this retirement would strand a deal or leave a process that makes no sense; empty when it would not."""
    if stage.retired_at is not None:
        return _("“%(stage)s” is retired already.") % {"stage": stage.name}
    if to_stage is None:
        if Deal.objects.filter(stage=stage).exists():
            return _("There are deals in “%(stage)s”; say which stage they go to.") % {"stage": stage.name}
    elif to_stage not in targets(stage):
        return _("“%(target)s” cannot take the deals of “%(stage)s”: choose another stage in use, of the same pipeline and kind.") % {
            "target": to_stage.name, "stage": stage.name
        }  # fmt: skip
    rest = Stage.objects.in_use().filter(pipeline=stage.pipeline_id).exclude(pk=stage.pk)
    return " ".join(blocking(problems_of_stages([Place(s.name, s.kind, s.order) for s in rest])))


def retire_stage(
    stage: Stage, to_stage: Stage | None, *, by: User | None, note: str = "", now: datetime | None = None
) -> Retirement:
    """From now on nothing enters the stage. Its deals move one by one, the first BATCH of them before this returns.

    ValidationError: see `why_not`. The mark “qualified from here” goes to an open target.
    """
    with transaction.atomic():
        pipeline = Pipeline.objects.select_for_update().get(pk=stage.pipeline_id)
        stage = Stage.objects.select_for_update().get(pk=stage.pk)
        reason = why_not(stage, to_stage)
        if reason:
            raise ValidationError(reason)
        now = now or clock.now()
        _take_out(stage, to_stage, now)
        note = note or _("Retired the stage “%(stage)s”.") % {"stage": stage.name}
        definition.save_version(pipeline, by=by, note=note, now=now)
    return move_deals(stage, by=by)


def _take_out(stage: Stage, to_stage: Stage | None, now: datetime) -> None:
    stage.retired_at, stage.retired_into = now, to_stage
    stage.save(update_fields=["retired_at", "retired_into"])
    if stage.qualified_from_here and to_stage is not None and to_stage.kind == Kind.OPEN:
        Stage.objects.filter(pk=to_stage.pk).update(qualified_from_here=True)


def move_deals(stage: Stage, *, by: User | None, limit: int = 0) -> Retirement:
    """Moves up to `limit` (BATCH) deals out of a retired stage, deleted ones too: they may be restored. Each is its own transaction."""
    target = _where_to(stage)
    if target is None:
        return Retirement(0, 0)
    waiting = list(Deal.objects.filter(stage=stage).order_by("pk").values_list("pk", flat=True)[: limit or BATCH])
    for deal_id in waiting:
        moves.move_retired(deal_id, target.pk, by=by)
    return Retirement(len(waiting), Deal.objects.filter(stage=stage).count())


def finish(limit: int = 0) -> int:
    """The next batch of each retired stage that still holds deals; returns how many moved."""
    unfinished = Stage.objects.filter(
        retired_at__isnull=False, retired_into__isnull=False, deals__isnull=False
    ).distinct()
    return sum(move_deals(stage, by=_who_retired(stage), limit=limit).moved for stage in unfinished)


def _where_to(stage: Stage) -> Stage | None:
    """The target may have been retired in turn."""
    seen = {stage.pk}
    target = stage.retired_into
    while target is not None and target.retired_at is not None and target.pk not in seen:
        seen.add(target.pk)
        target = target.retired_into
    return target


def _who_retired(stage: Stage) -> User | None:
    versions = PipelineVersion.objects.filter(pipeline=stage.pipeline_id, at__gte=stage.retired_at or clock.now())
    first = versions.select_related("by").order_by("number").first()
    return first.by if first else None
