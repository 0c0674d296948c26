"""What is found for a few letters, in which order, and by whom."""

from __future__ import annotations

import re
from importlib import import_module

import pytest
from django.apps import apps
from django.db import OperationalError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from crm import database_rules, opened, search, verification
from crm.models import Company, Opened, User
from crm.models.audit import Via
from leads import contacts, organizations
from pipeline import deals
from pipeline.models import Deal
from tests.factories import NOW, contact, deal, organization, pipeline, stage, team, user

pytestmark = pytest.mark.django_db
RECORDS = {"deals", "organizations", "contacts"}


@pytest.fixture(autouse=True)
def patience_on_a_busy_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crm.finding.PATIENCE", 5000)


def found(someone: User, query: str, limit: int = 20) -> dict[str, list[str]]:
    """A person is read anew for each request; so it is here."""
    groups = search.search(User.objects.get(pk=someone.pk), query, limit)
    return {group.key: [hit.title for hit in group.hits] for group in groups}


def records(someone: User, query: str) -> dict[str, list[str]]:
    return {key: titles for key, titles in found(someone, query).items() if key in RECORDS}


def window(client: Client, query: str = "", here: str = "") -> str:
    headers = {"HX-Request": "true", "HX-Current-URL": f"http://testserver{here or '/profile/'}"}
    answer = client.get("/search/", {"q": query} if query else {}, headers=headers)
    assert answer.status_code == 200
    return answer.content.decode()


def titles(text: str) -> list[str]:
    return re.findall(r'class="palette-title one-line" dir="auto">([^<]*)<', text)


# --- What is found


def test_a_part_of_a_name_finds_deals_organizations_and_people() -> None:
    rita = user()
    firm = organization(rita, name="Nordwind Logistik")
    deal(stage(pipeline(), "First"), rita, title="Nordwind fleet")
    deal(stage(pipeline(), "First"), rita, title="Something else", organization=firm)
    contact(rita, name="Anna Nordwind")
    assert records(rita, "nordwi") == {
        "deals": ["Nordwind fleet", "Something else"],
        "organizations": ["Nordwind Logistik"],
        "contacts": ["Anna Nordwind"],
    }


def test_other_fields_are_looked_through_too() -> None:
    rita = user()
    organization(rita, name="Nordwind", city="Bremen", website="https://wind.example")
    contact(rita, name="Anna", email="a.sailor@mail.example", phone="+49 421 5550")
    assert records(rita, "breme") == records(rita, "wind.ex") == {"organizations": ["Nordwind"]}
    assert records(rita, "SAILOR@") == records(rita, "421 555") == {"contacts": ["Anna"]}


def test_words_in_another_order_find_the_name() -> None:
    rita = user()
    contact(rita, name="Anna Maria Nordwind")
    contact(rita, name="Anna Sommer")
    assert records(rita, "nordwind anna") == {"contacts": ["Anna Maria Nordwind"]}


def test_one_or_two_letters_find_beginnings_of_names() -> None:
    rita = user()
    organization(rita, name="Acme")
    organization(rita, name="Bacon")
    assert records(rita, "a") == records(rita, "AC") == {"organizations": ["Acme"]}


def test_case_and_width_of_letters_do_not_matter_in_any_script() -> None:
    rita = user()
    organizations.create({"name": "Öresund Straßenbau", "owner": rita}, by=rita, via=Via.PAGE)
    contacts.create({"name": "Ünal Ğ", "owner": rita}, by=rita, via=Via.PAGE)
    deal(stage(pipeline(), "First"), rita, title="ΣΊΣΥΦΟΣ Ａ")
    assert records(rita, "öRESUND") == records(rita, "strassenbau") == {"organizations": ["Öresund Straßenbau"]}
    assert records(rita, "ünal") == {"contacts": ["Ünal Ğ"]}
    assert records(rita, "σίσυφοσ a") == {"deals": ["ΣΊΣΥΦΟΣ Ａ"]}


def test_a_deal_that_was_renamed_is_found_by_its_new_name() -> None:
    rita = user()
    made = deal(stage(pipeline(), "First"), rita, title="Old name")
    deals.edit(made.pk, {"title": "Neuer Náme"}, version=None, by=rita, via=Via.PAGE)
    assert records(rita, "NEUER NÁ") == {"deals": ["Neuer Náme"]}
    assert records(rita, "old name") == {}


