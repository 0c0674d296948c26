"""A process that is kept is the process that is in force, whoever changed it and however."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection, connections, transaction

from crm.models import Company
from crm.models.audit import Via
from pipeline import definition, in_force, moves
from pipeline.models import CardRule, EntryCondition, Pipeline, PipelineVersion, Resource, Stage, StageTask
from pipeline.moves import Moved, Refused
from tests import factories as make

Told = tuple[object, ...]


def told(pipeline: Pipeline) -> Told:
    """All that the process says, as far as these tests change it."""
    process = in_force.read(pipeline.pk)
    parts = [*process.conditions(process.stages), *(task for stage in process.stages for task in process.tasks(stage))]
    resources = [resource for stage in process.stages for resource in process.resources(stage)]
    stages = [(stage.name, stage.target_days) for stage in process.stages]
    return (
        process.pipeline.jumps,
        stages,
        [str(part) for part in [*parts, *resources, *process.rules]],
        process.version_id,
    )


def by_hand(pipeline: Pipeline) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE pipeline_stage SET name = 'By hand' WHERE pipeline_id = %s AND kind = 'won'", [pipeline.pk]
        )


CHANGES: dict[str, Callable[[Pipeline], object]] = {
    "a stage is added": lambda p: Stage.objects.create(pipeline=p, name="Fourth", order=50),
    "stages are changed at once": lambda p: p.stages.update(target_days=99),
    "a stage is renamed by hand": by_hand,
    "a stage is retired": lambda p: p.stages.filter(name="Third").update(retired_at=make.NOW),
    "a stage is deleted": lambda p: make.stage(p, "Third").delete(),
    "a condition is added": lambda p: make.condition(make.stage(p, "Second"), label="New"),
    "a condition is changed": lambda p: EntryCondition.objects.filter(stage__pipeline=p).update(label="Other"),
    "a condition is deleted": lambda p: EntryCondition.objects.filter(stage__pipeline=p).delete(),
    "a task is added": lambda p: make.stage_task(make.stage(p, "First"), "New"),
    "a task is changed": lambda p: StageTask.objects.filter(stage__pipeline=p).update(title="Other"),
    "a resource is added": lambda p: Resource.objects.create(stage=make.stage(p, "First"), title="Paper"),
    "a mark is added": lambda p: CardRule.objects.create(pipeline=p, what="idle", label="Sleeps"),
    "jumps are forbidden": lambda p: Pipeline.objects.filter(pk=p.pk).update(jumps="none"),
    "a version is saved": lambda p: definition.save_version(p, by=None),
}


@pytest.fixture
def pipeline(db: None) -> Pipeline:
    made = make.pipeline()
    make.condition(make.stage(made, "Second"), label="Old")
    make.stage_task(make.stage(made, "First"), "Old")
    return made


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_any_change_is_seen_at_once(pipeline: Pipeline, change: Callable[[Pipeline], object]) -> None:
    before = told(pipeline)
    change(pipeline)
    assert told(pipeline) != before


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_change_that_was_rolled_back_has_never_been(pipeline: Pipeline, change: Callable[[Pipeline], object]) -> None:
    before = told(pipeline)
    with transaction.atomic():
        change(pipeline)
        told(pipeline)
        transaction.set_rollback(True)
    assert told(pipeline) == before


def test_another_change_after_one_that_was_rolled_back_is_not_taken_for_it(pipeline: Pipeline) -> None:
    for name in ("One", "Other"):
        with transaction.atomic():
            Stage.objects.create(pipeline=pipeline, name=name, order=50)
            assert name in [stage.name for stage in in_force.read(pipeline.pk).stages]
            transaction.set_rollback(True)


def test_an_unchanged_process_costs_one_query_with_the_company(
    pipeline: Pipeline, django_assert_num_queries: Any
) -> None:
    Company.objects.create(pk=1)
    before = told(pipeline)
    with django_assert_num_queries(1):
        assert told(pipeline) == before


def test_the_change_of_one_pipeline_leaves_the_others_known(pipeline: Pipeline) -> None:
    other = make.pipeline()
    edition = in_force.read(pipeline.pk).rows.edition
    other.stages.update(target_days=3)
    assert in_force.read(pipeline.pk).rows.edition == edition != in_force.read(other.pk).rows.edition


def test_whoever_asks_may_change_what_was_given_without_harm_to_others(pipeline: Pipeline) -> None:
    process = in_force.read(pipeline.pk)
    process.stages[0].name = process.conditions(process.stages)[0].label = process.pipeline.name = "Mine"
    assert "Mine" not in str((told(pipeline), in_force.read(pipeline.pk).pipeline.name))


def test_a_version_does_not_follow_from_an_edition(pipeline: Pipeline) -> None:
    version = definition.save_version(pipeline, by=None)
    pipeline.stages.filter(kind="open").update(target_days=7)
    assert definition.save_version(pipeline, by=None) == version
    assert "edition" not in PipelineVersion.objects.get(pk=version.pk).definition


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_a_mover_who_waited_for_a_change_of_the_stage_answers_what_it_asks_now() -> None:
    pipeline, rep = make.pipeline(), make.user()
    second, deal = make.stage(pipeline, "Second"), make.deal(make.stage(pipeline, "First"), rep)
    assert isinstance(moves.move_deal(deal.pk, second.pk, by=rep, via=Via.BOARD), Moved)
    moves.move_deal(deal.pk, make.stage(pipeline, "First").pk, by=rep, via=Via.BOARD)
    outcomes: list[object] = []

    def move() -> None:
        outcomes.append(moves.move_deal(deal.pk, second.pk, by=rep, via=Via.BOARD))
        connections.close_all()

    mover = threading.Thread(target=move)
    with transaction.atomic():
        Stage.objects.filter(pk=second.pk).update(target_days=3)
        make.condition(second, "field", field="value", operator="filled")
        mover.start()
        until_somebody_waits()
    mover.join(30)
    assert [type(outcome) for outcome in outcomes] == [Refused]


def until_somebody_waits() -> None:
    """For a lock that this transaction holds."""
    waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))"
    with connection.cursor() as cursor:
        for _turn in range(3000):
            cursor.execute(waiting)
            if cursor.fetchone()[0]:
                return
            cursor.execute("SELECT pg_sleep(0.01)")
    raise AssertionError("nobody waits")
