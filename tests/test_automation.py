"""What the process does by itself: each action, once a stay, through the gate, taken back with the move, never in a circle."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from crm import notices, verification
from crm.models import Change, Notice, User
from leads.models import Source
from pipeline import bulk, definition, idle_actions, moves
from pipeline.models import (
    ActionRun,
    Deal,
    DealMember,
    MoveAttempt,
    Pipeline,
    ProcessAction,
    Stage,
    StageVisit,
    Tag,
    Task,
)
from pipeline.moves import Close, Moved
from tests import factories as make
from tests.api_world import Program
from tests.deal_world import World

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture
def world() -> World:
    return World()


def enter(world: World, stage: Stage | None = None, **more: Any) -> Moved:
    outcome = moves.move_deal(world.deal.pk, (stage or world.second).pk, by=world.rep, via="board", **more)
    assert isinstance(outcome, Moved)
    return outcome


def told(user: User) -> list[str]:
    return list(notices.of(user).order_by("pk").values_list("text", flat=True))


# --- Each action


def test_entering_tells_who_has_the_role(world: World) -> None:
    make.action(world.second, role="success", text="Prepare the start")
    helper = make.user()
    DealMember.objects.create(deal=world.deal, user=helper, role="success")
    enter(world)
    assert told(helper) == ["Prepare the start"] and told(world.rep) == []
    notice = Notice.objects.get(user=helper)
    assert notices.words(notice) == "By the process: Meters for 14 shops" and notice.who is None


def test_the_owner_is_told_where_nobody_has_the_role_and_managers_by_theirs(world: World) -> None:
    make.action(world.second, role="legal", text="Read the contract")
    make.action(world.second, role="managers", text="Have a look")
    enter(world)
    assert told(world.rep) == ["Read the contract"] and told(world.manager) == ["Have a look"]


def test_entering_gives_the_deal_and_its_tasks_to_the_role(world: World) -> None:
    make.action(world.second, "reassign", role="success")
    make.stage_task(world.second, "Call")
    DealMember.objects.create(deal=world.deal, user=world.colleague, role="success")
    enter(world)
    assert world.fresh().owner == world.colleague and Task.objects.get(deal=world.deal).owner == world.colleague
    row = Change.objects.get(object_type="deal", object_id=world.deal.pk, field="owner", version__gt=1)
    assert (row.by, row.via, row.new) == (None, "process", world.colleague.pk) and told(world.colleague) == [
        "It is yours now."
    ]


def test_without_anybody_to_give_it_to_the_deal_stays_and_the_owner_is_told(world: World) -> None:
    make.action(world.second, "reassign", role="success")
    enter(world)
    assert world.fresh().owner == world.rep and world.fresh().stage == world.second
    assert "nobody has the role" in told(world.rep)[0] and ActionRun.objects.get().outcome == "refused"


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("value", "2500.50", Decimal("2500.5")),
        ("value", "", None),
        ("source", "cold CALL", "Cold call"),
        ("expected_close", "30", timezone.localdate() + 30 * DAY),
    ],
)
def test_entering_sets_a_field(world: World, field: str, value: str, expected: Any) -> None:
    make.source("Cold call")
    make.action(world.second, "field", field=field, value=value)
    enter(world)
    found = getattr(world.fresh(), field)
    assert (found.name if isinstance(found, Source) else found) == expected


def test_a_value_that_the_currency_does_not_take_leaves_the_move_as_it_is(world: World) -> None:
    make.action(world.second, "field", field="value", value="1.23456")
    enter(world)
    assert (world.fresh().stage, world.fresh().value) == (world.second, Decimal(1000))
    assert told(world.rep)[0].startswith("Not done, set a field")


def test_tags_are_added_and_taken_off(world: World) -> None:
    hot, cold = Tag.objects.create(name="Hot"), Tag.objects.create(name="Cold")
    world.deal.tags.add(cold)
    make.action(world.second, "tag", tag=hot)
    make.action(world.second, "untag", tag=cold)
    enter(world)
    assert list(world.fresh().tags.all()) == [hot]


def test_winning_and_losing_from_a_stage_act_and_entering_another_does_not(world: World) -> None:
    make.action(world.first, when="won", role="owner", text="Well done")
    make.action(world.first, when="lost", role="owner", text="What did we learn?")
    enter(world, world.lost, close=Close(reason=make.lost_reason()))
    assert told(world.rep) == ["What did we learn?"]


def test_entering_the_won_stage_acts_whatever_it_was_won_from(world: World) -> None:
    make.action(world.won, role="owner", text="Plan the start")
    enter(world, world.won)
    assert told(world.rep) == ["Plan the start"]


# --- A linked deal


class Renewals:
    """A second pipeline in which a deal is opened."""

    def __init__(self, world: World) -> None:
        self.pipeline = make.pipeline("Soon", "Talks")
        self.first = make.stage(self.pipeline, "Soon")
        self.action = make.action(world.second, "open", pipeline=self.pipeline, text="Renewal")

    @property
    def deals(self) -> list[Deal]:
        return list(Deal.objects.filter(pipeline=self.pipeline))


def test_a_linked_deal_begins_in_the_first_stage_for_the_same_customer(world: World) -> None:
    renewals, organization = Renewals(world), make.organization(world.rep)
    contact = make.contact(world.rep, organization=organization)
    world.deal.people.create(contact=contact, role="champion", is_primary=True)
    Deal.objects.filter(pk=world.deal.pk).update(organization=organization)
    enter(world)
    [made] = renewals.deals
    assert (made.title, made.stage, made.owner, made.organization) == (
        "Renewal",
        renewals.first,
        world.rep,
        organization,
    )
    assert [(each.contact, each.role) for each in made.people.all()] == [(contact, "champion")]
    visit = StageVisit.objects.get(deal=made)
    assert (visit.by, visit.via, visit.let_in) == (None, "process", "conditions")
    assert [found for found in verification.run() if found.breaks] == []


def test_both_deals_say_so(world: World) -> None:
    renewals = Renewals(world)
    enter(world)
    [made] = renewals.deals
    assert f"The process opened a deal in {renewals.pipeline.name}" in world.page()
    page = world.client().get(reverse("deal", args=[made.pk])).content.decode()
    assert (
        "The process opened this deal because of another one" in page and reverse("deal", args=[world.deal.pk]) in page
    )
    assert told(world.rep) == [f"It opened this deal in {renewals.pipeline.name}."]


def test_the_gate_holds_for_a_deal_of_the_process(world: World) -> None:
    renewals = Renewals(world)
    make.condition(renewals.first, label="Contract ends this year")
    enter(world)
    assert renewals.deals == [] and world.fresh().stage == world.second
    assert "Contract ends this year" in told(world.rep)[0]
    attempt = MoveAttempt.objects.get(to_stage=renewals.first)
    assert (attempt.outcome, attempt.via, attempt.by, attempt.title) == ("refused", "process", None, "Renewal")


def test_a_pipeline_that_opens_back_cannot_be_saved(world: World) -> None:
    renewals = Renewals(world)
    back = ProcessAction(stage=renewals.first, what="open", pipeline=world.pipeline)
    with pytest.raises(ValidationError, match="would open one another for ever"):
        definition.save_changes(renewals.pipeline, [back], by=world.admin)
    assert not ProcessAction.objects.filter(stage=renewals.first).exists()


def test_a_circle_by_way_of_a_third_pipeline_cannot_be_saved(world: World) -> None:
    renewals, third = Renewals(world), make.pipeline()
    make.action(renewals.first, "open", pipeline=third)
    back = ProcessAction(stage=third.stages.all()[0], what="open", pipeline=world.pipeline)
    with pytest.raises(ValidationError, match=f"{third.name} → {world.pipeline.name} → {renewals.pipeline.name}"):
        definition.save_changes(third, [back], by=world.admin)


def test_a_circle_that_is_there_all_the_same_ends_at_the_first_pipeline(world: World) -> None:
    renewals = Renewals(world)
    make.action(renewals.first, "open", pipeline=world.pipeline)
    enter(world)
    assert len(renewals.deals) == 1 and Deal.objects.filter(pipeline=world.pipeline).count() == 1
    assert any("round in a circle" in text for text in told(world.rep))


def test_a_long_chain_ends(world: World) -> None:
    before = world.second
    for _ in range(6):
        pipeline = make.pipeline()
        make.action(before, "open", pipeline=pipeline)
        before = pipeline.stages.all()[0]
    enter(world)
    assert Deal.objects.count() == 1 + 3


# --- Once a stay, and taken back


def test_each_stay_acts_once_and_the_next_stay_again(world: World) -> None:
    make.action(world.second, role="owner", text="Look")
    enter(world)
    enter(world, world.first)
    enter(world)
    assert told(world.rep) == ["Look", "Look"]
    assert ActionRun.objects.values("visit").distinct().count() == 2


def test_undo_takes_back_what_can_be_taken_back(world: World) -> None:
    hot = Tag.objects.create(name="Hot")
    make.action(world.second, "tag", tag=hot)
    make.action(world.second, "field", field="value", value="77")
    make.action(world.second, "reassign", user=world.colleague)
    make.action(world.second, role="managers", text="Look")
    moved = enter(world)
    assert moved.visit is not None and world.fresh().owner == world.colleague and told(world.manager) == ["Look"]
    moves.undo_move(world.deal.pk, moved.visit.pk, by=world.rep, via="board")
    deal = world.fresh()
    assert (deal.owner, deal.value, list(deal.tags.all()), deal.stage) == (world.rep, Decimal(1000), [], world.first)
    assert told(world.manager) == [] and not ActionRun.objects.filter(undone_at__isnull=True).exists()
    assert [found for found in verification.run() if found.breaks] == []


def test_undo_leaves_what_somebody_changed_since_and_a_linked_deal_and_says_so(world: World) -> None:
    renewals = Renewals(world)
    make.action(world.second, "field", field="value", value="77")
    moved = enter(world)
    Deal.objects.filter(pk=world.deal.pk).update(value=88)
    assert moved.visit is not None
    answer = world.client().post(reverse("move-undo", args=[moved.visit.pk]), follow=True).content.decode()
    assert "What the process set was changed since, and stays." in answer
    assert "“Renewal”, which it opened, stays." in answer
    assert world.fresh().value == 88 and len(renewals.deals) == 1


def test_a_refused_move_does_nothing_by_itself(world: World) -> None:
    make.action(world.second, role="owner", text="Look")
    make.condition(world.second)
    moves.move_deal(world.deal.pk, world.second.pk, by=world.rep, via="board")
    assert told(world.rep) == [] and not ActionRun.objects.exists()


def test_a_stage_without_actions_costs_no_query_more(world: World) -> None:
    make.action(world.third, role="owner", text="Look")
    with CaptureQueriesContext(connection) as asked:
        enter(world)
    assert not [query for query in asked.captured_queries if "pipeline_processaction" in query["sql"]]


# --- Every door


def test_new_deals_bulk_and_the_api_act_too(world: World) -> None:
    make.action(world.second, role="owner", text="Look")
    world.client().post(reverse("deal-new"), {"title": "New", "to": world.second.pk, "once_key": "k"})
    assert told(world.rep) == ["Look"]
    version = world.fresh().version
    body = {"stage": world.second.pk, "version": version}
    assert Program(world.rep).post(f"deals/{world.deal.pk}/move/", body).status_code == 200
    assert told(world.rep) == ["Look", "Look"]
    other = make.deal(world.first, world.rep)
    run = bulk.start(world.pipeline, {other.pk: None}, "move", {"stage": world.second.pk}, by=world.rep, words="Move")
    bulk.work(run.pk)
    assert told(world.rep) == ["Look"] * 3


def test_a_stage_that_is_retired_moves_its_deals_without_acting(world: World) -> None:
    make.action(world.second, role="owner", text="Look")
    moves.move_retired(world.deal.pk, world.second.pk, by=world.admin)
    assert told(world.rep) == []


# --- Idle


def idle(world: World) -> ProcessAction:
    Deal.objects.filter(pk=world.deal.pk).update(last_worked_at=timezone.now() - 6 * DAY)
    return make.action(world.first, when="idle", role="owner", text="Nobody has called")


def test_an_idle_deal_is_acted_on_once(world: World) -> None:
    idle(world)
    make.deal(world.first, world.rep, now=timezone.now() - DAY)
    assert [idle_actions.act(), idle_actions.act()] == [1, 0]
    assert told(world.rep) == ["Nobody has called"]


def test_a_paused_a_worked_on_or_a_closed_deal_is_not(world: World) -> None:
    idle(world)
    Deal.objects.filter(pk=world.deal.pk).update(paused_until=timezone.now() + DAY)
    assert idle_actions.act() == 0
    Deal.objects.filter(pk=world.deal.pk).update(paused_until=None, last_worked_at=timezone.now())
    assert idle_actions.act() == 0
    enter(world, world.lost, close=Close(reason=make.lost_reason()))
    assert idle_actions.act(now=timezone.now() + 30 * DAY) == 0


# --- The administration


def stage_form(world: World, **action: Any) -> dict[str, Any]:
    columns = ["order", "when", "what", "role", "user", "field", "value", "tag", "pipeline", "text"]
    given = {f"actions-0-{name}": action.get(name, "") for name in columns} | {"actions-0-order": 1}
    forms = {
        f"{name}-{part}": 0
        for name in ("conditions", "tasks", "resources")
        for part in ("TOTAL_FORMS", "INITIAL_FORMS")
    }
    stage = world.second
    return {
        "name": stage.name, "step": stage.step_id, "kind": "open", "probability": 10, "target_days": 7, "idle_days": 5, **forms,
        "actions-TOTAL_FORMS": 1, "actions-INITIAL_FORMS": 0, "actions-0-stage": stage.pk, **given,
    }  # fmt: skip


def save_action(world: World, **action: Any) -> Any:
    url = reverse("admin:pipeline_stage_change", args=[world.second.pk])
    return world.client(world.admin).post(url, stage_form(world, **action), follow=True)


def test_an_action_is_a_row_of_the_stage_and_of_its_version(world: World) -> None:
    answer = save_action(world, when="entry", what="notify", role="managers", text="Look", value="left over")
    made = ProcessAction.objects.get()
    assert answer.status_code == 200 and (made.role, made.text, made.value) == ("managers", "Look", "")
    world.second.refresh_from_db()
    version = world.pipeline.versions.first()
    assert world.second.acts and version is not None
    stage = next(each for each in version.definition["stages"] if each["id"] == world.second.pk)
    assert [each["text"] for each in stage["actions"]] == ["Look"]
    enter(world)
    assert told(world.manager) == ["Look"]


@pytest.mark.parametrize(
    ("action", "words"),
    [
        ({"when": "entry", "what": "notify"}, "Say who is told."),
        ({"when": "entry", "what": "notify", "role": "owner"}, "Say what they are told."),
        ({"when": "entry", "what": "reassign", "role": "managers"}, "Choose a role"),
        ({"when": "entry", "what": "field"}, "Choose a field."),
        ({"when": "entry", "what": "field", "field": "value", "value": "much"}, "is not a number"),
        ({"when": "entry", "what": "field", "field": "expected_close", "value": "-3"}, "is not a number of days"),
        ({"when": "entry", "what": "field", "field": "source", "value": "Nowhere"}, "is not in the list"),
        ({"when": "entry", "what": "tag"}, "Choose the tag."),
        ({"when": "entry", "what": "open"}, "Choose the pipeline."),
    ],
)
def test_an_action_that_could_never_be_done_is_not_saved(world: World, action: dict[str, Any], words: str) -> None:
    assert words in save_action(world, **action).content.decode() and not ProcessAction.objects.exists()


def test_the_administration_says_which_way_the_circle_goes(world: World) -> None:
    back = make.pipeline()
    make.action(back.stages.all()[0], "open", pipeline=world.pipeline)
    answer = save_action(world, when="entry", what="open", pipeline=back.pk).content.decode()
    assert "would open one another for ever" in answer and Pipeline.objects.get(pk=back.pk).name in answer
    assert not ProcessAction.objects.filter(stage=world.second).exists()


def test_an_action_that_was_carried_out_is_retired_and_one_that_was_not_is_gone(world: World) -> None:
    used = make.action(world.second, role="owner", text="Look")
    enter(world)
    unused = make.action(world.second, role="owner", text="Twice")
    definition.save_changes(world.pipeline, [], [used, unused], by=world.admin)
    [kept] = ProcessAction.objects.all()
    assert kept.text == "Look" and kept.retired_at is not None
    world.second.refresh_from_db()
    assert not world.second.acts
