"""The one writer of activities: what was said and done with people."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from crm import clock, fields, records
from crm.fields import Field, FieldKind
from crm.models import User
from crm.text import clean_text
from leads.models import Activity, ActivityOutcome, ActivityType, Contact, Organization

TEXT_LIMIT = 20_000
LONGEST = 1440
"""Minutes; what takes more than a day is several activities."""

fields.declare(
    "activity",
    [
        Field("type", _("Type"), FieldKind.REFERENCE, required=True, reference="leads.ActivityType"),
        Field("outcome", _("Outcome"), FieldKind.REFERENCE, reference="leads.ActivityOutcome"),
        Field("minutes", _("Length in minutes"), FieldKind.INTEGER),
        Field("text", _("What was said"), FieldKind.LONG_TEXT, max_length=TEXT_LIMIT),
    ],
)


@dataclass(frozen=True)
class NewActivity:
    type: ActivityType
    direction: str = ""
    outcome: ActivityOutcome | None = None
    text: str = ""
    happened_at: datetime.datetime | None = None
    contacts: tuple[Contact, ...] = ()
    minutes: int | None = None


def log(
    entry: NewActivity,
    *,
    by: User,
    via: str,
    organization: Organization | None = None,
    now: datetime.datetime | None = None,
) -> Activity:
    """Raises ValidationError for a text that cannot be kept, an outcome of another type, a length or a time that cannot be."""
    now = now or clock.now()
    happened_at = entry.happened_at or now
    if happened_at > now:
        raise ValidationError({"happened_at": _("This lies in the future; plan a task for it instead.")})
    if happened_at.year < 1900:  # of the year 1 there is no day in every time zone
        raise ValidationError({"happened_at": _("Nothing here happened before 1900.")})
    if entry.outcome is not None and entry.outcome.type_id != entry.type.pk:
        raise ValidationError({"outcome": _("This outcome belongs to another kind of activity.")})
    if entry.minutes is not None and not 1 <= entry.minutes <= LONGEST:
        raise ValidationError({"minutes": _("From 1 to %(most)d minutes.") % {"most": LONGEST}})
    text = clean_text(entry.text)
    if len(text) > TEXT_LIMIT:
        raise ValidationError({"text": _("At most %(count)d characters.") % {"count": TEXT_LIMIT}})
    activity = Activity(
        type=entry.type, direction=entry.direction if entry.type.directed else "", outcome=entry.outcome, text=text,
        minutes=entry.minutes, happened_at=happened_at, by=by, organization=organization,
    )  # fmt: skip
    records.create(activity, by=by, via=via, now=now)
    activity.contacts.set(entry.contacts)
    return activity


def delete(activity_id: int, *, by: User, via: str, now: datetime.datetime) -> None:
    """As records.delete says. Whether `by` may is for the caller, who has locked what it was logged on."""
    activity = Activity.objects.select_for_update().get(pk=activity_id)
    records.delete(activity, by=by, via=via, now=now)


def restore(activity_id: int, *, by: User, via: str, now: datetime.datetime) -> None:
    activity = Activity.objects.select_for_update().get(pk=activity_id)
    records.restore(activity, by=by, via=via, now=now)


def log_past(entries: Sequence[tuple[NewActivity, User, Organization | None]], *, via: str) -> list[Activity]:
    """Many at once, each logged when it happened by the one who was there. Texts are taken as they are."""
    made = [_past(entry, by, organization) for entry, by, organization in entries]
    Activity.objects.bulk_create(made)
    with_whom = Activity.contacts.through
    with_whom.objects.bulk_create(
        with_whom(activity_id=activity.pk, contact_id=contact.pk)
        for activity, (entry, _by, _organization) in zip(made, entries, strict=True)
        for contact in entry.contacts
    )
    records.note_past(map(records.created_then, made), via=via)
    return made


def _past(entry: NewActivity, by: User, organization: Organization | None) -> Activity:
    if entry.happened_at is None:
        raise ValidationError({"happened_at": _("Say when it happened.")})
    return Activity(
        type=entry.type, direction=entry.direction if entry.type.directed else "", outcome=entry.outcome, text=entry.text,
        minutes=entry.minutes, happened_at=entry.happened_at, by=by, organization=organization, created_at=entry.happened_at, created_by=by,
        updated_at=entry.happened_at, updated_by=by,
    )  # fmt: skip
