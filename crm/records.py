"""The one way a record is written: under its lock, against the version that was read, with a row for each changed field."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.db import connection, models
from django.utils.translation import gettext as _

from crm import fields, uses
from crm.models import Change, Record, User


@dataclass(frozen=True)
class Clash:
    """A field that somebody else changed since the writer read the record."""

    field: str
    theirs: Any
    mine: Any
    by: User | None
    at: datetime.datetime


def object_type(record: models.Model | type[models.Model]) -> str:
    return record._meta.model_name or ""


def check(kind: str, changes: Mapping[str, Any]) -> dict[str, Any]:
    """The changes as they are stored. ValidationError names each bad field, unknown and read-only ones included."""
    known, checked, errors = fields.of(kind), {}, {}
    for name, value in changes.items():
        field = known.get(name)
        if field is None or not field.editable:
            errors[name] = ValidationError(f"{name}?", code="unknown_field")
            continue
        try:
            checked[name] = field.check(value)
        except ValidationError as error:
            errors[name] = error
    if errors:
        raise ValidationError(errors)
    return checked


def clashes(record: Record, changes: Mapping[str, Any], version: int | None) -> list[Clash]:
    """Fields among `changes` that others changed after `version`; edits of different fields both survive."""
    if version is None or version >= record.version:
        return []
    since = Change.objects.filter(
        object_type=object_type(record), object_id=record.pk, version__gt=version, field__in=changes
    )
    latest = {row.field: row for row in since.select_related("by").order_by("pk")}
    return [
        Clash(row.field, row.new, changes[row.field], row.by, row.at)
        for row in latest.values()
        if row.new != stored(changes[row.field])
    ]


def touched(record: Record, values: Mapping[str, Any], version: int | None) -> dict[str, Any]:
    """Without what the writer left as it was shown: a form sends all of its fields, and others may have changed since."""
    if version is None or version >= record.version:
        return dict(values)
    later = Change.objects.filter(object_type=object_type(record), object_id=record.pk, version__gt=version)
    shown: dict[str, Any] = {}
    for row in later.order_by("pk"):
        shown.setdefault(row.field, row.old)
    return {
        name: value
        for name, value in values.items()
        if name not in shown or stored(value) != (shown[name] or _nothing(value))
    }


def _nothing(value: Any) -> Any:
    """An empty value of this kind, as it is stored."""
    return "" if isinstance(value, str) else [] if isinstance(value, list | tuple | set) else None


def differences(record: Record, changes: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Field → (old, new) for those that really change. Tags and other sets are left to the caller."""
    return {name: (getattr(record, name), new) for name, new in changes.items() if getattr(record, name) != new}


def create(record: Record, *, by: User | None, via: str, now: datetime.datetime) -> None:
    record.created_at = record.updated_at = now
    record.created_by = record.updated_by = by
    record.save(force_insert=True)
    note_created([record], by=by, via=via, now=now)


def note_created(made: Iterable[Record], *, by: User | None, via: str, now: datetime.datetime) -> None:
    """A row for each field that a new record came with."""
    rows = [row for record in made for row in _rows(record, _filled(record), by, via, now, "")]
    Change.objects.bulk_create(rows, batch_size=500)


@dataclass(frozen=True)
class PastChange:
    """A change that lies back: `version` is the one that it made of the record."""

    record: Record
    version: int
    changed: Mapping[str, tuple[Any, Any]]
    by: User | None
    at: datetime.datetime


def note_past(changes: Iterable[PastChange], *, via: str) -> None:
    """Many thousands at once: without the model, which takes four times as long."""
    rows = [
        (
            object_type(each.record),
            each.record.pk,
            each.version,
            name,
            _json(old),
            _json(new),
            each.at,
            each.by and each.by.pk,
            via,
            "",
        )
        for each in changes
        for name, (old, new) in each.changed.items()
    ]
    if not rows:
        return
    columns = "object_type, object_id, version, field, old, new, at, by_id, via, reason"
    one = f"({', '.join(['%s'] * len(rows[0]))})"
    with connection.cursor() as cursor:
        for start in range(0, len(rows), 500):
            some = rows[start : start + 500]
            values = [_adapted(value) for row in some for value in row]
            cursor.execute(f"INSERT INTO crm_change ({columns}) VALUES {', '.join([one] * len(some))}", values)  # noqa: S608


