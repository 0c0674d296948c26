"""Promises 1 and 2: of those who move one deal one wins and the others are told; and the database holds the history itself."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from decimal import Decimal

from django.db import DatabaseError, transaction

from bench.promises.report import Report
from bench.promises.stage import Program, Server, World, at_once, nothing_broken, timed
from crm import clock
from crm.models.audit import Via
from pipeline import totals
from pipeline.models import Deal, PipelineVersion, Stage, StageVisit

MOVERS, MOVES = 16, 100


def one_wins() -> Report:
    report = Report(
        1, "16 movers with 100 moves each on 1, 5 and 500 deals, through the API of a real server", most_ms=100
    )
    with Server() as server:
        for deals in (1, 5, 500):
            _many_movers(report, World(deals), server.port)
    nothing_broken(report)
    return report


def _many_movers(report: Report, world: World, port: int) -> None:
    before = {deal.pk: deal.version for deal in world.deals}
    won: Counter[tuple[int, int]] = Counter()
    programs = [Program(world.admin, port=port) for _number in range(MOVERS)]

    def mover(seed: int) -> Callable[[], None]:
        return lambda: _moves(report, programs[seed], world, random.Random(seed), won)

    report.answered(at_once([mover(seed) for seed in range(MOVERS)]), "a mover")
    for key, times in won.items():
        report.expect(times == 1, f"{times} winners of version {key[1]} of deal {key[0]}")
    visits = StageVisit.objects.standing().filter(deal__in=before).count()
    report.expect(visits == len(before) + len(won), f"{visits - len(before)} stays for {len(won)} moves that won")


def _moves(report: Report, program: Program, world: World, dice: random.Random, won: Counter[tuple[int, int]]) -> None:
    for _move in range(MOVES):
        pk = dice.choice(world.deals).pk
        version, stage = Deal.objects.values_list("version", "stage_id").get(pk=pk)
        target = dice.choice([each.pk for each in world.stages if each.pk != stage])
        body = {"stage": target, "version": version}
        status, told, _headers = timed(report, lambda: program.ask("POST", f"deals/{pk}/move/", body))  # noqa: B023
        report.count(f"answered {status}")
        if status == 200 and told.get("visit") is not None:
            with report.lock:
                won[pk, version] += 1
        elif status == 409:
            report.expect(
                told["deal"]["version"] > version, f"deal {pk} is told as stale with version {version} itself"
            )
        else:
            # Somebody else was quicker with the same move: it is where this one wanted it.
            report.expect(status == 200 and told["deal"]["stage"] == target, f"{status} {told}")


def unlocked() -> Report:
    report = Report(
        2, "16 threads with 100 moves each that lock nothing and ask nothing, written straight into the tables"
    )
    for deals in (1, 5):
        world = World(deals)

        def mover(seed: int, world: World = world) -> Callable[[], None]:
            return lambda: _careless(report, world, random.Random(seed))

        report.answered(at_once([mover(seed) for seed in range(MOVERS)]), "a mover")
    nothing_broken(report)
    report.expect(
        report.counts["refused by the database"] > 0, "nothing was refused: the movers did not get in each other's way"
    )
    return report


def _careless(report: Report, world: World, dice: random.Random) -> None:
    for _move in range(MOVES):
        deal = Deal.objects.get(pk=dice.choice(world.deals).pk)
        try:
            with transaction.atomic():
                _write(deal, dice.choice([each for each in world.stages if each.pk != deal.stage_id]))
            report.count("written")
        except DatabaseError:
            report.count("refused by the database")


def _write(deal: Deal, target: Stage) -> None:
    """What a program without manners would do: read, then write what follows from what it read."""
    visit, now = StageVisit.objects.standing().get(deal=deal, left_at=None), clock.now()
    StageVisit.objects.filter(pk=visit.pk).update(left_at=now)
    StageVisit.objects.create(
        deal=deal, seq=visit.seq + 1, stage=target, entered_at=now, recorded_at=now, via=Via.API, let_in="history",
        reason="Without manners", pipeline_version=PipelineVersion.objects.filter(pipeline=deal.pipeline_id)[0],
    )  # fmt: skip
    Deal.objects.filter(pk=deal.pk).update(stage=target, stage_entered_at=now)
    # The totals are the rules' to keep, not the database's; this program does not owe them a mistake of its own.
    after = totals.Cell(target.pk, deal.owner_id, deal.currency, deal.value or Decimal(0))
    totals.shift([(after._replace(stage_id=visit.stage_id), after)])
