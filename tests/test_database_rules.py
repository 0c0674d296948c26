"""The database itself refuses what would break a history, whoever writes; `verify` finds what got past it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction
from django.db.models import ProtectedError

from crm import database_rules, verification
from crm.models import Change
from crm.models.audit import Via
from pipeline import moves
from pipeline.models import ColumnTotal, Deal, MoveAttempt, Stage, StageVisit
from tests import factories as make
from tests.factories import NOW

pytestmark = pytest.mark.django_db


@pytest.fixture
def deal() -> Deal:
    pipeline = make.pipeline()
    made = make.deal(make.stage(pipeline, "First"), make.user())
    moves.move_deal(
        made.pk, make.stage(pipeline, "Second").pk, by=made.owner, via=Via.BOARD, now=NOW + timedelta(days=1)
    )
    return Deal.objects.get(pk=made.pk)


def second_open_stay(deal: Deal) -> None:
    StageVisit.objects.filter(deal=deal).update(left_at=None)


def a_gap(deal: Deal) -> None:
    StageVisit.objects.filter(deal=deal, seq=1).update(left_at=NOW + timedelta(hours=1))
    Deal.objects.filter(pk=deal.pk).update(stage_entered_at=deal.stage_entered_at)


def an_overlap(deal: Deal) -> None:
    StageVisit.objects.filter(deal=deal, seq=1).update(left_at=NOW + timedelta(days=2))
    Deal.objects.filter(pk=deal.pk).update(stage_entered_at=deal.stage_entered_at)


def ends_before_it_begins(deal: Deal) -> None:
    StageVisit.objects.filter(deal=deal, seq=1).update(left_at=NOW - timedelta(days=1))


def another_stage_than_the_open_stay(deal: Deal) -> None:
    Deal.objects.filter(pk=deal.pk).update(stage=make.stage(deal.pipeline, "Third"))


def a_stage_of_another_pipeline(deal: Deal) -> None:
    Deal.objects.filter(pk=deal.pk).update(stage=make.stage(make.pipeline(), "First"))


def another_status_than_the_stage(deal: Deal) -> None:
    Deal.objects.filter(pk=deal.pk).update(status="won", closed_at=NOW + timedelta(days=1), credited_owner=deal.owner)


def closed_without_a_date(deal: Deal) -> None:
    Deal.objects.filter(pk=deal.pk).update(status="won")


def a_start_before_the_first_stay(deal: Deal) -> None:
    Deal.objects.filter(pk=deal.pk).update(started_at=NOW - timedelta(days=1))


def a_negative_value(deal: Deal) -> None:
    Deal.objects.filter(pk=deal.pk).update(value=-1)


def a_changed_kind_of_a_used_stage(deal: Deal) -> None:
    Stage.objects.filter(pk=deal.stage_id).update(kind="won")


def a_deleted_stage_in_use(deal: Deal) -> None:
    Stage.objects.filter(pk=deal.stage_id).delete()


def an_altered_attempt(deal: Deal) -> None:
    MoveAttempt.objects.filter(deal=deal).update(outcome="stale")


def a_deleted_change(deal: Deal) -> None:
    Change.objects.filter(object_type="deal", object_id=deal.pk).delete()


def a_stay_out_of_order(deal: Deal) -> None:
    last = StageVisit.objects.current().get(deal=deal)
    last.pk, last.seq = None, 5
    last.save(force_insert=True)


@pytest.mark.parametrize(
    "damage",
    [
        second_open_stay,
        a_gap,
        an_overlap,
        ends_before_it_begins,
        another_stage_than_the_open_stay,
        a_stage_of_another_pipeline,
        another_status_than_the_stage,
        closed_without_a_date,
        a_start_before_the_first_stay,
        a_negative_value,
        a_changed_kind_of_a_used_stage,
        a_deleted_stage_in_use,
        an_altered_attempt,
        a_deleted_change,
        a_stay_out_of_order,
    ],
)
def test_the_database_refuses(deal: Deal, damage: Callable[[Deal], None]) -> None:
    def commit() -> None:
        with transaction.atomic():
            damage(deal)
            connection.check_constraints()

    with pytest.raises((DatabaseError, ProtectedError)):
        commit()
    assert not [finding for finding in verification.run() if finding.breaks]


@pytest.mark.postgres
def test_not_a_number_is_no_value(deal: Deal) -> None:
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE pipeline_deal SET value = 'NaN' WHERE id = %s", [deal.pk])


def test_verify_says_what_it_checked_and_passes(deal: Deal) -> None:
    out = StringIO()
    call_command("verify", stdout=out)
    assert "each begins when the one before it ends" in out.getvalue() and "invariants hold" in out.getvalue()


@pytest.mark.parametrize(
    ("table", "column", "value", "found"),
    [
        ("columntotal", "deals", "7", "totals"),
        ("columntotal", "value", "value + 1", "totals"),
        ("stagevisit", "seq", "seq + 5", "no_gap_no_overlap"),
        ("deal", "next_task_due_at", "started_at", "next_task"),
        ("stagevisit", "let_in", "'override'", "let_in_with_reason"),
        ("stagevisit", "let_in", "'lost'", "lost_is_lost"),
        ("stagevisit", "left_at", "NULL", "one_open_visit"),
        ("deal", "version", "0", "change_versions"),
    ],
)
@pytest.mark.django_db(transaction=True)
def test_verify_finds_what_got_past(deal: Deal, table: str, column: str, value: str, found: str) -> None:
    database_rules.uninstall()
    with connection.cursor() as cursor:
        cursor.execute("DROP INDEX IF EXISTS visit_one_open")
        if connection.vendor == "postgresql":
            cursor.execute("ALTER TABLE pipeline_stagevisit DROP CONSTRAINT IF EXISTS visit_override_says_why")
        else:
            cursor.execute("PRAGMA ignore_check_constraints = ON")
        cursor.execute(f"UPDATE pipeline_{table} SET {column} = {value}")  # noqa: S608
    broken = {finding.invariant for finding in verification.run() if finding.breaks}
    assert found in broken and "schema" in broken
    _restore_schema()


def _restore_schema() -> None:
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("PRAGMA ignore_check_constraints = OFF")
        cursor.execute("DELETE FROM pipeline_moveattempt")
        cursor.execute("UPDATE pipeline_task SET visit_id = NULL")
        cursor.execute("DELETE FROM pipeline_stagevisit")
    named = {c.name: c for c in StageVisit._meta.constraints}
    with connection.schema_editor() as editor:
        editor.add_constraint(StageVisit, named["visit_one_open"])
        if connection.vendor == "postgresql":
            editor.add_constraint(StageVisit, named["visit_override_says_why"])


def test_verify_fails_when_a_trigger_is_missing(deal: Deal) -> None:
    rule = database_rules.rules_for(connection)[0]
    with connection.cursor() as cursor:
        cursor.execute(rule.drop)
    with pytest.raises(CommandError, match="1 breaks of 1 invariants"):
        call_command("verify", stdout=StringIO())
    database_rules.install()
    assert not database_rules.broken()


def test_totals_are_right_after_bulk_creation(deal: Deal) -> None:
    assert ColumnTotal.objects.get(stage=deal.stage, owner=deal.owner).deals == 1
