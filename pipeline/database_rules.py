"""The facts of a deal's history, held by the database on both engines.

A deal's visits that were not undone are contiguous from its start, numbered from 1, and exactly one is open; the
deal's stage, status and closing time are those of the open one. PostgreSQL checks at commit, whatever the order of
statements. SQLite has no deferred triggers: writers close, open, then update the deal, and that last update is checked.
"""

from __future__ import annotations

from collections.abc import Iterator

from crm.database_rules import Rule, append_only, sqlite_trigger, trigram_index

# True when the history of the deal :deal is broken; the same words on both engines.
_BROKEN = """
SELECT 1 FROM (
  SELECT v.seq, v.entered_at, v.left_at,
         lag(v.left_at) OVER chain AS left_before, row_number() OVER chain AS position,
         lead(v.seq) OVER chain AS seq_after
  FROM pipeline_stagevisit v WHERE v.deal_id = {deal} AND v.undone_at IS NULL
  WINDOW chain AS (ORDER BY v.seq)
) link, pipeline_deal d
WHERE d.id = {deal} AND (
  link.seq <> link.position
  OR (link.position = 1 AND link.entered_at <> d.started_at)
  OR (link.position > 1 AND (link.left_before IS NULL OR link.left_before <> link.entered_at))
  OR (link.left_at IS NULL AND link.seq_after IS NOT NULL)
)
UNION ALL
SELECT 1 FROM pipeline_deal d WHERE d.id = {deal} AND NOT EXISTS (
  SELECT 1 FROM pipeline_stagevisit v JOIN pipeline_stage s ON s.id = v.stage_id
  WHERE v.deal_id = d.id AND v.undone_at IS NULL AND v.left_at IS NULL
    AND v.stage_id = d.stage_id AND s.kind = d.status AND v.entered_at = d.stage_entered_at
    AND (v.closed_at IS NULL AND d.closed_at IS NULL AND s.kind = 'open'
         OR v.closed_at = d.closed_at AND s.kind <> 'open')
)
"""

_POSTGRES_CHECK = f"""
CREATE OR REPLACE FUNCTION pipeline_history_check() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE the_deal bigint;
BEGIN
  IF TG_TABLE_NAME = 'pipeline_deal' THEN the_deal := NEW.id;
  ELSIF TG_OP = 'DELETE' THEN the_deal := OLD.deal_id;
  ELSE the_deal := NEW.deal_id; END IF;
  IF EXISTS ({_BROKEN.format(deal="the_deal")}) THEN
    RAISE EXCEPTION 'the history of deal % is broken', the_deal USING ERRCODE = '23514';
  END IF;
  RETURN NULL;
END $$;
"""


def _postgres(name: str, table: str, create: str) -> Rule:
    return Rule(name, table, "postgresql", create, f"DROP TRIGGER IF EXISTS {name} ON {table}")


def _postgres_constraint(name: str, table: str, definition: str) -> Rule:
    return Rule(
        name, table, "postgresql", f"ALTER TABLE {table} ADD CONSTRAINT {name} {definition}",
        f"ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {name}", "constraint",
    )  # fmt: skip


def _refuse(message: str) -> str:
    return f"SELECT RAISE(ABORT, '{message}')"


# A pipeline gets another edition in the statement that changes a part of it, whoever makes the change: what a process of
# the server has kept of it is true as long as the edition is the same (pipeline/in_force.py). By table, how its rows name
# their pipeline; a random edition never comes again, also not after a change that was rolled back.
_OF_STAGE = "(SELECT pipeline_id FROM pipeline_stage WHERE id = {row}.stage_id)"
_PARTS = {
    "pipeline_stage": "{row}.pipeline_id",
    "pipeline_cardrule": "{row}.pipeline_id",
    "pipeline_pipelineversion": "{row}.pipeline_id",
    "pipeline_entrycondition": _OF_STAGE,
    "pipeline_stagetask": _OF_STAGE,
    "pipeline_resource": _OF_STAGE,
}
_ANOTHER = {"postgresql": "gen_random_uuid()", "sqlite": "lower(hex(randomblob(16)))"}


def _editions() -> Iterator[Rule]:
    for table, pipeline in _PARTS.items():
        pipelines = ", ".join(pipeline.format(row=row) for row in ("OLD", "NEW"))
        yield _postgres(
            f"{table}_edition", table,
            f"""
CREATE OR REPLACE FUNCTION {table}_edition() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE pipeline_pipeline SET edition = {_ANOTHER["postgresql"]} WHERE id IN ({pipelines});
  RETURN NULL;
END $$;
CREATE TRIGGER {table}_edition AFTER INSERT OR UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION {table}_edition()""",
        )  # fmt: skip
        for event, rows in (("INSERT", ["NEW"]), ("UPDATE", ["OLD", "NEW"]), ("DELETE", ["OLD"])):
            pipelines = ", ".join(pipeline.format(row=row) for row in rows)
            yield sqlite_trigger(
                f"{table}_edition_{event.lower()}", table, f"AFTER {event}",
                f"UPDATE pipeline_pipeline SET edition = {_ANOTHER['sqlite']} WHERE id IN ({pipelines});",
            )  # fmt: skip
    yield _postgres(
        "pipeline_edition", "pipeline_pipeline",
        f"""
CREATE OR REPLACE FUNCTION pipeline_edition() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN NEW.edition := {_ANOTHER["postgresql"]}; RETURN NEW; END $$;
CREATE TRIGGER pipeline_edition BEFORE UPDATE ON pipeline_pipeline FOR EACH ROW EXECUTE FUNCTION pipeline_edition()""",
    )  # fmt: skip
    yield sqlite_trigger(
        "pipeline_edition", "pipeline_pipeline", "AFTER UPDATE",
        f"UPDATE pipeline_pipeline SET edition = {_ANOTHER['sqlite']} WHERE id = NEW.id;",
    )  # fmt: skip


