"""What happens at the same moment: two reps, one deal. Locks are PostgreSQL's; SQLite lets one writer in at a time."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Callable
from decimal import Decimal

import pytest
from django.db import close_old_connections, connections

from crm import verification
from crm.models.audit import Via
from pipeline import approvals, deals, followups, moves
from pipeline.models import Deal, MoveAttempt, Stage, StageVisit, Task
from pipeline.moves import Moved, Stale
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


def test_sixteen_movers_with_a_hundred_moves_on_five_deals() -> None:
    pipeline = make.pipeline("A", "B", "C", "D")
    stages = [stage for stage in pipeline.stages.all() if stage.kind == "open"]
    owner = make.user("admin")
    board = [make.deal(stages[0], owner) for _ in range(5)]

    def mover(seed: int) -> Callable[[], object]:
        def go() -> Counter[str]:
            dice, seen = random.Random(seed), Counter[str]()
            for _ in range(100):
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
    assert sum(total.values()) == 1600 and total["Stale"] > 0
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
