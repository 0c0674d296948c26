"""`manage.py import`: every row is counted, every refusal is named, and the same file twice changes nothing."""

from __future__ import annotations

import datetime
import io
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db.models import Model

from crm.importing import known
from crm.models import Change, Company, ExternalId, User
from leads.models import Contact, Organization
from pipeline.imports import shaping
from pipeline.models import ColumnTotal, Deal, MoveAttempt, Pipeline, PipelineVersion, Product, Stage, StageVisit
from tests import factories as make

pytestmark = pytest.mark.django_db

Import = Callable[..., str]
TABLES: list[type[Model]] = [
    ColumnTotal,
    Deal,
    StageVisit,
    MoveAttempt,
    Organization,
    Contact,
    User,
    Pipeline,
    Stage,
    Product,
    ExternalId,
    Change,
]


@pytest.fixture
def admin() -> User:
    return make.user("admin", name="Anna Admin", email="anna@example.com")


@pytest.fixture
def load(tmp_path: Path, admin: User) -> Import:
    """Imports the text as a file and gives all that the command said."""

    def run(table: str, text: str | bytes, *options: str) -> str:
        path, out = tmp_path / "file.csv", io.StringIO()
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        call_command("import", table, str(path), *options, stdout=out, stderr=out)
        return out.getvalue()

    return run


@pytest.fixture
def sales() -> Pipeline:
    return make.pipeline(name="Sales")


def counts(said: str) -> str:
    """“1 created, 0 updated, 0 unchanged, 0 refused”"""
    return next(line for line in said.splitlines() if " created, " in line).partition(": ")[2].partition(".")[0]


def rows() -> dict[str, int]:
    return {model.__name__: model._default_manager.count() for model in TABLES}


def day(moment: datetime.datetime | None) -> str:
    return moment.date().isoformat() if moment else ""


DEALS = "id,name,stage,amount,owner,create date,close date\n"


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


# --- Deals


def test_dates_of_the_file_become_the_dates_of_the_stays(load: Import, sales: Pipeline) -> None:
    text = (
        DEALS
        + "1,Won deal,Won,100,,2024-01-05,2024-03-01\n2,Open deal,First,,,2024-02-01,2024-12-01\n3,New deal,First,,,,\n"
    )
    assert counts(load("deals", text)) == "3 created, 0 updated, 0 unchanged, 0 refused"
    won, open_deal, new = (Deal.objects.get(title=title) for title in ("Won deal", "Open deal", "New deal"))
    assert [(v.stage.name, day(v.entered_at), v.entered_precision, v.let_in) for v in won.visits.order_by("seq")] == [
        ("First", "2024-01-05", "day", "history"), ("Won", "2024-03-01", "day", "history"),
    ]  # fmt: skip
    assert (won.value, won.closed_at, str(won.credited_owner)) == (Decimal(100), won.stage_entered_at, "Anna Admin")
    assert (day(open_deal.started_at), open_deal.expected_close) == ("2024-02-01", datetime.date(2024, 12, 1))
    assert new.stage_entered_precision == "unknown"
    assert new.started_at == new.created_at


def test_a_day_is_the_day_of_the_company(load: Import, sales: Pipeline) -> None:
    Company.objects.create(time_zone="Asia/Tokyo")
    load("deals", DEALS + "1,A,First,,,2024-02-01,\n")
    assert Deal.objects.get().started_at == datetime.datetime(2024, 1, 31, 15, tzinfo=datetime.UTC)


def test_a_deal_with_a_start_in_a_later_stage_is_there_since_nobody_knows_when(load: Import, sales: Pipeline) -> None:
    load("deals", DEALS + "1,A,First,,,2024-01-01,\n2,B,Third,,,2024-01-01,\n")
    assert [(v.stage.name, v.entered_precision) for v in Deal.objects.get(title="B").visits.order_by("seq")] == [
        ("First", "day"), ("Third", "unknown"),
    ]  # fmt: skip


