"""Logging what was said in two steps, what the buyer agreed to in it, ticking and withdrawing."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from leads.models import Activity, ActivityType
from pipeline import followups, people
from pipeline.models import Commitment, DealContact, Task
from tests import factories as make
from tests.deal_world import World, digest

pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def call() -> ActivityType:
    made = make.activity_type("call", icon="phone")
    made.outcomes.create(name="Reached")
    return made


def log(world: World, type: ActivityType, *, part: bool = True, key: str = "", **data: Any) -> Any:
    return world.post("deal-log", part=part, type=type.pk, once_key=key or f"key {timezone.now()}", **data)


def with_main_contact(world: World) -> DealContact:
    with followups.holding(world.deal.pk) as locked:
        return people.set_contact(
            locked, make.contact(world.rep, name="Anna Berg"), by=world.rep, via="page", now=timezone.now()
        )


def test_step_one_chooses_the_type_and_step_two_asks_for_the_text(world: World, call: ActivityType) -> None:
    with_main_contact(world)
    assert f"?type={call.pk}" in world.get("deal-log").content.decode()
    form = world.get("deal-log", type=call.pk, part=True).content.decode()
    assert "<textarea" in form and "Reached" in form and "We did" in form
    assert "Anna Berg" in form and "checked" in form


def test_a_call_is_logged_now_with_the_main_contact(world: World, call: ActivityType) -> None:
    person = with_main_contact(world)
    answer = log(world, call, text="They want figures.", direction="out", contacts=[person.contact_id])
    activity = Activity.objects.get()
    assert answer.status_code == 200 and "They want figures." in answer.content.decode()
    assert (activity.by, activity.direction, list(activity.contacts.all())) == (world.rep, "out", [person.contact])
    assert timezone.now() - activity.happened_at < timedelta(seconds=30)
    assert world.fresh().last_worked_at == activity.happened_at


def test_without_scripts_logging_leads_back_to_the_deal(world: World, call: ActivityType) -> None:
    answer = log(world, call, part=False, text="Hello")
    assert (answer.status_code, answer["Location"]) == (302, world.url("deal"))


def test_the_time_is_the_writers_own(world: World, call: ActivityType) -> None:
    world.rep.time_zone = "Asia/Tokyo"
    world.rep.save()
    log(world, call, text="Early", happened_at="2026-09-01T08:00")
    assert Activity.objects.get().happened_at.isoformat() == "2026-08-31T23:00:00+00:00"


def test_the_same_form_twice_is_one_activity(world: World, call: ActivityType) -> None:
    log(world, call, key="one form", text="Once")
    again = log(world, call, key="one form", text="Once")
    assert Activity.objects.count() == 1 and "saved already" in again.content.decode()


def task(world: World, title: str = "Ring them", kind: str = "call", **fields: Any) -> Task:
    made = followups.add(world.deal.pk, title, timezone.localdate(), by=world.rep, kind=kind, **fields)
    assert made is not None
    return made


def test_the_task_that_a_call_finishes_is_proposed_and_done_with_it(world: World, call: ActivityType) -> None:
    task(world, "Write the offer", "proposal")
    ringing = task(world)
    form = world.get("deal-log", type=call.pk, part=True).content.decode()
    assert f'<option value="{ringing.pk}" selected>Ring them' in form and "Write the offer" in form
    answer = log(world, call, text="Reached her", finishes=ringing.pk).content.decode()
    assert "Done: Ring them." in answer
    assert sorted(Task.objects.values_list("title", "state")) == [("Ring them", "done"), ("Write the offer", "open")]


def test_a_task_is_done_with_what_was_logged_or_neither_is(world: World, call: ActivityType) -> None:
    asked, ringing = make.condition(world.second, needs_evidence=True), task(world)
    assert log(world, call, text="Signed", agreed=[asked.pk], finishes=ringing.pk).status_code == 422
    assert Task.objects.get().state == "open" and not Activity.objects.exists()


def test_the_same_form_twice_finishes_the_task_once_and_is_no_mistake(world: World, call: ActivityType) -> None:
    ringing = task(world)
    log(world, call, key="one form", text="Reached her", finishes=ringing.pk)
    again = log(world, call, key="one form", text="Reached her", finishes=ringing.pk)
    assert again.status_code == 200 and "saved already" in again.content.decode()
    assert (Activity.objects.count(), Task.objects.get().version) == (1, 2)


def test_a_task_of_another_deal_is_none_to_choose(world: World, call: ActivityType) -> None:
    elsewhere = make.deal(world.first, world.rep)
    other = followups.add(elsewhere.pk, "Elsewhere", timezone.localdate(), by=world.rep)
    assert other is not None and log(world, call, text="Hello", finishes=other.pk).status_code == 422
    assert Task.objects.get().state == "open" and not Activity.objects.exists()


def test_how_long_it_took_is_asked_and_kept(world: World, call: ActivityType) -> None:
    assert 'name="minutes"' in world.get("deal-log", type=call.pk, part=True).content.decode()
    log(world, call, text="A long one", minutes=45)
    assert Activity.objects.get().minutes == 45


def test_what_they_agreed_to_is_recorded_with_the_call(world: World, call: ActivityType) -> None:
    asked = make.condition(world.second, label="Agrees to a demo")
    person = with_main_contact(world)
    assert "Agrees to a demo" in world.get("deal-log", type=call.pk, part=True).content.decode()
    answer = log(world, call, text="Yes", agreed=[asked.pk], contacts=[person.contact_id]).content.decode()
    said = Commitment.objects.get()
    assert (said.condition, said.contact, said.activity) == (asked, person.contact, Activity.objects.get())
    assert "They agreed to: Agrees to a demo" in answer and "Move to Second" in answer
    assert "nothing is missing for Second any more" in answer


def test_a_note_is_with_nobody_and_nobody_agrees_in_it(world: World) -> None:
    make.condition(world.second, label="Agrees to a demo")
    with_main_contact(world)
    note = make.activity_type("note", directed=False, counts_as_touch=False)
    form = world.get("deal-log", type=note.pk, part=True).content.decode()
    assert "Agrees to a demo" not in form and "Anna Berg" not in form
    assert log(world, note, text="").status_code == 422 and not Activity.objects.exists()


def test_a_commitment_with_proof_is_not_logged_without_it(world: World, call: ActivityType) -> None:
    asked = make.condition(world.second, needs_evidence=True)
    refused = log(world, call, text="Signed", agreed=[asked.pk])
    assert refused.status_code == 422 and "Add a link, a note or a file that proves it." in refused.content.decode()
    assert not Activity.objects.exists() and "Signed" in refused.content.decode()
    log(world, call, text="Signed", agreed=[asked.pk], evidence="https://example.com/contract")
    assert Commitment.objects.get().evidence == "https://example.com/contract"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"happened_at": "2999-01-01T10:00"}, "future"),
        ({"happened_at": "yesterday"}, "Enter a valid date/time."),
        ({"text": "x" * 20_001}, "at most 20000 characters"),
        ({"text": "a\u202eb"}, "reverses the direction"),
        ({"outcome": "99999"}, "Select a valid choice"),
        ({"direction": "sideways"}, "Select a valid choice"),
        ({"contacts": ["99999"]}, "99999"),
        ({"agreed": ["99999"]}, "no longer asked for"),
    ],
)
def test_bad_input_logs_nothing_and_keeps_the_text(
    world: World, call: ActivityType, data: dict[str, Any], words: str
) -> None:
    with_main_contact(world)
    make.condition(world.second)
    answer = log(world, call, **{"text": "What I typed", **data})
    assert answer.status_code == 422 and words in answer.content.decode()
    assert not Activity.objects.exists() and ("text" in data or "What I typed" in answer.content.decode())


@pytest.mark.parametrize("type", ["", "abc", "-1", str(2**70)])
def test_a_type_that_is_none(world: World, type: str) -> None:
    assert world.post("deal-log", type=type, text="x").status_code == 400


def test_a_retired_type_is_not_logged(world: World, call: ActivityType) -> None:
    ActivityType.objects.update(retired_at=timezone.now())
    assert log(world, call, text="x").status_code == 404


def test_contacts_of_other_deals_are_not_with_whom(world: World, call: ActivityType) -> None:
    with_main_contact(world)
    other = make.contact(world.rep)
    assert log(world, call, text="x", contacts=[other.pk]).status_code == 422


# --- Ticking


def test_a_commitment_is_ticked_with_one_click_and_withdrawn_again(world: World) -> None:
    asked = make.condition(world.second, label="Agrees to a demo")
    person = with_main_contact(world)
    ticked = world.post("deal-commit", part=True, condition=asked.pk).content.decode()
    assert Commitment.objects.get().contact == person.contact
    assert "Nothing is missing to move to Second" in ticked and "Yes, withdraw it" in ticked
    undone = world.post("deal-withdraw", part=True, condition=asked.pk).content.decode()
    assert "1 thing is missing" in undone and Commitment.objects.get().withdrawn_by == world.rep
    assert "withdrawn by Rita Rep" in undone


def test_ticking_twice_is_once(world: World) -> None:
    asked = make.condition(world.second)
    for _ in range(2):
        assert world.post("deal-commit", condition=asked.pk).status_code == 302
    assert Commitment.objects.count() == 1


def test_a_tick_that_needs_a_proof_asks_for_it(world: World) -> None:
    asked = make.condition(world.second, needs_evidence=True)
    assert "What proves it" in world.get("deal-commit", condition=asked.pk, part=True).content.decode()
    assert world.post("deal-commit", part=True, condition=asked.pk).status_code == 422
    assert world.post("deal-commit", part=True, condition=asked.pk, evidence="Mail of 3 May").status_code == 200
    assert "Mail of 3 May" in world.page()


def test_a_condition_of_another_pipeline_or_kind_cannot_be_ticked(world: World) -> None:
    elsewhere = make.condition(make.stage(make.pipeline(), "Second"))
    other_kind = make.condition(world.second, "field", field="value", operator="filled")
    codes = [
        world.post("deal-commit", condition=each).status_code for each in (elsewhere.pk, other_kind.pk, 99999, "x")
    ]
    assert codes == [404, 404, 404, 400] and not Commitment.objects.exists()


@pytest.mark.parametrize("name", ["deal-log", "deal-commit", "deal-withdraw"])
def test_who_may_not_edit_logs_and_ticks_nothing(world: World, call: ActivityType, name: str) -> None:
    asked = make.condition(world.second)
    world.denied(name, type=call.pk, condition=asked.pk, text="x", once_key="k")


def test_a_member_logs_and_is_named(world: World, call: ActivityType) -> None:
    world.join(world.stranger)
    client = world.client(world.stranger)
    before = digest()
    client.post(world.url("deal-log"), {"type": call.pk, "text": "By me", "once_key": "k"})
    assert digest() != before and Activity.objects.get().by == world.stranger


def test_nothing_happened_in_the_year_one(world: World, call: ActivityType) -> None:
    answer = log(world, call, text="x", happened_at="0001-01-01T00:00")
    assert answer.status_code == 422 and "Nothing here happened before 1900." in answer.content.decode()


def test_a_tick_takes_the_idle_mark_away(world: World) -> None:
    world.deal = make.deal(world.first, world.rep, now=timezone.now() - timedelta(days=6))
    asked = make.condition(world.second)
    assert "Idle since" in world.page()
    answer = world.post("deal-commit", part=True, condition=asked.pk).content.decode()
    assert 'id="deal-head"' in answer and "Idle since" not in answer
