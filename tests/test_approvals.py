"""Asking a manager, who is asked, and answering from the list or from the deal."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.urls import reverse

from crm.models import User
from pipeline import approvals, deals
from pipeline.models import Approval, EntryCondition
from tests import factories as make
from tests.deal_world import World, digest

pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def asked(world: World) -> EntryCondition:
    return make.condition(world.second, "approval", label="A manager approves")


FROM_DEAL: dict[str, Any] = {"from": "deal"}


def waiting(world: World, asked: EntryCondition) -> Approval:
    return approvals.ask(world.deal.pk, asked.pk, by=world.rep, why="They sign this week")


def decide(world: World, approval: Approval, user: User, approve: int, *, part: bool = True, **data: Any) -> Any:
    address = reverse("approval-decide", args=[approval.pk])
    return world.client(user, part).post(address, {"approve": approve, **data})


def test_a_rep_asks_from_the_checklist(world: World, asked: EntryCondition) -> None:
    assert "Why it makes sense" in world.get("approval-ask", condition=asked.pk, part=True).content.decode()
    text = world.post("approval-ask", part=True, condition=asked.pk, why="They sign this week").content.decode()
    row = Approval.objects.get()
    assert (row.asked_by, row.why, row.value) == (world.rep, "They sign this week", Decimal(1000))
    assert "Waiting" in text and "asked for approval" in text


def test_asking_twice_is_one_question(world: World, asked: EntryCondition) -> None:
    for _ in range(2):
        world.post("approval-ask", condition=asked.pk)
    assert Approval.objects.count() == 1


def test_the_list_shows_what_is_asked_and_by_whom(world: World, asked: EntryCondition) -> None:
    waiting(world, asked)
    text = world.client(world.manager).get(reverse("approvals")).content.decode()
    assert all(
        words in text
        for words in ["A manager approves", world.deal.title, "€1,000", "asked by Rita Rep", "They sign this week"]
    )


def test_only_managers_within_reach_are_asked(world: World, asked: EntryCondition) -> None:
    waiting(world, asked)
    other = make.user("manager", team=make.team())
    asked_of = [world.rep, world.stranger, world.manager, other, world.admin]
    answers = [world.client(user).get(reverse("approvals-count")).content.decode().strip()[:1] for user in asked_of]
    assert answers == ["", "", "1", "", "1"]
    assert "Nothing waits for you" in world.client(other).get(reverse("approvals")).content.decode()


def test_approving_is_one_click_and_opens_the_gate(world: World, asked: EntryCondition) -> None:
    row = waiting(world, asked)
    answer = decide(world, row, world.manager, 1)
    assert answer.status_code == 200 and "Nothing waits for you" in answer.content.decode()
    assert "approvals:changed" in answer["HX-Trigger"]
    assert "Nothing is missing to move to Second" in world.page() and "Max Manager approved" in world.page()


def test_declining_says_why(world: World, asked: EntryCondition) -> None:
    row = waiting(world, asked)
    refused = decide(world, row, world.manager, 0)
    assert refused.status_code == 422 and "Say why" in refused.content.decode()
    assert Approval.objects.get().decision == ""
    decide(world, row, world.manager, 0, reason="Margin is too thin")
    assert "Max Manager declined: Margin is too thin" in world.page()


def test_from_the_deal_the_deal_is_answered(world: World, asked: EntryCondition) -> None:
    row = waiting(world, asked)
    assert reverse("approval-decide", args=[row.pk]) in world.page(world.manager)
    assert '<p class="point-why" dir="auto">“They sign this week”</p>' in world.page(world.manager)
    assert reverse("approval-decide", args=[row.pk]) not in world.page()
    answer = decide(world, row, world.manager, 1, **FROM_DEAL).content.decode()
    assert 'id="gate"' in answer and "Nothing is missing" in answer


def test_without_scripts_it_leads_back_to_the_list(world: World, asked: EntryCondition) -> None:
    answer = decide(world, waiting(world, asked), world.manager, 1, part=False)
    assert (answer.status_code, answer["Location"]) == (302, reverse("approvals"))


def test_an_answer_counts_for_the_value_that_was_asked(world: World, asked: EntryCondition) -> None:
    row = waiting(world, asked)
    deals.edit(world.deal.pk, {"value": Decimal(5000)}, version=None, by=world.rep, via="page")
    assert world.client(world.manager).get(reverse("approvals-count")).content.decode().strip() == ""
    assert "changed since" in decide(world, row, world.manager, 1).content.decode()
    assert "lapsed" in world.page()


def test_answering_twice_keeps_the_first_answer(world: World, asked: EntryCondition) -> None:
    row = waiting(world, asked)
    decide(world, row, world.manager, 1)
    again = decide(world, row, world.admin, 0, reason="No")
    assert again.status_code == 422 and Approval.objects.get().decided_by == world.manager


def test_who_is_not_the_manager_decides_nothing(world: World, asked: EntryCondition) -> None:
    row = waiting(world, asked)
    other = make.user("manager", team=make.team())
    clients = [world.client(user) for user in (world.rep, world.stranger, other)]
    before = digest()
    address = reverse("approval-decide", args=[row.pk])
    assert [client.post(address, {"approve": 1}).status_code for client in clients] == [403, 404, 404]
    assert digest() == before


def test_asking_is_for_those_who_edit(world: World, asked: EntryCondition) -> None:
    world.denied("approval-ask", condition=asked.pk)


@pytest.mark.parametrize("data", [{}, {"approve": "2"}, {"approve": "1", "reason": "x" * 501}])
def test_a_bad_answer_decides_nothing(world: World, asked: EntryCondition, data: dict[str, str]) -> None:
    row = waiting(world, asked)
    address = reverse("approval-decide", args=[row.pk])
    assert world.client(world.manager, part=True).post(address, data).status_code == 422
    assert Approval.objects.get().decision == ""


def test_a_manager_who_only_takes_part_has_no_say(world: World, asked: EntryCondition) -> None:
    friend = make.user("manager", team=make.team())
    world.join(friend)
    row = waiting(world, asked)
    assert not approvals.waiting_for(friend).exists() and f'id="decision-{row.pk}"' not in world.page(friend)
    before = digest()
    assert decide(world, row, friend, 1).status_code == 403 and digest() == before
    assert f'id="decision-{row.pk}"' in world.page(world.manager)
