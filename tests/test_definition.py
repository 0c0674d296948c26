"""A definition: what ships, its versions, what makes no sense, and how a stage is retired."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from leads.models import ActivityType, Source
from pipeline import definition, jobs, moves, retirement, templates
from pipeline.models import CloseReason, Deal, EntryCondition, Pipeline, Resource, Stage, StageTask, StageVisit
from pipeline.soundness import problems
from tests import factories

pytestmark = pytest.mark.django_db

# Of content.md, stage by stage: kind, probability, target, idle, conditions (B blocks, W warns), tasks, resources.
STANDARD = [
    ("To contact", "open", 5, 7, 7, "W", 4, 2),
    ("Qualifying", "open", 10, 5, 7, "B", 4, 2),
    ("Exploring the need", "open", 25, 21, 7, "BB", 4, 2),
    ("Pitch", "open", 45, 14, 7, "BWW", 4, 2),
    ("Concerns", "open", 65, 14, 5, "BBW", 4, 2),
    ("Contract", "open", 85, 14, 5, "BBB", 4, 2),
    ("Won", "won", 100, 45, None, "BW", 4, 2),
    ("Lost", "lost", 0, None, None, "", 0, 0),
]
B2B = [
    ("Prospecting", "open", 10, 10, 7, "WW", 4, 1),
    ("Qualification", "open", 25, 10, 7, "BB", 4, 1),
    ("Presentation", "open", 50, 14, 7, "BW", 4, 1),
    ("Negotiation", "open", 75, 21, 5, "BBB", 4, 1),
    ("Won", "won", 100, 30, None, "B", 2, 1),
    ("Lost", "lost", 0, None, None, "", 0, 0),
]
RENEWAL = [
    ("Upcoming", "open", 70, 30, 7, "W", 3, 1),
    ("Value review", "open", 75, 30, 7, "BW", 3, 1),
    ("Renewal offer", "open", 85, 30, 5, "BBB", 3, 1),
    ("Agreement", "open", 95, 20, 5, "B", 3, 1),
    ("Renewed", "won", 100, None, None, "B", 2, 0),
    ("Churned", "lost", 0, None, None, "", 2, 1),
]


@pytest.mark.parametrize(("name", "wanted"), [("standard", STANDARD), ("b2b", B2B), ("renewal", RENEWAL)])
def test_a_template_brings_all_that_it_promises(name: str, wanted: list[tuple[object, ...]]) -> None:
    pipeline = definition.load_template(name, by=None)
    found = [
        (
            stage.name, stage.kind, stage.probability, stage.target_days, stage.idle_days,
            "".join("B" if condition.blocks else "W" for condition in stage.conditions.all()),
            stage.tasks.count(), stage.resources.count(),
        )
        for stage in pipeline.stages.all()
    ]  # fmt: skip
    assert found == wanted
    assert problems(pipeline) == []


def test_the_standard_process_has_its_marks_and_phases() -> None:
    pipeline = definition.load_template("standard", by=None)
    assert [stage.name for stage in pipeline.stages.filter(qualified_from_here=True)] == ["Exploring the need"]
    assert [stage.name for stage in pipeline.stages.filter(is_presentation=True)] == ["Pitch"]
    phases = list(pipeline.steps.values_list("phase", flat=True))
    assert phases == ["generation", "generation", "nurturing", "nurturing", "closing", "closing", "post_sale"]
    buyers = list(pipeline.stages.exclude(kind="lost").values_list("buyer_phase", flat=True))
    assert buyers == ["awareness", "interest", "interest", "decision", "decision", "action", "action"]


def test_a_manager_approves_contracts_of_fifty_thousand_and_more() -> None:
    pipeline = definition.load_template("standard", by=None)
    approval = EntryCondition.objects.get(stage__pipeline=pipeline, kind="approval")
    assert (approval.stage.name, approval.when_value_at_least) == ("Contract", Decimal(50_000))
    signed = EntryCondition.objects.get(stage__pipeline=pipeline, label="Signed")
    assert signed.needs_evidence
    assert signed.stage.kind == "won"


def test_follow_ups_and_chains_of_tasks_are_as_written() -> None:
    pipeline = definition.load_template("standard", by=None)
    research, call, email, again = StageTask.objects.filter(stage__pipeline=pipeline, stage__name="To contact")
    assert (research.after_previous, call.required, call.offset_days) == (False, True, 0)
    assert (email.after_previous, email.offset_days) == (True, 1)
    assert (again.repeat_days, again.repeat_limit, again.repeat_until) == ("2,4,8", 4, "answer")
    roles = StageTask.objects.filter(stage__pipeline=pipeline, owner_role="success").count()
    assert roles == 2


def test_every_resource_has_a_text_worth_reading_and_stands_beside_its_task() -> None:
    for name in templates.SHIPPED:
        definition.load_template(name, by=None)
    for resource in Resource.objects.all():
        assert len(resource.text) > 500, resource
        assert resource.stage_task is not None
        assert resource.stage_task.stage_id == resource.stage_id
    assert Resource.objects.filter(for_buyer=True).count() == 8


def test_the_lists_are_those_of_the_product() -> None:
    templates.load_lists()
    assert Source.objects.filter(channel="inbound").count() == 6
    assert Source.objects.filter(channel="outbound").count() == 6
    touches = set(ActivityType.objects.filter(counts_as_touch=True).values_list("key", flat=True))
    assert touches == {"call", "email", "message", "meeting", "event", "presentation"}
    assert ActivityType.objects.get(counts_as_presentation=True).key == "presentation"
    assert CloseReason.objects.filter(kind="lost").count() == 10
    assert CloseReason.objects.filter(not_real=True).count() == 2
    assert CloseReason.objects.get(asks_date=True).name == "Not now"


def test_loading_twice_changes_nothing_and_leaves_what_an_admin_changed() -> None:
    definition.load_shipped(None, timezone.now())
    Source.objects.filter(name="Trade show").update(retired_at=timezone.now())
    CloseReason.objects.filter(name="Not now").update(asks_note="Until when?")
    counted = _counts()
    definition.load_shipped(None, timezone.now())
    assert _counts() == counted
    assert Source.objects.get(name="Trade show").retired_at is not None
    assert CloseReason.objects.get(name="Not now").asks_note == "Until when?"


def _counts() -> list[int]:
    models = (Pipeline, Stage, EntryCondition, StageTask, Resource, Source, ActivityType, CloseReason)
    return [model.objects.count() for model in models]


# --- Versions


def test_a_saved_change_is_a_version_and_an_unchanged_one_is_none() -> None:
    admin = factories.user("admin")
    pipeline = definition.load_template("standard", by=admin)
    pitch = factories.stage(pipeline, "Pitch")
    pitch.target_days = 10
    second = definition.save_changes(pipeline, [pitch], by=admin, note="Ten days are enough")
    assert (second.number, second.by, second.note) == (2, admin, "Ten days are enough")
    assert definition.save_changes(pipeline, [pitch], by=admin, note="again") == second
    kept = {stage["name"]: stage["target_days"] for stage in pipeline.versions.get(number=1).definition["stages"]}
    assert kept["Pitch"] == 14


def test_a_version_holds_the_whole_definition_with_its_ids() -> None:
    pipeline = definition.load_template("b2b", by=None)
    document = pipeline.versions.get().definition
    stage = document["stages"][3]
    assert stage["id"] == factories.stage(pipeline, "Negotiation").pk
    assert [condition["kind"] for condition in stage["conditions"]] == ["activity", "commitment", "field"]
    assert [task["title"] for task in stage["tasks"]][0] == "Proposal and contract"
    assert document["steps"][0]["phase"] == "generation"


def test_a_removed_condition_with_a_history_is_retired_and_an_unused_one_is_gone() -> None:
    pipeline = definition.load_template("standard", by=None)
    used, unused = factories.stage(pipeline, "Exploring the need").conditions.all()
    rep = factories.user()
    deal = _deal(factories.stage(pipeline, "To contact"), rep)
    deal.commitments.create(condition=used, happened_at=factories.NOW, recorded_at=factories.NOW, recorded_by=rep)
    definition.save_changes(pipeline, [], [used, unused], by=None)
    used.refresh_from_db()
    assert used.retired_at is not None
    assert not EntryCondition.objects.filter(pk=unused.pk).exists()


# --- What makes no sense


@pytest.mark.parametrize("kind", ["won", "lost"])
def test_a_pipeline_without_a_way_to_end_is_refused(kind: str) -> None:
    pipeline = definition.load_template("blank", by=None, title="Other")
    with pytest.raises(ValidationError, match=f"a stage of the kind “{kind}”"):
        definition.save_changes(pipeline, [], [pipeline.stages.get(kind=kind)], by=None)
    assert pipeline.stages.filter(kind=kind, retired_at__isnull=True).exists()
    assert pipeline.versions.count() == 1


def test_two_first_stages_are_refused() -> None:
    pipeline = definition.load_template("standard", by=None)
    second = factories.stage(pipeline, "Qualifying")
    second.order = factories.stage(pipeline, "To contact").order
    with pytest.raises(ValidationError, match="both the first stage"):
        definition.save_changes(pipeline, [second], by=None)


def test_the_mark_where_leads_enter_passes_from_one_stage_to_another() -> None:
    pipeline = definition.load_template("standard", by=None)
    old, new = factories.stage(pipeline, "Exploring the need"), factories.stage(pipeline, "Qualifying")
    new.qualified_from_here = True
    with pytest.raises(ValidationError, match="a mark that another one has"):
        definition.save_changes(pipeline, [new], by=None)
    old.qualified_from_here = False
    definition.save_changes(pipeline, [new, old], by=None)
    assert pipeline.stages.get(qualified_from_here=True) == new


def test_a_process_of_two_steps_draws_a_warning_only() -> None:
    pipeline = definition.load_template("blank", by=None, title="Other")
    (problem,) = problems(pipeline)
    assert "2 steps" in problem.message
    assert not problem.blocks


def test_a_condition_without_its_object_is_shown_as_broken() -> None:
    pipeline = definition.load_template("standard", by=None)
    EntryCondition.objects.filter(stage__pipeline=pipeline, kind="activity").update(activity_type=None)
    (problem,) = problems(pipeline)
    assert "“A presentation was held” is broken" in problem.message
    assert problem.stage_id == factories.stage(pipeline, "Concerns").pk


def test_the_kind_of_a_stage_is_fixed_once_a_deal_was_in_it() -> None:
    pipeline = definition.load_template("standard", by=None)
    stage = factories.stage(pipeline, "To contact")
    _deal(stage, factories.user())
    stage.kind = "lost"
    with pytest.raises(ValidationError, match="is fixed"):
        definition.save_changes(pipeline, [stage], by=None)


def test_a_stage_with_deals_cannot_be_removed() -> None:
    pipeline = definition.load_template("standard", by=None)
    stage = factories.stage(pipeline, "To contact")
    _deal(stage, factories.user())
    with pytest.raises(ValidationError, match="retire it instead"):
        definition.save_changes(pipeline, [], [stage], by=None)


# --- Retiring


def test_a_retired_stage_gives_its_deals_to_another_with_the_reason_in_their_history() -> None:
    admin = factories.user("admin")
    pipeline = definition.load_template("standard", by=admin)
    old, new = factories.stage(pipeline, "To contact"), factories.stage(pipeline, "Qualifying")
    deals = [_deal(old, factories.user()) for _ in range(3)]
    done = retirement.retire_stage(old, new, by=admin)
    assert (done.moved, done.left) == (3, 0)
    for deal in deals:
        visit = StageVisit.objects.current().get(deal=deal)
        assert (visit.stage, visit.let_in, visit.by) == (new, "retired", admin)
    latest = pipeline.versions.first()
    assert latest is not None
    assert "To contact" not in [stage["name"] for stage in latest.definition["stages"]]
    assert latest.note == "Retired the stage “To contact”."


def test_retiring_a_stage_with_deals_asks_where_they_go() -> None:
    pipeline = definition.load_template("standard", by=None)
    stage = factories.stage(pipeline, "To contact")
    _deal(stage, factories.user())
    with pytest.raises(ValidationError, match="say which stage they go to"):
        retirement.retire_stage(stage, None, by=None)
    stage.refresh_from_db()
    assert stage.retired_at is None


@pytest.mark.parametrize("target", ["Won", "Lost", "To contact"])
def test_deals_go_to_another_stage_of_the_same_kind_only(target: str) -> None:
    pipeline = definition.load_template("standard", by=None)
    stage = factories.stage(pipeline, "To contact")
    with pytest.raises(ValidationError, match="cannot take the deals"):
        retirement.retire_stage(stage, factories.stage(pipeline, target), by=None)


def test_the_last_stage_of_a_kind_cannot_be_retired() -> None:
    pipeline = definition.load_template("standard", by=None)
    with pytest.raises(ValidationError, match="no deal can be won"):
        retirement.retire_stage(factories.stage(pipeline, "Won"), None, by=None)


def test_a_job_moves_what_was_too_much_for_one_request_even_if_the_target_is_retired_in_turn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(retirement, "BATCH", 1)
    admin = factories.user("admin")
    pipeline = definition.load_template("standard", by=admin)
    first, second, third = pipeline.stages.all()[:3]
    rep = factories.user()
    for _ in range(3):
        _deal(first, rep)
    assert retirement.retire_stage(first, second, by=admin).left == 2
    retirement.retire_stage(second, third, by=admin)
    jobs.finish_retirements()
    jobs.finish_retirements()
    assert set(Deal.objects.values_list("stage", flat=True)) == {third.pk}
    assert jobs.finish_retirements() == 0


def _deal(stage: Stage, owner: object) -> Deal:
    made = moves.create_deal(
        stage.pk, {"title": "A deal", "owner": owner, "currency": "EUR"}, by=owner, via="page"  # type: ignore[arg-type]
    )  # fmt: skip
    assert isinstance(made, moves.Moved)
    return made.deal
