"""How organizations and contacts are written: created once for each form, edited under the lock, handed over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from crm import clock, names, once, records
from crm.models import User
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


def lock(model: type[R], pk: int) -> R:
    return model.objects.select_for_update().get(pk=pk)


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
        record = lock(model, pk)
        now = now or clock.now()
        checked = records.touched(record, records.check(model._meta.model_name or "", changes), version)
        found = records.clashes(record, checked, version)
        if found:
            return Conflict(record, found)
        changed = records.differences(record, checked)
        if changed:
            also = ["name_key"] if "name" in changed else []
            record.name_key = name_key(checked.get("name", record.name))
            records.save(record, changed, by=by, via=via, now=now, also=also)
        if "name" in changed:
            names.changed(records.object_type(record), record.pk)
        return Edited(record, frozenset(changed))


def delete(model: type[R], pk: int, *, by: User, via: str, now: datetime | None = None) -> None:
    """As records.delete says. Whether `by` may is for the caller."""
    with transaction.atomic():
        records.delete(lock(model, pk), by=by, via=via, now=now or clock.now())


def restore(model: type[R], pk: int, *, part_of: str, by: User, via: str, now: datetime | None = None) -> R:
    """Back with all that it was. `part_of` names the organization that it belongs to: while that is deleted, it stays so too.

    Raises ValidationError. Whether `by` may is for the caller.
    """
    with transaction.atomic():
        record = lock(model, pk)
        whole = Organization.objects.select_for_update().filter(pk=getattr(record, f"{part_of}_id")).first()
        if record.deleted_at is not None and whole is not None and whole.deleted_at is not None:
            told = {"record": record, "whole": whole}
            raise ValidationError(_("“%(whole)s”, to which “%(record)s” belongs, was deleted too.") % told, code="part")
        records.restore(record, by=by, via=via, now=now or clock.now())
        return record


def hand_over(model: type[R], giver: User, taker: User, by: User, now: datetime) -> int:
    """All records of somebody who leaves, each with its row of change. Gives how many."""
    ids = list(model.objects.existing().filter(owner=giver).values_list("pk", flat=True))
    for pk in ids:
        edit(model, pk, {"owner": taker}, version=None, by=by, via=Via.ADMIN, now=now)
    return len(ids)