def test_a_closed_deal_without_a_start_was_open_before(load: Import, sales: Pipeline) -> None:
    load("deals", DEALS + "1,A,Lost,,,,2024-03-01\n")
    assert [(v.stage.name, v.entered_precision, day(v.entered_at)) for v in Deal.objects.get().visits.order_by("seq")] == [
        ("First", "unknown", "2024-03-01"), ("Lost", "day", "2024-03-01"),
    ]  # fmt: skip


def test_the_same_deals_twice_change_nothing(load: Import, sales: Pipeline) -> None:
    text = DEALS + "1,A,Won,100,,2024-01-05,2024-03-01\n2,B,Second,20.5,,2024-02-01,2024-12-01\n3,C,First,,,,\n"
    load("deals", text)
    before = rows()
    said = load("deals", text)
    assert counts(said) == "0 created, 0 updated, 3 unchanged, 0 refused"
    assert "history" not in said
    assert rows() == before


def test_deals_without_ids_are_known_by_title_and_organization(load: Import, sales: Pipeline) -> None:
    load("organizations", "name\nAcme\nBolt\n")
    text = "deal name,account,stage\nRenewal,Acme,First\nRenewal,Bolt,First\nrenewal,Acme,First\n"
    said = load("deals", text)
    assert counts(said) == "2 created, 0 updated, 0 unchanged, 1 refused"
    assert "line 4" in said and "Line 2 is the same deal" in said
    assert counts(load("deals", text)) == "0 created, 0 updated, 2 unchanged, 1 refused"


def test_columns_of_any_name_are_mapped_and_their_words_replaced(load: Import, sales: Pipeline) -> None:
    text = "ref,what,where,name\n1,Big one,Start,ignored\n"
    said = load(
        "deals", text, "--map", "ref=external_id", "--map", "what=title", "--map", "where=stage", "--map", "name=",
        "--value", "where:start=First",
    )  # fmt: skip
    assert "Left out: name." in said
    assert (Deal.objects.get().title, Deal.objects.get().stage.name) == ("Big one", "First")


def test_a_title_is_made_of_organization_and_product(load: Import, sales: Pipeline) -> None:
    load("organizations", "name\nAcme\n")
    said = load(
        "deals",
        "id,account,product,stage\n1,Acme,WidgetPro,First\n2,Acme,,First\n3,,,First\n",
        "--value",
        "product:widgetpro=Widget Pro",
    )
    assert "Product: 1 added: Widget Pro." in said
    assert set(Deal.objects.values_list("title", flat=True)) == {"Acme – Widget Pro", "Acme", "3"}


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("1,A,Frist,,,,", "line 2, stage “Frist”: “Sales” has no such stage. Did you mean “First”?"),
        ("1,A,,,,,", "line 2, stage: Say in which stage the deal is."),
        ("1,A,First,1e3,,,", "line 2, amount “1e3”: This is not a number. Write the number alone, such as 12500.50."),
        ('1,A,First,"1,234.50",,,', "Say how the file writes numbers: --numbers 1,234.5 or --numbers 1.234,5."),
        ("1,A,First,-5,,,", "line 2, amount “-5”: A value cannot be negative."),
        ("1,A,First," + "9" * 40 + ",,,", "At most 13 digits before the point."),
        ("1,A,First,1.234,,,", "EUR has 2 decimals."),
        ("1,A,First,,Anna Adnim,,", "line 2, owner “Anna Adnim”: No such owner. Did you mean “Anna Admin”?"),
        ("1,A,First,,,2024-02-30,", "line 2, create date “2024-02-30”: There is no such day."),
        ("1,A,First,,,2999-01-01,", "line 2, create date “2999-01-01”: This lies in the future."),
        ("1,A,Won,,,2024-03-01,2024-02-01", "line 2, close date “2024-02-01”: This lies before the deal's start."),
        (",A,First,,,,", "line 2, id: Without it, the row would be another deal each time."),
        ("1,\u202eA,First,,,,", "hidden character"),
        ("1," + "x" * 201 + ",First,,,,", "201 characters; at most 200 fit"),
    ],
)  # fmt: skip
def test_a_bad_row_is_named_and_takes_no_other_with_it(load: Import, sales: Pipeline, row: str, words: str) -> None:
    said = load("deals", DEALS + row + "\n2,Good one,First,5,,,\n")
    assert counts(said) == "1 created, 0 updated, 0 unchanged, 1 refused"
    assert words in said
    assert Deal.objects.get().title == "Good one"


