"""Promise 30: every column of the models, sent to every form and every address that writes, changes nothing that is not offered."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.db import models, transaction

from bench.promises import suites
from bench.promises.report import Report
from bench.promises.stage import nothing_broken
from crm.models import User
from tests.test_permissions import GRANTS, MATRIX, Row, World, address, ask, body_of

APPS = ("crm", "leads", "pipeline")
STRANGER: list[str] = []
"""The id that is sent wherever a person is referred to."""
OFFERED = {
    "action", "asked", "by", "city", "condition", "contact", "contacts", "country", "deputy", "currency", "date_format", "day", "deal",
    "digest", "direction", "due_at", "email", "employees", "evidence", "expected_close", "file", "first_day", "follows", "happened_at",
    "industry", "instructions", "is_primary", "kind", "language", "last_day",
    "minutes", "name", "note", "organization", "outcome", "override",
    "owner", "parent", "password", "phone", "pipeline", "place", "postal_code", "product", "query", "reason", "role",
    "scope", "shared", "shown", "signed", "source", "stage", "stance", "street", "tags", "task", "text", "theme", "time_zone",
    "title", "type", "user", "value", "version", "website", "when", "why",
}  # fmt: skip
"""Names that some form has a field for; what they may do there is what the tests of that form say."""


def mass_assignment() -> Report:
    report = Report(
        30,
        "every column of the models in every form of a page; the API refuses each by name (its tests, on both engines)",
    )
    with transaction.atomic():
        world = World()
        STRANGER.append(str(world.stranger.pk))
        sent = _columns(world)
        for row in MATRIX:
            if row.post:
                _one_form(report, world, row, sent)
        transaction.set_rollback(True)
    for name, ended in suites._ran(suites.PERMISSIONS):
        if "no_column" in name or "no_field" in name or "no_page" in name:
            report.count(f"{name.partition(':')[0]}: tests {ended}")
            report.expect(ended != "failed", name)
    nothing_broken(report)
    return report


def _columns(world: World) -> dict[str, str]:
    """Each name that is no field of any form, with a value that its column could hold and would show."""
    found: dict[str, str] = {}
    for model in apps.get_models():
        if model._meta.app_label in APPS:
            for column in model._meta.concrete_fields:
                for name in (column.name, column.attname):
                    if name not in OFFERED and name.removesuffix("_id") not in OFFERED:
                        found[name] = _value(column, world)
    return found


def _value(column: models.Field[Any, Any], world: World) -> str:
    if isinstance(column, models.ForeignKey):
        return str(world.stranger.pk) if column.related_model is User else "1"
    if isinstance(column, models.DateTimeField):
        return "2001-01-01T00:00:00Z"
    if isinstance(column, models.DateField):
        return "2001-01-01"
    if isinstance(column, models.BooleanField):
        return "on"
    return "7" if isinstance(column, models.IntegerField | models.DecimalField) else "admin"


def _one_form(report: Report, world: World, row: Row, sent: dict[str, str]) -> None:
    """Sent with and without all columns, from the same beginning: the same rows and columns have changed, to the same."""
    actor = next(each for each in ("owner", "boss", "admin") if each in GRANTS[row.post][0])
    plain, loaded = (_after(world, row, actor, more) for more in ({}, sent))
    report.count("forms")
    report.count("columns sent", len(sent))
    # A form that is sent empty is shown again as it is; with anything in it, it says what is missing.
    report.expect(
        plain[0] == loaded[0] or not row.body, f"{row.name}: {plain[0]} without and {loaded[0]} with the columns"
    )
    for key in plain[1].keys() | loaded[1].keys():
        one, other = plain[1].get(key, {}), loaded[1].get(key, {})
        differing = {name for name in one.keys() | other.keys() if one.get(name) != other.get(name)}
        report.expect(not differing & sent.keys(), f"{row.name}: {key[0]} has other {sorted(differing)}")


def _after(
    world: World, row: Row, actor: str, more: dict[str, str]
) -> tuple[int, dict[tuple[str, int], dict[str, Any]]]:
    with transaction.atomic():
        body = body_of(row, world)
        status = ask(world.browser(actor), "post", address(row, world), more | body).status_code
        rows = dict(_rows())
        transaction.set_rollback(True)
    return status, rows


DRAWN = {"object_id", "result_id", "digest", "prefix", "key", "stored_as", "new", "address"}
"""Ids of what was just made, what names them, and secrets: other ones each time."""


def _rows() -> Iterator[tuple[tuple[str, int], dict[str, Any]]]:
    """All that is stored, without what each request writes anew: times of now, ids and keys that are drawn."""
    for model in apps.get_models():
        if model._meta.app_label in APPS:
            for number, row in enumerate(model._default_manager.order_by("pk")):
                values = (
                    (each, getattr(row, each.attname)) for each in model._meta.concrete_fields if each.name not in DRAWN
                )
                yield (model.__name__, number), {each.name: _steady(each, value) for each, value in values}


def _steady(column: models.Field[Any, Any], value: Any) -> Any:
    """Of a time, whether it is the one that was sent; of a reference, whether there is one, or that it is the stranger."""
    if isinstance(column, models.DateTimeField):
        return value and value.year == 2001
    if isinstance(column, models.AutoField):
        return None
    if not isinstance(column, models.ForeignKey):
        return value
    # Other ids are drawn anew each time, and may be the stranger's number by chance.
    return str(value) in STRANGER if column.related_model is User else value is not None
