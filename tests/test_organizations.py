from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.test import Client

from crm.models import Change, Company, User
from crm.models.audit import Via
from leads import contacts, organizations
from leads.models import Contact, Organization
from leads.writing import Conflict
from tests.factories import contact, deal, organization, pipeline, stage, team, user

pytestmark = pytest.mark.django_db


def signed_in(someone: User) -> Client:
    client = Client()
    client.force_login(someone)
    return client


def form_of(record: Any, **changes: Any) -> dict[str, Any]:
    names = ["name", "website", "phone", "industry", "city", "title", "email"]
    values = {name: getattr(record, name) for name in names if hasattr(record, name)}
    return {**values, "version": record.version, "owner": record.owner_id, **changes}


def test_a_new_organization_belongs_to_whoever_enters_it() -> None:
    rita = user()
    answer = signed_in(rita).post("/organizations/new/", {"name": "Nordwind", "city": "Bremen", "once_key": "k"})
    made = Organization.objects.get()
    assert answer["Location"] == f"/organizations/{made.pk}/"
    assert (made.owner, made.created_by, made.name_key) == (rita, rita, "nordwind")
    rows = Change.objects.filter(object_type="organization", object_id=made.pk)
    assert dict(rows.values_list("field", "new")) == {"name": "Nordwind", "city": "Bremen", "owner": rita.pk}


def test_a_double_click_makes_one_organization() -> None:
    client = signed_in(user())
    form = {"name": "Nordwind", "once_key": "same", "anyway": "1"}
    first, second = client.post("/organizations/new/", form), client.post("/organizations/new/", form)
    assert first["Location"] == second["Location"]
    assert Organization.objects.count() == 1


def test_an_organization_that_seems_to_exist_is_named_with_its_owner_before_a_second_one_is_made() -> None:
    max_ = user(name="Max Owner")
    organizations.create({"name": "Straßenbau Ｎord", "owner": max_}, by=max_, via=Via.PAGE)
    client = signed_in(user())
    answer = client.post("/organizations/new/", {"name": "STRASSENBAU  nord", "once_key": "k"})
    assert answer.status_code == 409
    assert b"exists, owned by Max Owner." in answer.content
    assert Organization.objects.count() == 1
    client.post("/organizations/new/", {"name": "STRASSENBAU  nord", "once_key": "k", "anyway": "1"})
    assert Organization.objects.count() == 2


def test_of_a_contact_one_does_not_see_only_the_owner_is_told() -> None:
    max_ = user(name="Max Owner")
    hidden = contacts.create(
        {"name": "Anna Secret", "email": "anna@nordwind.example", "owner": max_}, by=max_, via=Via.PAGE
    )
    form = {"name": "A. Nobody", "email": "ANNA@nordwind.example", "once_key": "k"}
    page = signed_in(user()).post("/contacts/new/", form).content.decode()
    assert "This exists, owned by Max Owner." in page
    assert "Anna Secret" not in page
    assert f"/contacts/{hidden.pk}/" not in page


def test_everybody_reads_an_organization_and_its_owner_edits_it() -> None:
    rita, stranger = user(), user()
    firm = organization(rita)
    assert signed_in(stranger).get(f"/organizations/{firm.pk}/").status_code == 200
    assert signed_in(stranger).post(f"/organizations/{firm.pk}/edit/", form_of(firm, name="Mine")).status_code == 403
    assert Organization.objects.get().name == firm.name
    assert signed_in(rita).post(f"/organizations/{firm.pk}/edit/", form_of(firm, name="Better")).status_code == 302
    assert Organization.objects.get().name == "Better"


def test_a_setting_narrows_organizations_to_those_one_has_to_do_with() -> None:
    Company(pk=1, everyone_sees_organizations=False).save()
    rita, stranger = user(), user()
    firm = organization(rita)
    assert signed_in(stranger).get(f"/organizations/{firm.pk}/").status_code == 404
    assert signed_in(stranger).post(f"/organizations/{firm.pk}/edit/", form_of(firm, name="Mine")).status_code == 404
    assert signed_in(rita).get(f"/organizations/{firm.pk}/").status_code == 200


