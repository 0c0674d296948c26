"""Changing many deals: by the ordinary rules, all or none may be chosen, each answer told, and taken back."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.urls import reverse
from django.utils import timezone

from crm import verification
from crm.models import Change, Company, User
from pipeline import bulk, deals, followups, moves
from pipeline.bulk import change
from pipeline.models import BulkItem, BulkRun, Deal, Stage, StageVisit, Tag, Task
from tests import factories as make
from tests.deal_world import World, digest
from tests.test_races import at_once

DAY = timedelta(days=1)
Is = BulkItem.Outcome


@pytest.fixture
def world(db: None) -> World:
    return World()


def more(world: World, count: int, owner: User | None = None, stage: Stage | None = None) -> list[Deal]:
    began = timezone.now() - DAY
    return [make.deal(stage or world.first, owner or world.rep, now=began, value=Decimal(5)) for _ in range(count)]


def run(world: World, chosen: list[Deal], action: str, by: User | None = None, **given: Any) -> BulkRun:
    made = bulk.start(
        world.pipeline, {deal.pk: deal.version for deal in chosen}, action, given, by=by or world.rep, words="Change"
    )
    bulk.work(made.pk, 1000)
    made.refresh_from_db()
    return made


def told(made: BulkRun) -> list[str]:
    return list(made.items.order_by("deal_id").values_list("outcome", flat=True))


def fresh(deal: Deal) -> Deal:
    return Deal.objects.get(pk=deal.pk)


def post(world: World, name: str, user: User | None = None, query: str = "", **data: Any) -> Any:
    here = reverse("deal-list", args=[world.pipeline.pk]) + query
    return world.client(user).post(reverse(name, args=[world.pipeline.pk]), {"next": here, **data})


# --- What can be done


def test_a_close_date_is_set_on_each_and_said_where_it_was_so_already(world: World) -> None:
    other = more(world, 1)[0]
    deals.edit(other.pk, {"expected_close": timezone.localdate()}, version=None, by=world.rep, via="page")
    made = run(world, [world.deal, fresh(other)], "close", day=timezone.localdate().isoformat())
    assert told(made) == [Is.DONE, Is.SAME] and made.finished_at is not None
    assert world.fresh().expected_close == timezone.localdate()
    assert Change.objects.get(object_id=world.deal.pk, field="expected_close").via == "bulk"


def test_a_tag_joins_the_others_and_only_that_one_is_removed(world: World) -> None:
    hot, cold = Tag.objects.create(name="hot"), Tag.objects.create(name="cold")
    world.deal.tags.add(cold)
    run(world, [world.deal], "tag", tag=hot.pk)
    assert set(world.fresh().tags.all()) == {hot, cold}
    assert told(run(world, [world.deal], "tag", tag=hot.pk)) == [Is.SAME]
    run(world, [world.deal], "untag", tag=hot.pk)
    assert list(world.fresh().tags.all()) == [cold]


def test_a_move_goes_through_the_gate_and_says_what_is_missing(world: World) -> None:
    make.condition(world.second, "field", field="expected_close", label="Close date is set")
    ready, bare = more(world, 2)
    deals.edit(ready.pk, {"expected_close": timezone.localdate()}, version=None, by=world.rep, via="page")
    made = run(world, [fresh(ready), bare], "move", stage=world.second.pk)
    assert told(made) == [Is.DONE, Is.REFUSED]
    assert "Close date is set" in made.items.get(deal=bare).detail
    assert (fresh(ready).stage, fresh(bare).stage) == (world.second, world.first)


def test_whoever_was_quicker_is_not_overwritten(world: World) -> None:
    moved, edited = world.deal, more(world, 1)[0]
    moves.move_deal(moved.pk, world.third.pk, by=world.manager, via="board")
    assert told(run(world, [moved], "move", stage=world.second.pk)) == [Is.STALE]
    deals.edit(edited.pk, {"expected_close": timezone.localdate()}, version=None, by=world.manager, via="page")
    day = (timezone.localdate() + DAY).isoformat()
    assert told(run(world, [edited], "close", day=day)) == [Is.STALE]
    assert fresh(moved).stage == world.third and fresh(edited).expected_close == timezone.localdate()


def test_deals_are_lost_with_a_reason(world: World) -> None:
    reason = make.lost_reason(asks_note="Which competitor?")
    made = run(world, [world.deal], "lose", reason=reason.pk, note="Acme")
    assert told(made) == [Is.DONE] and world.fresh().close_reason == reason and world.fresh().close_note == "Acme"
    answer = post(world, "bulk-start", deals=more(world, 1)[0].pk, action="lose", reason=reason.pk)
    assert answer.status_code == 422 and "Which competitor?" in answer.content.decode()


def test_a_manager_hands_over_among_their_people_with_the_open_tasks(world: World) -> None:
    task = followups.add(world.deal.pk, "Call", timezone.localdate() + DAY, by=world.rep)
    assert task is not None
    made = run(world, [world.deal], "owner", world.manager, owner=world.colleague.pk)
    assert told(made) == [Is.DONE] and world.fresh().owner == world.colleague
    assert Task.objects.get(pk=task.pk).owner == world.colleague


# --- What is refused as a whole


def test_one_foreign_deal_among_many_and_nothing_is_changed(world: World) -> None:
    foreign = more(world, 1, world.stranger)[0]
    before = digest()
    with pytest.raises(bulk.NotYours):
        run(world, [world.deal, foreign], "close", day="2030-01-01")
    answer = post(world, "bulk-start", deals=f"{world.deal.pk},{foreign.pk}", action="close", day="2030-01-01")
    missing = post(world, "bulk-start", deals=f"{world.deal.pk},987654321", action="close", day="2030-01-01")
    assert (answer.status_code, missing.status_code) == (404, 404) and digest() == before


def test_one_deal_that_may_only_be_read_and_nothing_is_changed(world: World) -> None:
    world.let_team_read()
    theirs = more(world, 1, world.colleague)[0]
    before = digest()
    answer = post(world, "bulk-start", deals=f"{world.deal.pk},{theirs.pk}", action="close", day="2030-01-01")
    assert answer.status_code == 403 and digest() == before


def test_reps_hand_nothing_over_and_managers_to_nobody_elses_people(world: World) -> None:
    with pytest.raises(bulk.NotYours):
        run(world, [world.deal], "owner", owner=world.colleague.pk)
    assert post(world, "bulk-start", deals=world.deal.pk, action="owner", owner=world.rep.pk).status_code == 403
    with pytest.raises(ValidationError):
        run(world, [world.deal], "owner", world.manager, owner=world.stranger.pk)
    foreign = more(world, 1, world.stranger)[0]
    foreign.members.create(user=world.manager, role="specialist")
    with pytest.raises(bulk.NotYours):
        run(world, [foreign], "owner", world.manager, owner=world.rep.pk)


def test_stages_tags_and_reasons_of_elsewhere_are_not_taken(world: World) -> None:
    other = make.pipeline().stages.first()
    assert other is not None
    wrong: list[tuple[str, dict[str, Any]]] = [
        ("move", {"stage": other.pk}),
        ("move", {"stage": world.lost.pk}),
        ("tag", {"tag": 9}),
        ("x", {}),
    ]
    for action, given in wrong:
        with pytest.raises(ValidationError):
            run(world, [world.deal], action, **given)
    assert not BulkRun.objects.exists()


def test_ten_thousand_and_one_are_too_many_and_twice_the_same_is_once(world: World) -> None:
    before = digest()
    many = ",".join(str(number) for number in range(1, 10_002))
    answer = post(world, "bulk-start", deals=many, action="close", day="2030-01-01")
    assert answer.status_code == 413 and digest() == before
    post(world, "bulk-start", deals=f"{world.deal.pk},{world.deal.pk}", action="close", day="2030-01-01")
    assert BulkRun.objects.get().total == 1


def test_the_same_form_twice_is_one_run(world: World) -> None:
    data: dict[str, Any] = {"deals": world.deal.pk, "action": "close", "day": "2030-01-01", "once_key": "k"}
    first, second = (post(world, "bulk-start", **data) for _ in range(2))
    assert first.headers["Location"] == second.headers["Location"] and BulkRun.objects.count() == 1


# --- Doors


def test_what_exactly_is_asked_and_all_that_match_is_a_step_of_its_own(world: World) -> None:
    more(world, 3)
    more(world, 1, world.stranger)
    text = post(world, "bulk-ask", deal=f"{world.deal.pk}:1", action="close").content.decode()
    assert "All 4 deals that match" in text and f'value="{world.deal.pk}:1"' in text
    narrow = post(world, "bulk-ask", query="?q=Meters", deal=f"{world.deal.pk}:1", action="close").content.decode()
    assert "deals that match" not in narrow


def test_all_that_match_are_changed_and_only_as_many_as_were_said(world: World) -> None:
    more(world, 3)
    data: dict[str, Any] = {"deals": world.deal.pk, "action": "close", "day": "2030-01-01", "which": "all"}
    answer = post(world, "bulk-start", matching="3", **data)
    assert answer.status_code == 409 and not BulkRun.objects.exists()
    post(world, "bulk-start", matching="4", **data)
    assert Deal.objects.filter(expected_close="2030-01-01").count() == 4


def test_the_page_of_a_run_is_for_who_made_it(world: World) -> None:
    made = run(world, [world.deal], "close", day="2030-01-01")
    url = reverse("bulk-run", args=[made.pk])
    answers = [world.client(user).get(url).status_code for user in (world.rep, world.manager, world.stranger)]
    assert answers == [200, 404, 404]
    assert "Meters for 14 shops" in world.client().get(url).content.decode()


def test_a_deal_that_one_lost_sight_of_is_not_named_on_the_page(world: World) -> None:
    made = run(world, [world.deal], "owner", world.manager, owner=world.manager.pk)
    Deal.objects.filter(pk=world.deal.pk).update(owner=world.stranger)
    assert "Meters" not in world.client(world.manager).get(reverse("bulk-run", args=[made.pk])).content.decode()


def test_many_deals_are_left_to_a_job_and_come_back_as_a_message(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.bulk.AT_ONCE", 2)
    monkeypatch.setattr("pipeline.bulk.beginning.AT_ONCE", 2)
    chosen = [world.deal, *more(world, 3)]
    client, here = world.client(), reverse("deal-list", args=[world.pipeline.pk])
    data: dict[str, Any] = {
        "deals": ",".join(str(deal.pk) for deal in chosen),
        "action": "close",
        "day": "2030-01-01",
        "next": here,
    }
    page = client.post(reverse("bulk-start", args=[world.pipeline.pk]), data).headers["Location"]
    assert "0 of 4 deals" in client.get(page).content.decode()
    assert "done for" not in client.get(here).content.decode()
    bulk.work_all()
    assert "done for 4 of 4 deals" in client.get(here).content.decode()
    assert "done for" not in client.get(here).content.decode()


# --- Death and going on


def test_a_worker_that_dies_leaves_nothing_half_done_and_the_next_goes_on(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = [world.deal, *more(world, 4)]
    made = bulk.start(
        world.pipeline, dict.fromkeys([deal.pk for deal in chosen]), "move", {"stage": world.second.pk},
        by=world.rep, words="Move",
    )  # fmt: skip
    bulk.work(made.pk, 2)

    def dies(*_args: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr(change, "Did", dies)
        with pytest.raises(KeyboardInterrupt):
            bulk.work(made.pk)
    assert Deal.objects.filter(stage=world.second).count() == 2
    assert bulk.work_all() == 3 and bulk.work_all() == 0
    assert told(made) == [Is.DONE] * 5
    assert StageVisit.objects.filter(stage=world.second).count() == 5


def test_a_deal_on_which_a_rule_fails_does_not_keep_the_others_back(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = more(world, 1)[0]
    edit = deals.edit

    def fails(deal_id: int, *args: Any, **options: Any) -> Any:
        if deal_id == world.deal.pk:
            raise RuntimeError
        return edit(deal_id, *args, **options)

    monkeypatch.setattr(deals, "edit", fails)
    assert told(run(world, [world.deal, other], "close", day="2030-01-01")) == [Is.REFUSED, Is.DONE]


def test_who_loses_the_right_meanwhile_changes_nothing_more(world: World) -> None:
    made = bulk.start(world.pipeline, {world.deal.pk: 1}, "close", {"day": "2030-01-01"}, by=world.rep, words="x")
    deals.edit(world.deal.pk, {"owner": world.colleague}, version=None, by=world.manager, via="page")
    bulk.work(made.pk)
    assert told(made) == [Is.REFUSED] and world.fresh().expected_close is None


# --- Taking back


def test_taking_back_puts_back_what_nobody_changed_since_and_says_what_it_left(world: World) -> None:
    kept, touched = more(world, 2)
    hot = Tag.objects.create(name="hot")
    made = run(world, [kept, touched], "tag", tag=hot.pk)
    deals.edit(touched.pk, {"title": "Renamed"}, version=None, by=world.manager, via="page")
    bulk.take_back(made.pk, by=world.rep)
    bulk.work(made.pk)
    assert told(made) == [Is.BACK, Is.LEFT]
    assert not fresh(kept).tags.exists() and list(fresh(touched).tags.all()) == [hot]


def test_moves_taken_back_are_undone_with_their_tasks(world: World) -> None:
    make.stage_task(world.second, "Prepare")
    other = more(world, 1)[0]
    made = run(world, [world.deal, other], "move", stage=world.second.pk)
    moves.move_deal(other.pk, world.third.pk, by=world.rep, via="board")
    bulk.take_back(made.pk, by=world.rep)
    bulk.work(made.pk)
    assert told(made) == [Is.BACK, Is.LEFT]
    assert (world.fresh().stage, fresh(other).stage) == (world.first, world.third)
    assert not Task.objects.open().filter(deal=world.deal).exists()
    assert [f.invariant for f in verification.run() if f.breaks] == []


def test_owners_dates_and_losses_come_back(world: World) -> None:
    reason, today = make.lost_reason(), timezone.localdate()
    deals.edit(world.deal.pk, {"expected_close": today}, version=None, by=world.rep, via="page")
    for action, given in (
        ("owner", {"owner": world.colleague.pk}),
        ("close", {"day": "2030-01-01"}),
        ("lose", {"reason": reason.pk}),
    ):
        made = run(world, [world.fresh()], action, world.manager, **given)
        assert told(made) == [Is.DONE]
        bulk.take_back(made.pk, by=world.manager)
        bulk.work(made.pk)
        assert told(made) == [Is.BACK]
    now = world.fresh()
    assert (now.owner, now.expected_close, now.stage, now.status) == (world.rep, today, world.first, "open")


def test_taking_back_is_offered_once_and_not_for_ever(world: World) -> None:
    made = run(world, [world.deal], "close", day="2030-01-01")
    url = reverse("bulk-take-back", args=[made.pk])
    assert world.client(world.manager).post(url).status_code == 404
    BulkRun.objects.filter(pk=made.pk).update(finished_at=timezone.now() - 8 * DAY)
    world.client().post(url)
    assert world.fresh().expected_close is not None
    BulkRun.objects.filter(pk=made.pk).update(finished_at=timezone.now())
    for _ in range(2):
        assert world.client().post(url).status_code == 302
    assert world.fresh().expected_close is None
    text = world.client().get(reverse("bulk-run", args=[made.pk])).content.decode()
    assert "taken back" in text and url not in text


# --- At the same moment


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_many_moves_and_single_moves_at_once_lose_nothing() -> None:
    pipeline, owner = make.pipeline(), make.user("admin")
    first, second, third, *_ = pipeline.stages.all()
    board = [make.deal(first, owner) for _ in range(30)]
    seen = {deal.pk: deal.version for deal in board}
    made = bulk.start(pipeline, seen, "move", {"stage": second.pk}, by=owner, words="Move")
    again = bulk.start(pipeline, dict(reversed(seen.items())), "move", {"stage": third.pk}, by=owner, words="Move")

    def single() -> list[str]:
        found = [moves.move_deal(d.pk, third.pk, by=owner, via="board", version=d.version) for d in reversed(board)]
        return [type(each).__name__ for each in found]

    results = at_once(*(lambda pk=pk: bulk.work(pk) for pk in (made.pk, made.pk, again.pk)), single)
    assert [each for each in results if isinstance(each, Exception)] == []
    outcomes = [*told(made), *told(again)]
    moved = outcomes.count(Is.DONE) + results[3].count("Moved")  # type: ignore[attr-defined]
    assert outcomes.count("") == 0 and moved >= 30
    assert StageVisit.objects.standing().filter(deal__in=board).count() == 60
    assert [f.invariant for f in verification.run() if f.breaks] == []


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_two_managers_who_move_overlapping_deals_do_not_wait_for_each_other_for_ever() -> None:
    """Each deal is moved once by the one and then told or moved on by the other, whichever order they were chosen in."""
    team, pipeline = make.team(), make.pipeline()
    rep, *managers = make.user(team=team), make.user("manager", team), make.user("manager", team)
    first, second, third, *_ = pipeline.stages.all()
    board = [make.deal(first, rep) for _ in range(40)]
    chosen = [board[:30], board[:9:-1]]
    runs = [
        bulk.start(pipeline, {d.pk: d.version for d in some}, "move", {"stage": to.pk}, by=manager, words="Move")
        for some, to, manager in zip(chosen, (second, third), managers, strict=True)
    ]
    results = at_once(*(lambda pk=made.pk: bulk.work(pk, 1000) for made in runs))
    assert [each for each in results if isinstance(each, Exception)] == []
    both = {deal.pk for deal in board[10:30]}
    outcomes = {
        deal: [str(o) for o in BulkItem.objects.filter(deal=deal).values_list("outcome", flat=True)] for deal in both
    }
    assert all(sorted(each) == sorted([Is.DONE, Is.STALE]) for each in outcomes.values())
    assert StageVisit.objects.standing().filter(deal__in=board).count() == 80
    assert [f.invariant for f in verification.run() if f.breaks] == []


def test_a_company_of_its_own_settings_changes_nothing_here(world: World) -> None:
    Company.objects.update_or_create(pk=1, defaults={"reps_see_team_deals": True})
    theirs = more(world, 1, world.colleague)[0]
    text = post(world, "bulk-ask", deal=f"{world.deal.pk}:1", action="close").content.decode()
    assert "deals that match" not in text and fresh(theirs).owner == world.colleague