_STAGE_KIND_USED = "SELECT 1 FROM pipeline_stagevisit WHERE stage_id = OLD.id"

RULES: list[Rule] = [
    # B2: no overlap.
    _postgres_constraint(
        "visit_no_overlap", "pipeline_stagevisit",
        "EXCLUDE USING gist (deal_id WITH =, tstzrange(entered_at, left_at, '[)') WITH &&) WHERE (undone_at IS NULL)",
    ),
    # B6: a deal's stage lies in its pipeline and has the deal's status for its kind.
    _postgres_constraint(
        "deal_stage_of_pipeline", "pipeline_deal",
        "FOREIGN KEY (pipeline_id, stage_id, status) REFERENCES pipeline_stage (pipeline_id, id, kind)"
        " DEFERRABLE INITIALLY DEFERRED",
    ),
    # B1, B3, B5, B8, B12 at commit. Two triggers, because a visit and a deal may each be written without the other.
    _postgres(
        "visit_history_whole", "pipeline_stagevisit",
        _POSTGRES_CHECK + "CREATE CONSTRAINT TRIGGER visit_history_whole AFTER INSERT OR UPDATE OR DELETE ON pipeline_stagevisit"
        " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION pipeline_history_check()",
    ),
    _postgres(
        "deal_history_whole", "pipeline_deal",
        _POSTGRES_CHECK + "CREATE CONSTRAINT TRIGGER deal_history_whole"
        " AFTER INSERT OR UPDATE OF stage_id, status, stage_entered_at, started_at, closed_at ON pipeline_deal"
        " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION pipeline_history_check()",
    ),
    _postgres(
        "stage_kind_fixed", "pipeline_stage",
        f"""
CREATE OR REPLACE FUNCTION pipeline_stage_kind_fixed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS ({_STAGE_KIND_USED}) THEN
    RAISE EXCEPTION 'the kind of a stage is fixed once a deal has been in it' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER stage_kind_fixed BEFORE UPDATE OF kind ON pipeline_stage FOR EACH ROW
WHEN (OLD.kind IS DISTINCT FROM NEW.kind) EXECUTE FUNCTION pipeline_stage_kind_fixed()""",
    ),
    # The same on SQLite. A visit is checked against the one before it, the whole at the update of the deal.
    sqlite_trigger(
        "visit_joins_the_one_before", "pipeline_stagevisit", "BEFORE INSERT",
        f"""
{_refuse("a stay begins when the one before it ends")} WHERE NEW.undone_at IS NULL AND NEW.seq > 1 AND NOT EXISTS (
  SELECT 1 FROM pipeline_stagevisit v WHERE v.deal_id = NEW.deal_id AND v.undone_at IS NULL
    AND v.seq = NEW.seq - 1 AND v.left_at = NEW.entered_at);
{_refuse("a stay begins when the one before it ends")} WHERE NEW.undone_at IS NULL AND NEW.seq = 1 AND EXISTS (
  SELECT 1 FROM pipeline_stagevisit v WHERE v.deal_id = NEW.deal_id AND v.undone_at IS NULL);""",
    ),
    sqlite_trigger(
        "deal_history_whole", "pipeline_deal",
        "AFTER UPDATE OF stage_id, status, stage_entered_at, started_at, closed_at",
        f"{_refuse('the history of the deal is broken')} WHERE EXISTS ({_BROKEN.format(deal='NEW.id')});",
    ),
    *(
        sqlite_trigger(
            f"deal_stage_of_pipeline_{event}", "pipeline_deal", when_run,
            f"""{_refuse("the stage is not one of this pipeline and status")} WHERE NOT EXISTS (
  SELECT 1 FROM pipeline_stage s WHERE s.id = NEW.stage_id AND s.pipeline_id = NEW.pipeline_id AND s.kind = NEW.status);""",
        )
        for event, when_run in [("insert", "BEFORE INSERT"), ("update", "BEFORE UPDATE OF pipeline_id, stage_id, status")]
    ),
    # B7 and what a foreign key does not say there: a stage that deals refer to keeps its pipeline and its kind.
    sqlite_trigger(
        "stage_kind_fixed", "pipeline_stage", "BEFORE UPDATE OF kind, pipeline_id",
        f"{_refuse('the kind of a stage is fixed once a deal has been in it')} WHERE EXISTS ({_STAGE_KIND_USED});",
        when="OLD.kind <> NEW.kind OR OLD.pipeline_id <> NEW.pipeline_id",
    ),
    sqlite_trigger(
        "visit_not_deleted", "pipeline_stagevisit", "BEFORE DELETE", f"{_refuse('a stay is undone, not deleted')};"
    ),
    trigram_index("deal_search", "pipeline_deal", "title_key"),
    *append_only("pipeline_moveattempt"),
    *append_only("pipeline_attemptcondition"),
    *append_only("pipeline_pipelineversion"),
    *_editions(),
]  # fmt: skip
