"""The rule of moves: who may enter, what is written, what is kept of a refusal."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from crm.models import Company
from crm.models.audit import Via
from leads.activities import NewActivity
from pipeline import approvals, commitments, followups, in_force, moves
from pipeline.models import Approval, ColumnTotal, Commitment, Deal, DealMember, MoveAttempt, Stage, StageVisit, Task
from pipeline.moves import Close, Fill, Moved, NewCommitment, NewPerson, Refused, Stale
from tests import factories as make
from tests.factories import NOW

pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(days=3)


class Board:
    """A pipeline First, Second, Third with a rep, a manager and one deal in First."""

    def __init__(self) -> None:
        team = make.team()
        self.rep, self.manager = make.user(team=team), make.user("manager", team=team)
        self.pipeline = make.pipeline()
        self.first, self.second, self.third, self.won, self.lost = self.pipeline.stages.all()
        self.deal = make.deal(self.first, self.rep, value=Decimal(1000))

    def move(self, stage: Stage, **more: object) -> moves.Outcome:
        return moves.move_deal(self.deal.pk, stage.pk, **{"by": self.rep, "via": Via.BOARD, "now": LATER, **more})  # type: ignore[arg-type]

    def chain(self) -> list[tuple[str, bool]]:
        return [
            (v.stage.name, v.left_at is None)
            for v in StageVisit.objects.standing().filter(deal=self.deal).order_by("seq")
        ]

    def fresh(self) -> Deal:
        return Deal.objects.get(pk=self.deal.pk)


@pytest.fixture
def board() -> Board:
    return Board()


def test_a_move_closes_one_stay_and_opens_the_next(board: Board) -> None:
    outcome = board.move(board.second)
    assert isinstance(outcome, Moved) and outcome.visit is not None
    assert board.chain() == [("First", False), ("Second", True)]
    assert board.fresh().stage == board.second and board.fresh().stage_entered_at == LATER
    assert board.fresh().version == board.deal.version + 1
    assert MoveAttempt.objects.filter(deal=board.deal, outcome="moved", to_stage=board.second, via="board").count() == 1


def test_moving_to_where_it_is_writes_nothing(board: Board) -> None:
    assert board.move(board.first) == Moved(board.deal, None)
    assert board.chain() == [("First", True)] and board.fresh().version == board.deal.version


def test_an_unmet_condition_refuses_and_the_attempt_is_kept(board: Board) -> None:
    asked = make.condition(board.second, label="Agrees to a demo")
    outcome = board.move(board.second)
    assert isinstance(outcome, Refused) and [v.condition for v in outcome.missing] == [asked]
    assert "Agrees to a demo" in outcome.message
    assert board.chain() == [("First", True)]
    assert MoveAttempt.objects.get(deal=board.deal, outcome="refused").conditions.get().condition == asked


def test_what_is_filled_in_is_saved_with_the_move(board: Board) -> None:
    asked = make.condition(board.second)
    make.condition(board.second, "field", field="expected_close", operator="in_future")
    fill = Fill(changes={"expected_close": LATER.date() + timedelta(days=30)}, commitments=[NewCommitment(asked.pk)])
    assert isinstance(board.move(board.second, fill=fill), Moved)
    assert Commitment.objects.get(deal=board.deal).condition == asked and board.fresh().expected_close is not None


def test_what_is_filled_in_is_not_saved_when_something_still_lacks(board: Board) -> None:
    asked, other = make.condition(board.second), make.condition(board.second)
    fill = Fill(changes={"value": Decimal(7)}, commitments=[NewCommitment(asked.pk)])
    outcome = board.move(board.second, fill=fill)
    assert isinstance(outcome, Refused) and [v.condition for v in outcome.missing] == [other]
    assert not Commitment.objects.exists() and board.fresh().value == 1000
    assert MoveAttempt.objects.filter(outcome="refused").count() == 1


def test_bad_input_in_the_dialog_refuses_by_field(board: Board) -> None:
    outcome = board.move(board.second, fill=Fill(changes={"value": Decimal("-5")}))
    assert isinstance(outcome, Refused) and outcome.code == "invalid" and "value" in outcome.errors
    assert board.chain() == [("First", True)]


def test_a_jump_asks_the_conditions_of_stages_passed_over_each_once(board: Board) -> None:
    make.condition(board.second, "field", field="expected_close", operator="filled", blocks=False)
    strict = make.condition(board.third, "field", field="expected_close", operator="filled")
    passed = make.condition(board.second)
    outcome = board.move(board.third)
    assert isinstance(outcome, Refused) and {v.condition for v in outcome.missing} == {strict, passed}


def test_target_only_asks_the_target_and_no_jumps_refuses_a_jump(board: Board) -> None:
    make.condition(board.second)
    type(board.pipeline).objects.filter(pk=board.pipeline.pk).update(jumps="target")
    assert isinstance(board.move(board.third), Moved)
    type(board.pipeline).objects.filter(pk=board.pipeline.pk).update(jumps="none")
    board.move(board.first)
    outcome = board.move(board.third)
    assert isinstance(outcome, Refused) and outcome.code == "jump"


def test_winning_asks_for_all_stages_between_and_losing_for_none(board: Board) -> None:
    asked = {make.condition(board.third), make.condition(board.won)}
    outcome = board.move(board.won)
    assert isinstance(outcome, Refused) and {v.condition for v in outcome.missing} == asked
    assert isinstance(board.move(board.lost, close=Close(make.lost_reason())), Moved)
    assert board.fresh().status == "lost"


def test_losing_asks_for_the_reason_and_what_the_reason_asks(board: Board) -> None:
    assert isinstance(missing := board.move(board.lost), Refused) and missing.code == "reason"
    which = make.lost_reason(asks_note="Which competitor?")
    assert (
        isinstance(missing := board.move(board.lost, close=Close(which)), Refused)
        and missing.message == "Which competitor?"
    )
    later = make.lost_reason(asks_date=True)
    assert isinstance(board.move(board.lost, close=Close(later)), Refused)
    assert isinstance(board.move(board.lost, close=Close(later, come_back_on=LATER.date() + timedelta(days=90))), Moved)
    assert Task.objects.open().get(deal=board.deal).kind == "call"


def test_backward_is_free(board: Board) -> None:
    board.move(board.second)
    make.condition(board.first)
    assert isinstance(outcome := board.move(board.first), Moved) and outcome.visit is not None
    assert outcome.visit.let_in == "backward"


def test_a_commitment_stays_valid_after_a_move_back_unless_it_must_be_new(board: Board) -> None:
    lasting = make.condition(board.second)
    commitments.record(board.deal, lasting.pk, by=board.rep, now=NOW)
    board.move(board.second)
    board.move(board.first, now=LATER + timedelta(days=1))
    assert isinstance(board.move(board.second, now=LATER + timedelta(days=2)), Moved)
    board.move(board.first, now=LATER + timedelta(days=3))
    type(lasting).objects.filter(pk=lasting.pk).update(since_entering=True)
    assert isinstance(board.move(board.second, now=LATER + timedelta(days=4)), Refused)


def test_a_manager_overrides_with_a_reason_and_a_rep_does_not(board: Board) -> None:
    asked = make.condition(board.second)
    assert isinstance(refused := board.move(board.second, override="please"), Refused) and refused.code == "not_allowed"
    assert isinstance(board.move(board.second, override="  ", by=board.manager), Refused)
    outcome = board.move(board.second, override="Agreed by phone", by=board.manager)
    assert isinstance(outcome, Moved) and outcome.visit is not None
    assert (outcome.visit.let_in, outcome.visit.reason) == ("override", "Agreed by phone")
    kept = MoveAttempt.objects.get(visit=outcome.visit).conditions.get()
    assert (kept.condition, kept.result) == (asked, "overridden")


def test_a_warning_does_not_stop(board: Board) -> None:
    warned = make.condition(board.second, blocks=False)
    outcome = board.move(board.second)
    assert isinstance(outcome, Moved) and [v.condition for v in outcome.warnings] == [warned]


def test_the_second_of_two_movers_is_told_who_was_quicker(board: Board) -> None:
    seen = board.deal.version
    board.move(board.second, by=board.manager)
    outcome = board.move(board.third, version=seen)
    assert isinstance(outcome, Stale) and outcome.by == board.manager and outcome.at == LATER
    assert MoveAttempt.objects.filter(outcome="stale", to_stage=board.third).count() == 1


def test_an_edit_of_another_field_does_not_make_a_move_stale(board: Board) -> None:
    from pipeline import deals

    deals.edit(board.deal.pk, {"title": "Renamed"}, version=None, by=board.manager, via=Via.PAGE)
    assert isinstance(board.move(board.second, version=board.deal.version), Moved)


def test_a_move_may_say_when_it_happened(board: Board) -> None:
    earlier = NOW + timedelta(days=1)
    assert isinstance(board.move(board.second, happened_at=NOW - timedelta(days=1)), Refused)
    assert isinstance(board.move(board.second, happened_at=LATER + timedelta(days=1)), Refused)
    assert isinstance(board.move(board.second, happened_at=earlier), Moved)
    visit = StageVisit.objects.current().get(deal=board.deal)
    assert visit.entered_at == earlier and visit.recorded_at == LATER


def test_a_stage_of_another_pipeline_or_a_retired_one_is_gone(board: Board) -> None:
    other = make.stage(make.pipeline(), "First")
    assert isinstance(gone := board.move(other), Refused) and gone.code == "stage_gone"
    Stage.objects.filter(pk=board.third.pk).update(retired_at=NOW)
    assert isinstance(gone := board.move(board.third), Refused) and gone.code == "stage_gone"


def test_closing_freezes_owner_and_team_and_reopening_clears_them(board: Board) -> None:
    board.move(board.won)
    deal = board.fresh()
    assert (deal.credited_owner, deal.credited_team, deal.closed_at) == (
        board.rep,
        board.rep.memberships.get().team,
        LATER,
    )
    assert isinstance(closed := board.move(board.first), Refused) and closed.code == "closed"
    assert isinstance(outcome := board.move(board.second, reopen=True), Moved) and outcome.visit is not None
    assert (
        outcome.visit.let_in == "reopened" and board.fresh().closed_at is None and board.fresh().credited_owner is None
    )


def test_reopening_passes_the_gate_and_a_rep_has_thirty_days(board: Board) -> None:
    board.move(board.lost, close=Close(make.lost_reason()))
    asked = make.condition(board.second)
    assert isinstance(refused := board.move(board.second, reopen=True), Refused) and [
        v.condition for v in refused.missing
    ] == [asked]
    long_after = LATER + timedelta(days=31)
    assert (
        isinstance(refused := board.move(board.first, reopen=True, now=long_after), Refused)
        and refused.code == "not_allowed"
    )
    assert isinstance(board.move(board.first, reopen=True, now=long_after, by=board.manager), Moved)


def test_a_manager_of_others_who_takes_part_neither_overrides_nor_reopens_late(board: Board) -> None:
    friend = make.user("manager", team=make.team())
    DealMember.objects.create(deal=board.deal, user=friend, role="legal")
    make.condition(board.second)
    assert isinstance(refused := board.move(board.second, by=friend, override="Known"), Refused)
    assert refused.code == "not_allowed"
    board.move(board.lost, close=Close(make.lost_reason()))
    late = LATER + timedelta(days=31)
    assert isinstance(refused := board.move(board.first, by=friend, reopen=True, now=late), Refused)
    assert refused.code == "not_allowed"


def test_a_move_between_won_stages_changes_neither_outcome_nor_closing_time(board: Board) -> None:
    after_care = Stage.objects.create(pipeline=board.pipeline, name="After care", kind="won", order=95)
    board.move(board.won)
    assert isinstance(board.move(after_care, now=LATER + timedelta(days=9)), Moved)
    assert board.fresh().closed_at == LATER and board.fresh().status == "won"


def test_entering_plans_the_tasks_of_the_stage_and_leaving_cancels_them(board: Board) -> None:
    make.stage_task(board.second, "Call", offset_days=1)
    make.stage_task(board.second, "Then write", after_previous=True)
    board.move(board.second)
    task = Task.objects.open().get(deal=board.deal)
    assert task.title == "Call" and board.fresh().next_task_due_at == task.due_at
    # Friday 18 September plus one working day is Monday, at its last moment in the owner's zone.
    assert task.due_at.date().isoformat() == "2026-09-21"
    board.move(board.third, now=LATER + timedelta(hours=1))
    assert not Task.objects.open().exists() and board.fresh().next_task_due_at is None


def test_undo_reopens_the_stay_before_and_brings_the_tasks_back(board: Board) -> None:
    make.stage_task(board.second, "Call")
    board.move(board.second)
    moved = board.move(board.third, now=LATER + timedelta(hours=1))
    assert isinstance(moved, Moved) and moved.visit is not None
    undone = moves.undo_move(
        board.deal.pk, moved.visit.pk, by=board.rep, via=Via.BOARD, now=LATER + timedelta(hours=1, seconds=9)
    )
    assert isinstance(undone, Moved) and board.chain() == [("First", False), ("Second", True)]
    assert Task.objects.open().get(deal=board.deal).title == "Call"
    assert StageVisit.objects.filter(deal=board.deal, undone_at__isnull=False).count() == 1


def test_undoing_a_loss_takes_the_call_planned_with_it_along(board: Board) -> None:
    followups.add(board.deal.pk, "Write", LATER.date(), by=board.rep, now=NOW)
    close = Close(make.lost_reason(), come_back_on=LATER.date() + timedelta(days=90))
    lost = board.move(board.lost, close=close)
    assert isinstance(lost, Moved) and lost.visit is not None
    assert Task.objects.open().get(deal=board.deal).kind == "call"
    moves.undo_move(board.deal.pk, lost.visit.pk, by=board.rep, via=Via.BOARD, now=LATER)
    assert Task.objects.open().get(deal=board.deal).title == "Write"


def test_undo_is_refused_when_somebody_moved_on_and_twice_is_once(board: Board) -> None:
    first = board.move(board.second)
    then = LATER + timedelta(hours=1)
    board.move(board.third, now=then, by=board.manager)
    assert isinstance(first, Moved) and first.visit is not None
    assert isinstance(moves.undo_move(board.deal.pk, first.visit.pk, by=board.rep, via=Via.BOARD, now=then), Stale)
    last = StageVisit.objects.current().get(deal=board.deal)
    for _again in range(2):
        assert isinstance(moves.undo_move(board.deal.pk, last.pk, by=board.rep, via=Via.BOARD, now=then), Moved)
    assert board.chain() == [("First", False), ("Second", True)]


def test_what_is_older_than_ten_seconds_and_a_click_on_its_way_is_history(board: Board) -> None:
    moved = board.move(board.second)
    assert isinstance(moved, Moved) and moved.visit is not None
    late = moves.undo_move(
        board.deal.pk, moved.visit.pk, by=board.rep, via=Via.BOARD, now=LATER + timedelta(seconds=16)
    )
    assert isinstance(late, Refused) and late.code == "late" and board.fresh().stage == board.second


def test_undoing_a_win_and_a_reopening_restores_what_was(board: Board) -> None:
    board.move(board.won)
    reopened = board.move(board.second, reopen=True, now=LATER + timedelta(days=1))
    assert isinstance(reopened, Moved) and reopened.visit is not None
    moves.undo_move(board.deal.pk, reopened.visit.pk, by=board.rep, via=Via.BOARD, now=LATER + timedelta(days=1))
    deal = board.fresh()
    assert (deal.status, deal.closed_at, deal.credited_owner) == ("won", LATER, board.rep)


def test_a_full_stage_takes_no_more_until_one_has_moved_on(board: Board) -> None:
    Stage.objects.filter(pk=board.second.pk).update(most_deals=1)
    other = make.deal(board.second, board.rep)
    refused = board.move(board.second)
    assert isinstance(refused, Refused) and refused.code == "full" and board.fresh().stage == board.first
    moves.move_deal(other.pk, board.third.pk, by=board.rep, via=Via.BOARD)
    assert isinstance(board.move(board.second), Moved)
    new = moves.create_deal(board.second.pk, {"title": "New one"}, by=board.rep, via=Via.BOARD)
    assert isinstance(new, Refused) and new.code == "full"


def test_a_new_deal_passes_the_gate_of_its_column(board: Board) -> None:
    make.condition(board.second, label="Agrees")
    outcome = moves.create_deal(board.second.pk, {"title": "New one"}, by=board.rep, via=Via.BOARD, now=NOW)
    assert isinstance(outcome, Refused) and not Deal.objects.filter(title="New one").exists()
    assert MoveAttempt.objects.get(title="New one").outcome == "refused"
    outcome = moves.create_deal(board.first.pk, {"title": "New one"}, by=board.rep, via=Via.BOARD, now=NOW)
    assert isinstance(outcome, Moved) and outcome.deal.owner == board.rep and outcome.deal.currency == "EUR"
    assert ColumnTotal.objects.get(stage=board.first, owner=board.rep).deals == 2


def test_a_new_deal_may_bring_what_its_column_asks_for(board: Board) -> None:
    asked = make.condition(board.second)
    make.condition(board.second, "contact_role", contact_role="champion")
    fill = Fill(commitments=[NewCommitment(asked.pk)], people=[NewPerson("champion", contact=make.contact(board.rep))])
    outcome = moves.create_deal(board.second.pk, {"title": "New"}, by=board.rep, via=Via.BOARD, fill=fill, now=NOW)
    assert isinstance(outcome, Moved) and outcome.deal.people.get().is_primary


def test_totals_follow_moves_edits_owners_and_deletion(board: Board) -> None:
    from pipeline import deals

    board.move(board.second)
    deals.edit(
        board.deal.pk,
        {"value": Decimal("2500.50"), "owner": board.manager},
        version=None,
        by=board.manager,
        via=Via.PAGE,
    )
    rows = {(t.stage_id, t.owner_id): (t.deals, t.value) for t in ColumnTotal.objects.exclude(deals=0)}
    assert rows == {(board.second.pk, board.manager.pk): (1, Decimal("2500.5000"))}
    deals.delete(board.deal.pk, by=board.manager, via=Via.PAGE)
    assert not ColumnTotal.objects.exclude(deals=0).exists()
    deals.restore(board.deal.pk, by=board.manager, via=Via.PAGE)
    assert ColumnTotal.objects.get(stage=board.second, owner=board.manager).deals == 1


def test_change_of_pipeline_goes_through_the_doors_of_the_other_one(board: Board) -> None:
    other = make.pipeline("Alpha", "Beta", currency="GBP")
    alpha, beta = make.stage(other, "Alpha"), make.stage(other, "Beta")
    make.condition(beta)
    assert isinstance(moves.change_pipeline(board.deal.pk, beta.pk, by=board.rep, via=Via.PAGE, now=LATER), Refused)
    assert isinstance(moves.change_pipeline(board.deal.pk, alpha.pk, by=board.rep, via=Via.PAGE, now=LATER), Moved)
    assert board.fresh().pipeline == other and board.chain() == [("First", False), ("Alpha", True)]


def test_a_corrected_date_keeps_the_former_chain_and_why_it_was_let_in(board: Board) -> None:
    board.move(board.second)
    before = NOW - timedelta(days=10)
    stays = [moves.Stay(board.first, before), moves.Stay(board.second, NOW)]
    moves.rewrite_history(board.deal.pk, stays, by=board.manager, via=Via.PAGE, reason="Typed too late", now=LATER)
    assert board.fresh().started_at == before and board.fresh().stage_entered_at == NOW
    standing = StageVisit.objects.standing().filter(deal=board.deal)
    assert [visit.let_in for visit in standing] == ["history", "conditions"]
    assert StageVisit.objects.filter(deal=board.deal).count() == 4


def test_an_approval_lapses_when_the_value_changes(board: Board) -> None:
    from pipeline import deals

    asked = make.condition(board.second, "approval", when_value_at_least=Decimal(500))
    row = approvals.ask(board.deal.pk, asked.pk, by=board.rep, now=NOW)
    assert list(approvals.waiting_for(board.manager)) == [row]
    approvals.decide(row.pk, by=board.manager, approve=True, now=NOW)
    deals.edit(board.deal.pk, {"value": Decimal(900)}, version=None, by=board.rep, via=Via.PAGE)
    assert isinstance(refused := board.move(board.second), Refused) and "lapsed" in refused.missing[0].detail
    deals.edit(board.deal.pk, {"value": Decimal(400)}, version=None, by=board.rep, via=Via.PAGE)
    assert isinstance(board.move(board.second), Moved)
    assert Approval.objects.count() == 1


def test_a_condition_that_lost_its_object_keeps_the_gate_closed(board: Board) -> None:
    make.condition(board.second, "field", field="gone", operator="filled")
    make.condition(board.second, "activity", activity_type=None)
    make.condition(board.second, "no_such_kind")
    outcome = board.move(board.second)
    assert isinstance(outcome, Refused) and [v.state for v in outcome.missing] == ["broken"] * 3


def test_an_activity_counts_when_it_was_held(board: Board) -> None:
    demo = make.activity_type("presentation")
    no_show = demo.outcomes.create(name="No-show", held=False)
    make.condition(board.second, "activity", activity_type=demo, times=2)
    fill = Fill(activities=[NewActivity(demo), NewActivity(demo, outcome=no_show)])
    assert isinstance(refused := board.move(board.second, fill=fill), Refused) and "1 of 2" in refused.missing[0].detail
    assert isinstance(board.move(board.second, fill=Fill(activities=[NewActivity(demo), NewActivity(demo)])), Moved)


def test_a_move_costs_at_most_twelve_queries_once_the_process_is_known(board: Board) -> None:
    Company.objects.create(pk=1)
    make.stage_task(board.second)
    asked = make.condition(board.second)
    make.condition(board.second, "field", field="value", operator="filled")
    commitments.record(board.deal, asked.pk, by=board.rep, now=NOW)
    in_force.read(board.pipeline.pk)
    with CaptureQueriesContext(connection) as captured:
        assert isinstance(board.move(board.second, now=None), Moved)
    assert len([q for q in captured if "SAVEPOINT" not in q["sql"]]) <= 12
