"""Promise 8: the totals over the columns are the sums of the deals, in each currency, whatever was done with them at once."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable
from decimal import Decimal
from functools import partial
from typing import Any

from bench.promises.report import Report
from bench.promises.stage import Program, World, at_once, nothing_broken, totals_differ
from pipeline.models import Deal

ROUNDS, THREADS, STEPS = 10, 8, 40


def columns() -> Report:
    report = Report(
        8,
        f"{THREADS} programs that create, edit, move, close, reopen, hand over and delete in three currencies, looked at {ROUNDS} times",
    )
    world = World(deals=60, reps=6)
    for number in range(ROUNDS):
        seeds = range(number * THREADS, (number + 1) * THREADS)
        jobs: list[Callable[[], None]] = [partial(_act, report, world, random.Random(seed)) for seed in seeds]
        report.answered(at_once(jobs), "a program")
        differing = totals_differ()
        report.expect(not differing, f"after round {number}: {differing[:3]}")
        report.count("looks at the totals")
    for user in (*world.reps, world.manager, world.admin):
        _as_shown(report, world, Program(user, "read"))
    nothing_broken(report)
    return report


def _act(report: Report, world: World, dice: random.Random) -> None:
    program = Program(world.admin, "admin")
    for _step in range(STEPS):
        pk = dice.choice(world.deals).pk
        method, path, body = _something(world, dice, pk, Deal.objects.get(pk=pk).version)
        status, told, _headers = program.ask(method, path, body, If_Match="*")
        report.count(f"{method} answered {status}")
        report.expect(status < 500, f"{method} {path} {body}: {status} {told}")


def _something(world: World, dice: random.Random, pk: int, version: int) -> tuple[str, str, dict[str, Any]]:
    value, currency = f"{dice.randrange(10**9)}.{dice.randrange(100):02}", dice.choice(["EUR", "USD", "GBP"])
    stage = dice.choice([each.pk for each in world.stages])
    asked: list[tuple[str, str, dict[str, Any]]] = [
        ("POST", "deals/", {"title": "New", "stage": stage, "value": value, "currency": currency}),
        ("PATCH", f"deals/{pk}/", {"value": value, "currency": currency}),
        ("PATCH", f"deals/{pk}/", {"owner": dice.choice(world.reps).pk}),
        ("POST", f"deals/{pk}/move/", {"stage": stage, "version": version}),
        ("POST", f"deals/{pk}/win/", {"version": version}),
        ("POST", f"deals/{pk}/lose/", {"version": version, "reason": world.reason.name}),
        ("POST", f"deals/{pk}/reopen/", {"version": version}),
    ]
    return ("DELETE", f"deals/{pk}/", {}) if dice.random() < 0.02 else dice.choice(asked)


def _as_shown(report: Report, world: World, program: Program) -> None:
    """The board's sums for this person against the deals that they can list, page by page."""
    sums: dict[tuple[int, str], Decimal] = defaultdict(Decimal)
    path = f"deals/?pipeline={world.pipeline.pk}&limit=200&fields=stage,currency,value"
    while path:
        told = program.ask("GET", path)[1]
        for row in told["results"]:
            sums[row["stage"], row["currency"]] += Decimal(row["value"] or 0)
        path = (told["next"] or "").partition("/api/v1/")[2]
    for column in program.ask("GET", f"board/?pipeline={world.pipeline.pk}")[1]["columns"]:
        shown = {each["currency"]: Decimal(each["value"]) for each in column["totals"]}
        listed = {
            currency: total for (stage, currency), total in sums.items() if stage == column["stage"]["id"] and total
        }
        report.expect(shown == listed, f"{column['stage']['name']}: {shown} over {listed}")
        report.count("columns compared with the rows that one can list")
