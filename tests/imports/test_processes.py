"""Importing deals with the pipelines and the histories of stages that a file tells."""

from __future__ import annotations

import datetime
from collections import Counter

import pytest
from django.core.management import CommandError

from pipeline.imports import shaping
from pipeline.models import Deal, Pipeline, PipelineVersion, Stage, StageVisit
from tests.imports.told import DEALS, Import, counts, rows

pytestmark = pytest.mark.django_db


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
