"""Promise 7: every kind of condition holds on every door; a manager's override needs the right and keeps its reason."""

from __future__ import annotations

from typing import Any

from django.db import connection
from django.utils import timezone

from bench.promises import doors
from bench.promises.doors import DOORS, Door, Gate
from bench.promises.report import Report
from bench.promises.stage import Program, World, make, nothing_broken
from pipeline import people
from pipeline.conditions import KINDS
from pipeline.models import Deal, EntryCondition, MoveAttempt, StageVisit


def every_door() -> Report:
    report = Report(
        7, f"{len(KINDS)} kinds of conditions on {len(DOORS)} doors, and overrides with and without the right to them"
    )
    world = World()
    for kind in KINDS:
        for door in DOORS:
            if not (door.new and kind == "tasks_done"):  # a deal that is new has none to do
                _one(report, Gate(world, kind), door)
        _overrides(report, world, kind)
    broken = Gate(world, "field")
    EntryCondition.objects.filter(pk=broken.condition.pk).update(field="gone")
    report.expect(doors.api(broken) and doors.board(broken), "a condition that is broken left its gate open")
    nothing_broken(report)
    return report


def _one(report: Report, gate: Gate, door: Door) -> None:
    said = f"{gate.kind} at {door.name}"
    report.expect(door.refused(gate), f"{said} was not refused as it should be")
    inside = StageVisit.objects.filter(stage__pipeline=gate.pipeline).exclude(stage__name__in=("First", "Lost")).count()
    report.expect(inside == 0, f"{said}: {inside} came in")
    stopped = MoveAttempt.objects.filter(
        outcome="refused", conditions__condition=gate.condition, conditions__result="stopped"
    )
    report.expect(stopped.count() == int(door.tries), f"{said}: {stopped.count()} attempts were kept")
    report.count("refused")


def _overrides(report: Report, world: World, kind: str) -> None:
    gate = Gate(world, kind)
    guest = make.user("manager", team=make.team())
    people.set_member(gate.deal, guest, "specialist", by=world.rep, via="page", now=timezone.now())
    version, reason = Deal.objects.get(pk=gate.deal.pk).version, f"Agreed with the board: {kind}"
    body = {"stage": gate.target.pk, "version": version, "override_reason": reason}

    def status(who: Any, scope: str, **changes: Any) -> int:
        return int(Program(who, scope).ask("POST", f"deals/{gate.deal.pk}/move/", body | changes)[0])

    # “member_role” counts the guest, who is no lawyer; so the gate stays shut for all of them.
    refused = [
        status(world.rep, "write"),
        status(world.rep, "admin"),
        status(world.manager, "write"),
        status(guest, "admin"),
    ]
    report.expect(refused == [403] * 4, f"overriding {kind} without the right: {refused}")
    blank = [status(world.manager, "admin", override_reason=text) for text in ("", "   ")]
    report.expect(blank == [422] * 2, f"overriding {kind} without a reason: {blank}")
    report.count("overrides refused", len(refused + blank))
    report.expect(status(world.manager, "admin") == 200, f"a manager could not override {kind}")
    visit, attempt = (
        StageVisit.objects.get(stage=gate.target),
        MoveAttempt.objects.get(to_stage=gate.target, outcome="moved"),
    )
    kept = (visit.let_in, visit.reason, visit.by, attempt.reason)
    report.expect(kept == ("override", reason, world.manager, reason), f"of the override of {kind} is kept: {kept}")
    report.count("overrides with a reason")
    connection.close()
