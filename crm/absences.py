"""The one writer of absences: the days on which somebody does not work, and who stands in then."""

from __future__ import annotations

import datetime
from collections.abc import Iterable

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from crm import clock, records
from crm.fields import Field, FieldKind
from crm.models import Absence, User
from crm.models.reminders import AbsenceQuerySet

LONGEST = datetime.timedelta(days=3 * 366)
_NOTE = Field("note", _("The note"), FieldKind.TEXT, max_length=200)


def add(
    user: User, first_day: datetime.date, last_day: datetime.date, *, by: User, via: str, deputy: User | None = None,
    note: str = "", now: datetime.datetime | None = None,
) -> Absence:  # fmt: skip
    """ValidationError by field. Whether `by` may say so for this user is for the caller."""
    with transaction.atomic():
        now = now or clock.now()
        # Whoever writes an absence of this person first is seen by the second.
        User.objects.select_for_update().get(pk=user.pk)
        _check(user, first_day, last_day, deputy, now)
        row = Absence.objects.create(
            user=user, first_day=first_day, last_day=last_day, deputy=deputy, note=_NOTE.check(note)
        )
        records.note_person(user, {"absence": (None, _told(row))}, by=by, via=via, now=now)
        return row


def remove(absence_id: int, *, by: User, via: str, now: datetime.datetime | None = None) -> None:
    """Twice is once."""
    with transaction.atomic():
        row = Absence.objects.select_for_update().filter(pk=absence_id).first()
        if row is not None:
            records.note_person(row.user, {"absence": (_told(row), None)}, by=by, via=via, now=now or clock.now())
            row.delete()


def _check(user: User, first: datetime.date, last: datetime.date, deputy: User | None, now: datetime.datetime) -> None:
    errors: dict[str, str] = {}
    if last < first:
        errors["last_day"] = _("The last day comes before the first.")
    elif last < now.astimezone(user.zone).date():
        errors["last_day"] = _("That is over already.")
    elif last - first > LONGEST:
        errors["last_day"] = _("That is too long: give the days of the next years at most.")
    elif user.absences.filter(first_day__lte=last, last_day__gte=first).exists():
        errors["first_day"] = _("Some of these days are days of absence already.")
    if deputy is not None and (deputy.pk == user.pk or not deputy.is_active):
        errors["deputy"] = _("Choose somebody else who works here.")
    if errors:
        raise ValidationError(errors)


def _told(row: Absence) -> str:
    deputy = f", {row.deputy.name}" if row.deputy else ""
    return f"{row.first_day} – {row.last_day}{deputy}"


def coming(user: User, now: datetime.datetime) -> AbsenceQuerySet:
    """Those of today and later."""
    today = now.astimezone(user.zone).date()
    return Absence.objects.filter(user=user, last_day__gte=today).select_related("deputy")


def of(user_ids: Iterable[int], now: datetime.datetime) -> dict[int, list[Absence]]:
    """By person, those that are not over anywhere on earth: one query."""
    rows = Absence.objects.filter(user__in=list(user_ids), last_day__gte=now.date() - datetime.timedelta(days=1))
    found: dict[int, list[Absence]] = {}
    for row in rows.select_related("deputy").order_by("first_day"):
        found.setdefault(row.user_id, []).append(row)
    return found


def with_deputies(people: Iterable[User], now: datetime.datetime) -> list[User]:
    """The people, and for those who are away whoever stands in, each once."""
    found = {person.pk: person for person in people}
    away = of(found, now)
    for person in list(found.values()):
        today = now.astimezone(person.zone).date()
        for row in away.get(person.pk, []):
            if row.first_day <= today <= row.last_day and row.deputy is not None and row.deputy.is_active:
                found.setdefault(row.deputy.pk, row.deputy)
    return list(found.values())
