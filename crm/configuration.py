"""The one writer of what an admin configures: company, teams, holidays, lists. Each change is a row of the audit trail."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.utils.translation import gettext as _

from crm import clock, records, uses
from crm.models import Change, User
from crm.models.audit import Via


@transaction.atomic
def save(row: models.Model, *, by: User, now: datetime | None = None) -> None:
    before = type(row)._default_manager.filter(pk=row.pk).first() if row.pk else None
    row.save()
    old, new = _values(before), _values(row)
    _note(row.pk, row, {name: (old.get(name), value) for name, value in new.items() if old.get(name) != value}, by, now)


@transaction.atomic
def delete(row: models.Model, *, by: User, now: datetime | None = None) -> None:
    """ValidationError: something still refers to it."""
    pk, old = row.pk, _values(row)
    try:
        with transaction.atomic():
            row.delete()
    except models.ProtectedError as error:
        raise ValidationError(_("“%(row)s” is still used and cannot be deleted.") % {"row": row}) from error
    _note(pk, row, {name: (value, None) for name, value in old.items()}, by, now)


def why_still_needed(row: models.Model) -> str:
    """Empty when nothing in use asks for the row, so that it may be taken out of use."""
    places = uses.places_of(row)
    if not places:
        return ""
    return _("Still asked for by: %(places)s. Change that first.") % {"places": "; ".join(places)}


def _values(row: models.Model | None) -> dict[str, object]:
    if row is None:
        return {}
    columns: Iterable[models.Field] = row._meta.concrete_fields
    return {column.name: records.stored(getattr(row, column.attname)) for column in columns if not column.primary_key}


def _note(
    pk: int, row: models.Model, changed: dict[str, tuple[object, object]], by: User, now: datetime | None
) -> None:
    now = now or clock.now()
    Change.objects.bulk_create(
        Change(
            object_type=records.object_type(row), object_id=pk, version=0, field=name, old=old, new=new, at=now, by=by, via=Via.ADMIN
        )
        for name, (old, new) in changed.items()
    )  # fmt: skip
