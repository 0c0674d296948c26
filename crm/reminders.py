"""Reminders: the one writer of them, and their delivery, which happens exactly once whatever dies in between.

A row is the truth; whoever wakes us only makes it sooner. Due rows are claimed, each with its notice and its mail in one
transaction: before its commit nothing has happened, after it all has. The apps say by `register` what is told of their
records, and whether it still is to be told; nothing needs to be written here when a task is done or changes hands.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.db.models import QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _

from crm import clock, letters, notices, outbox, rests, wall_time
from crm.letters import Letter
from crm.models import Reminder, User
from crm.models.reminders import ReminderQuerySet
from crm.notices import News
from crm.rests import Rest

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

logger = logging.getLogger("crm.reminders")

State = Reminder.State
BATCH = 50
# After the first, second, … failure; after the last one it is given up, and shown.
WAITS = [timedelta(minutes=minutes) for minutes in (1, 5, 25, 125)]
MAX_ATTEMPTS = len(WAITS) + 1
GRACE = timedelta(seconds=10)
"""Whoever has claimed rows takes their locks within this time; what is still free afterwards has lost its worker."""
LATE = timedelta(hours=24)
FURTHEST = timedelta(days=3660)
BUDGET_SECONDS = 10.0
"""The embedded worker does one job at a time: the next call goes on."""


@dataclass(frozen=True)
class Drop:
    """It is not to be told any more."""

    reason: str


@dataclass(frozen=True)
class Pass:
    """What it is about is somebody else's now, who is to be told in its user's place."""

    to: User
    reason: str


Outcome = News | Drop | Pass
Check = Callable[[Sequence[Reminder], datetime], Mapping[int, Outcome]]
"""By the reminder's id, what is told now or why nothing is. Reminders of one kind, in a fixed number of queries."""


@dataclass(frozen=True)
class Kind:
    label: StrOrPromise
    check: Check
    again: Callable[[Reminder, datetime], datetime] | None


_kinds: dict[str, Kind] = {}


def register(
    kind: str, label: StrOrPromise, check: Check, again: Callable[[Reminder, datetime], datetime] | None = None
) -> None:
    """`again(reminder, now)` is for what repeats: the wall time of the next one."""
    _kinds[kind] = Kind(label, check, again)


def label(reminder: Reminder) -> str:
    known = _kinds.get(reminder.kind)
    return str(known.label) if known else reminder.kind


# --- What is asked for


def plan(
    user: User, kind: str, object_type: str, object_id: int, wall: datetime, *, minutes_before: int = 0,
    now: datetime | None = None,
) -> Reminder:  # fmt: skip
    """At this hour on the wall in the user's zone; one that waits for the same is moved. ValidationError: past, or too far."""
    with transaction.atomic():
        now = now or clock.now()
        due_at = _check(wall, user.time_zone, now)
        # Two requests of one person at once: the second finds what the first has written.
        User.objects.select_for_update(no_key=True).get(pk=user.pk)
        waiting = Reminder.objects.pending().about(object_type, object_id).filter(user=user, kind=kind)
        row = waiting.select_for_update().first()
        if row is None:
            row = Reminder(user=user, kind=kind, object_type=object_type, object_id=object_id, made_at=now)
        row.minutes_before = minutes_before
        _set_time(row, wall, user.time_zone, due_at)
        row.save()
        return row


def move(rows: Iterable[Reminder], walls: Mapping[int, datetime], zone: Mapping[int, str]) -> None:
    """Each to its new wall time, past ones too: they are told at once. The caller has locked them."""
    moved = list(rows)
    for row in moved:
        wall = walls[row.pk]
        _set_time(row, wall, zone[row.pk], wall_time.instant(wall, zone[row.pk]))
    Reminder.objects.bulk_update(moved, _TIMES)


def cancel(user: User, kind: str, object_type: str, object_id: int, *, now: datetime | None = None) -> None:
    """As its user asked. Twice is once."""
    rows = Reminder.objects.pending().about(object_type, object_id).filter(user=user, kind=kind)
    rows.update(state=State.CANCELLED, reason=_("no longer wanted"), done_at=now or clock.now())