def test_the_owner_of_a_deal_there_and_the_managers_of_the_owner_edit_too() -> None:
    sales = team()
    rita, seller, boss, other_boss = user(team=sales), user(), user("manager", team=sales), user("manager", team=team())
    firm = organization(rita)
    deal(stage(pipeline(), "First"), seller, organization=firm)
    for someone, status in ((seller, 302), (boss, 302), (other_boss, 403), (user("admin"), 302)):
        firm.refresh_from_db()
        answer = signed_in(someone).post(f"/organizations/{firm.pk}/edit/", form_of(firm, city=f"City of {someone.pk}"))
        assert answer.status_code == status


def test_a_contact_is_seen_by_its_owner_and_by_those_whose_deals_it_is_on() -> None:
    rita, colleague, stranger = user(), user(), user()
    person = contact(rita)
    sold = deal(stage(pipeline(), "First"), colleague)
    sold.people.create(contact=person)
    seen = [signed_in(someone).get(f"/contacts/{person.pk}/").status_code for someone in (rita, colleague, stranger)]
    assert seen == [200, 200, 404]
    assert signed_in(stranger).post(f"/contacts/{person.pk}/edit/", form_of(person, name="Mine")).status_code == 404
    assert Contact.objects.get().name == person.name


def test_the_lists_hold_what_one_sees_and_no_more() -> None:
    rita, stranger = user(), user()
    contact(rita, name="Anna Own")
    assert b"Anna Own" in signed_in(rita).get("/contacts/").content
    assert b"Anna Own" not in signed_in(stranger).get("/contacts/").content
    firm = organization(stranger)
    contact(rita, name="Berta There", organization=firm)
    assert b"Berta There" not in signed_in(stranger).get(f"/organizations/{firm.pk}/").content


def test_a_rep_gives_away_nothing_and_takes_nothing() -> None:
    rita, max_ = user(), user()
    firm = organization(rita)
    signed_in(rita).post(f"/organizations/{firm.pk}/edit/", form_of(firm, owner=max_.pk))
    assert Organization.objects.get().owner == rita
    deal(stage(pipeline(), "First"), max_, organization=firm)
    signed_in(max_).post(f"/organizations/{firm.pk}/edit/", form_of(firm, owner=max_.pk))
    assert Organization.objects.get().owner == rita


def test_a_manager_reassigns_within_the_team() -> None:
    sales = team()
    rita, max_, boss, stranger = user(team=sales), user(team=sales), user("manager", team=sales), user()
    firm = organization(rita)
    assert signed_in(boss).post(f"/organizations/{firm.pk}/edit/", form_of(firm, owner=stranger.pk)).status_code == 422
    assert signed_in(boss).post(f"/organizations/{firm.pk}/edit/", form_of(firm, owner=max_.pk)).status_code == 302
    assert Organization.objects.get().owner == max_


def test_edits_of_different_fields_both_survive() -> None:
    rita = user()
    firm = organization(rita, city="Bremen")
    opened = form_of(firm)
    organizations.edit(firm.pk, {"city": "Hamburg"}, version=1, by=rita, via=Via.PAGE)
    assert signed_in(rita).post(f"/organizations/{firm.pk}/edit/", {**opened, "phone": "123"}).status_code == 302
    after = Organization.objects.get()
    assert (after.city, after.phone, after.version) == ("Hamburg", "123", 3)


def test_of_two_edits_of_one_field_the_second_is_told_who_was_quicker() -> None:
    anna, rita = user("admin", name="Anna Quick"), user()
    firm = organization(rita, city="Bremen")
    opened = form_of(firm)
    organizations.edit(firm.pk, {"city": "Hamburg"}, version=1, by=anna, via=Via.PAGE)
    client = signed_in(rita)
    answer = client.post(f"/organizations/{firm.pk}/edit/", {**opened, "city": "Kiel"})
    assert answer.status_code == 409
    assert "Anna Quick changed “City”" in answer.content.decode()
    assert Organization.objects.get().city == "Hamburg"
    answer = client.post(f"/organizations/{firm.pk}/edit/", {**opened, "city": "Kiel", "version": 2})
    assert Organization.objects.get().city == "Kiel"


def test_an_edit_without_the_version_it_read_is_refused() -> None:
    rita = user()
    firm = organization(rita)
    form = form_of(firm, name="Blind")
    del form["version"]
    assert signed_in(rita).post(f"/organizations/{firm.pk}/edit/", form).status_code == 422
    assert Organization.objects.get().name == firm.name