def test_an_organization_that_is_not_there_is_refused_with_the_nearest(load: Import, sales: Pipeline) -> None:
    load("organizations", "name\nAcme Corporation\n")
    said = load("deals", "id,account,stage\n1,Acme Corporaton,First\n")
    assert "There is no such organization. Did you mean “Acme Corporation”?" in said


def test_somebody_who_left_is_no_owner_and_no_second_person_is_made(load: Import, sales: Pipeline) -> None:
    make.user(name="Gone Away", is_active=False)
    said = load("deals", DEALS + "1,A,First,,Gone Away,,\n", "--create-owners")
    assert "owner “Gone Away”: No such owner." in said
    assert User.objects.count() == 2


def test_owners_are_made_when_asked_and_cannot_sign_in(load: Import, sales: Pipeline) -> None:
    text = DEALS + "1,A,First,,Milo Frost,,\n2,B,First,,milo frost,,\n3,C,First,,Zoë Ångström,,\n"
    said = load("deals", text, "--create-owners")
    assert "2 owners made: Milo Frost, Zoë Ångström." in said
    milo = User.objects.get(name="Milo Frost")
    assert (milo.email, milo.role, milo.is_active) == ("milo.frost@import.invalid", "rep", True)
    assert not milo.has_usable_password()
    assert User.objects.get(name="Zoë Ångström").email == "zoe.angstrom@import.invalid"
    assert milo.deals.count() == 2
    assert "made" not in load("deals", text, "--create-owners")


def test_a_rep_imports_for_nobody_else(load: Import, sales: Pipeline) -> None:
    rep, colleague = make.user(name="Rita Rep"), make.user(name="Carl Colleague")
    text = DEALS + "1,A,First,,Rita Rep,,\n2,B,First,,Carl Colleague,,\n"
    said = load("deals", text, "--by", rep.email)
    assert counts(said) == "1 created, 0 updated, 0 unchanged, 1 refused"
    assert "owner “Carl Colleague”: No such owner." in said
    load("deals", text)
    said = load("deals", DEALS + "1,New name,First,,,,\n", "--by", colleague.email)
    assert "Carl Colleague may not change this deal" in said


def test_fields_of_a_known_deal_change_through_its_rule(load: Import, sales: Pipeline) -> None:
    load("deals", DEALS + "1,A,First,100,,,\n")
    assert counts(load("deals", DEALS + "1,A,First,250,,,\n")) == "0 created, 1 updated, 0 unchanged, 0 refused"
    assert Deal.objects.get().value == 250
    assert Change.objects.get(object_type="deal", field="value", old="100").via == "import"
    assert ColumnTotal.objects.get().value == 250


def test_the_gate_holds_for_a_known_deal_and_names_the_condition(load: Import, sales: Pipeline) -> None:
    make.condition(make.stage(sales, "Second"), label="Agrees to a demo")
    load("deals", DEALS + "1,A,First,100,,,\n2,B,Second,,,,\n")
    said = load("deals", DEALS + "1,A,Second,300,,,\n2,B,Second,5,,,\n")
    assert counts(said) == "0 created, 1 updated, 0 unchanged, 1 refused"
    assert "line 2, stage “Second”: Before “Second”: Agrees to a demo." in said
    deal = Deal.objects.get(title="A")
    assert (deal.stage.name, deal.value) == ("First", Decimal(100))
    assert MoveAttempt.objects.filter(deal=deal, outcome="refused", via="import").count() == 1


def test_another_stage_of_a_known_deal_is_a_move_now(load: Import, sales: Pipeline) -> None:
    load("deals", DEALS + "1,A,First,100,,2024-01-01,\n")
    assert counts(load("deals", DEALS + "1,A,Second,300,,2024-01-01,\n")).startswith("0 created, 1 updated")
    deal = Deal.objects.get()
    visit = deal.visits.get(seq=2)
    assert (visit.let_in, visit.via, visit.entered_precision) == ("conditions", "import", "exact")
    assert deal.value == 300
    assert datetime.datetime.now(datetime.UTC) - visit.entered_at < datetime.timedelta(minutes=5)