def plan_all(rows: Sequence[Reminder]) -> None:
    """Many at once; what waits for the same already stays as it is."""
    Reminder.objects.bulk_create(rows, ignore_conflicts=True)


def at(user: User, kind: str, object_type: str, object_id: int, wall: datetime, now: datetime) -> Reminder:
    """A row to be written by `plan_all`."""
    row = Reminder(user=user, kind=kind, object_type=object_type, object_id=object_id, made_at=now)
    _set_time(row, wall, user.time_zone, wall_time.instant(wall, user.time_zone))
    return row


_TIMES = ["wall_day", "wall_clock", "zone", "due_at", "not_before", "attempts", "tried_at"]


def _set_time(row: Reminder, wall: datetime, zone: str, due_at: datetime) -> None:
    row.wall_day, row.wall_clock, row.zone = wall.date(), wall.time(), zone
    row.due_at = row.not_before = due_at
    row.attempts, row.tried_at = 0, None


def _check(wall: datetime, zone: str, now: datetime) -> datetime:
    try:
        due_at = wall_time.instant(wall, zone)
    except OverflowError:
        due_at = now + 2 * FURTHEST
    if due_at <= now:
        raise ValidationError(_("That moment has passed; choose a later one."), code="past")
    if due_at > now + FURTHEST:
        raise ValidationError(_("That is more than ten years away; choose an earlier moment."), code="far")
    return due_at


# --- Another time zone


@dataclass(frozen=True)
class Shift:
    """One that keeps its hour: the moment that it is now, and the one that it will be."""

    label: str
    wall: datetime
    before: datetime
    after: datetime


def shifted(user: User, zone: str) -> list[Shift]:
    """What would be told at another moment in that zone, to be shown before it is saved. What repeats has no other hour."""
    rows = Reminder.objects.pending().filter(user=user).order_by("due_at", "pk")
    once = [row for row in rows if row.kind not in _kinds or _kinds[row.kind].again is None]
    moves = [(row, wall_time.instant(row.wall_time, zone)) for row in once]
    return [Shift(label(row), row.wall_time, row.due_at, after) for row, after in moves if after != row.due_at]


def zone_changed(user: User, now: datetime) -> None:
    """Their hours on the wall stay; the moments are those of the new zone. In the transaction that saves the zone."""
    rows = list(Reminder.objects.pending().filter(user=user).exclude(zone=user.time_zone).select_for_update())
    move(rows, {row.pk: row.wall_time for row in rows}, {row.pk: user.time_zone for row in rows})


# --- Delivery


def deliver_due(now: datetime | None = None) -> int:
    """Gives the number delivered. Any number of callers at once, any order, any repetition is harmless."""
    until, delivered = time.monotonic() + BUDGET_SECONDS, 0
    while time.monotonic() < until and (claimed := _claim(now or clock.now())):
        delivered += _deliver(claimed, now or clock.now())
    return delivered


def _claim(now: datetime) -> list[int]:
    """Notes in a transaction of its own what we are about to do, so that a death on it is seen.

    What nobody has tried comes first, many at once. What somebody has died on, or what has failed, comes alone, and its
    attempt counts before it is made.
    """
    with transaction.atomic():
        fresh = list(_free(now).filter(tried_at__isnull=True).values_list("pk", flat=True)[:BATCH])
        if fresh:
            Reminder.objects.filter(pk__in=fresh).update(tried_at=now)
            return fresh
        row = _free(now).filter(tried_at__lte=now - GRACE).first()
        if row is None:
            return []
        if row.attempts >= MAX_ATTEMPTS:
            _give_up(row, row.reason or _("the worker died each time"), now)
            return [row.pk]  # it is pending no more; the next one is looked for
        row.attempts += 1
        row.tried_at = now
        if row.attempts > 1:
            row.not_before = now + WAITS[row.attempts - 2]
        row.save(update_fields=["attempts", "tried_at", "not_before"])
        return [row.pk]