def test_an_edit_that_changes_nothing_writes_nothing() -> None:
    rita = user()
    firm = organization(rita)
    signed_in(rita).post(f"/organizations/{firm.pk}/edit/", form_of(firm))
    assert Organization.objects.get().version == 1
    assert not Change.objects.exists()


def test_the_rule_tells_of_a_clash_and_writes_nothing() -> None:
    rita = user()
    firm = organization(rita, city="Bremen")
    organizations.edit(firm.pk, {"city": "Hamburg"}, version=1, by=rita, via=Via.PAGE)
    outcome = organizations.edit(firm.pk, {"city": "Kiel", "phone": "1"}, version=1, by=rita, via=Via.PAGE)
    assert isinstance(outcome, Conflict)
    assert Organization.objects.get().phone == ""


def test_an_organization_is_no_part_of_itself() -> None:
    rita = user()
    above = organization(rita)
    below = organization(rita, parent=above)
    with pytest.raises(ValidationError, match="part of itself"):
        organizations.edit(above.pk, {"parent": below}, version=1, by=rita, via=Via.PAGE)


@pytest.mark.parametrize(
    "change",
    [{"name": "\u200b"}, {"name": "x" * 201}, {"name": "a\u202eb"}, {"website": "javascript:alert(1)"}, {"employees": "-1"},
     {"employees": str(2**31)}, {"parent": "99999999999999999999"}, {"name": "a\x00b"}],
)  # fmt: skip
def test_what_does_not_fit_is_said_beside_its_field_and_kept_as_typed(change: dict[str, str]) -> None:
    answer = signed_in(user()).post(
        "/organizations/new/", {"name": "Nordwind", "city": "Kept", "once_key": "k", **change}
    )
    assert answer.status_code == 422
    assert b'class="field-error"' in answer.content
    assert b'value="Kept"' in answer.content
    assert not Organization.objects.exists()


def test_an_email_that_smuggles_a_header_is_refused() -> None:
    answer = signed_in(user()).post(
        "/contacts/new/", {"name": "A", "email": "a@b.example\r\nBcc: c@d.example", "once_key": "k"}
    )
    assert answer.status_code == 422
    assert not Contact.objects.exists()


@pytest.mark.parametrize("page", ["0", "-1", "1e3", "9" * 5000, "abc", "3"])
def test_a_page_that_is_none_is_not_found(page: str) -> None:
    assert signed_in(user()).get("/organizations/", {"page": page}).status_code == 404


@pytest.mark.parametrize("path", ["99999999999999999999999", "abc", "-1", "%00"])
@pytest.mark.parametrize("kind", ["organizations", "contacts"])
def test_an_id_that_is_none_is_not_found(kind: str, path: str) -> None:
    assert signed_in(user()).get(f"/{kind}/{path}/").status_code in (400, 404)


def test_long_lists_come_in_pages() -> None:
    rita = user()
    for number in range(60):
        organization(rita, name=f"Firm {number:02}")
    client = signed_in(rita)
    first, second = client.get("/organizations/").content, client.get("/organizations/?page=2").content
    assert b"1\xe2\x80\x9350 of 60" in first
    assert b"Firm 49" in first
    assert b"Firm 50" not in first
    assert b"Firm 50" in second


def test_a_list_takes_as_many_queries_for_fifty_as_for_one(django_assert_max_num_queries: Any) -> None:
    rita = user()
    client = signed_in(rita)
    for _ in range(50):
        organization(rita)
        contact(rita)
    for url in ("/organizations/", "/contacts/"):
        client.get(url)
        with django_assert_max_num_queries(8):
            client.get(url)


def test_names_are_shown_as_text_wherever_they_appear() -> None:
    rita = user(name="<script>alert(1)</script>")
    firm = organization(rita, name="<img src=x onerror=alert(1)>")
    contact(rita, name="<b>x</b>", organization=firm)
    client = signed_in(rita)
    for url in (
        "/organizations/",
        f"/organizations/{firm.pk}/",
        "/contacts/",
        "/search/?q=x",
        f"/organizations/{firm.pk}/edit/",
    ):
        page = client.get(url).content.decode()
        assert "<script>alert" not in page
        assert "<img src=x" not in page
        assert "<b>x</b>" not in page
