"""Logging on a deal what was said and done, with what the buyer agreed to in it."""

from __future__ import annotations

import datetime
from collections.abc import Sequence

from django.db import transaction

from crm import clock, once
from crm.models import User
from leads import activities
from leads.activities import NewActivity
from leads.models import Activity, Contact
from pipeline import commitments, followups
from pipeline.models import Deal, DealActivity


def log(
    deal_id: int, entry: NewActivity, *, by: User, via: str, agreed: Sequence[int] = (), evidence: str = "",
    once_key: str = "", now: datetime.datetime | None = None,
) -> Activity | None:  # fmt: skip
    """`agreed` are the conditions that the buyer committed to in it. All of it or nothing; ValidationError by field.

    None: the form with this `once_key` was saved already.
    """
    with transaction.atomic():
        deal = followups.lock(deal_id)
        now = now or clock.now()
        if once_key and once.claim(by, once_key, now) is None:
            return None
        activity = log_on(deal, entry, by=by, via=via, now=now)
        with_whom: Contact | None = entry.contacts[0] if entry.contacts else None
        for condition_id in agreed:
            commitments.record(
                deal,
                condition_id,
                by=by,
                contact=with_whom,
                happened_at=activity.happened_at,
                evidence=evidence,
                activity=activity,
                now=now,
            )
        return activity


def log_on(deal: Deal, entry: NewActivity, *, by: User, via: str, now: datetime.datetime) -> Activity:
    """The same for a caller that holds the deal's lock."""
    activity = activities.log(entry, by=by, via=via, organization=deal.organization, now=now)
    DealActivity.objects.create(deal=deal, activity=activity)
    followups.worked(deal.pk, activity.happened_at)
    return activity


def log_past(entries: Sequence[tuple[Deal, NewActivity, User]], *, via: str) -> list[Activity]:
    """Many at once, each when it happened. The caller has followups.recount bring the deals in line."""
    made = activities.log_past([(entry, by, deal.organization) for deal, entry, by in entries], via=via)
    DealActivity.objects.bulk_create(
        DealActivity(deal=deal, activity=activity) for activity, (deal, _entry, _by) in zip(made, entries, strict=True)
    )
    return made