def _free(now: datetime) -> ReminderQuerySet:
    """Locked as they are read, those that others hold are passed by; SQLite has let in nobody else anyway."""
    skip = connection.features.has_select_for_update_skip_locked
    return Reminder.objects.select_for_update(skip_locked=skip).due(now).order_by("not_before", "pk")


def _deliver(ids: Sequence[int], now: datetime) -> int:
    with transaction.atomic():
        # Waits for locks: whoever looks for work with an older view of these rows locks them for a moment, though in vain.
        rows = Reminder.objects.pending().filter(pk__in=ids).select_for_update()
        held = list(rows.order_by("due_at", "pk").prefetch_related("user"))
        if not held:
            return 0
        try:
            with transaction.atomic():
                return _settle(held, now)
        except Exception:  # one of them; which one is found out below
            if connection.needs_rollback or not connection.is_usable():
                raise
        return sum(_deliver_one(row, now) for row in held)


def _deliver_one(row: Reminder, now: datetime) -> int:
    """A row that cannot be told must not keep the others back."""
    try:
        with transaction.atomic():
            return _settle([row], now)
    except Exception as error:
        logger.exception("a reminder could not be delivered", extra={"fields": {"reminder": row.pk, "kind": row.kind}})
        row.refresh_from_db()
        _failed(row, f"{type(error).__name__}: {error}"[:300], now)
        return 0


def _failed(row: Reminder, why: str, now: datetime) -> None:
    row.attempts = max(row.attempts, 1)
    if row.attempts >= MAX_ATTEMPTS:
        _give_up(row, why, now)
        return
    row.reason, row.not_before = why, now + WAITS[row.attempts - 1]
    # Known to be at nobody's hands: it is taken up as soon as its time has come.
    row.tried_at = now - GRACE
    row.save(update_fields=["attempts", "reason", "not_before", "tried_at"])


def _give_up(row: Reminder, why: str, now: datetime) -> None:
    row.state, row.reason, row.done_at = State.DEAD, why[:300], now
    row.save(update_fields=["state", "reason", "done_at"])
    told = _("It was tried %(count)d times. An administrator can deliver it again.") % {"count": row.attempts}
    news = News(f"undelivered {row.key}", "undelivered", None, label(row), told, reverse("notices"), "reminder", row.pk)
    notices.tell([row.user], news, now)


def deliver_again(reminder_id: int, now: datetime | None = None) -> bool:
    """What was given up, with five new attempts. False: it was not, or another one waits for the same by now."""
    now = now or clock.now()
    with transaction.atomic():
        row = Reminder.objects.select_for_update().filter(pk=reminder_id, state=State.DEAD).first()
        if row is None:
            return False
        waiting = Reminder.objects.pending().about(row.object_type, row.object_id)
        if waiting.filter(user=row.user_id, kind=row.kind).exists():
            return False
        row.state, row.attempts, row.tried_at, row.reason, row.done_at = State.PENDING, 0, None, "", None
        row.not_before = now
        row.save()
        notices.take_back(f"undelivered {row.key}")
        transaction.on_commit(lambda: outbox.wake("crm.jobs.deliver_reminders"), robust=True)
        return True


# --- What becomes of those that are due


def _settle(rows: Sequence[Reminder], now: datetime) -> int:
    """All of it or nothing: the caller has locked the rows and opened a savepoint."""
    resting = rests.resting([row.user for row in rows if row.user.is_active], now)
    moved = [row for row in rows if row.user_id in resting]
    outcomes = _outcomes([row for row in rows if row.user_id not in resting], now)
    told = [(row, outcome) for row, outcome in outcomes if isinstance(outcome, News)]
    passed = [(row, outcome.to) for row, outcome in outcomes if isinstance(outcome, Pass)]
    dropped = [(row, outcome.reason) for row, outcome in outcomes if isinstance(outcome, Drop | Pass)]
    unwanted = _tell(told, now)
    dropped += [(row, _("its user wants to be told of this in no way")) for row in unwanted]
    done = [row for row, _news in told if row not in unwanted]
    _rest(moved, resting, now)
    _drop(dropped, now)
    _ended(done).update(state=State.DONE, done_at=now, reason="")
    plan_all([_for_another(row, person, now) for row, person in passed])
    _plan_next([row for row in rows if row.user_id not in resting], now)
    return len(done)