def test_signs_that_mean_something_to_a_database_are_letters_here() -> None:
    rita = user()
    for name in ("100% Wool", "1000 Wools", "Under_score", "Underscore", "Back\\slash"):
        contact(rita, name=name)
    assert records(rita, "100%") == {"contacts": ["100% Wool"]}
    assert records(rita, "under_s") == {"contacts": ["Under_score"]}
    assert records(rita, "k\\sla") == {"contacts": ["Back\\slash"]}
    assert records(rita, "'; drop table--") == records(rita, "%") == records(rita, "_%\\") == {}


# --- In which order


def test_the_better_a_name_answers_the_earlier_it_comes() -> None:
    rita = user()
    for name in ("Zacme", "Great Acme", "Acme Two", "Acme", "Meacre"):
        organization(rita, name=name)
    assert records(rita, "acme") == {"organizations": ["Acme", "Acme Two", "Great Acme", "Zacme"]}


def test_the_order_is_the_same_when_more_answer_than_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crm.finding.MOST_READ", 2)
    test_the_better_a_name_answers_the_earlier_it_comes()


def test_what_one_opened_last_comes_first_among_equals_only() -> None:
    rita = user()
    one, two, inside = (organization(rita, name=name) for name in ("Acme One", "Acme Two", "Great Acme"))
    for each in (one, inside, two):
        opened.note(rita, "organization", each.pk)
    assert records(rita, "acme") == {"organizations": ["Acme Two", "Acme One", "Great Acme"]}


def test_what_one_opened_is_found_by_two_letters_anywhere_a_word_begins() -> None:
    rita = user()
    opened.note(rita, "organization", organization(rita, name="Great Acme").pk)
    organization(rita, name="Other Acme")
    assert records(rita, "ac") == {"organizations": ["Great Acme"]}


def test_open_deals_come_before_closed_ones() -> None:
    rita, sales = user(), pipeline()
    deal(stage(sales, "Lost"), rita, title="Fleet A")
    deal(stage(sales, "First"), rita, title="Fleet B")
    assert records(rita, "fleet") == {"deals": ["Fleet B", "Fleet A"]}


def test_the_group_with_the_best_answer_comes_first() -> None:
    rita = user()
    pipeline()
    contact(rita, name="Dr New Dealer")
    assert list(found(rita, "new deal"))[0] == "actions"
    assert list(found(rita, "new dealer")) == ["contacts"]


def test_many_are_cut_off_and_said_to_be_more() -> None:
    rita = user()
    for number in range(4):
        organization(rita, name=f"Acme {number}")
    (group,) = search.search(rita, "acme", limit=3)
    assert (len(group.hits), group.more) == (3, True)


@pytest.mark.postgres
@pytest.mark.parametrize("typed", ["nordwnd", "nrodwind logistk", "norwdind"])
def test_a_slip_of_the_finger_finds_the_name_all_the_same(typed: str) -> None:
    rita = user()
    firm = organization(rita, name="Nordwind Logistik")
    organization(rita, name="Sonnenschein")
    deal(stage(pipeline(), "First"), rita, title="Fleet", organization=firm)
    assert records(rita, typed) == {"organizations": ["Nordwind Logistik"]}


@pytest.mark.postgres
def test_what_is_written_almost_so_is_given_only_when_nothing_is_written_so() -> None:
    rita = user()
    organization(rita, name="Nordwind")
    organization(rita, name="Nordwand")
    assert records(rita, "nordwind") == {"organizations": ["Nordwind"]}


# --- By whom


def test_a_search_shows_nothing_of_others() -> None:
    stranger, rita = user(), user()
    Company.objects.create(pk=1, everyone_sees_organizations=False)
    firm = organization(rita, name="Nordwind")
    made = deal(stage(pipeline(), "First"), rita, title="Nordwind fleet", organization=firm)
    person = contact(rita, name="Anna Nordwind")
    for kind, record in (("deal", made), ("organization", firm), ("contact", person)):
        opened.note(stranger, kind, record.pk)  # as if it had been theirs once
    for typed in ("nordwind", "no", "nordwnd", "fleet", "anna", rita.name):
        assert not RECORDS & found(stranger, typed).keys() and "people" not in found(stranger, typed)
    assert [group.key for group in search.start(stranger)] == ["actions"]


