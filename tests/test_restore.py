"""Deleting by mistake: said at once with a button that takes it back, and later on the page of what is gone."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.urls import reverse

from crm.models import Change
from leads import contacts, organizations
from leads.activities import NewActivity
from leads.models import Activity, Contact, Organization
from pipeline import deals, logbook
from tests import factories as make
from tests.api_world import ApiWorld, Program
from tests.deal_world import World
from tests.test_api_once import together
from tests.traces import no_trace

pytestmark = pytest.mark.django_db

KINDS = [("organization", make.organization, organizations), ("contact", make.contact, contacts)]
BOTH = pytest.mark.parametrize(("kind", "new", "rules"), KINDS, ids=["organization", "contact"])


@pytest.fixture
def world() -> World:
    return World()


# --- Organizations and contacts


@BOTH
def test_what_is_back_is_as_it_was_and_the_history_tells_both(world: World, kind: str, new: Any, rules: Any) -> None:
    record = new(world.rep, name="Nordwind")
    rules.delete(record.pk, by=world.rep, via="page")
    rules.restore(record.pk, by=world.manager, via="page")
    back = type(record).objects.existing().get(pk=record.pk)
    assert (back.name, back.owner, back.deleted_by, back.version) == ("Nordwind", world.rep, None, 3)
    rows = Change.objects.filter(object_type=kind, object_id=record.pk, field="deleted_at").order_by("pk")
    assert [(row.by, row.new is None) for row in rows] == [(world.rep, False), (world.manager, True)]


@BOTH
def test_bringing_back_what_is_there_changes_nothing(world: World, kind: str, new: Any, rules: Any) -> None:
    record, client = new(world.rep), world.client()
    with no_trace():
        rules.restore(record.pk, by=world.rep, via="page")
        client.post(reverse(f"{kind}-restore", args=[record.pk]))


@BOTH
def test_the_message_after_deleting_takes_it_back(world: World, kind: str, new: Any, rules: Any) -> None:
    record, client = new(world.rep, name="Nordwind"), world.client()
    after = client.post(reverse(f"{kind}-delete", args=[record.pk]), follow=True)
    said, back = after.content.decode(), reverse(f"{kind}-restore", args=[record.pk])
    assert after.redirect_chain == [(reverse(f"{kind}s"), 302)]
    assert "“Nordwind” was deleted." in said and f'action="{back}" hx-post="{back}"' in said
    assert world.client(part=True).post(back).headers["HX-Redirect"] == reverse(kind, args=[record.pk])
    assert client.get(reverse(kind, args=[record.pk])).status_code == 200


@BOTH
def test_a_second_click_on_delete_finds_it_deleted(world: World, kind: str, new: Any, rules: Any) -> None:
    record, client = new(world.rep), world.client()
    for _click in range(2):
        answer = client.post(reverse(f"{kind}-delete", args=[record.pk]))
        assert answer.headers["Location"] == reverse(f"{kind}s")
    assert type(record).objects.get(pk=record.pk).version == 2
    assert client.get(reverse(f"{kind}-delete", args=[record.pk])).headers["Location"] == reverse(
        kind, args=[record.pk]
    )


@BOTH
def test_the_page_of_what_is_gone_offers_to_bring_it_back(world: World, kind: str, new: Any, rules: Any) -> None:
    record = new(world.rep, name="Nordwind")
    rules.delete(record.pk, by=world.rep, via="page")
    for user in (world.rep, world.manager, world.admin):
        page = world.client(user).get(reverse(kind, args=[record.pk]))
        assert page.status_code == 410 and "“Nordwind”, by Rita Rep." in page.content.decode()
        assert reverse(f"{kind}-restore", args=[record.pk]) in page.content.decode()


def test_whoever_only_sees_an_organization_reads_that_it_is_gone_and_brings_nothing_back(world: World) -> None:
    record = make.organization(world.rep)
    organizations.delete(record.pk, by=world.rep, via="page")
    client = world.client(world.stranger)
    page = client.get(reverse("organization", args=[record.pk]))
    assert page.status_code == 410 and "Bring it back" not in page.content.decode()
    with no_trace():
        assert client.post(reverse("organization-restore", args=[record.pk])).status_code == 403


def test_a_contact_that_a_stranger_never_saw_is_not_there_for_them(world: World) -> None:
    record = make.contact(world.rep)
    contacts.delete(record.pk, by=world.rep, via="page")
    client = world.client(world.stranger)
    with no_trace():
        assert client.get(reverse("contact", args=[record.pk])).status_code == 404
        assert client.post(reverse("contact-restore", args=[record.pk])).status_code == 404


def test_a_page_asks_before_it_deletes_and_says_what_still_needs_it(world: World) -> None:
    firm = make.organization(world.rep)
    make.contact(world.rep, organization=firm)
    url, client = reverse("organization-delete", args=[firm.pk]), world.client()
    page = client.get(url).content.decode()
    assert "1 contact" in page and "btn-danger" not in page
    with no_trace():
        told = client.post(url, follow=True)
    assert "is still needed by 1 contact." in told.content.decode()
    Contact.objects.update(organization=None)
    assert "btn-danger" in client.get(url).content.decode()


def test_a_contact_does_not_come_back_before_its_organization(world: World) -> None:
    firm = make.organization(world.rep, name="Nordwind")
    person = make.contact(world.rep, name="Ina", organization=firm)
    contacts.delete(person.pk, by=world.rep, via="page")
    organizations.delete(firm.pk, by=world.rep, via="page")
    with no_trace(), pytest.raises(ValidationError, match="“Nordwind”, to which “Ina” belongs, was deleted too"):
        contacts.restore(person.pk, by=world.rep, via="page")
    told = world.client().post(reverse("contact-restore", args=[person.pk]), follow=True)
    assert told.status_code == 410 and "was deleted too" in told.content.decode()
    organizations.restore(firm.pk, by=world.rep, via="page")
    contacts.restore(person.pk, by=world.rep, via="page")
    assert Contact.objects.existing().get().organization == firm


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_an_organization_that_is_deleted_while_its_contact_comes_back_leaves_no_orphan(transactional_db: None) -> None:
    world = ApiWorld()
    for _round in range(10):
        firm = make.organization(world.rep)
        person = make.contact(world.rep, organization=firm)
        contacts.delete(person.pk, by=world.rep, via="page")

        def act(number: int, person: Contact = person, firm: Organization = firm) -> None:
            try:
                if number:
                    organizations.delete(firm.pk, by=world.rep, via="page")
                else:
                    contacts.restore(person.pk, by=world.rep, via="page")
            except ValidationError:
                pass

        together(2, act)
        gone = Organization.objects.get(pk=firm.pk).deleted_at is not None
        assert gone == (Contact.objects.get(pk=person.pk).deleted_at is not None)


# --- Activities, on the page of the deal


def logged(world: World) -> Activity:
    entry = NewActivity(type=make.activity_type("call"), text="Wants an offer by Friday")
    made = logbook.log(world.deal.pk, entry, by=world.rep, via="page")
    assert made is not None
    return made


def test_an_activity_that_was_deleted_leaves_a_line_that_brings_it_back(world: World) -> None:
    call = logged(world)
    answer = world.post("deal-log-remove", call.pk, part=True).content.decode()
    back = world.url("deal-log-restore", call.pk)
    assert answer.count(f'hx-post="{back}"') == 2  # in the message, and in the line
    page = world.page()
    assert "Rita Rep deleted what was logged here: Call" in page and "Wants an offer by Friday" not in page
    assert "It is back: Call." in world.post("deal-log-restore", call.pk, part=True).content.decode()
    assert "Wants an offer by Friday" in world.page()


def test_an_activity_counts_at_the_gate_again_when_it_is_back(world: World) -> None:
    make.condition(world.second, "activity", label="A call", activity_type=make.activity_type("call"))
    call = logged(world)
    gate = f"deals/{world.deal.pk}/gate/"
    program, met = Program(world.rep), []
    for act in (None, logbook.delete, logbook.restore):
        if act is not None:
            act(call.pk, by=world.rep, via="page")
        met.append(program.get(gate).json()["may_enter"])
    assert met == [True, False, True]


def test_only_the_author_and_their_managers_are_offered_to_delete_what_was_logged(world: World) -> None:
    world.let_team_read()
    remove = world.url("deal-log-remove", logged(world).pk)
    assert [remove in world.page(user) for user in (world.rep, world.manager, world.colleague)] == [True, True, False]


def test_what_a_commitment_rests_on_stays_and_the_page_says_so(world: World) -> None:
    asked = make.condition(world.second, label="Agrees to a demo")
    entry = NewActivity(type=make.activity_type("call"))
    said = logbook.log(world.deal.pk, entry, by=world.rep, via="page", agreed=[asked.pk])
    assert said is not None
    client = world.client(part=True)
    with no_trace():
        answer = client.post(world.url("deal-log-remove", said.pk))
    assert "Agrees to a demo" in answer.content.decode() and Activity.objects.existing().count() == 1


def test_an_activity_of_another_deal_is_not_deleted_by_this_address(world: World) -> None:
    call, other, client = logged(world), make.deal(world.first, world.rep), world.client()
    with no_trace():
        assert client.post(reverse("deal-log-remove", args=[other.pk, call.pk])).status_code == 404


# --- Through the API


def test_a_program_brings_back_what_it_deleted(world: World) -> None:
    program = Program(world.manager, "admin")
    firm, person = make.organization(world.rep), make.contact(world.rep)
    paths = [f"organizations/{firm.pk}/", f"contacts/{person.pk}/", f"activities/{logged(world).pk}/"]
    for path in [*paths, f"deals/{world.deal.pk}/"]:
        assert program.ask("DELETE", path, None, If_Match="*").status_code == 204
        assert program.get(path).status_code == 404
        once = program.ask("POST", f"{path}restore/")
        again = program.ask("POST", f"{path}restore/", {})
        assert (once.status_code, once.json(), once.headers["ETag"]) == (200, program.get(path).json(), '"3"')
        assert (again.status_code, again.json()) == (200, once.json())


def test_a_merged_deal_is_not_brought_back_by_a_program(world: World) -> None:
    other = make.deal(world.first, world.rep)
    program = Program(world.manager, "admin")
    program.post(f"deals/{world.deal.pk}/merge/", {"other": other.pk, "version": 1})
    with no_trace():
        assert program.post(f"deals/{other.pk}/restore/").status_code == 410


def test_a_program_is_told_what_has_to_come_back_first(world: World) -> None:
    firm = make.organization(world.rep)
    person = make.contact(world.rep, organization=firm)
    contacts.delete(person.pk, by=world.rep, via="page")
    organizations.delete(firm.pk, by=world.rep, via="page")
    told = Program(world.rep, "admin").post(f"contacts/{person.pk}/restore/")
    assert (told.status_code, told.json()["code"]) == (409, "part")
    narrow = Program(world.rep).post(f"organizations/{firm.pk}/restore/")
    assert (narrow.status_code, narrow.json()["scope_needed"]) == (403, "admin")
    unknown = Program(world.rep, "admin").post(f"organizations/{firm.pk}/restore/", {"name": "New"})
    assert unknown.json()["errors"][0]["code"] == "unknown_field"


def test_a_deleted_deal_is_brought_back_by_its_managers_only(world: World) -> None:
    deals.delete(world.deal.pk, by=world.manager, via="page")
    assert Program(world.rep, "admin").post(f"deals/{world.deal.pk}/restore/").status_code == 403
    assert Program(world.stranger, "admin").post(f"deals/{world.deal.pk}/restore/").status_code == 404
    assert Program(world.manager, "admin").post(f"deals/{world.deal.pk}/restore/").status_code == 200
