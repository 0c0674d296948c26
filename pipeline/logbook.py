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
from pipeline import commitments, files, followups, marking
from pipeline.files import NewFile
from pipeline.models import Deal, DealActivity, DealFile, Task


def log(
    deal_id: int, entry: NewActivity, *, by: User, via: str, agreed: Sequence[int] = (), evidence: str = "",
    proof: DealFile | NewFile | None = None, finishes: Task | None = None, once_key: str = "",
    now: datetime.datetime | None = None,
) -> Activity | None:  # fmt: skip
    """`agreed` are the conditions that the buyer committed to in it, `finishes` a task of the deal that is done with it.

    All of it or nothing; ValidationError by field.

    None: the form with this `once_key` was saved already.
    """
    with transaction.atomic():
        deal = followups.lock(deal_id)
        now = now or clock.now()
        if once_key and once.claim(by, once_key, now) is None:
            return None
        activity = log_on(deal, entry, by=by, via=via, now=now)
        with_whom: Contact | None = entry.contacts[0] if entry.contacts else None
        if isinstance(proof, NewFile):  # one file, whatever the number of things that it proves
            proof = files.add_on(deal, proof, by=by, now=now)
        for condition_id in agreed:
            commitments.record(
                deal,
                condition_id,
                by=by,
                contact=with_whom,
                happened_at=activity.happened_at,
                evidence=evidence,
                proof=proof,
                activity=activity,
                now=now,
            )
        if finishes is not None:
            followups.complete(finishes.pk, by=by, via=via, now=now)
        return activity


def log_on(deal: Deal, entry: NewActivity, *, by: User, via: str, now: datetime.datetime) -> Activity:
    """The same for a caller that holds the deal's lock."""
    activity = activities.log(entry, by=by, via=via, organization=deal.organization, now=now)
    DealActivity.objects.create(deal=deal, activity=activity)
    followups.worked(deal.pk, activity.happened_at)
    followups.stop_answered(deal, activity, by=by, via=via, now=now)
    return activity


def lock(activity_id: int) -> Activity:
    """After its deals, which every writer of their log locks first. Inside a transaction."""
    ids = DealActivity.objects.filter(activity=activity_id).values("deal")
    list(Deal.objects.select_for_update().filter(pk__in=ids).order_by("pk"))
    return Activity.objects.select_for_update().get(pk=activity_id)


def delete(activity_id: int, *, by: User, via: str, now: datetime.datetime | None = None) -> None:
    """It is no longer shown nor counted, and what it stopped goes on; the clock of “idle” does not run backward.

    ValidationError: a commitment rests on it.
    """
    with transaction.atomic():
        activity = lock(activity_id)
        if activity.deleted_at is not None:
            return
        now = now or clock.now()
        activities.delete(activity.pk, by=by, via=via, now=now)
        for deal in Deal.objects.filter(activity_links__activity=activity):
            marking.touch(deal.pk)
            followups.go_on_unanswered(deal, activity, by=by, via=via, now=now)


def restore(activity_id: int, *, by: User, via: str, now: datetime.datetime | None = None) -> None:
    """Shown and counted again, on each of its deals; what it had stopped stops again."""
    with transaction.atomic():
        activity = lock(activity_id)
        if activity.deleted_at is None:
            return
        now = now or clock.now()
        activities.restore(activity.pk, by=by, via=via, now=now)
        for deal in Deal.objects.filter(activity_links__activity=activity):
            followups.worked(deal.pk, activity.happened_at)
            followups.stop_answered(deal, activity, by=by, via=via, now=now)


def log_past(entries: Sequence[tuple[Deal, NewActivity, User]], *, via: str) -> list[Activity]:
    """Many at once, each when it happened. The caller has followups.recount bring the deals in line."""
    made = activities.log_past([(entry, by, deal.organization) for deal, entry, by in entries], via=via)
    DealActivity.objects.bulk_create(
        DealActivity(deal=deal, activity=activity) for activity, (deal, _entry, _by) in zip(made, entries, strict=True)
    )
    return made


def carry_over(other: Deal, deal: Deal) -> None:
    """What was logged on a deal that becomes part of another; what was logged on both stays linked to both."""
    here = DealActivity.objects.filter(deal=deal).values_list("activity_id", flat=True)
    DealActivity.objects.filter(deal=other).exclude(activity__in=list(here)).update(deal=deal)