def test_a_manager_finds_what_the_team_has_and_its_people() -> None:
    sales = team()
    rita, boss = user(team=sales, name="Rita Rep"), user("manager", team=sales)
    pipeline()
    contact(rita, name="Anna Nordwind")
    assert records(boss, "anna") == {"contacts": ["Anna Nordwind"]}
    assert found(boss, "rita") == {"people": ["Rita Rep"]}
    assert found(user("manager", team=team()), "rita") == {}


def test_a_person_leads_to_their_deals_on_the_board(client: Client) -> None:
    rita = user("admin", name="Rita Rep")
    pipeline()
    client.force_login(rita)
    (group,) = search.search(rita, "rita")
    assert client.get(group.hits[0].url).status_code == 200
    assert group.hits[0].url.endswith(f"?owner={rita.pk}")


def test_deleted_records_are_not_found() -> None:
    rita = user("admin")
    made = deal(stage(pipeline(), "First"), rita, title="Fleet")
    opened.note(rita, "deal", made.pk)
    deals.delete(made.pk, by=rita, via=Via.PAGE)
    assert records(rita, "fleet") == records(rita, "fl") == {}


@pytest.mark.parametrize(
    ("role", "query", "there"),
    [
        ("rep", "profile", True), ("rep", "board", True), ("rep", "contacts", True), ("rep", "waiting", False),
        ("manager", "waiting", True), ("manager", "administration", False), ("admin", "administration", True),
    ],
)  # fmt: skip
def test_pages_are_those_one_may_open(client: Client, role: str, query: str, there: bool) -> None:
    someone = user(role)
    pipeline()
    client.force_login(someone)
    groups = [group for group in search.search(someone, query) if group.key == "pages"]
    assert bool(groups) == there
    for hit in (hit for group in groups for hit in group.hits):
        assert client.get(hit.url, follow=True).status_code == 200


def test_each_pipeline_has_its_board_and_its_new_deal(client: Client) -> None:
    rita = user()
    pipeline(name="New business")
    pipeline(name="Renewals")
    client.force_login(rita)
    groups = {group.key: group.hits for group in search.search(rita, "renewals")}
    assert [hit.title for hit in groups["pages"]] == ["Board: Renewals"]
    assert [hit.title for hit in groups["actions"]] == ["New deal in Renewals"]
    assert client.get(groups["actions"][0].url).status_code == 200


# --- What one opened last


def test_opening_a_record_notes_it_once_with_the_time(client: Client) -> None:
    rita = user()
    client.force_login(rita)
    made = deal(stage(pipeline(), "First"), rita, title="Fleet")
    firm = organization(rita, name="Nordwind")
    for kind, pk in (("deal", made.pk), ("organization", firm.pk), ("deal", made.pk)):
        client.get(reverse(kind, args=[pk]))
    assert opened.latest(rita) == [("deal", made.pk), ("organization", firm.pk)]
    assert titles(window(client))[:2] == ["Fleet", "Nordwind"]
    assert titles(window(client, here=reverse("deal", args=[made.pk])))[0] == "Nordwind"


def test_what_was_not_shown_was_not_opened(client: Client) -> None:
    rita, stranger = user(), user()
    made = deal(stage(pipeline(), "First"), rita)
    page = reverse("deal", args=[made.pk])
    client.force_login(stranger)
    client.get(page)
    client.force_login(rita)
    client.head(page)
    client.get(page, headers={"Sec-Purpose": "prefetch"})
    client.get(page, headers={"HX-Request": "true"})
    client.get(reverse("deal", args=[made.pk + 999]))
    assert not Opened.objects.exists()


def test_only_the_latest_are_kept_of_each_person() -> None:
    rita, other = user(), user()
    opened.note(other, "deal", 1, NOW)
    for number in range(opened.KEPT + 3):
        opened.note(rita, "deal", number)
    assert Opened.objects.filter(user=rita).count() == opened.KEPT
    assert opened.latest(rita)[-1] == ("deal", 3)
    assert opened.latest(other) == [("deal", 1)]


def test_before_anything_is_typed_there_are_actions(client: Client) -> None:
    client.force_login(user())
    assert titles(window(client)) == ["New organization", "New contact"]
    pipeline()
    assert titles(window(client)) == ["New deal", "New organization", "New contact"]


