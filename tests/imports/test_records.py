"""`manage.py import`: every row is counted, every refusal is named, and the same file twice changes nothing."""

from __future__ import annotations

import pytest
from django.core.management import CommandError

from crm.models import Change, ExternalId, User
from leads.models import Contact, Organization
from pipeline.models import Pipeline
from tests import factories as make
from tests.imports.told import DEALS, Import, counts, rows

pytestmark = pytest.mark.django_db


# --- Organizations and contacts


def test_organizations_are_made_once_and_the_same_file_changes_nothing(load: Import) -> None:
    text = "account,sector,employees,founded\nAcme,retail,120,1999\nBolt,medical,,2001\n"
    said = load("organizations", text)
    assert counts(said) == "2 created, 0 updated, 0 unchanged, 0 refused"
    assert "Left out: founded." in said and "go to Anna Admin (the first administrator)" in said
    before = rows()
    assert counts(load("organizations", text)) == "0 created, 0 updated, 2 unchanged, 0 refused"
    assert rows() == before


def test_an_organization_of_the_same_name_takes_the_new_values_and_keeps_what_the_file_leaves_empty(
    load: Import,
) -> None:
    load("organizations", "name,industry,city\nAcme Ltd,retail,Rome\n")
    assert counts(load("organizations", "name,industry,city\nACME  ltd,medical,\n")).startswith("0 created, 1 updated")
    acme = Organization.objects.get()
    assert (acme.industry, acme.city) == ("medical", "Rome")
    assert Change.objects.get(object_type="organization", field="industry", old="retail").via == "import"


def test_a_parent_may_stand_further_down_and_a_circle_is_refused(load: Import) -> None:
    said = load("organizations", "name,parent\nSmall,Middle\nMiddle,Big\nBig,\nOne,Two\nTwo,One\n")
    assert counts(said) == "3 created, 0 updated, 0 unchanged, 2 refused"
    assert Organization.objects.get(name="Small").parent == Organization.objects.get(name="Middle")
    assert "line 5, parent “Two”: There is no such organization." in said


def test_ids_tell_two_organizations_of_one_name_apart(load: Import) -> None:
    text = "id,name,city\nA1,Acme,Rome\nA2,Acme,Oslo\n"
    assert counts(load("organizations", text)) == "2 created, 0 updated, 0 unchanged, 0 refused"
    assert counts(load("organizations", text.replace("Oslo", "Bern"))) == "0 created, 1 updated, 1 unchanged, 0 refused"


def test_an_organization_entered_by_hand_takes_the_id_of_the_file(load: Import, admin: User) -> None:
    make.organization(admin, name="Acme", name_key="acme")
    assert counts(load("organizations", "id,name\nA1,Acme\n")) == "0 created, 0 updated, 1 unchanged, 0 refused"
    assert ExternalId.objects.get().object_id == Organization.objects.get().pk


def test_a_second_row_of_the_same_record_is_refused_and_names_the_first(load: Import) -> None:
    said = load("organizations", "name\nAcme\nBolt\nacme\n")
    assert counts(said) == "2 created, 0 updated, 0 unchanged, 1 refused"
    assert "line 4, name “acme”: Line 2 is the same one. Keep one of the two." in said


@pytest.mark.parametrize("email", ["not an email", "a@example.com, b@example.com", '"a@example.com\nb@example.com"'])
def test_an_email_that_is_none_refuses_its_row(load: Import, email: str) -> None:
    email = email if email.startswith('"') else f'"{email}"'
    said = load("contacts", f"name,email\nAnn,{email}\nBob,bob@example.com\n")
    assert counts(said) == "1 created, 0 updated, 0 unchanged, 1 refused"
    assert "line 2, email" in said and "valid email" in said


def test_an_id_of_another_system_still_finds_its_organization(load: Import) -> None:
    load("organizations", "id,name\n001A,Acme\n", "--source", "one")
    load("contacts", "name,account id\nAnn,001A\n", "--source", "two")
    assert str(Contact.objects.get().organization) == "Acme"


def test_contacts_are_known_by_email_and_belong_to_their_organization(load: Import) -> None:
    load("organizations", "id,name\n001A,Acme\n")
    text = "first name,last name,email,account id\nAnn,Lee,ann@example.com,001A\n"
    assert counts(load("contacts", text)).startswith("1 created")
    assert counts(load("contacts", text.replace("Ann,", "Anne,"))).startswith("0 created, 1 updated")
    ann = Contact.objects.get()
    assert (ann.name, str(ann.organization)) == ("Anne Lee", "Acme")


@pytest.mark.parametrize("text", ["=1+1", "+49 30", "-x", "@sum", "<script>alert(1)</script>", "{{7*7}}", "{% now %}"])
def test_what_looks_like_code_is_stored_as_typed(load: Import, text: str) -> None:
    load("organizations", f'name,city\nAcme,"{text}"\n')
    assert Organization.objects.get().city == text


# --- What refuses the whole file


@pytest.mark.parametrize(
    ("table", "text", "options", "words"),
    [
        ("organizations", "", [], "no rows"),
        ("organizations", "town,land\nRome,Italy\n", [], "No column for “name” was found among: town, land"),
        ("deals", "id,amount\n1,5\n", [], "No column for “stage”"),
        ("organizations", "name\nAcme\n", ["--map", "nam=city"], "There is no column “nam”"),
        ("organizations", "name\nAcme\n", ["--map", "name=colour"], "There is no field “colour”. The fields are: name"),
        ("organizations", "name\nAcme\n", ["--value", "city"], "write --value FIELD:TEXT=MEANING"),
        ("organizations", "name\nAcme\n", ["--owner", "ana@example.com"], "Did you mean “anna@example.com”?"),
        ("deals", DEALS, ["--pipeline", "Sale"], "There is no pipeline “Sale”. Did you mean “Sales”?"),
        ("deals", DEALS + "1,A,First,,,03/04/2024,\n", [], "“03/04/2024” (line 2, create date) can be read in two ways"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_understood_is_refused_before_anything_is_written(
    load: Import, sales: Pipeline, table: str, text: str, options: list[str], words: str
) -> None:
    before = rows()
    with pytest.raises(CommandError) as refusal:
        load(table, text, *options)
    assert words in str(refusal.value)
    assert rows() == before


def test_without_anybody_to_act_the_import_says_so(load: Import, admin: User) -> None:
    User.objects.filter(pk=admin.pk).update(is_active=False)
    with pytest.raises(CommandError, match="Give --by EMAIL"):
        load("organizations", "name\nAcme\n")


def test_a_header_alone_imports_nothing(load: Import) -> None:
    assert counts(load("organizations", "name\n")) == "0 created, 0 updated, 0 unchanged, 0 refused"
