from __future__ import annotations

import pytest
from django.test import Client

from crm import search
from crm.models import User
from crm.models.audit import Via
from leads import contacts, organizations
from pipeline import search as deals
from tests.factories import contact, deal, organization, pipeline, stage, team, user

pytestmark = pytest.mark.django_db


def titles(someone: User, query: str) -> dict[str, list[str]]:
    return {group.key: [hit.title for hit in group.hits] for group in search.search(someone, query)}


@pytest.fixture(autouse=True)
def pages_of_deals(monkeypatch: pytest.MonkeyPatch) -> None:
    """The page of a deal is not what these tests are about."""
    real = deals.reverse
    monkeypatch.setattr(
        deals, "reverse", lambda name, args: f"/deals/{args[0]}/" if name == "deal" else real(name, args=args)
    )


def test_a_part_of_a_name_finds_deals_organizations_and_people() -> None:
    rita = user()
    firm = organization(rita, name="Nordwind Logistik")
    deal(stage(pipeline(), "First"), rita, title="Nordwind fleet")
    deal(stage(pipeline(), "First"), rita, title="Something else", organization=firm)
    contact(rita, name="Anna Nordwind")
    assert titles(rita, "nordwi") == {
        "deals": ["Something else", "Nordwind fleet"],
        "organizations": ["Nordwind Logistik"],
        "contacts": ["Anna Nordwind"],
    }


def test_a_search_shows_nothing_of_others() -> None:
    stranger, rita = user(), user()
    deal(stage(pipeline(), "First"), rita, title="Nordwind fleet")
    contact(rita, name="Anna Nordwind")
    assert titles(stranger, "nordwind") == {}


def test_a_manager_finds_what_the_team_has() -> None:
    sales = team()
    rita, boss = user(team=sales), user("manager", team=sales)
    contact(rita, name="Anna Nordwind")
    assert titles(boss, "anna") == {"contacts": ["Anna Nordwind"]}


def test_case_and_width_of_letters_do_not_matter_in_any_script() -> None:
    rita = user()
    organizations.create({"name": "Öresund Straßenbau", "owner": rita}, by=rita, via=Via.PAGE)
    contacts.create({"name": "Ünal Ğ", "owner": rita}, by=rita, via=Via.PAGE)
    assert titles(rita, "öRESUND") == titles(rita, "strassenbau") == {"organizations": ["Öresund Straßenbau"]}
    assert titles(rita, "ünal") == {"contacts": ["Ünal Ğ"]}


def test_signs_that_mean_something_to_a_database_are_letters_here() -> None:
    rita = user()
    contact(rita, name="100% Wool")
    contact(rita, name="1000 Wools")
    assert titles(rita, "100%") == {"contacts": ["100% Wool"]}
    assert titles(rita, "'; drop table--") == {}


def test_many_are_cut_off_and_said_to_be_more() -> None:
    rita = user()
    for number in range(4):
        organization(rita, name=f"Acme {number}")
    (group,) = search.search(rita, "acme", limit=3)
    assert (len(group.hits), group.more) == (3, True)


def test_names_that_begin_with_the_words_come_first() -> None:
    rita = user()
    organization(rita, name="Great Acme")
    organization(rita, name="Acme Two")
    assert titles(rita, "acme") == {"organizations": ["Acme Two", "Great Acme"]}


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
