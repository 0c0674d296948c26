"""A gate with one condition that a deal does not meet, and each door through which somebody would bring it in."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.utils import timezone

from bench.promises.stage import Program, World, browser, make
from crm import importing
from crm.importing import Options, known
from crm.models.audit import Via
from pipeline import bulk, moves
from pipeline.models import Deal, EntryCondition, Pipeline, Stage, StageTask, StageVisit, Task
from pipeline.moves import Refused

GATED = "Gated"


class Gate:
    """First, the gated stage, Won and Lost; a deal of a rep's that does not meet the one condition."""

    def __init__(self, world: World, kind: str) -> None:
        self.world, self.kind = world, kind
        self.pipeline: Pipeline = make.pipeline("First", GATED)
        self.first, self.target = make.stage(self.pipeline, "First"), make.stage(self.pipeline, GATED)
        asks: dict[str, dict[str, Any]] = {
            "field": {"field": "value", "operator": "filled"},
            "contact_role": {"contact_role": "decision_maker"},
            "member_role": {"member_role": "legal"},
            "activity": {"activity_type": make.activity_type("call")},
        }
        self.condition: EntryCondition = make.condition(self.target, kind, **asks.get(kind, {}))
        self.began = timezone.now() - timedelta(days=3)
        self.deal = self.new()

    def new(self, stage: Stage | None = None) -> Deal:
        deal = make.deal(stage or self.first, self.world.rep, now=self.began)
        if self.kind == "tasks_done" and deal.status == "open":
            planned: StageTask = make.stage_task(self.first, required=True)
            Task.objects.create(
                deal=deal, title="Required", owner=self.world.rep, required=True, stage_task=planned, due_at=timezone.now(),
                visit=StageVisit.objects.get(deal=deal), created_at=timezone.now(), updated_at=timezone.now(),
            )  # fmt: skip
            Deal.objects.filter(pk=deal.pk).update(next_task_due_at=Task.objects.get(deal=deal).due_at)
        return deal

    @property
    def wish(self) -> dict[str, Any]:
        return {"to": self.target.pk, "version": self.deal.version, "from": self.deal.stage_id}


def board(gate: Gate) -> bool:
    return browser(gate.world.rep).post(f"/deals/{gate.deal.pk}/move/", gate.wish).status_code == 422


def page(gate: Gate) -> bool:
    return browser(gate.world.rep, part=False).post(f"/deals/{gate.deal.pk}/move/", gate.wish).status_code == 422


def new_deal(gate: Gate) -> bool:
    sent = {"title": "New", "to": gate.target.pk, "once_key": f"gate{gate.pipeline.pk}"}
    return browser(gate.world.rep).post("/deals/new/", sent).status_code == 422


def other_pipeline(gate: Gate) -> bool:
    deal = gate.world.deal()
    answer = browser(gate.world.manager).post(
        f"/deals/{deal.pk}/pipeline/", {"stage": gate.target.pk, "version": deal.version}
    )
    return answer.status_code == 422


def reopen(gate: Gate) -> bool:
    deal = make.deal(make.stage(gate.pipeline, "Lost"), gate.world.rep, now=gate.began)
    body = {"stage": gate.target.pk, "version": deal.version}
    status, told, _headers = Program(gate.world.rep).ask("POST", f"deals/{deal.pk}/reopen/", body)
    return (status, told["refusal"]) == (422, "conditions")


def api(gate: Gate) -> bool:
    body = {"stage": gate.target.pk, "version": gate.deal.version}
    status, told, _headers = Program(gate.world.rep).ask("POST", f"deals/{gate.deal.pk}/move/", body)
    return (status, told["code"], told["refusal"]) == (422, "refused", "conditions")


def api_win(gate: Gate) -> bool:
    """Past the gated stage."""
    status, told, _headers = Program(gate.world.rep).ask(
        "POST", f"deals/{gate.deal.pk}/win/", {"version": gate.deal.version}
    )
    return (status, told["refusal"]) == (422, "conditions")


def api_new(gate: Gate) -> bool:
    status, told, _headers = Program(gate.world.rep).ask("POST", "deals/", {"title": "New", "stage": gate.target.pk})
    return (status, told["refusal"]) == (422, "conditions")


def change_many(gate: Gate) -> bool:
    run = bulk.start(
        gate.pipeline, {gate.deal.pk: None}, "move", {"stage": gate.target.pk}, by=gate.world.rep, words="Move"
    )
    bulk.work(run.pk)
    return run.items.get().outcome == "refused"


def import_again(gate: Gate) -> bool:
    """A deal that the file knows from before."""
    known.note("gates", "deal", [(f"ext-{gate.deal.pk}", gate.deal.pk)])
    found: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "deals.csv"
        path.write_text(f"id,name,stage\next-{gate.deal.pk},{gate.deal.title},{GATED}\n")
        options = Options(pipeline=gate.pipeline.name, source="gates", by=gate.world.admin.email)
        importing.run(
            "deals", path, options, say=lambda _text: None, each=lambda result, _report: found.append(result.outcome)
        )
    return found == ["refused"]


def service(gate: Gate) -> bool:
    outcome = moves.move_deal(gate.deal.pk, gate.target.pk, by=gate.world.rep, via=Via.PROCESS)
    return isinstance(outcome, Refused) and outcome.code == "conditions"


def patch(gate: Gate) -> bool:
    status = Program(gate.world.rep).ask("PATCH", f"deals/{gate.deal.pk}/", {"stage": gate.target.pk}, If_Match="*")[0]
    return status == 400


def administration(gate: Gate) -> bool:
    sent = {"stage": gate.target.pk, "title": "x"}
    return (
        browser(gate.world.admin, part=False).post(f"/admin/pipeline/deal/{gate.deal.pk}/change/", sent).status_code
        == 403
    )


@dataclass(frozen=True)
class Door:
    """`tries`: it asks the gate, which keeps the attempt. `new`: by a deal without tasks of its own."""

    name: str
    refused: Callable[[Gate], bool]
    tries: bool = True
    new: bool = False


DOORS = [
    Door("board", board), Door("page", page), Door("new deal", new_deal, new=True), Door("other pipeline", other_pipeline, new=True),
    Door("reopening", reopen, new=True), Door("API move", api), Door("API win", api_win), Door("API new deal", api_new, new=True),
    Door("bulk", change_many), Door("import", import_again), Door("service call", service), Door("PATCH", patch, tries=False),
    Door("administration", administration, tries=False),
]  # fmt: skip
