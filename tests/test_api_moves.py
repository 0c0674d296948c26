"""Moves through the API: moved 200, stale 409, refused 422 with what is missing; the same gate as on the board."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from crm.models import Company
from pipeline import deals, in_force, moves
from pipeline.models import Commitment, Deal, DealMember, MoveAttempt, Stage, StageVisit, Task
from tests import factories as make
from tests.api_world import ApiWorld, Program
from tests.traces import no_trace

pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> ApiWorld:
    return ApiWorld()


@pytest.fixture
def rita(world: ApiWorld) -> Program:
    return Program(world.rep)


def move(program: Program, world: ApiWorld, stage: Any, **body: Any) -> Any:
    version = body.pop("version", world.fresh().version)
    return program.post(f"deals/{world.deal.pk}/move/", {"stage": stage.pk, "version": version, **body})


def test_a_move_answers_with_the_deal_the_stay_and_how_long_it_can_be_undone(world: ApiWorld, rita: Program) -> None:
    answer = move(rita, world, world.second, reason="They called")
    told, deal = answer.json(), world.fresh()
    assert answer.status_code == 200 and answer.headers["ETag"] == f'"{deal.version}"'
    assert (told["deal"]["stage"], told["deal"]["version"], told["visit"]["stage"]) == (
        world.second.pk,
        deal.version,
        world.second.pk,
    )
    assert (
        told["visit"] | {"by": world.rep.pk, "via": "api", "let_in": "conditions", "reason": "They called"}
        == told["visit"]
    )
    until = datetime.fromisoformat(told["undo_until"]) - datetime.fromisoformat(told["visit"]["entered_at"])
    assert until == timedelta(seconds=10)


def test_an_undo_tells_what_the_process_did_and_is_not_taken_back(world: ApiWorld, rita: Program) -> None:
    make.action(world.second, "field", field="value", value="77")
    visit = move(rita, world, world.second).json()["visit"]["id"]
    deals.edit(world.deal.pk, {"value": Decimal(88)}, version=None, by=world.rep, via="page")
    undone = rita.post(f"deals/{world.deal.pk}/undo/", {"visit": visit}).json()
    assert undone["kept"] == ["What the process set was changed since, and stays."]
    assert undone["deal"]["stage"] == world.first.pk and world.fresh().value == 88


def test_a_move_to_where_it_is_writes_nothing(world: ApiWorld, rita: Program) -> None:
    rita.get("choices/")
    with no_trace():
        answer = move(rita, world, world.first)
    assert answer.status_code == 200 and answer.json()["visit"] is None and answer.json()["undo_until"] is None


def test_whoever_was_too_late_gets_the_deal_as_it_is_now(world: ApiWorld, rita: Program) -> None:
    moves.move_deal(world.deal.pk, world.third.pk, by=world.manager, via="board")
    answer = move(rita, world, world.second, version=1)
    told = answer.json()
    assert (answer.status_code, told["code"], told["moved_by"]) == (
        409,
        "stale",
        {"id": world.manager.pk, "name": "Max Manager"},
    )
    assert told["deal"]["stage"] == world.third.pk and datetime.fromisoformat(told["moved_at"])
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_an_edit_of_another_field_does_not_make_a_move_stale(world: ApiWorld, rita: Program) -> None:
    assert rita.patch(f"deals/{world.deal.pk}/", {"title": "Renamed"}).status_code == 200
    assert move(rita, world, world.second, version=1).status_code == 200


@pytest.mark.parametrize("version", [None, "abc", -1, 0, 2**70, True, 1.5])
def test_the_version_that_was_read_must_be_one(world: ApiWorld, rita: Program, version: Any) -> None:
    answer = rita.post(f"deals/{world.deal.pk}/move/", {"stage": world.second.pk, "version": version})
    assert answer.status_code == 400 and answer.json()["errors"][0]["field"] == "version"
    assert (
        rita.post(f"deals/{world.deal.pk}/move/", {"stage": world.second.pk}).json()["errors"][0]["code"] == "required"
    )


def test_a_refusal_names_each_unmet_condition_and_what_to_do(world: ApiWorld, rita: Program) -> None:
    agreed = make.condition(world.second, label="Agrees to a demo", needs_evidence=True)
    filled = make.condition(
        world.second, "field", field="expected_close", operator="filled", label="Close date", blocks=False
    )
    answer = move(rita, world, world.second)
    told = answer.json()
    assert (answer.status_code, told["code"], told["refusal"]) == (422, "refused", "conditions")
    first, second = told["unmet"]
    assert {"condition", "stage", "kind", "label", "how_to_fix", "blocks"} <= first.keys()
    assert (first["condition"], first["label"], first["blocks"], first["kind"]) == (
        agreed.pk,
        "Agrees to a demo",
        True,
        "commitment",
    )
    assert (second["condition"], second["blocks"], second["stage"]) == (filled.pk, False, world.second.pk)
    assert f"deals/{world.deal.pk}/commitments/" in first["how_to_fix"] and "expected_close" in second["how_to_fix"]
    assert world.fresh().stage == world.first
    assert MoveAttempt.objects.filter(deal=world.deal, outcome="refused", via="api").count() == 1


def test_what_the_refusal_says_to_do_opens_the_gate(world: ApiWorld, rita: Program) -> None:
    condition = make.condition(world.second, needs_evidence=True)
    url = f"deals/{world.deal.pk}/commitments/"
    bare = rita.post(url, {"condition": condition.pk})
    assert bare.status_code == 400 and bare.json()["errors"][0]["field"] == "evidence"
    made = rita.post(url, {"condition": condition.pk, "evidence": "https://example.com/mail"})
    assert made.status_code == 201 and made.json()["label"] == condition.label
    assert (
        rita.post(url, {"condition": condition.pk, "evidence": "https://example.com/mail"}).json()["id"]
        == made.json()["id"]
    )
    assert Commitment.objects.count() == 1 and rita.get(url).json()["results"] == [made.json()]
    assert move(rita, world, world.second).status_code == 200


def test_nobody_agrees_to_a_condition_of_another_pipeline(world: ApiWorld, rita: Program) -> None:
    other = make.condition(make.pipeline().stages.get(name="Second"))
    for condition in (other.pk, 987_654, 2**63, "x", True):
        answer = rita.post(f"deals/{world.deal.pk}/commitments/", {"condition": condition})
        assert answer.status_code == 400 and answer.json()["errors"][0]["field"] == "condition"


DOORS = ["move", "win", "create", "reopen"]


@pytest.mark.parametrize("door", DOORS)
def test_the_gate_holds_on_every_door(world: ApiWorld, rita: Program, door: str) -> None:
    for stage in (world.second, world.won):
        make.condition(stage, label=f"Before {stage.name}")
    url, target = f"deals/{world.deal.pk}/", world.second
    if door == "reopen":
        moves.move_deal(world.deal.pk, world.lost.pk, by=world.rep, via="page", close=moves.Close(make.lost_reason()))
    version = world.fresh().version
    bodies = {
        "move": ("move/", {"stage": target.pk, "version": version}),
        "win": ("win/", {"version": version}),
        "reopen": ("reopen/", {"version": version, "stage": target.pk}),
    }
    answer = (
        rita.post("deals/", {"title": "New", "stage": target.pk})
        if door == "create"
        else rita.post(url + bodies[door][0], bodies[door][1])
    )
    assert (answer.status_code, answer.json()["code"]) == (422, "refused")
    assert "Before Second" in [each["label"] for each in answer.json()["unmet"]]
    assert Deal.objects.count() == 1 and world.fresh().version == version


def test_only_a_manager_with_the_widest_scope_lets_in_without_conditions(world: ApiWorld) -> None:
    make.condition(world.second)
    why = {"override_reason": "Agreed by phone"}
    answers = [
        move(Program(user, scope), world, world.second, **why)
        for user, scope in [
            (world.rep, "write"),
            (world.manager, "write"),
            (world.rep, "admin"),
            (world.manager, "admin"),
        ]
    ]
    assert [(answer.status_code, answer.json().get("code")) for answer in answers] == [
        (403, "scope"), (403, "scope"), (403, "not_allowed"), (200, None),
    ]  # fmt: skip
    visit = StageVisit.objects.current().get(deal=world.deal)
    assert (visit.let_in, visit.reason, visit.by) == ("override", "Agreed by phone", world.manager)


def test_a_stage_that_is_not_there_is_answered_with_those_that_are(world: ApiWorld, rita: Program) -> None:
    elsewhere = make.pipeline().stages.get(name="First")
    for pk in (elsewhere.pk, 987_654):
        answer = rita.post(f"deals/{world.deal.pk}/move/", {"stage": pk, "version": 1})
        assert (answer.status_code, answer.json()["code"]) == (409, "stage_gone")
        assert [stage["name"] for stage in answer.json()["stages"]] == ["First", "Second", "Third", "Won", "Lost"]


def test_a_stage_that_is_full_takes_no_further_deal(world: ApiWorld, rita: Program) -> None:
    make.deal(world.second, world.rep, now=world.began)
    Stage.objects.filter(pk=world.second.pk).update(most_deals=1)
    answer = move(rita, world, world.second)
    assert (answer.status_code, answer.json()["code"], world.fresh().stage) == (409, "full", world.first)


def test_losing_says_why_by_name(world: ApiWorld, rita: Program) -> None:
    make.lost_reason(name="Competitor", asks_note="Which one?")
    url = f"deals/{world.deal.pk}/lose/"
    unknown = rita.post(url, {"version": 1, "reason": "Weather"})
    assert unknown.status_code == 400 and "Competitor" in unknown.json()["errors"][0]["message"]
    asked = rita.post(url, {"version": 1, "reason": "competitor"})
    assert (asked.status_code, asked.json()["refusal"], asked.json()["detail"]) == (422, "reason", "Which one?")
    lost = rita.post(url, {"version": 1, "reason": "competitor", "note": "Acme", "come_back_on": "2999-01-01"})
    told = lost.json()["deal"]
    assert (told["status"], told["close_reason"], told["close_note"]) == ("lost", "Competitor", "Acme")
    assert Task.objects.open().filter(deal=world.deal, title="Come back to Meters").exists()


def test_a_move_into_a_lost_stage_asks_for_a_reason_too(world: ApiWorld, rita: Program) -> None:
    make.lost_reason(name="No budget")
    assert move(rita, world, world.lost).json()["refusal"] == "reason"
    assert move(rita, world, world.lost, reason="No budget").json()["deal"]["status"] == "lost"


def test_a_won_deal_is_reopened_where_it_was(world: ApiWorld, rita: Program) -> None:
    move(rita, world, world.second)
    won = rita.post(f"deals/{world.deal.pk}/win/", {"version": world.fresh().version})
    assert (won.status_code, won.json()["deal"]["status"]) == (200, "won")
    closed = move(rita, world, world.first)
    assert (closed.status_code, closed.json()["code"]) == (409, "closed")
    again = rita.post(f"deals/{world.deal.pk}/reopen/", {"version": world.fresh().version})
    assert (again.json()["deal"]["status"], again.json()["deal"]["stage"]) == ("open", world.second.pk)
    assert again.json()["visit"]["let_in"] == "reopened"


def test_a_move_is_taken_back_once_and_in_time(world: ApiWorld, rita: Program) -> None:
    visit = move(rita, world, world.second).json()["visit"]["id"]
    url = f"deals/{world.deal.pk}/undo/"
    undone = rita.post(url, {"visit": visit})
    assert undone.status_code == 200 and undone.json()["deal"]["stage"] == world.first.pk
    assert rita.post(url, {"visit": visit}).json()["visit"] is None
    assert StageVisit.objects.filter(deal=world.deal, undone_at__isnull=False).count() == 1


def test_a_move_is_not_taken_back_when_it_is_too_late(world: ApiWorld, rita: Program) -> None:
    visit = move(rita, world, world.second).json()["visit"]["id"]
    url = f"deals/{world.deal.pk}/undo/"
    move(Program(world.manager), world, world.third)
    assert rita.post(url, {"visit": visit}).json()["code"] == "stale"
    last = StageVisit.objects.current().get(deal=world.deal)
    StageVisit.objects.filter(pk=last.pk).update(recorded_at=timezone.now() - timedelta(seconds=16))
    late = rita.post(url, {"visit": last.pk})
    assert (late.status_code, late.json()["refusal"], world.fresh().stage) == (422, "late", world.third)
    assert rita.post(url, {"visit": 987_654}).json()["errors"][0]["code"] == "does_not_exist"


def test_the_stays_say_how_long_by_whom_and_why(world: ApiWorld, rita: Program) -> None:
    move(rita, world, world.second)
    first, second = rita.get(f"deals/{world.deal.pk}/visits/").json()["results"]
    assert (first["stage_name"], first["let_in"], first["via"]) == ("First", "history", "import")
    assert first["left_at"] == second["entered_at"] and 3 * 86_400 <= first["seconds"] < 3 * 86_400 + 60
    assert second["left_at"] is None and 0 <= second["seconds"] < 60 and second["by"] == world.rep.pk


def test_a_stay_without_a_known_time_has_no_length(world: ApiWorld, rita: Program) -> None:
    StageVisit.objects.filter(deal=world.deal).update(entered_precision="unknown")
    assert rita.get(f"deals/{world.deal.pk}/visits/").json()["results"][0]["seconds"] is None


def test_the_gate_says_how_each_condition_stands(world: ApiWorld, rita: Program) -> None:
    asked = make.condition(world.second)
    url = f"deals/{world.deal.pk}/gate/"
    closed = rita.get(url).json()
    assert (closed["stage"], closed["may_enter"]) == (world.second.pk, False)
    assert (
        closed["conditions"][0] | {"met": False, "state": "missing", "condition": asked.pk} == closed["conditions"][0]
    )
    rita.post(f"deals/{world.deal.pk}/commitments/", {"condition": asked.pk})
    opened = rita.get(f"{url}?stage={world.third.pk}").json()
    assert (opened["stage"], opened["may_enter"], opened["conditions"][0]["met"]) == (world.third.pk, True, True)


def test_a_member_of_the_deal_moves_it(world: ApiWorld) -> None:
    DealMember.objects.create(deal=world.deal, user=world.stranger, role="specialist")
    assert move(Program(world.stranger), world, world.second).status_code == 200


def test_a_move_costs_a_fixed_number_of_queries(
    world: ApiWorld, rita: Program, django_assert_max_num_queries: Any
) -> None:
    make.condition(world.second, "field", field="value", operator="filled")
    rita.get("choices/")
    Company.objects.create(pk=1)
    in_force.read(world.pipeline.pk)
    with django_assert_max_num_queries(21):
        assert move(rita, world, world.second).status_code == 200