def test_a_known_deal_is_lost_only_with_a_reason(load: Import, sales: Pipeline) -> None:
    make.lost_reason(name="No budget")
    head = "id,name,stage,loss reason\n"
    load("deals", head + "1,A,First,\n")
    assert "Say why it was lost." in load("deals", head + "1,A,Lost,\n")
    assert "Did you mean “No budget”?" in load("deals", head + "1,A,Lost,No budgets\n")
    assert counts(load("deals", head + "1,A,Lost,no budget\n")).startswith("0 created, 1 updated")
    assert Deal.objects.filter(close_reason__name="No budget", status="lost").count() == 1


def test_other_dates_of_a_known_deal_are_said_and_left(load: Import, sales: Pipeline) -> None:
    load("deals", DEALS + "1,A,First,,,2024-01-01,\n")
    said = load("deals", DEALS + "1,A,First,,,2024-01-02,\n")
    assert "line 2: Not as in the deal's history, which stays: create date." in said
    assert day(Deal.objects.get().started_at) == "2024-01-01"


def test_a_deal_of_another_pipeline_is_not_taken_for_this_one(load: Import, sales: Pipeline) -> None:
    make.pipeline(name="Renewals")
    load("deals", DEALS + "1,A,First,,,,\n", "--pipeline", "Sales")
    said = load("deals", DEALS + "1,A,First,,,,\n", "--pipeline", "Renewals")
    assert "The deal of this id is in the pipeline “Sales”." in said
    assert counts(load("deals", DEALS + "1,A,First,,,,\n", "--pipeline", "Renewals", "--source", "other")).startswith(
        "1 created"
    )


def test_each_row_may_name_its_pipeline(load: Import, sales: Pipeline) -> None:
    make.pipeline(name="Renewals")
    said = load(
        "deals", "record id,deal name,pipeline,deal stage\n1,A,Sales,First\n2,B,renewals,Second\n3,C,Sals,First\n"
    )
    assert "pipeline “Sals”: There is no such pipeline. Did you mean “Sales”?" in said
    assert set(Deal.objects.values_list("pipeline__name", "stage__name")) == {
        ("Sales", "First"),
        ("Renewals", "Second"),
    }


def test_a_dry_run_says_the_same_and_writes_nothing(load: Import) -> None:
    text = DEALS + "1,A,Won,100,Milo Frost,2024-01-05,2024-03-01\n2,B,Lost,x,Milo Frost,,\n3,C,Open,,,,\n"
    options = ["--pipeline", "New one", "--create-stages", "--create-owners"]
    before = rows()
    dry = load("deals", text, *options, "--dry-run")
    assert "nothing was written" in dry
    assert rows() == before
    assert counts(load("deals", text, *options)) == counts(dry) == "2 created, 0 updated, 0 unchanged, 1 refused"


def test_every_row_is_counted_once(load: Import, sales: Pipeline) -> None:
    load("deals", DEALS + "1,A,First,,,,\n2,B,First,,,,\n")
    said = load(
        "deals",
        DEALS + '1,A,First,,,,\n\n2,B2,First,,,,\n3,C,First,,,,\n3,C,First,,,,\n4,D\n5,"E"e,First,,,,\n,,,,,,\n',
    )
    assert counts(said) == "1 created, 1 updated, 1 unchanged, 3 refused (2 blank lines skipped)"
    assert "6 rows: " in said


