"""What a move's dialog filled in, saved through the same rules as anywhere else; its caller holds the savepoint."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from crm.models import User
from leads import contacts
from pipeline import commitments, deals, followups, logbook, people
from pipeline.models import Deal, Task

if TYPE_CHECKING:
    from pipeline.moves.outcomes import Fill, NewPerson


def apply(
    deal: Deal, fill: Fill, *, by: User | None, via: str, now: datetime.datetime, pipeline_id: int | None = None
) -> None:
    """The deal is locked by the caller, and the object is brought up to date. Raises ValidationError by field.

    `pipeline_id` is where it goes, if that is another pipeline: its conditions are those that were asked.
    """
    if by is None:
        raise ValidationError(_("Only a person can fill in what a deal lacks."))
    if fill.changes:
        deals.apply_changes(deal, fill.changes, by=by, via=via, now=now)
    for person in fill.people:
        _take_part(deal, person, by, via, now)
    for entry in fill.activities:
        logbook.log_on(deal, entry, by=by, via=via, now=now)
    for said in fill.commitments:
        commitments.record(
            deal,
            said.condition_id,
            by=by,
            contact=said.contact,
            happened_at=said.happened_at,
            evidence=said.evidence,
            proof=said.proof,
            pipeline_id=pipeline_id,
            now=now,
        )
    own_tasks = Task.objects.open().filter(deal=deal, pk__in=fill.tasks_done).values_list("pk", flat=True)
    for task_id in list(own_tasks):
        followups.complete(task_id, by=by, via=via, now=now)


def _take_part(deal: Deal, person: NewPerson, by: User, via: str, now: datetime.datetime) -> None:
    if person.user is not None:
        people.set_member(deal, person.user, person.role, by=by, via=via, now=now)
        return
    contact = person.contact
    if contact is None:
        values = {**person.details, "organization": deal.organization, "owner": by}
        contact = contacts.create(values, by=by, via=via, now=now)
    elif person.details:
        contacts.edit(contact.pk, person.details, version=None, by=by, via=via, now=now)
    people.set_contact(deal, contact, by=by, via=via, role=person.role or None, stance=person.stance or None, now=now)
