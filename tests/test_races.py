"""What happens at the same moment: two reps, one deal. Locks are PostgreSQL's; SQLite lets one writer in at a time."""

from __future__ import annotations

import datetime
import random
import threading
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from functools import partial

import pytest
from django.core.exceptions import ValidationError
from django.db import close_old_connections, connections

from crm import verification
from crm.models.audit import Via
from leads import organizations
from pipeline import approvals, deals, definition, followups, idle_actions, merging, moves
from pipeline.merging import Merged, Newer, NotMerged
from pipeline.models import ActionRun, Deal, DealMember, MoveAttempt, Stage, StageVisit, Task
from pipeline.moves import Moved, Refused, Stale
from tests import factories as make

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


def at_once(*jobs: Callable[[], object]) -> list[object]:
    """Run all jobs in threads that start together; their results, or the exceptions they ended with."""
    results: list[object] = [None] * len(jobs)
    gate = threading.Barrier(len(jobs))

    def run(number: int, job: Callable[[], object]) -> None:
        gate.wait()
        try:
            results[number] = job()
        except Exception as error:  # the test looks at it
            results[number] = error
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(number, job)) for number, job in enumerate(jobs)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    close_old_connections()
    return results


def nothing_broken() -> bool:
    return [f"{f.invariant} {f.examples}" for f in verification.run() if f.breaks] == []


def test_of_two_reps_one_wins_and_the_other_is_told() -> None:
    pipeline = make.pipeline()
    first, second, third, *_ = pipeline.stages.all()
    one, other = make.user("manager"), make.user("manager")
    deal = make.deal(first, one)

    def move(who: object, stage: Stage) -> Callable[[], object]:
        return lambda: moves.move_deal(deal.pk, stage.pk, by=who, via=Via.BOARD, version=deal.version)  # type: ignore[arg-type]

    outcomes = at_once(move(one, second), move(other, third))
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Moved", "Stale"]
    loser = next(outcome for outcome in outcomes if isinstance(outcome, Stale))
    assert loser.by in (one, other) and StageVisit.objects.standing().filter(deal=deal).count() == 2
    assert nothing_broken()


@pytest.mark.parametrize("count", [25, pytest.param(100, marks=pytest.mark.long)])
def test_sixteen_movers_with_many_moves_each_on_five_deals(count: int) -> None:
    pipeline = make.pipeline("A", "B", "C", "D")
    stages = [stage for stage in pipeline.stages.all() if stage.kind == "open"]
    owner = make.user("admin")
    board = [make.deal(stages[0], owner) for _ in range(5)]

    def mover(seed: int) -> Callable[[], object]:
        def go() -> Counter[str]:
            dice, seen = random.Random(seed), Counter[str]()
            for _ in range(count):
                deal = Deal.objects.get(pk=dice.choice(board).pk)
                outcome = moves.move_deal(
                    deal.pk, dice.choice(stages).pk, by=owner, via=Via.BOARD, version=deal.version
                )
                seen[type(outcome).__name__ + ("" if getattr(outcome, "visit", 1) else " nowhere")] += 1
            return seen

        return go

    results = at_once(*[mover(seed) for seed in range(16)])
    assert not [result for result in results if isinstance(result, Exception)]
    total = sum((result for result in results if isinstance(result, Counter)), Counter[str]())
    assert sum(total.values()) == 16 * count and total["Stale"] > 0
    assert StageVisit.objects.standing().count() == 5 + total["Moved"]
    assert MoveAttempt.objects.filter(outcome="moved").count() == 5 + total["Moved"]
    assert nothing_broken()


def test_a_double_click_on_done_plans_the_next_task_once() -> None:
    stage = make.stage(make.pipeline(), "Second")
    make.stage_task(stage, "Call")
    make.stage_task(stage, "Write", after_previous=True)
    rep = make.user()
    deal = make.deal(make.stage(stage.pipeline, "First"), rep)
    moves.move_deal(deal.pk, stage.pk, by=rep, via=Via.BOARD)
    task = Task.objects.open().get()
    at_once(*[lambda: followups.complete(task.pk, by=rep)] * 4)
    assert list(Task.objects.values_list("title", "state").order_by("pk")) == [("Call", "done"), ("Write", "open")]


def test_edits_of_different_fields_both_survive_and_totals_stay_right() -> None:
    rep, other = make.user(), make.user("admin")
    deal = make.deal(make.stage(make.pipeline(), "First"), rep)
    edits: list[dict[str, object]] = [{"title": "Renamed"}, {"value": Decimal(5)}, {"owner": other}]
    at_once(*[lambda e=e: deals.edit(deal.pk, e, version=deal.version, by=other, via=Via.PAGE) for e in edits])
    fresh = Deal.objects.get(pk=deal.pk)
    assert (fresh.title, fresh.value, fresh.owner, fresh.version) == ("Renamed", Decimal(5), other, deal.version + 3)
    assert nothing_broken()


