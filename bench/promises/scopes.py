"""Promise 26: lists, counts, sums and searches are of exactly what somebody may read, in worlds that chance made."""

from __future__ import annotations

import random
from collections import defaultdict
from decimal import Decimal
from typing import Any

from django.db import transaction

from bench.promises.company import RandomCompany
from bench.promises.report import Report
from bench.promises.stage import Program, browser, nothing_broken
from crm.models import User
from pipeline.models import Task

WORLDS = 50


def random_worlds() -> Report:
    report = Report(
        26, f"{WORLDS} random companies: what each person lists, counts, sums and finds, against who may read what"
    )
    for number in range(WORLDS):
        with transaction.atomic():
            world = RandomCompany(random.Random(number))
            for user in world.people:
                _look(report, world, user, number)
            transaction.set_rollback(True)
    nothing_broken(report)
    return report


def _look(report: Report, world: RandomCompany, user: User, number: int) -> None:
    program, said = Program(user, "read"), f"world {number}, {user.role} {user.pk}"
    mine = [deal for deal in world.deals if world.reads(user, deal)]
    listed = _all(program, f"deals/?pipeline={world.pipeline.pk}&limit=7&count=1")
    _same(report, f"{said}: deals", {row["id"] for row in listed["results"]}, {deal.pk for deal in mine})
    report.expect(listed["count"] == len(mine), f"{said}: {listed['count']} are counted of {len(mine)}")
    _sums(report, world, program, listed["results"], said)
    _others(report, world, user, program, said)
    _search(report, world, user, {row["title"] for row in listed["results"]}, said)


def _same(report: Report, said: str, found: set[Any], wanted: set[Any]) -> None:
    report.count("compared")
    report.expect(found == wanted, f"{said}: too many {sorted(found - wanted)}, too few {sorted(wanted - found)}")


def _all(program: Program, path: str) -> dict[str, Any]:
    rows: list[Any] = []
    told: dict[str, Any] = {}
    while path:
        told = program.ask("GET", path)[1]
        rows += told["results"]
        path = (told["next"] or "").partition("/api/v1/")[2]
    return told | {"results": rows}


def _sums(report: Report, world: RandomCompany, program: Program, rows: list[Any], said: str) -> None:
    """Of the board against the rows that this person can list; with a filter, where they are counted anew, too."""
    for query, chosen in (("", rows), ("&close_from=1900-01-01", [row for row in rows if row["expected_close"]])):
        sums: dict[Any, Decimal] = defaultdict(Decimal)
        for row in chosen:
            sums[row["stage"], row["currency"]] += Decimal(row["value"] or 0)
        for column in program.ask("GET", f"board/?pipeline={world.pipeline.pk}&cards=200{query}")[1]["columns"]:
            stage = column["stage"]["id"]
            shown = {each["currency"]: Decimal(each["value"]) for each in column["totals"]}
            inside = {row["id"] for row in chosen if row["stage"] == stage}
            report.expect(
                shown == {currency: total for (at, currency), total in sums.items() if at == stage and total},
                f"{said}: sums of {stage}",
            )
            report.expect(column["count"] == len(inside), f"{said}: count of {stage}")
            _same(report, f"{said}: cards of {stage}", {card["id"] for card in column["cards"]}, inside)


def _others(report: Report, world: RandomCompany, user: User, program: Program, said: str) -> None:
    seen = {deal.pk for deal in world.deals if world.reads(user, deal)}
    there = {deal.organization for deal in world.deals if deal.organization is not None}
    shown = {row["id"] for row in _all(program, "organizations/?limit=200")["results"]} & {each.pk for each in there}
    _same(report, f"{said}: organizations", shown, {each.pk for each in there if world.reads_organization(user, each)})
    alive = {deal.pk for deal in world.deals if deal.deleted_at is None}
    tasks = {
        task.pk
        for task in Task.objects.filter(deal__in=alive)
        if task.deal_id in seen or task.owner_id == user.pk or user.role == "admin"
    }
    _same(
        report,
        f"{said}: tasks",
        {row["id"] for row in _all(program, "tasks/?limit=200")["results"]}
        & set(Task.objects.filter(deal__in=world.deals).values_list("pk", flat=True)),
        tasks,
    )
    here = {deal.pk for deal in world.deals}
    for row in _all(program, "activities/?limit=200")["results"]:
        named = here.intersection(row["deals"])
        report.expect(named <= seen, f"{said}: an activity names deals {named - seen}")


def _search(report: Report, world: RandomCompany, user: User, titles: set[str], said: str) -> None:
    page = browser(user)
    for deal in world.dice.sample(world.deals, 4):
        text = page.get("/search/", {"q": deal.title}).content.decode()
        found = f"/deals/{deal.pk}/" in text
        report.expect(found == (deal.title in titles), f"{said}: the search finds {deal.title}: {found}")
        report.count("searches")
