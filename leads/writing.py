"""How organizations and contacts are written: created once for each form, edited under the lock, handed over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from crm import clock, once, records
from crm.models import Change, User
from crm.models.audit import Via
from crm.records import Clash
from crm.text import same_name_key
from leads import fields  # noqa: F401  (declares them)
from leads.models import Contact, Organization

R = TypeVar("R", Organization, Contact)
KEY_LENGTH = 200


@dataclass(frozen=True)
class Edited(Generic[R]):
    record: R
    changed: frozenset[str]


@dataclass(frozen=True)
class Conflict(Generic[R]):
    """Somebody else changed the same fields since; nothing was written."""

    record: R
    clashes: list[Clash]


def name_key(name: str) -> str:
    return same_name_key(name)[:KEY_LENGTH]


def create(
    model: type[R],
    values: Mapping[str, Any],
    *,
    by: User | None,
    via: str,
    once_key: str = "",
    now: datetime | None = None,
) -> R:
    """A second call with the same `once_key` gives the record that the first one made. Raises ValidationError by field."""
    with transaction.atomic():
        now = now or clock.now()
        claim = once.claim(by, once_key, now) if once_key and by else None
        if once_key and by and claim is None:
            return _made_before(model, once.result(by, once_key))
        checked = records.check(model._meta.model_name or "", values)
        record = model(**checked, name_key=name_key(checked["name"]))
        records.create(record, by=by, via=via, now=now)
        if claim:
            once.note(claim, record.pk)
        return record


def add_past(model: type[R], made: Sequence[R], *, via: str) -> None:
    """Many at once, each with its own time and person of creation. Their values are taken as they are."""
    for record in made:
        record.name_key = name_key(record.name)
    model.objects.bulk_create(made)
    records.note_past(map(records.created_then, made), via=via)


def _made_before(model: type[R], pk: int | None) -> R:
    record = model.objects.filter(pk=pk or 0).first()
    if record is None:  # the same key for something else: not a form of ours
        raise ValidationError(_("This form was sent already. Open it again."), code="once")
    return record


def edit(
    model: type[R],
    pk: int,
    changes: Mapping[str, Any],
    *,
    version: int | None,
    by: User,
    via: str,
    now: datetime | None = None,
) -> Edited[R] | Conflict[R]:
    """Edits of different fields both survive; of the same field, the second is told. Raises ValidationError by field.

    Whether `by` may edit the record, and whom they may make its owner, is for the caller.
    """
    with transaction.atomic():
        record = model.objects.select_for_update().get(pk=pk)
        now = now or clock.now()
        checked = _touched(record, records.check(model._meta.model_name or "", changes), version)
        found = records.clashes(record, checked, version)
        if found:
            return Conflict(record, found)
        changed = records.differences(record, checked)
        if changed:
            also = ["name_key"] if "name" in changed else []
            record.name_key = name_key(checked.get("name", record.name))
            records.save(record, changed, by=by, via=via, now=now, also=also)
        return Edited(record, frozenset(changed))


def _touched(record: Organization | Contact, values: dict[str, Any], version: int | None) -> dict[str, Any]:
    """Without what the writer left as it was shown: a form sends all of its fields, and others may have changed since."""
    if version is None or version >= record.version:
        return values
    later = Change.objects.filter(object_type=records.object_type(record), object_id=record.pk, version__gt=version)
    shown: dict[str, Any] = {}
    for row in later.order_by("pk"):
        shown.setdefault(row.field, row.old)
    return {
        name: value
        for name, value in values.items()
        if name not in shown or records.stored(value) != (shown[name] or _nothing(value))
    }


def _nothing(value: Any) -> Any:
    return "" if isinstance(value, str) else None


def owned_by(model: type[R], user: User) -> int:
    return model.objects.existing().filter(owner=user).count()


def hand_over(model: type[R], giver: User, taker: User, by: User, now: datetime) -> int:
    """All records of somebody who leaves, each with its row of change. Gives how many."""
    ids = list(model.objects.existing().filter(owner=giver).values_list("pk", flat=True))
    for pk in ids:
        edit(model, pk, {"owner": taker}, version=None, by=by, via=Via.ADMIN, now=now)
    return len(ids)