def test_two_managers_answer_one_approval_once() -> None:
    pipeline = make.pipeline()
    asked = make.condition(make.stage(pipeline, "Second"), "approval")
    deal = make.deal(make.stage(pipeline, "First"), make.user())
    row = approvals.ask(deal.pk, asked.pk, by=deal.owner)
    bosses = [make.user("admin"), make.user("admin")]
    results = at_once(*[lambda b=b: approvals.decide(row.pk, by=b, approve=True) for b in bosses])
    assert sum(isinstance(result, Exception) for result in results) == 1


def test_a_stage_is_not_retired_between_the_look_and_the_entry() -> None:
    pipeline = make.pipeline()
    first, second, third, *_ = pipeline.stages.all()
    owner = make.user("admin")
    board = [make.deal(first, owner) for _ in range(8)]

    def retire() -> None:
        Stage.objects.filter(pk=second.pk).update(retired_at=make.NOW)
        for deal_id in list(Deal.objects.filter(stage=second).values_list("pk", flat=True)):
            moves.move_retired(deal_id, third.pk, by=owner)

    move = [lambda d=d: moves.move_deal(d.pk, second.pk, by=owner, via=Via.BOARD) for d in board]
    outcomes = at_once(*move[:4], retire, *move[4:])
    assert not [outcome for outcome in outcomes if isinstance(outcome, Exception)]
    assert not Deal.objects.filter(stage=second).exists() and nothing_broken()


def test_of_ten_who_want_the_last_place_one_enters() -> None:
    pipeline = make.pipeline()
    first, second, *_ = pipeline.stages.all()
    Stage.objects.filter(pk=second.pk).update(most_deals=1)
    owner = make.user("admin")
    board = [make.deal(first, owner) for _ in range(10)]
    outcomes = at_once(*(lambda d=d: moves.move_deal(d.pk, second.pk, by=owner, via=Via.BOARD) for d in board))
    assert sum(isinstance(outcome, Moved) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, Refused) and outcome.code == "full" for outcome in outcomes) == 9
    assert Deal.objects.filter(stage=second).count() == 1 and nothing_broken()


def test_a_move_and_its_undo_at_once_leave_one_truth() -> None:
    pipeline = make.pipeline()
    first, second, third, *_ = pipeline.stages.all()
    owner = make.user("admin")
    deal = make.deal(first, owner)
    moved = moves.move_deal(deal.pk, second.pk, by=owner, via=Via.BOARD)
    assert isinstance(moved, Moved) and moved.visit is not None
    visit, version = moved.visit.pk, Deal.objects.get(pk=deal.pk).version
    at_once(
        lambda: moves.undo_move(deal.pk, visit, by=owner, via=Via.BOARD),
        lambda: moves.move_deal(deal.pk, third.pk, by=owner, via=Via.BOARD, version=version),
    )
    assert nothing_broken() and StageVisit.objects.current().filter(deal=deal).count() == 1


@pytest.mark.parametrize("turn", range(3))
def test_of_two_merges_that_cross_one_wins_and_none_waits_for_ever(turn: int) -> None:
    stage, owner = make.stage(make.pipeline(), "First"), make.user("admin")
    one, other = make.deal(stage, owner, value=Decimal(5)), make.deal(stage, owner, value=Decimal(7))
    jobs = [
        lambda: merging.merge(one.pk, other.pk, by=owner, via=Via.PAGE),
        lambda: merging.merge(other.pk, one.pk, by=owner, via=Via.PAGE),
    ]
    outcomes = at_once(*jobs, *jobs)
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Merged", "NotMerged", "NotMerged", "NotMerged"]
    assert Deal.objects.existing().count() == 1 and nothing_broken()


@pytest.mark.parametrize("moved", [0, 1])
def test_a_merge_and_a_move_of_either_leave_one_truth(moved: int) -> None:
    first, second, *_ = make.pipeline().stages.all()
    owner = make.user("admin")
    pair = make.deal(first, owner), make.deal(first, owner)
    versions = pair[0].version, pair[1].version
    merged, move = at_once(
        lambda: merging.merge(pair[0].pk, pair[1].pk, by=owner, via=Via.PAGE, versions=versions),
        lambda: moves.move_deal(pair[moved].pk, second.pk, by=owner, via=Via.BOARD),
    )
    assert isinstance(merged, Merged | Newer) and isinstance(move, Moved | Stale)
    if isinstance(merged, Newer):
        assert isinstance(move, Moved) and Deal.objects.existing().count() == 2
    else:
        assert Deal.objects.existing().get() == pair[0] and isinstance(move, Moved) is (moved == 0)
    assert nothing_broken()


