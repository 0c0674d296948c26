"""Importing deals: each field, each refusal by its row, and the same file twice changes nothing."""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import Any

import pytest

from crm.importing import known
from crm.models import Change, Company, User
from pipeline.models import ColumnTotal, Deal, MoveAttempt, Pipeline
from tests import factories as make
from tests.imports.told import DEALS, Import, counts, day, rows

pytestmark = pytest.mark.django_db


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
