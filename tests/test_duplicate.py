"""A deal once more: what it takes along, what stays with the first, and the gate that it enters through."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from pipeline import commitments, deals, followups, people, talk
from pipeline.models import Commitment, Deal, Product, StageVisit, Tag, Task
from tests import factories as make
from tests.deal_world import World

pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> World:
    return World()


def copy(world: World, *, part: bool = False, **data: Any) -> Any:
    return world.post("deal-duplicate", part=part, **{"once_key": "k1", **data})


def made(world: World) -> Deal:
    return Deal.objects.exclude(pk=world.deal.pk).get()


def test_a_copy_takes_along_what_the_deal_is(world: World) -> None:
    acme, anna = make.organization(world.rep), make.contact(world.rep)
    gold, tag, source = Product.objects.create(name="Gold"), Tag.objects.create(name="VIP"), make.source()
    fields = {"organization": acme, "product": gold, "tags": [tag], "source": source, "currency": "USD"}
    deals.edit(world.deal.pk, fields, version=None, by=world.rep, via="page")
    people.set_contact(world.deal, anna, by=world.rep, via="page", now=world.began, role="champion", stance="for")
    answer, deal = copy(world), made(world)
    assert (answer.status_code, answer["Location"]) == (302, f"/deals/{deal.pk}/")
    assert (deal.title, deal.value, deal.currency) == ("Meters for 14 shops (copy)", Decimal(1000), "USD")
    assert (deal.organization, deal.product, deal.source, list(deal.tags.all())) == (acme, gold, source, [tag])
    person = deal.people.get()
    assert (person.contact, person.role, person.stance, person.is_primary) == (anna, "champion", "for", True)


def test_what_happened_stays_with_the_first(world: World) -> None:
    said = make.condition(world.second)
    commitments.record(world.deal, said.pk, by=world.rep)
    followups.add(world.deal.pk, "Call", world.began.date(), by=world.rep)
    talk.comment(world.deal.pk, "Hello", by=world.rep)
    copy(world)
    deal = made(world)
    assert not Commitment.objects.filter(deal=deal).exists() and not Task.objects.filter(deal=deal).exists()
    assert not deal.comments.exists() and StageVisit.objects.filter(deal=deal).count() == 1


def test_it_begins_in_the_first_stage_with_its_tasks_whatever_became_of_the_first(world: World) -> None:
    make.stage_task(world.first, "Call them")
    world.post("deal-move", to=world.third.pk, version=world.deal.version)
    copy(world)
    assert made(world).stage == world.first and Task.objects.get(deal=made(world)).title == "Call them"


def test_pressed_twice_it_makes_one(world: World) -> None:
    first, second = copy(world), copy(world)
    assert first["Location"] == second["Location"] and Deal.objects.count() == 2


def test_what_the_first_stage_asks_for_is_filled_in_in_the_dialog(world: World) -> None:
    said = make.condition(world.first, label="They want it again")
    refused = copy(world, part=True)
    text = refused.content.decode()
    assert refused.status_code == 422 and "They want it again" in text and "Meters for 14 shops (copy)" in text
    assert world.url("deal-duplicate") in text and Deal.objects.count() == 1
    sent = {"to": world.first.pk, "asked": str(said.pk), f"c{said.pk}": "on", "title": "Round two"}
    answer = copy(world, part=True, **sent)
    deal = made(world)
    assert answer["HX-Redirect"] == f"/deals/{deal.pk}/" and deal.title == "Round two"
    assert Commitment.objects.get(deal=deal).condition == said


def test_a_condition_that_the_copied_people_meet_is_not_asked(world: World) -> None:
    make.condition(world.first, "contact_role", contact_role="champion")
    anna = make.contact(world.rep)
    people.set_contact(world.deal, anna, by=world.rep, via="page", now=world.began, role="champion")
    assert copy(world).status_code == 302


def test_a_long_title_leaves_room_for_its_word(world: World) -> None:
    deals.edit(world.deal.pk, {"title": "x" * 200}, version=None, by=world.rep, via="page")
    copy(world)
    assert made(world).title == "x" * 193 + " (copy)"


def test_a_pipeline_that_is_no_longer_in_use_takes_no_copy(world: World) -> None:
    world.pipeline.retired_at = world.began
    world.pipeline.save()
    answer = world.client().post(world.url("deal-duplicate"), {"once_key": "k1"}, follow=True)
    assert "no longer in use" in answer.content.decode() and Deal.objects.count() == 1


def test_who_may_only_read_makes_no_copy(world: World) -> None:
    world.denied("deal-duplicate", once_key="k1")