def test_a_page_is_shown_though_its_opening_cannot_be_noted(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def locked(*_args: object) -> None:
        raise OperationalError("database is locked")

    rita = user()
    client.force_login(rita)
    monkeypatch.setattr(opened, "note", locked)
    assert client.get(reverse("organization", args=[organization(rita).pk])).status_code == 200


# --- What it needs in the database


def test_deals_from_before_are_found_after_the_migration() -> None:
    rita = user()
    for title in ("Plain Title", "ΣΊΣΥΦΟΣ  Straße"):
        deal(stage(pipeline(), "First"), rita, title=title)
    Deal.objects.update(title_key="")
    assert {each.invariant: each.breaks for each in verification.run()}["deal_can_be_found"] == 2
    import_module("pipeline.migrations.0004_deal_title_key").fill(apps, None)
    assert set(Deal.objects.values_list("title_key", flat=True)) == {"plain title", "σίσυφοσ strasse"}


@pytest.mark.postgres
@pytest.mark.parametrize("index", ["deal_search", "organization_search", "contact_search"])
def test_an_index_that_is_gone_is_missed_and_made_again(index: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"DROP INDEX {index}")
    assert database_rules.broken() == [index]
    database_rules.install()
    assert database_rules.broken() == []


# --- The window and the page


def test_the_window_says_how_many_and_marks_them_up_as_a_list(client: Client) -> None:
    rita = user()
    organization(rita, name="Nord <wind>")
    client.force_login(rita)
    text = window(client, "nord <")
    assert "Nord &lt;wind&gt;" in text and "1 found" in text
    assert 'role="listbox"' in text and text.count('role="option"') == 2  # and the page with all of them
    assert "/search/?q=nord%20%3C" in text


def test_the_page_shows_what_was_found_and_keeps_the_words(client: Client) -> None:
    rita = user()
    organization(rita, name="Nord <wind>")
    client.force_login(rita)
    page = client.get("/search/", {"q": "nord <"}).content.decode()
    assert "Nord &lt;wind&gt;" in page
    assert 'value="nord &lt;"' in page


@pytest.mark.parametrize("url", ["/search/", "/organizations/", "/contacts/"])
def test_more_than_200_characters_are_refused_in_words(client: Client, url: str) -> None:
    client.force_login(user())
    assert client.get(url, {"q": "x" * 200}).status_code == 200
    answer = client.get(url, {"q": "x" * 201})
    assert answer.status_code == 400
    assert b"at most 200 characters" in answer.content


def test_the_window_says_what_it_cannot_look_for(client: Client) -> None:
    client.force_login(user())
    answer = client.get("/search/", {"q": "x" * 10_000}, headers={"HX-Request": "true"})
    assert (answer.status_code, b"at most 200 characters" in answer.content) == (422, True)
    assert client.get("/search/?q=a%00b", headers={"HX-Request": "true"}).status_code == 400


@pytest.mark.parametrize(
    "typed",
    ["%", "_", "\\", "%" * 200, "(" * 200, "a\ufffd", "\u202e\u200b", "ﷺ" * 200, "\u0301" * 200, "' OR 1=1", "  "],
)
def test_whatever_is_typed_is_answered(client: Client, typed: str) -> None:
    rita = user("admin")
    organization(rita, name="Nordwind")
    client.force_login(rita)
    assert "Nordwind" not in window(client, typed)


@pytest.mark.parametrize("role", ["rep", "manager", "admin"])
@pytest.mark.parametrize("typed", ["", "a", "acm", "acme pla", "zzzzz"])
def test_a_search_asks_as_many_questions_of_3_records_as_of_30(client: Client, role: str, typed: str) -> None:
    someone, first = user(role, team()), stage(pipeline(), "First")
    client.force_login(someone)

    def fill(count: int) -> None:
        for number in range(count):
            firm = organization(someone, name=f"Acme {number}")
            made = deal(first, someone, title=f"Acme plan {number}", organization=firm)
            for kind, pk in (
                ("deal", made.pk),
                ("organization", firm.pk),
                ("contact", contact(someone, name="Acme").pk),
            ):
                opened.note(someone, kind, pk)

    def questions() -> int:
        with CaptureQueriesContext(connection) as asked:
            window(client, typed)
        return len(asked)

    fill(8)
    window(client)
    before = questions()
    fill(24)
    assert questions() <= before <= 30