def _ended(rows: Sequence[Reminder]) -> QuerySet[Reminder]:
    return Reminder.objects.filter(pk__in=[row.pk for row in rows])


def _outcomes(rows: Sequence[Reminder], now: datetime) -> list[tuple[Reminder, Outcome]]:
    found: list[tuple[Reminder, Outcome]] = []
    here = [row for row in rows if row.user.is_active]
    found += [(row, Drop(_("its user no longer works here"))) for row in rows if not row.user.is_active]
    for kind, group in groupby(sorted(here, key=lambda row: row.kind), key=lambda row: row.kind):
        same = list(group)
        if kind not in _kinds:
            raise LookupError(kind)
        outcomes = _kinds[kind].check(same, now)
        found += [(row, outcomes[row.pk]) for row in same]
    return found


def _tell(told: Sequence[tuple[Reminder, News]], now: datetime) -> list[Reminder]:
    """Gives those that their users want to be told of in no way."""
    late = [(row, news) for row, news in told if now - row.not_before > LATE and _kinds[row.kind].again is None]
    in_time = [(row, news) for row, news in told if (row, news) not in late]
    unwanted = notices.tell_each([(row.user, news) for row, news in in_time], now)
    unwanted |= notices.tell_each([(row.user, news) for row, news in late], now, by_mail=False)
    _say_once_that_they_were_late([row for row, _news in late], now)
    return [row for row, news in told if (row.user_id, news.key) in unwanted]


def _say_once_that_they_were_late(rows: Sequence[Reminder], now: datetime) -> None:
    """After a day without a worker: all of them in the app, and one mail a person instead of one each."""
    letter = Letter("late", _("Reminders that come late"))
    people = {row.user_id: row.user for row in rows}.values()
    day, address = f"late {now:%Y-%m-%d}", reverse("notices")
    outbox.queue_all(
        [letters.mail_of(person, day, letter, "due", address, in_bell=False, now=now) for person in people]
    )


def _rest(rows: Sequence[Reminder], resting: Mapping[int, Rest], now: datetime) -> None:
    """Moved to when the person works again. Whoever stands in for somebody who is away is told now."""
    for row in rows:
        row.not_before, row.tried_at, row.attempts = resting[row.user_id].until, None, 0
    Reminder.objects.bulk_update(rows, ["not_before", "tried_at", "attempts"])
    plan_all([copy for row in rows if (copy := _for_the_deputy(row, resting[row.user_id], now)) is not None])


def _for_the_deputy(row: Reminder, rest: Rest, now: datetime) -> Reminder | None:
    deputy = rest.absence.deputy if rest.absence is not None else None
    if deputy is None or not deputy.is_active or row.stands_in_for_id is not None or _kinds[row.kind].again is not None:
        return None
    copy = _for_another(row, deputy, now)
    copy.stands_in_for_id = row.user_id
    return copy


def _for_another(row: Reminder, person: User, now: datetime) -> Reminder:
    copy = at(person, row.kind, row.object_type, row.object_id, wall_time.wall(now, person.time_zone), now)
    copy.minutes_before = row.minutes_before
    return copy


def _drop(dropped: Sequence[tuple[Reminder, str]], now: datetime) -> None:
    for row, reason in dropped:
        row.state, row.reason, row.done_at = State.CANCELLED, reason[:300], now
    Reminder.objects.bulk_update([row for row, _reason in dropped], ["state", "reason", "done_at"])


def _plan_next(rows: Sequence[Reminder], now: datetime) -> None:
    """What repeats is planned anew in the transaction that ends it."""
    following = []
    for row in rows:
        again = _kinds[row.kind].again if row.kind in _kinds else None
        if again is not None and row.user.is_active:
            following.append(at(row.user, row.kind, row.object_type, row.object_id, again(row, now), now))
    plan_all(following)