def test_a_row_that_the_database_refuses_does_not_take_its_chunk_with_it(
    load: Import, sales: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when another import takes a row between the look and the writing."""
    load("deals", DEALS + "2,Theirs,First,,,,\n")
    find: Any = known.find
    monkeypatch.setattr(known, "find", lambda source, kind, ids: {} if kind == "deal" else find(source, kind, ids))
    said = load("deals", DEALS + "1,A,First,,,,\n2,B,First,,,,\n3,C,First,,,,\n")
    assert counts(said) == "2 created, 0 updated, 0 unchanged, 1 refused"
    assert "line 3: Another import took this deal at the same time." in said


def test_salesforce_ids_are_the_same_with_15_and_with_18_characters() -> None:
    assert known.same_id("001A0000006Vm9uIAC") == known.same_id("001A0000006Vm9u")
    assert known.same_id("001A0000006Vm9uIAA") == "001A0000006Vm9uIAA"


# --- Pipelines made of a file's stages


def test_a_pipeline_is_made_of_the_files_stages(load: Import) -> None:
    text = DEALS + "1,A,Won,5,,,\n2,B,Engaging,,,,\n3,C,Lost,,,,\n4,D,Prospecting,,,,\n"
    said = load("deals", text, "--pipeline", "Retail", "--create-stages", "--currency", "USD")
    assert "Prospecting, Engaging; won: Won; lost: Lost." in said
    made = Pipeline.objects.get(name="Retail")
    assert list(made.stages.values_list("name", "kind", "probability")) == [
        ("Prospecting", "open", 33), ("Engaging", "open", 67), ("Won", "won", 100), ("Lost", "lost", 0),
    ]  # fmt: skip
    assert (made.currency, PipelineVersion.objects.get(pipeline=made).number) == ("USD", 1)
    assert counts(load("deals", text, "--pipeline", "Retail", "--create-stages")).startswith(
        "0 created, 0 updated, 4 unchanged"
    )
    assert "no such stage" in load("deals", DEALS + "5,E,Other,,,,\n", "--pipeline", "Retail", "--create-stages")


def test_a_pipeline_without_stages_is_filled_only_when_asked(load: Import) -> None:
    Pipeline.objects.create(name="Empty")
    text = DEALS + "1,A,Open,,,,\n2,B,Won,,,,\n3,C,Lost,,,,\n"
    with pytest.raises(CommandError, match="--create-stages"):
        load("deals", text, "--pipeline", "Empty")
    assert counts(load("deals", text, "--pipeline", "Empty", "--create-stages")).startswith("3 created")


def test_which_stages_are_won_is_said_when_names_do_not_tell(load: Import) -> None:
    text = DEALS + "1,A,Talking,,,,\n2,B,Hooray,,,,\n3,C,Cancelled,,,,\n"
    with pytest.raises(CommandError, match="--won STAGE"):
        load("deals", text, "--pipeline", "P", "--create-stages")
    load("deals", text, "--pipeline", "P", "--create-stages", "--won", "hooray")
    assert dict(Stage.objects.values_list("name", "kind")) == {"Talking": "open", "Hooray": "won", "Cancelled": "lost"}


def test_somebody_at_a_terminal_is_asked() -> None:
    asked: list[str] = []

    def ask(question: str, choices: list[str]) -> list[str]:
        asked.append(question)
        return [choices[-1]]

    assert shaping.kinds(["A", "B", "C"], [], ["A"], ask) == {"A": "lost", "B": "open", "C": "won"}
    assert asked == ["Which stages are won?"]


def test_the_order_of_stages_follows_the_probability_of_the_file(load: Import) -> None:
    text = "id,stage,probability\n1,Zeta,10\n2,Alpha,60\n3,Mid,30%\n4,Closed Won,100\n5,Closed Lost,0\n6,Alpha,50\n"
    load("deals", text, "--pipeline", "P", "--create-stages")
    assert list(Stage.objects.values_list("name", flat=True)) == ["Zeta", "Mid", "Alpha", "Closed Won", "Closed Lost"]


def test_without_histories_stages_follow_as_they_usually_do() -> None:
    names = ["Negotiation/Review", "Proposal/Price Quote", "Needs Analysis", "Prospecting"]
    assert shaping.usual_order(names, {}) == list(reversed(names))
    assert shaping.order_of_histories(names, Counter()) == list(reversed(names))
    assert shaping.order_of_histories(["C", "A", "B"], Counter({("a", "b"): 2, ("b", "a"): 1, ("b", "c"): 1})) == [
        "A",
        "B",
        "C",
    ]


# --- Histories of stages

HISTORY = "case_id,stage,entered_at\n"
WHOLE = HISTORY + (
    "7,Offer,2024-01-03T10:00:00+01:00\n7,Talk,2024-01-01T10:00:00+01:00\n8,Talk,2024-01-01\n7,Talk,2024-01-02T10:00:00+01:00\n"
    "7,Won,2024-01-09T10:00:00+01:00\n8,Lost,2024-01-04\n9,Talk,2024-02-01\n9,Offer,2024-02-02\n9,Talk,2024-02-03\n"
)
MAKE = ("--pipeline", "Loans", "--create-stages")


def stays(title: str) -> list[tuple[str, str, str]]:
    visits = StageVisit.objects.standing().filter(deal__title=title).order_by("seq")
    return [(visit.stage.name, visit.entered_at.isoformat()[:16], visit.entered_precision) for visit in visits]


def test_a_history_becomes_the_stays_of_a_deal_whatever_the_order_of_its_rows(load: Import) -> None:
    said = load("stage_history", WHOLE, *MAKE)
    assert counts(said) == "9 created, 0 updated, 0 unchanged, 0 refused"
    assert "The rows tell of 3 deals." in said and "Talk, Offer; won: Won; lost: Lost." in said
    assert stays("7") == [
        ("Talk", "2024-01-01T09:00", "exact"),
        ("Offer", "2024-01-03T09:00", "exact"),
        ("Won", "2024-01-09T09:00", "exact"),
    ]
    assert stays("9") == [
        ("Talk", "2024-02-01T00:00", "day"),
        ("Offer", "2024-02-02T00:00", "day"),
        ("Talk", "2024-02-03T00:00", "day"),
    ]
    assert Deal.objects.get(title="8").status == "lost"


def test_the_same_history_twice_changes_nothing(load: Import) -> None:
    load("stage_history", WHOLE, *MAKE)
    before = rows()
    assert counts(load("stage_history", WHOLE, *MAKE)) == "0 created, 0 updated, 9 unchanged, 0 refused"
    assert rows() == before


def test_another_history_of_a_known_deal_is_refused(load: Import) -> None:
    load("stage_history", WHOLE, *MAKE)
    said = load(
        "stage_history", HISTORY + "7,Talk,2024-01-01T10:00:00+01:00\n7,Offer,2024-01-04\n8,Talk,2024-01-01\n", *MAKE
    )
    assert counts(said) == "0 created, 0 updated, 1 unchanged, 2 refused"
    assert "line 2, case_id “7”: This deal is here, with another history." in said
    assert "line 3: Refused with line 2 of the same deal." in said


def test_one_bad_row_refuses_the_history_of_its_deal_only(load: Import) -> None:
    load("stage_history", WHOLE, *MAKE)
    said = load(
        "stage_history",
        HISTORY + "1,Talk,2024-01-01\n2,Talk,2024-01-01\n1,Offer,soon\n3,Offer,\n,Talk,2024-01-01\n",
        *MAKE,
    )
    assert counts(said) == "1 created, 0 updated, 0 unchanged, 4 refused"
    assert "line 4, entered_at “soon”: This is not a date." in said
    assert "line 2: Refused with line 4 of the same deal." in said
    assert "line 5, entered_at: Say when the deal entered the stage." in said
    assert "line 6, case_id: Without it, the row belongs to no deal." in said


def test_after_its_history_the_deals_of_a_file_fill_in_the_rest(load: Import) -> None:
    load("stage_history", WHOLE, *MAKE)
    assert counts(load("deals", "id,name,stage,amount\n7,Big loan,Won,900\n", "--pipeline", "Loans")).startswith(
        "0 created, 1 updated"
    )
    assert Deal.objects.get(title="Big loan").visits.count() == 3


def test_a_summer_hour_is_kept_across_the_change_of_clocks(load: Import) -> None:
    load(
        "stage_history",
        HISTORY + "1,Talk,2024-10-27T02:30:00+02:00\n1,Won,2024-10-27T02:30:00+01:00\n2,Lost,2024-01-01\n",
        *MAKE,
    )
    first = StageVisit.objects.get(deal__title="1", seq=1)
    assert first.left_at is not None
    assert first.left_at - first.entered_at == datetime.timedelta(hours=1)
