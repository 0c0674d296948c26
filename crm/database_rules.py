"""What the database itself holds and Django cannot say for both engines: triggers, foreign keys over several columns, indexes.

Each app registers its rules. They are (re)made after every `migrate`, because SQLite drops the triggers of a table
that a migration rebuilds; `manage.py verify` fails when one is missing or differs.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

Vendor = Literal["postgresql", "sqlite"]


@dataclass(frozen=True)
class Rule:
    """`create` makes the object `name` on `table`; `drop` removes it, if there is one. One rule for one engine."""

    name: str
    table: str
    vendor: Vendor
    create: str
    drop: str
    kind: Literal["trigger", "constraint", "index"] = "trigger"

    @property
    def fingerprint(self) -> str:
        return hashlib.sha256(self.create.encode()).hexdigest()[:16]

    @property
    def target(self) -> str:
        """What a comment is on: the name of an index says which table it is of, that of the others does not."""
        return f"INDEX {self.name}" if self.kind == "index" else f"{self.kind.upper()} {self.name} ON {self.table}"


_rules: list[Rule] = []


def register(rules: Iterable[Rule]) -> None:
    known = {(rule.vendor, rule.name) for rule in _rules}
    _rules.extend(rule for rule in rules if (rule.vendor, rule.name) not in known)


def rules_for(connection: BaseDatabaseWrapper) -> list[Rule]:
    return [rule for rule in _rules if rule.vendor == connection.vendor]


def sqlite_trigger(name: str, table: str, event: str, body: str, when: str = "") -> Rule:
    condition = f"WHEN {when} " if when else ""
    create = f"CREATE TRIGGER {name} {event} ON {table} FOR EACH ROW {condition}BEGIN {body} END"
    return Rule(name, table, "sqlite", create, f"DROP TRIGGER IF EXISTS {name}")


def trigram_index(name: str, table: str, *columns: str) -> Rule:
    """For texts that contain something, or almost. It serves a question about any one of the columns."""
    parts = ", ".join(f"{column if column.isidentifier() else f'({column})'} gin_trgm_ops" for column in columns)
    create = f"CREATE INDEX {name} ON {table} USING gin ({parts})"
    return Rule(name, table, "postgresql", create, f"DROP INDEX IF EXISTS {name}", "index")


def append_only(table: str) -> list[Rule]:
    """Rows are added, never altered or removed (TRUNCATE, which only an owner of the table may do, is not stopped)."""
    name = f"{table}_append_only"
    postgres = f"""
CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION '{table} is append-only' USING ERRCODE = '23514'; END $$;
CREATE TRIGGER {name} BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION {name}()"""
    stop = f"SELECT RAISE(ABORT, '{table} is append-only');"
    return [
        Rule(name, table, "postgresql", postgres, f"DROP TRIGGER IF EXISTS {name} ON {table}"),
        sqlite_trigger(f"{name}_update", table, "BEFORE UPDATE", stop),
        sqlite_trigger(f"{name}_delete", table, "BEFORE DELETE", stop),
    ]


def install(using: str = "default", **signal: Any) -> None:
    """Make what is missing or was changed in code. Runs after each migrate; does nothing when all is there."""
    connection = connections[using]
    tables = set(connection.introspection.table_names())
    with connection.cursor() as cursor:
        found = _fingerprints(connection)
        for rule in rules_for(connection):
            if rule.table in tables and found.get(rule.name) != rule.fingerprint:
                cursor.execute(rule.drop)
                cursor.execute(rule.create)
                if connection.vendor == "postgresql":
                    cursor.execute(f"COMMENT ON {rule.target} IS '{rule.fingerprint}'")


def uninstall(using: str = "default") -> None:
    """Take the rules away while a generator or a test fills or empties tables; `install` puts them back."""
    connection = connections[using]
    with connection.cursor() as cursor:
        for rule in rules_for(connection):
            cursor.execute(rule.drop)


def broken(using: str = "default") -> list[str]:
    """Names of rules that are missing or differ from the code."""
    connection = connections[using]
    found = _fingerprints(connection)
    return [rule.name for rule in rules_for(connection) if found.get(rule.name) != rule.fingerprint]


def _fingerprints(connection: BaseDatabaseWrapper) -> dict[str, str]:
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
            return {name: hashlib.sha256(sql.encode()).hexdigest()[:16] for name, sql in cursor.fetchall()}
        # A trigger that was switched off (tgenabled = D) counts as missing.
        cursor.execute(
            "SELECT tgname, obj_description(oid, 'pg_trigger') FROM pg_trigger WHERE NOT tgisinternal AND tgenabled <> 'D'"
            " UNION ALL SELECT conname, obj_description(oid, 'pg_constraint') FROM pg_constraint WHERE convalidated"
            " UNION ALL SELECT relname, obj_description(oid, 'pg_class') FROM pg_class JOIN pg_index ON indexrelid = oid WHERE indisvalid"
        )
        return {name: comment for name, comment in cursor.fetchall() if comment}