def _json(value: Any) -> str | None:
    return None if value is None else json.dumps(stored(value), ensure_ascii=False)


def _adapted(value: Any) -> Any:
    return connection.ops.adapt_datetimefield_value(value) if isinstance(value, datetime.datetime) else value


def created_then(record: Record) -> PastChange:
    """Its creation, by whom and when it says itself."""
    return PastChange(record, 1, _filled(record), record.created_by, record.created_at)


def _filled(record: Record) -> dict[str, tuple[Any, Any]]:
    names = [name for name, field in fields.of(object_type(record)).items() if field.kind != fields.FieldKind.TAGS]
    return {name: (None, value) for name in names if (value := getattr(record, name)) not in (None, "")}


def save(
    record: Record, changed: Mapping[str, tuple[Any, Any]], *, by: User | None, via: str, now: datetime.datetime,
    reason: str = "", also: Iterable[str] = (),
) -> None:  # fmt: skip
    """Write the new values, raise the version by one and note each change. `also`: columns the caller set itself."""
    columns = [name for name in changed if name in {f.name for f in record._meta.concrete_fields}]
    for name in columns:
        setattr(record, name, changed[name][1])
    record.version += 1
    record.updated_at, record.updated_by = now, by
    record.save(update_fields=[*columns, *also, "version", "updated_at", "updated_by"])
    note(record, changed, by=by, via=via, now=now, reason=reason)


def delete(record: Record, *, by: User, via: str, now: datetime.datetime) -> None:
    """Out of every list; the row and its history stay. Of a record that its rule has locked; twice is once.

    ValidationError while something that goes on needs it: whoever deletes says first what becomes of that.
    """
    if record.deleted_at is not None:
        return
    places = uses.places_of(record)
    if places:
        told = {"record": record, "places": ", ".join(places)}
        raise ValidationError(_("“%(record)s” is still needed by %(places)s.") % told, code="in_use")
    record.deleted_by = by
    save(record, {"deleted_at": (None, now)}, by=by, via=via, now=now, also=["deleted_by"])


def restore(record: Record, *, by: User, via: str, now: datetime.datetime) -> None:
    """Back into the lists. Of a record that its rule has locked; twice is once, and what was merged stays where it is."""
    if record.deleted_at is None or record.merged_into is not None:
        return
    record.deleted_by = None
    save(record, {"deleted_at": (record.deleted_at, None)}, by=by, via=via, now=now, also=["deleted_by"])


def note(
    record: Record,
    changed: Mapping[str, tuple[Any, Any]],
    *,
    by: User | None,
    via: str,
    now: datetime.datetime,
    reason: str = "",
) -> None:
    Change.objects.bulk_create(_rows(record, changed, by, via, now, reason))


def note_person(
    user: User, changed: Mapping[str, tuple[Any, Any]], *, by: User | None, via: str, now: datetime.datetime
) -> None:
    """Of people: they have no version."""
    Change.objects.bulk_create(
        Change(
            object_type="user", object_id=user.pk, version=0, field=name, old=stored(old), new=stored(new), at=now, by=by, via=via
        )
        for name, (old, new) in changed.items()
    )  # fmt: skip


def _rows(
    record: Record,
    changed: Mapping[str, tuple[Any, Any]],
    by: User | None,
    via: str,
    now: datetime.datetime,
    reason: str,
) -> list[Change]:
    return [
        Change(
            object_type=object_type(record), object_id=record.pk, version=record.version, field=name,
            old=stored(old), new=stored(new), at=now, by=by, via=via, reason=reason,
        )
        for name, (old, new) in changed.items()
    ]  # fmt: skip


def stored(value: Any) -> Any:
    """A value as JSON: ids for references, text without trailing zeros for amounts, ISO for dates and hours."""
    if isinstance(value, models.Model):
        return value.pk
    if isinstance(value, Decimal):
        return format(value.normalize(), "f")
    if isinstance(value, datetime.date | datetime.datetime | datetime.time):
        return value.isoformat()
    if isinstance(value, list | tuple | set | frozenset):
        return sorted(stored(item) for item in value)
    return value