def test_three_merges_in_a_ring_end_with_a_survivor() -> None:
    stage, owner = make.stage(make.pipeline(), "First"), make.user("admin")
    ring = [make.deal(stage, owner) for _ in range(3)]
    pairs = [(ring[0], ring[1]), (ring[1], ring[2]), (ring[2], ring[0])]
    jobs = [lambda a=a, b=b: merging.merge(a.pk, b.pk, by=owner, via=Via.PAGE) for a, b in pairs]
    outcomes = at_once(*jobs)
    assert all(isinstance(outcome, Merged | NotMerged) for outcome in outcomes)
    kept = Deal.objects.existing().get()
    assert {merging.survivor(deal) for deal in Deal.objects.all()} == {kept} and nothing_broken()


def test_a_task_finished_while_its_deal_is_merged_is_finished_on_the_survivor() -> None:
    stage, owner = make.stage(make.pipeline(), "First"), make.user("admin")
    deal, other = make.deal(stage, owner), make.deal(stage, owner)
    tasks = [followups.add(other.pk, f"Task {n}", make.NOW.date(), by=owner) for n in range(4)]
    finish = [lambda t=t: followups.complete(t.pk, by=owner) for t in tasks if t is not None]
    outcomes = at_once(*finish[:2], lambda: merging.merge(deal.pk, other.pk, by=owner, via=Via.PAGE), *finish[2:])
    assert not [outcome for outcome in outcomes if isinstance(outcome, Exception)]
    assert not Task.objects.open().exists() and Task.objects.filter(deal=deal, state="done").count() == 4


def test_a_stage_is_not_deleted_between_the_look_and_the_entry() -> None:
    pipeline, owner = make.pipeline(), make.user("admin")
    first = pipeline.stages.all()[0]
    for number in range(6):
        step = pipeline.steps.get()
        going = Stage.objects.create(pipeline=pipeline, step=step, name=f"Going {number}", order=50 + number)
        board = [make.deal(first, owner) for _ in range(3)]
        moved = [partial(moves.move_deal, deal.pk, going.pk, by=owner, via=Via.BOARD) for deal in board]
        outcomes = at_once(*moved, partial(definition.save_changes, pipeline, [], [going], by=owner))
        assert {type(outcome).__name__ for outcome in outcomes} <= {
            "Moved", "Refused", "PipelineVersion", "ValidationError",
        }, outcomes  # fmt: skip
    assert nothing_broken()


def test_a_task_and_the_end_of_its_organization_at_once_are_never_both() -> None:
    rita = make.user()
    for _ in range(5):
        organization = make.organization(rita)
        plan = partial(followups.add_for, organization.pk, "Call", datetime.date(2999, 1, 1), by=rita)
        delete = partial(organizations.delete, organization.pk, by=rita, via=Via.PAGE)
        refused = [outcome for outcome in at_once(plan, delete) if isinstance(outcome, ValidationError)]
        assert len(refused) == 1
    assert nothing_broken()


def test_workers_that_find_an_idle_deal_at_once_act_once() -> None:
    pipeline = make.pipeline()
    first, rita = pipeline.stages.all()[0], make.user()
    make.action(first, when="idle", role="owner", text="Nobody has called")
    for _ in range(3):
        make.deal(first, rita)
    assert sum(count for count in at_once(*[idle_actions.act] * 4) if isinstance(count, int)) == 3
    assert ActionRun.objects.count() == 3 and nothing_broken()


def test_two_who_move_one_deal_have_the_process_act_once() -> None:
    pipeline, next_one = make.pipeline(), make.pipeline()
    first, second, *_ = pipeline.stages.all()
    make.action(second, "open", pipeline=next_one)
    deal = make.deal(first, make.user())
    at_once(*[partial(moves.move_deal, deal.pk, second.pk, by=deal.owner, via=Via.BOARD)] * 4)
    assert Deal.objects.filter(pipeline=next_one).count() == ActionRun.objects.count() == 1 and nothing_broken()


def test_a_task_of_an_organization_is_finished_once() -> None:
    rita = make.user()
    task = followups.add_for(make.organization(rita).pk, "Call", datetime.date(2999, 1, 1), by=rita)
    assert task is not None
    at_once(partial(followups.complete, task.pk, by=rita), partial(followups.skip, task.pk, by=rita))
    assert Task.objects.get(pk=task.pk).version == 2 and nothing_broken()


def test_stages_that_give_deals_to_each_others_owners_let_all_of_them_in() -> None:
    """Each move touches the totals of both owners, the other way round: PostgreSQL ends one of two that wait so."""
    first, second, *_ = make.pipeline().stages.all()
    one, other = make.user(), make.user()
    make.action(second, "reassign", role="success")
    for _round in range(3):
        pair = [make.deal(first, one), make.deal(first, other)]
        for deal, taker in zip(pair, (other, one), strict=True):
            DealMember.objects.create(deal=deal, user=taker, role="success")
        jobs = [partial(moves.move_deal, deal.pk, second.pk, by=deal.owner, via=Via.BOARD) for deal in pair]
        assert [type(outcome) for outcome in at_once(*jobs)] == [Moved, Moved]
        assert [Deal.objects.get(pk=deal.pk).owner for deal in pair] == [other, one]
    assert nothing_broken()
