"""Contacts and colleagues on a deal."""

from __future__ import annotations

import re
from typing import Any

import pytest

from crm.models import User
from leads.models import Contact
from leads.writing import name_key
from pipeline.models import DealContact, DealMember
from tests import factories as make
from tests.deal_world import World

pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> World:
    return World()


def add(world: World, *, part: bool = True, **data: Any) -> Any:
    return world.post("deal-contacts", part=part, **data)


def join(world: World, colleague: User) -> Any:
    return world.client(part=True).post(world.url("deal-members"), {"user": colleague.pk, "role": "legal"})


def on(world: World) -> list[str]:
    return [person.contact.name for person in DealContact.objects.filter(deal=world.deal)]


def test_a_known_contact_is_found_and_added_with_a_role(world: World) -> None:
    anna = make.contact(world.rep, name="Anna Berg", name_key=name_key("Anna Berg"))
    assert f'value="{anna.pk}"' in world.get("deal-contacts", q="anna", part=True).content.decode()
    add(world, contact=anna.pk, role="champion")
    person = DealContact.objects.get()
    assert (person.contact, person.role, person.is_primary) == (anna, "champion", True)
    assert f'value="{anna.pk}"' not in world.get("deal-contacts", q="anna", part=True).content.decode()


def test_a_contact_whom_one_does_not_see_is_neither_found_nor_added(world: World) -> None:
    hidden = make.contact(world.stranger, name="Hidden Person", name_key=name_key("Hidden Person"))
    assert "Nobody found" in world.get("deal-contacts", q="hidden", part=True).content.decode()
    missing = add(world, contact=99999)
    unseen = add(world, contact=hidden.pk)
    assert missing.status_code == unseen.status_code == 422 and on(world) == []
    assert "Choose a contact that is there." in unseen.content.decode()


def test_somebody_new_is_made_and_added_once(world: World) -> None:
    data: dict[str, Any] = {
        "name": "Ben Schultz",
        "email": "ben@example.com",
        "phone": "",
        "role": "decision_maker",
        "once_key": "k",
    }
    assert add(world, **data).status_code == 200
    made = Contact.objects.get()
    assert (made.owner, made.email, on(world)) == (world.rep, "ben@example.com", ["Ben Schultz"])
    add(world, **data, anyway="1")
    assert Contact.objects.count() == 1


def test_a_double_is_told_and_one_that_is_not_seen_only_by_its_owner(world: World) -> None:
    make.contact(world.stranger, name="Secret Name", email="ben@example.com", name_key=name_key("Secret Name"))
    answer = add(world, name="Ben", email="ben@example.com", once_key="k")
    text = answer.content.decode()
    assert answer.status_code == 409 and "exists, owned by Stan Stranger" in text and "Secret Name" not in text
    assert add(world, name="Ben", email="ben@example.com", once_key="k", anyway="1").status_code == 200
    assert on(world) == ["Ben"]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"name": ""}, "This field is required."),
        ({"email": "x"}, "Enter a valid email address."),
        ({"email": "a@b.com\r\nBcc: c@d.com"}, "Enter a valid email address."),
        ({"role": "boss"}, "Select a valid choice"),
        ({"name": "a\u202eb"}, "reverses the direction"),
    ],
)
def test_a_bad_new_contact_makes_nobody(world: World, data: dict[str, Any], words: str) -> None:
    answer = add(world, **{"name": "Ben", "once_key": "k", **data})
    assert answer.status_code == 422 and words in answer.content.decode() and not Contact.objects.exists()


def test_role_stance_and_main_contact_are_changed(world: World) -> None:
    anna, ben = make.contact(world.rep), make.contact(world.rep)
    add(world, contact=anna.pk)
    add(world, contact=ben.pk)
    world.post("deal-contact", ben.pk, part=True, role="user", stance="for", is_primary="on")
    person = DealContact.objects.get(contact=ben)
    assert (person.role, person.stance, person.is_primary) == ("user", "for", True)
    assert not DealContact.objects.get(contact=anna).is_primary
    assert world.post("deal-contact", ben.pk, part=True, role="", stance="maybe").status_code == 422
    assert world.get("deal-contact", 99999).status_code == 404


def test_who_is_removed_stays_a_contact(world: World) -> None:
    anna, ben = make.contact(world.rep), make.contact(world.rep)
    add(world, contact=anna.pk)
    add(world, contact=ben.pk)
    world.post("deal-contact-remove", anna.pk, part=True)
    assert DealContact.objects.get().is_primary and Contact.objects.count() == 2


def test_a_colleague_joins_sees_the_deal_and_leaves(world: World) -> None:
    assert world.get("deal", user=world.stranger).status_code == 404
    join(world, world.stranger)
    assert (
        world.get("deal", user=world.stranger).status_code == 200
        and "Rita Rep added Stan Stranger as legal" in world.page()
    )
    world.post("deal-member-remove", DealMember.objects.get().pk, part=True)
    assert world.get("deal", user=world.stranger).status_code == 404


def test_a_member_who_removes_themselves_is_led_away(world: World) -> None:
    world.join(world.stranger)
    answer = world.post("deal-member-remove", DealMember.objects.get().pk, user=world.stranger)
    assert answer.status_code == 302 and answer["Location"] == "/"


def test_somebody_who_left_the_company_cannot_join(world: World) -> None:
    gone = make.user(is_active=False)
    answer = join(world, gone)
    assert answer.status_code == 422 and not DealMember.objects.exists()


@pytest.mark.parametrize("name", ["deal-contacts", "deal-members"])
def test_who_may_not_edit_brings_nobody_in(world: World, name: str) -> None:
    world.denied(name, contact=make.contact(world.colleague).pk, user=world.colleague.pk, role="legal")


@pytest.mark.parametrize("name", ["deal-contact", "deal-contact-remove"])
def test_who_may_not_edit_changes_nobody(world: World, name: str) -> None:
    anna = make.contact(world.rep)
    add(world, contact=anna.pk)
    world.denied(name, anna.pk, role="user", stance="for")


def test_who_may_not_edit_puts_nobody_out(world: World) -> None:
    world.join(world.admin)
    world.denied("deal-member-remove", DealMember.objects.get().pk)


def test_the_role_that_the_gate_asks_for_is_chosen_already(world: World) -> None:
    make.condition(world.second, "member_role", member_role="legal", label="Legal is on it")
    assert f"{world.url('deal-members')}?role=legal" in world.page()
    form = world.get("deal-members", part=True, role="legal").content.decode()
    assert re.search(r'<option value="legal"\s+selected', form)
