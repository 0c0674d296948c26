"""A change of many deals goes on: a deal at a time, by whoever comes, until it is done or taken back."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from functools import partial

from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.utils.translation import gettext as _

from crm import clock, outbox
from crm.models import User
from pipeline.bulk import back, change, of_tasks
from pipeline.bulk.beginning import AT_ONCE, JOB, MOST
from pipeline.bulk.change import Did
from pipeline.models import BulkItem, BulkRun

BATCH = 100
"""Deals between two looks at who is asking and at what else waits."""
TAKE_BACK_FOR = datetime.timedelta(days=7)

Act = Callable[[BulkRun, BulkItem, User], Did | None]


def work_all() -> int:
    """The next batch of each run that is not finished, oldest first, and again until none goes on. Returns how many deals.

    At most as many as one run may have: the job has a limit of time, and comes again.
    """
    worked = 0
    while worked < MOST:
        waiting = list(BulkRun.objects.unfinished().order_by("pk").values_list("pk", flat=True))
        went_on = sum(work(pk, BATCH) for pk in waiting)
        if not went_on:
            break
        worked += went_on
    return worked


def work(run_id: int, limit: int = AT_ONCE) -> int:
    """Up to `limit` deals of a run. Where another worker is at it already, this one leaves it alone."""
    by = BulkRun.objects.select_related("by").get(pk=run_id).by
    for count in range(limit):
        if not _next(run_id, by):
            return count
    return limit


def _next(run_id: int, by: User) -> bool:
    """One deal, and the mark how far the run is. False when there is none left."""
    with transaction.atomic():
        skip = connection.features.has_select_for_update_skip_locked
        run = BulkRun.objects.select_for_update(skip_locked=skip).filter(pk=run_id).first()
        if run is None:
            return False
        if run.finished_at is None:
            return _one(run, by, "cursor", "finished_at", of_tasks.change if run.of_tasks else change.change)
        if run.back_asked_at is not None and run.back_finished_at is None:
            return _one(
                run, by, "back_cursor", "back_finished_at", of_tasks.put_back if run.of_tasks else back.put_back
            )
        return False


def _one(run: BulkRun, by: User, cursor: str, finished: str, act: Act) -> bool:
    about = "task_id" if run.of_tasks else "deal_id"
    item = run.items.filter(**{f"{about}__gt": getattr(run, cursor)}).order_by(about).first()
    if item is None:
        setattr(run, finished, clock.now())
        run.save(update_fields=[finished])
        return False
    did = act(run, item, by)
    if did is not None:
        item.outcome, item.detail = did.outcome, did.detail[:500]
        if did.outcome == BulkItem.Outcome.DONE:
            item.before, item.visit_id, item.made_version = did.before, did.visit, did.version
        item.save(update_fields=["outcome", "detail", "before", "visit", "made_version"])
    setattr(run, cursor, item.about)
    run.save(update_fields=[cursor])
    return True


def take_back(run_id: int, *, by: User, now: datetime.datetime | None = None) -> BulkRun:
    """Asks for each deal to be put back that nobody has changed since. Twice is once. Call `work` next.

    Raises ValidationError when the run is not finished or too long ago.
    """
    with transaction.atomic():
        run = BulkRun.objects.select_for_update().get(pk=run_id, by=by)
        now = now or clock.now()
        if run.back_asked_at is not None:
            return run
        if run.finished_at is None:
            raise ValidationError(_("Wait until it is done; then it can be taken back."))
        if now - run.finished_at > TAKE_BACK_FOR:
            raise ValidationError(_("It is too late to take this back."))
        run.back_asked_at = now
        run.save(update_fields=["back_asked_at"])
        if run.total > AT_ONCE:
            transaction.on_commit(partial(outbox.wake, JOB), robust=True)
        return run
