"""Promise 4: of two who edit one deal at once, each either finds their edit at the end or was told that it did not come about."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.test import Client

from bench.promises.report import Report
from bench.promises.stage import Program, World, at_once, browser, nothing_broken
from crm.models import User
from pipeline.models import BulkItem, Deal, Pipeline

PAIRS, ROUNDS = 500, 300
ACCEPTED, TOLD = "accepted", "told"


@dataclass
class Person:
    """One of the two, in front of each door."""

    user: User
    page: Client
    program: Program


@dataclass(frozen=True)
class Edit:
    """One field through one door. The value is one that nobody else writes."""

    door: str
    field: str
    value: str


FIELDS = {
    "form": ("title", "value", "expected_close"), "API": ("title", "value", "expected_close"), "quick edit": ("value", "expected_close"),
    "bulk": ("expected_close",),
}  # fmt: skip


def nothing_lost() -> Report:
    report = Report(
        4,
        f"{PAIRS} pairs of edits through form, API, quick edit and bulk; {ROUNDS} rounds of a move and an edit at once",
    )
    world = World(deals=20)
    pair = [Person(user, browser(user), Program(user)) for user in (world.rep, world.manager)]
    dice = random.Random(4)
    for number in range(PAIRS):
        _one_pair(report, world, pair, [_edit(dice, 2 * number + side) for side in (0, 1)], dice)
    for number in range(ROUNDS):
        _move_and_edit(report, world, pair, number)
    _without_version(report, world, pair[0])
    nothing_broken(report)
    return report


def _edit(dice: random.Random, number: int) -> Edit:
    door = dice.choice(list(FIELDS))
    field = dice.choice(FIELDS[door])
    day = f"{2100 + number // 300}-{1 + number % 12:02}-{1 + number // 12 % 25:02}"
    return Edit(door, field, {"title": f"Title {number}", "value": f"{1000 + number}.00", "expected_close": day}[field])


def _one_pair(report: Report, world: World, pair: list[Person], edits: list[Edit], dice: random.Random) -> None:
    deal = Deal.objects.get(pk=dice.choice(world.deals).pk)
    jobs: list[Callable[[], str]] = [lambda p=p, e=e: _send(p, e, deal) for p, e in zip(pair, edits, strict=True)]  # type: ignore[misc]
    said = at_once(jobs)
    report.answered(said, f"{edits}")
    same = edits[0].field == edits[1].field
    report.count("pairs about the same field" if same else "pairs about different fields")
    # A program that read the deal before somebody else changed another field reads it again; pages do so by themselves.
    for number, edit in enumerate(edits):
        if not same and said[number] == TOLD:
            report.count("programs that read again and sent it again")
            report.expect(edit.door == "API", f"{edit} was refused because of another field")
            said[number] = _send(pair[number], edit, Deal.objects.get(pk=deal.pk))
    for outcome in said:
        report.count(str(outcome))
    accepted = [edit for edit, outcome in zip(edits, said, strict=True) if outcome == ACCEPTED]
    report.expect(len(accepted) == (1 if same else 2), f"{edits}: {said}")
    fresh = Deal.objects.get(pk=deal.pk)
    for edit in accepted:
        report.expect(
            _shown(fresh, edit.field) == edit.value, f"lost: {edit} was accepted, and it is {_shown(fresh, edit.field)}"
        )


def _shown(deal: Deal, field: str) -> str:
    found = getattr(deal, field)
    return f"{found:.2f}" if field == "value" else str(found)


def _send(who: Person, edit: Edit, deal: Deal) -> str:
    """`deal` is as this person read it."""
    doors = {"form": _form, "API": _api, "quick edit": _quick, "bulk": _bulk}
    return ACCEPTED if doors[edit.door](who, edit, deal) else TOLD


def _form(who: Person, edit: Edit, deal: Deal) -> bool:
    more = {"currency": deal.currency} if edit.field == "value" else {}
    sent = {edit.field: edit.value, "version": deal.version, **more}
    return _outcome(who.page.post(f"/deals/{deal.pk}/fields/{edit.field}/", sent).status_code, 409)


def _quick(who: Person, edit: Edit, deal: Deal) -> bool:
    """The form sends what it shows of the other fields too."""
    shown = {
        "value": _shown(deal, "value") if deal.value is not None else "",
        "expected_close": deal.expected_close or "",
    }
    sent = {**shown, "currency": deal.currency, edit.field: edit.value, "version": deal.version}
    return _outcome(who.page.post(f"/deals/{deal.pk}/quick/", sent).status_code, 409)


def _api(who: Person, edit: Edit, deal: Deal) -> bool:
    status, _told, _headers = who.program.ask(
        "PATCH", f"deals/{deal.pk}/", {edit.field: edit.value}, If_Match=f'"{deal.version}"'
    )
    return _outcome(status, 412)


def _bulk(who: Person, edit: Edit, deal: Deal) -> bool:
    sent = {"deals": f"{deal.pk}:{deal.version}", "action": "close", "day": edit.value}
    answer = who.page.post(f"/board/{deal.pipeline_id}/bulk/", sent)
    assert answer.status_code in (200, 204, 302), answer.status_code
    item = BulkItem.objects.filter(run__by=who.user, deal=deal).latest("pk")
    return _outcome(200 if item.outcome == BulkItem.Outcome.DONE else item.outcome, BulkItem.Outcome.STALE)


def _outcome(status: Any, told: Any) -> bool:
    assert status in (200, 302, told), status  # after saving, a page of its own is left for the deal's
    return bool(status != told)


def _move_and_edit(report: Report, world: World, pair: list[Person], number: int) -> None:
    deal = Deal.objects.get(pk=world.deals[number % len(world.deals)].pk)
    target = world.stages[1 if deal.stage_id == world.first.pk else 0].pk
    edit = Edit(
        ("form", "quick edit", "bulk")[number % 3], "expected_close", f"{2200 + number // 12}-{1 + number % 12:02}-01"
    )
    mover, editor = pair if number % 2 else pair[::-1]
    board = number % 4 < 2
    move: Callable[[], Any] = lambda: (  # noqa: E731
        mover.page.post(
            f"/deals/{deal.pk}/move/", {"to": target, "version": deal.version, "from": deal.stage_id}
        ).status_code
        if board
        else mover.program.ask("POST", f"deals/{deal.pk}/move/", {"stage": target, "version": deal.version})[0]
    )
    said = at_once([move, lambda: _send(editor, edit, deal)])
    fresh = Deal.objects.get(pk=deal.pk)
    report.count("rounds of a move and an edit")
    kept = (fresh.stage_id, str(fresh.expected_close), fresh.version) == (target, edit.value, deal.version + 2)
    report.expect(
        said[0] in (200, 302) and said[1] == ACCEPTED and kept,
        f"{said}: {fresh.stage_id}, {fresh.expected_close}, {fresh.version} of {edit}",
    )


def _without_version(report: Report, world: World, who: Person) -> None:
    """The API refuses with 428; forms, which always carry it, with 400."""
    pk, pipeline = world.deals[0].pk, Pipeline.objects.get(pk=world.pipeline.pk)
    for method in ("PATCH", "DELETE"):
        for path in (
            f"deals/{pk}/",
            f"organizations/{pk}/",
            f"contacts/{pk}/",
            f"tasks/{pk}/",
            *([f"activities/{pk}/"] if method == "DELETE" else []),
        ):
            status = who.program.ask(method, path, {})[0]
            report.expect(status == 428, f"{method} {path}: {status}")
            report.count("refused without a version")
    for path, sent in ((f"/deals/{pk}/fields/title/", {"title": "x"}), (f"/deals/{pk}/quick/", {"value": "1", "currency": "EUR"}),
                       (f"/deals/{pk}/move/", {"to": pipeline.stages.all()[1].pk})):  # fmt: skip
        status = who.page.post(path, sent).status_code
        report.expect(status == 400, f"{path} without a version: {status}")
        report.count("refused without a version")
