"""Random lives of a deal: whatever people do, and in whatever order, every fact of the house holds."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from crm import verification
from crm.models.audit import Via
from pipeline import commitments, deals, followups, moves
from pipeline.models import Deal, StageVisit, Task
from pipeline.moves import Close, Moved, Refused, Stay
from tests import factories as make
from tests.factories import NOW


class Lives(RuleBasedStateMachine):
    """Two deals of one pipeline with two won stages, gates, tasks and a second pipeline to change to."""

    def __init__(self) -> None:
        super().__init__()
        self.savepoint = transaction.savepoint()
        self.now, self.steps = NOW, 0

    def teardown(self) -> None:
        self.hold()
        transaction.savepoint_rollback(self.savepoint)

    @initialize()
    def a_team_at_work(self) -> None:
        team = make.team()
        self.people = [make.user(team=team), make.user("manager", team=team)]
        self.pipeline, self.other = make.pipeline("A", "B", "C"), make.pipeline("X", "Y")
        self.pipeline.stages.create(name="After care", kind="won", order=95)
        self.stages = list(self.pipeline.stages.all())
        self.asked = make.condition(make.stage(self.pipeline, "B"))
        make.condition(make.stage(self.pipeline, "C"), "field", field="value", operator="at_least", compared_with="100")
        make.condition(make.stage(self.pipeline, "Won"), "tasks_done", blocks=False)
        for name in ("A", "B", "Won"):
            make.stage_task(make.stage(self.pipeline, name), "Call", required=True, offset_days=1)
            make.stage_task(make.stage(self.pipeline, name), "Write", after_previous=True)
        self.reason = make.lost_reason()
        self.ids = [make.deal(self.stages[0], self.people[0]).pk for _ in range(2)]

    def later(self, hours: int) -> Any:
        self.now += timedelta(hours=hours)
        return self.now

    @rule(deal=st.integers(0, 1), to=st.integers(0, 5), who=st.integers(0, 1), hours=st.integers(0, 400),
          override=st.sampled_from(["", "", "known for years"]), reopen=st.booleans(), back=st.integers(0, 30))  # fmt: skip
    def move(self, deal: int, to: int, who: int, hours: int, override: str, reopen: bool, back: int) -> None:
        now = self.later(hours)
        happened = now - timedelta(hours=back) if back > 20 else None
        before = self._standing(deal)
        outcome = moves.move_deal(
            self.ids[deal], self.stages[to % len(self.stages)].pk, by=self.people[who], via=Via.BOARD, override=override,
            reopen=reopen, close=Close(self.reason), happened_at=happened, now=now,
        )  # fmt: skip
        grew = self._standing(deal) - before
        assert grew == (1 if isinstance(outcome, Moved) and outcome.visit else 0)

    @rule(deal=st.integers(0, 1), hours=st.integers(0, 50))
    def undo(self, deal: int, hours: int) -> None:
        last = StageVisit.objects.current().get(deal=self.ids[deal])
        now = self.later(hours)
        moves.undo_move(self.ids[deal], last.pk, by=self.people[0], via=Via.BOARD, within=timedelta.max, now=now)

    @rule(deal=st.integers(0, 1), hours=st.integers(1, 50))
    def correct_a_date(self, deal: int, hours: int) -> None:
        chain = list(StageVisit.objects.standing().filter(deal=self.ids[deal]).select_related("stage").order_by("seq"))
        stays = [Stay(visit.stage, visit.entered_at) for visit in chain]
        stays[0] = Stay(chain[0].stage, chain[0].entered_at - timedelta(hours=hours))
        moves.rewrite_history(
            self.ids[deal], stays, by=self.people[1], via=Via.PAGE, reason="Typed too late", now=self.later(1)
        )

    @rule(deal=st.integers(0, 1), to=st.integers(0, 1))
    def change_pipeline(self, deal: int, to: int) -> None:
        target = [self.stages[0], make.stage(self.other, "X")][to]
        moves.change_pipeline(self.ids[deal], target.pk, by=self.people[1], via=Via.PAGE, now=self.later(1))

    @rule(deal=st.integers(0, 1), value=st.sampled_from([None, "0", "99.99", "250000"]), owner=st.integers(0, 1))
    def edit(self, deal: int, value: str | None, owner: int) -> None:
        changes = {"value": None if value is None else Decimal(value), "owner": self.people[owner]}
        deals.edit(self.ids[deal], changes, version=None, by=self.people[1], via=Via.PAGE, now=self.later(1))

    @rule(deal=st.integers(0, 1), gone=st.booleans())
    def delete_or_restore(self, deal: int, gone: bool) -> None:
        (deals.delete if gone else deals.restore)(self.ids[deal], by=self.people[1], via=Via.PAGE, now=self.later(1))

    @rule(deal=st.integers(0, 1))
    def the_buyer_agrees(self, deal: int) -> None:
        found = Deal.objects.get(pk=self.ids[deal])
        if found.pipeline == self.pipeline:
            commitments.record(found, self.asked.pk, by=self.people[0], now=self.later(1))

    @rule(done=st.booleans())
    def finish_a_task(self, done: bool) -> None:
        task = Task.objects.open().order_by("pk").first()
        if task is not None and (done or not task.required):
            (followups.complete if done else followups.skip)(task.pk, by=self.people[0], now=self.later(1))

    @rule()
    def reopen_a_task(self) -> None:
        task = Task.objects.filter(state="done").order_by("-pk").first()
        if task is not None:
            followups.reopen(task.pk, by=self.people[0], now=self.later(1))

    @rule(by_title=st.sampled_from(["New", ""]), to=st.integers(0, 3))
    def create(self, by_title: str, to: int) -> None:
        outcome = moves.create_deal(
            self.stages[to].pk, {"title": by_title}, by=self.people[0], via=Via.BOARD, now=self.later(1)
        )
        assert isinstance(outcome, Refused) or outcome.deal.title == "New"

    @invariant()
    def every_fact_holds(self) -> None:
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
                cursor.execute("SET CONSTRAINTS ALL DEFERRED")
        self.steps += 1
        if self.steps % 5 == 0:
            self.hold()

    def hold(self) -> None:
        """Each step is checked by the database itself; the second opinion costs more, so it comes every fifth step."""
        broken = [f"{f.invariant}: {f.examples}" for f in verification.run() if f.breaks and f.invariant != "schema"]
        assert not broken

    @invariant()
    def the_stays_add_up_to_the_life(self) -> None:
        for deal in Deal.objects.all():
            chain = StageVisit.objects.standing().filter(deal=deal)
            stays = sum((v.left_at - v.entered_at for v in chain if v.left_at), timedelta())
            assert deal.started_at + stays == deal.stage_entered_at

    def _standing(self, deal: int) -> int:
        return StageVisit.objects.standing().filter(deal=self.ids[deal]).count()


@pytest.fixture
def one_transaction(db: None) -> Iterator[None]:
    with transaction.atomic():
        yield


@pytest.mark.usefixtures("one_transaction")
def test_any_life_of_a_deal_keeps_every_fact() -> None:
    run_state_machine_as_test(Lives, settings=_settings(6, 20))


@pytest.mark.long
@pytest.mark.usefixtures("one_transaction")
def test_a_hundred_lives_of_fifty_steps_keep_every_fact() -> None:
    run_state_machine_as_test(Lives, settings=_settings(100, 50))


def _settings(lives: int, steps: int) -> settings:
    return settings(
        max_examples=lives,
        stateful_step_count=steps,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        database=None,
    )
