"""Promise 6: the process is changed while deals move through it, and no deal is left where nothing is any more."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable

from django.core.exceptions import ValidationError

from bench.promises.report import Report
from bench.promises.stage import Program, World, at_once, browser, nothing_broken
from pipeline import definition, retirement
from pipeline.models import Deal, Kind, Stage, Step

MOVERS, CHANGES = 8, 200


def under_traffic() -> Report:
    report = Report(
        6,
        f"{MOVERS} movers through board and API while an admin adds, merges, retires and deletes stages {CHANGES} times",
    )
    world, over = World(deals=40), threading.Event()
    jobs: list[Callable[[], None]] = [lambda n=n: _move(report, world, random.Random(n), over) for n in range(MOVERS)]  # type: ignore[misc]
    report.answered(at_once([*jobs, lambda: _change(report, world, over)]), "somebody")
    while retirement.finish():  # what the job does with what is left
        report.count("batches of the job")
    dead = Deal.objects.filter(stage__retired_at__isnull=False).count()
    report.expect(dead == 0, f"{dead} deals in a stage that is no longer there")
    strangers = sum(deal.stage.pipeline_id != deal.pipeline_id for deal in Deal.objects.select_related("stage"))
    report.expect(strangers == 0, f"{strangers} deals in a stage of another pipeline")
    nothing_broken(report)
    return report


def _move(report: Report, world: World, dice: random.Random, over: threading.Event) -> None:
    page, program = browser(world.admin), Program(world.admin)
    while not over.is_set():
        deal = Deal.objects.get(pk=dice.choice(world.deals).pk)
        stages = Stage.objects.filter(pipeline=world.pipeline, kind=Kind.OPEN).order_by("-pk")[
            :8
        ]  # of yesterday's board, too
        target = dice.choice(list(stages)).pk
        if dice.random() < 0.5:
            sent = {"to": target, "version": deal.version, "from": deal.stage_id}
            status = page.post(f"/deals/{deal.pk}/move/", sent).status_code
        else:
            status = program.ask("POST", f"deals/{deal.pk}/move/", {"stage": target, "version": deal.version})[0]
        report.count(f"answered {status}")
        report.expect(status in (200, 409, 422), f"a move was answered {status}")


def _change(report: Report, world: World, over: threading.Event) -> None:
    dice = random.Random(6)
    try:
        for number in range(CHANGES):
            try:
                report.count(_one_change(world, dice, number))
            except ValidationError as refusal:
                report.count("changes refused in words")
                report.expect(bool(refusal.messages), "refused without a word")
    finally:
        over.set()


def _one_change(world: World, dice: random.Random, number: int) -> str:
    stages = list(Stage.objects.in_use().filter(pipeline=world.pipeline, kind=Kind.OPEN).order_by("order", "pk"))
    kind = dice.choice(["add", "merge", "delete"]) if 3 < len(stages) < 8 else "add" if len(stages) <= 3 else "merge"
    if kind == "add":
        step = Step.objects.get(pipeline=world.pipeline)
        new = Stage(pipeline=world.pipeline, step=step, name=f"Stage {number}", order=dice.randrange(90), target_days=7)
        definition.save_changes(world.pipeline, [new], by=world.admin)
        return "stages added"
    if kind == "delete":
        definition.save_changes(world.pipeline, [], [dice.choice(stages)], by=world.admin)
        return "stages deleted"
    going = dice.choice(stages)
    target = dice.choice([each for each in stages if each.pk != going.pk])
    retirement.retire_stage(going, target, by=world.admin)
    return "stages merged into another"
