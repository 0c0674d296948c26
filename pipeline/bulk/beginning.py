"""The beginning of a change of many deals: what may be chosen, and by whom."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from crm import access as people
from crm import clock, once, outbox
from crm.models import User
from pipeline.models import BulkItem, BulkRun, CloseReason, Deal, Pipeline, Stage, Tag, Task
from pipeline.models.deals import DealQuerySet

MOST = 10_000
AT_ONCE = 200
"""So many deals are changed while somebody waits; more are left to a job."""
JOB = "pipeline.jobs.work_bulk"

Action = BulkRun.Action
TASK_ACTIONS = (Action.DUE, Action.GIVE, Action.FINISH)


class TooMany(Exception):
    pass


class NotYours(Exception):
    """At least one of the deals may not be changed by whoever asks: then none is."""


def start(
    pipeline: Pipeline, chosen: Mapping[int, int | None], action: str, given: Mapping[str, Any], *, by: User, words: str,
    once_key: str = "", back_to: str = "", now: datetime.datetime | None = None,
) -> BulkRun:  # fmt: skip
    """`chosen`: the version of each deal that was on the screen, None for whatever it is. `given` holds what the action takes.

    Raises TooMany, NotYours, and ValidationError for an owner, stage, tag or reason that cannot be chosen; then nothing is
    written. The same form twice is one run. Call `work` next, outside of a transaction.
    """
    return _begin(
        chosen, action, given, lambda: _versions(pipeline, chosen, action, by), lambda: _check(pipeline, action, given, by),
        pipeline=pipeline, by=by, words=words, once_key=once_key, back_to=back_to, now=now,
    )  # fmt: skip


def start_tasks(
    chosen: Mapping[int, int | None], action: str, given: Mapping[str, Any], *, by: User, words: str,
    once_key: str = "", back_to: str = "", now: datetime.datetime | None = None,
) -> BulkRun:  # fmt: skip
    """The same for tasks, of whatever deals and pipelines: `given` holds a `day`, a moment `at`, or an `owner`."""
    return _begin(
        chosen, action, given, lambda: _task_versions(chosen, by), lambda: _check_tasks(action, given, by),
        pipeline=None, by=by, words=words, once_key=once_key, back_to=back_to, now=now,
    )  # fmt: skip


def _begin(
    chosen: Mapping[int, int | None], action: str, given: Mapping[str, Any], versions: Callable[[], dict[int, int]],
    check: Callable[[], None], *, pipeline: Pipeline | None, by: User, words: str, once_key: str, back_to: str,
    now: datetime.datetime | None,
) -> BulkRun:  # fmt: skip
    if len(chosen) > MOST:
        raise TooMany
    if not chosen:
        raise ValidationError(_("Choose at least one deal.") if pipeline else _("Choose at least one task."))
    with transaction.atomic():
        now = now or clock.now()
        key = once.claim(by, once_key, now) if once_key else None
        if once_key and key is None:
            return BulkRun.objects.of(by).get(pk=once.result(by, once_key) or 0)
        seen = versions()
        check()
        run = BulkRun.objects.create(
            by=by, pipeline=pipeline, action=action, given=dict(given), words=words[:200], total=len(chosen),
            back_to=back_to[:2000], created_at=now,
        )  # fmt: skip
        about = "deal_id" if pipeline else "task_id"
        items = [BulkItem(run=run, seen_version=version, **{about: pk}) for pk, version in sorted(seen.items())]
        BulkItem.objects.bulk_create(items, batch_size=500)
        if key is not None:
            once.note(key, run.pk)
        if run.total > AT_ONCE:
            transaction.on_commit(partial(outbox.wake, JOB), robust=True)
        return run


def _task_versions(chosen: Mapping[int, int | None], by: User) -> dict[int, int]:
    found = dict(Task.objects.editable_by(by).filter(pk__in=chosen).order_by().values_list("pk", "version"))
    if len(found) != len(chosen):
        raise NotYours
    return {pk: chosen[pk] or version for pk, version in found.items()}


def _check_tasks(action: str, given: Mapping[str, Any], by: User) -> None:
    if action == Action.GIVE and not people.assignable_users(by).filter(pk=given.get("owner", 0)).exists():
        raise ValidationError(_("This can no longer be chosen."))
    if action not in TASK_ACTIONS or (action == Action.DUE and not (given.get("day") or given.get("at"))):
        raise ValidationError(_("This can no longer be chosen."))


def _versions(pipeline: Pipeline, chosen: Mapping[int, int | None], action: str, by: User) -> dict[int, int]:
    """Of each deal the version that was seen, or else the present one. NotYours when one is missing."""
    found = editable(Deal.objects.filter(pipeline=pipeline, pk__in=chosen), action, by)
    versions = dict(found.values_list("pk", "version"))
    if len(versions) != len(chosen):
        raise NotYours
    return {pk: chosen[pk] or version for pk, version in versions.items()}


def editable(found: DealQuerySet, action: str, by: User) -> DealQuerySet:
    """Those that this person may change in this way: only managers of the owner hand over."""
    mine = found.filter(pk__in=Deal.objects.editable_by(by).values("pk"))
    if action != Action.OWNER:
        return mine
    return mine.managed_by(by) if by.is_manager else mine.none()


def _check(pipeline: Pipeline, action: str, given: Mapping[str, Any], by: User) -> None:
    """What was chosen is there and may be chosen; the rules look again at each deal."""
    known = {
        Action.OWNER: people.assignable_users(by).filter(pk=given.get("owner", 0)),
        Action.MOVE: Stage.objects.in_use().filter(pipeline=pipeline, pk=given.get("stage", 0)).exclude(kind="lost"),
        Action.TAG: Tag.objects.filter(pk=given.get("tag", 0)),
        Action.UNTAG: Tag.objects.filter(pk=given.get("tag", 0)),
        Action.LOSE: CloseReason.objects.in_use().filter(kind="lost", pk=given.get("reason", 0)),
    }
    if (
        action not in Action.values
        or action in TASK_ACTIONS
        or (action in known and not known[Action(action)].exists())
    ):
        raise ValidationError(_("This can no longer be chosen."))
