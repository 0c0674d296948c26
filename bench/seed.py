"""100,000 open deals and 1,000,000 stays in stages, made by the database itself from a formula: the same each time.

The rules of the database are off while it loads; they are put back, and `verify` looks at all of it afterwards.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass

from django.db import connection

from crm import database_rules
from crm.models import Company, Membership, Team, User
from pipeline.definition import load_template
from pipeline.models import CloseReason, Kind, Pipeline, PipelineVersion

OWNERS = 200
TEAMS = 20


@dataclass(frozen=True)
class Size:
    """Open deals stand evenly in the six open stages with as many stays; closed ones had five."""

    open_deals: int = 100_000
    closed_deals: int = 130_000

    @property
    def deals(self) -> int:
        return self.open_deals + self.closed_deals


def seed(size: Size, now: datetime.datetime) -> Pipeline:
    Company.objects.get_or_create(pk=1)
    pipeline = load_template("standard", by=None, now=now)
    _people()
    database_rules.uninstall()
    with connection.cursor() as cursor:
        for statement in _statements(size, pipeline):
            cursor.execute(statement.replace(":now", f"'{now.isoformat()}'::timestamptz"))
    database_rules.install()
    with connection.cursor() as cursor:
        # As autovacuum would in time: index-only scans need to know which pages are visible to all.
        cursor.execute("VACUUM ANALYZE")
    return pipeline


def _people() -> None:
    start = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    User.objects.create(email="admin@bench.example", name="Admin", role=User.Role.ADMIN, password="!")
    teams = Team.objects.bulk_create(Team(name=f"Team {number}") for number in range(TEAMS))
    reps = User.objects.bulk_create(
        User(email=f"rep{number}@bench.example", name=f"Rep {number}", password="!") for number in range(OWNERS)
    )
    Membership.objects.bulk_create(
        Membership(team=teams[number % TEAMS], user=rep, started_at=start) for number, rep in enumerate(reps)
    )


def _statements(size: Size, pipeline: Pipeline) -> list[str]:
    stages = list(pipeline.stages.in_use().order_by("order"))
    open_ids = ",".join(str(stage.pk) for stage in stages if stage.kind == Kind.OPEN)
    won = next(stage.pk for stage in stages if stage.kind == Kind.WON)
    lost = next(stage.pk for stage in stages if stage.kind == Kind.LOST)
    version = PipelineVersion.objects.get(pipeline=pipeline).pk
    rep = User.objects.filter(role="rep").order_by("pk").values_list("pk", flat=True)[0]
    admin = User.objects.get(role="admin").pk
    reason = CloseReason.objects.filter(kind="lost").values_list("pk", flat=True).first() or "NULL"
    # Deal n: its age in seconds, how many stays, and the owner. The n-th stay begins at start + (n-1) × age / stays.
    plan = f"""
CREATE TEMP TABLE plan AS
SELECT n, n <= {size.open_deals} AS is_open,
  CASE WHEN n <= {size.open_deals} THEN 1 + n % 6 ELSE 5 END AS stays,
  CASE WHEN n <= {size.open_deals} THEN 86400 * (1 + (n * 7919) % 60) + (n * 4729) % 86400
       ELSE 86400 * (120 + (n * 7919) % 600) + (n * 4729) % 86400 END AS age,
  {rep} + (n * 31) % {OWNERS} AS owner,
  CASE WHEN n % 3 = 0 THEN {won} ELSE {lost} END AS closed_in,
  ({admin})::bigint AS admin
FROM generate_series(1, {size.deals}) n"""
    entered = ":now - make_interval(secs => age) + make_interval(secs => (({seq}) - 1) * (age / stays))"
    last = entered.format(seq="stays")
    closing = "CASE WHEN is_open THEN NULL ELSE {0} END"
    deals = f"""
INSERT INTO pipeline_deal (id, version, created_at, updated_at, pipeline_id, stage_id, status, title, title_key, organization_id,
  value, currency, expected_close, owner_id, started_at, stage_entered_at, stage_entered_precision, closed_at, close_reason_id,
  close_note, credited_owner_id, last_worked_at, next_task_due_at, pause_reason)
SELECT n, 1, :now, :now, {pipeline.pk},
  CASE WHEN is_open THEN (ARRAY[{open_ids}])[stays] ELSE closed_in END,
  CASE WHEN is_open THEN 'open' WHEN closed_in = {won} THEN 'won' ELSE 'lost' END,
  'Energy monitoring for site ' || n, 'energy monitoring for site ' || n, 1 + n % 20000,
  CASE WHEN n % 11 = 0 THEN NULL ELSE (500 + (n * 613) % 90000) END,
  CASE WHEN n % 9 = 0 THEN 'GBP' ELSE 'EUR' END, (:now + make_interval(days => n % 90 - 10))::date, owner,
  {entered.format(seq="1")}, {last}, 'exact', {closing.format(last)},
  CASE WHEN is_open OR closed_in = {won} THEN NULL ELSE {reason} END, '', {closing.format("owner")},
  LEAST(:now, {last} + make_interval(days => n % 12)),
  CASE WHEN is_open AND n % 12 <> 0 THEN :now + make_interval(days => n % 31 - 9, secs => n % 3600) END, ''
FROM plan"""
    visits = f"""
INSERT INTO pipeline_stagevisit (deal_id, seq, stage_id, pipeline_version_id, entered_at, entered_precision, left_at,
  recorded_at, by_id, via, let_in, reason, closed_at, close_note, credited_owner_id, close_reason_id)
SELECT n, seq, CASE WHEN NOT is_open AND seq = stays THEN closed_in ELSE (ARRAY[{open_ids}])[seq] END, {version},
  {entered.format(seq="seq")}, 'exact', CASE WHEN seq < stays THEN {entered.format(seq="seq + 1")} END, :now, owner,
  'import', 'history', '', CASE WHEN NOT is_open AND seq = stays THEN {last} END, '',
  CASE WHEN NOT is_open AND seq = stays THEN owner END,
  CASE WHEN NOT is_open AND seq = stays AND closed_in = {lost} THEN {reason} END
FROM plan CROSS JOIN LATERAL generate_series(1, stays) seq"""
    return [
        plan,
        """INSERT INTO leads_organization (id, version, created_at, updated_at, name, name_key, website, phone, industry, street,
             postal_code, city, country, owner_id)
           SELECT n, 1, :now, :now, 'Organization ' || n, 'organization ' || n, '', '', 'retail', '', '', '', 'DE', """
        f"{rep} + n % {OWNERS} FROM generate_series(1, 20000) n",
        """INSERT INTO leads_contact (id, version, created_at, updated_at, name, name_key, title, email, phone, organization_id, owner_id)
           SELECT n, 1, :now, :now, 'Contact ' || n, 'contact ' || n, '', 'contact' || n || '@example.com', '', n, """
        f"{rep} + n % {OWNERS} FROM generate_series(1, 20000) n",
        deals,
        visits,
        f"""INSERT INTO pipeline_task (version, created_at, updated_at, deal_id, title, kind, instructions, due_at, has_time, owner_id,
             required, state, repetition)
           SELECT 1, :now, :now, id, 'Call about the next step', 'call', '', next_task_due_at, false, owner_id, false, 'open', 0
           FROM pipeline_deal WHERE next_task_due_at IS NOT NULL AND id <= {size.open_deals}""",
        f"""INSERT INTO pipeline_dealcontact (deal_id, contact_id, role, stance, is_primary)
           SELECT n, 1 + n % 20000, CASE WHEN n % 4 = 0 THEN '' ELSE 'decision_maker' END, 'for', true FROM plan
           WHERE n <= {size.open_deals}""",
        f"""INSERT INTO pipeline_commitment (deal_id, condition_id, contact_id, happened_at, evidence, recorded_by_id, recorded_at)
           SELECT p.n, c.id, 1 + p.n % 20000, :now - make_interval(days => 1), 'noted', p.owner, :now
           FROM plan p JOIN pipeline_entrycondition c ON c.kind IN ('commitment', 'by_hand')
           JOIN pipeline_stage s ON s.id = c.stage_id AND s.pipeline_id = {pipeline.pk}
           WHERE p.is_open AND s.kind = 'open' AND array_position(ARRAY[{open_ids}]::bigint[], s.id) <= p.stays + (p.n / 6) % 2""",
        """INSERT INTO pipeline_columntotal (stage_id, owner_id, currency, deals, value)
           SELECT stage_id, owner_id, currency, count(*), sum(coalesce(value, 0)) FROM pipeline_deal GROUP BY 1, 2, 3""",
        *(
            f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), (SELECT max(id) FROM {table}))"
            for table in ("pipeline_deal", "leads_organization", "leads_contact")
        ),
    ]  # fmt: skip
