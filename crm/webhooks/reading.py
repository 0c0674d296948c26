"""From rows of change to deliveries: each change is found once, also one whose transaction took long.

Numbers of rows are given before their transactions are committed, so a row may come into sight after others with greater
numbers were read. Everything up to `read_to` was looked at; up to `settled_to` nothing can come any more. In between is
looked at a second time when all have ended who were writing changes when `mark_to` had been read: `mark_writers`. What is
found twice is written once, by its key.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime

from django.db import connection, transaction
from django.db.models import Q

from crm import access, clock
from crm.models import Change, Membership, Webhook, WebhookDelivery, WebhookPosition
from crm.models.audit import Via
from crm.webhooks import keeping, kinds
from crm.webhooks.kinds import Happened, Kind

BATCH = 500
Written = tuple[str, int, int]
"""Kind, number and version of a record: what one writing made of it."""


def queue_new(now: datetime | None = None) -> int:
    """Writes what was not yet, and gives how many events were looked at. Without webhooks it is one query."""
    looked_at = 0
    while hooks := _listening():
        with transaction.atomic():
            place = _hold(min(hook.since for hook in hooks))
            if place is None:  # somebody else is at it
                break
            late, new = _settle(place), _read_on(place)
            place.save()
            looked_at += _write(hooks, {*late, *new}, now or clock.now())
        if max(len(late), len(new)) < BATCH:
            break
    return looked_at


def _listening() -> list[Webhook]:
    hooks = list(Webhook.objects.active().select_related("owner"))
    return [hook for hook in hooks if hook.owner.is_active or keeping.stop_without_owner(hook)]


def _hold(begin: int) -> WebhookPosition | None:
    """The place, locked; what lies before the first webhook is left out."""
    WebhookPosition.objects.bulk_create([WebhookPosition(pk=1)], ignore_conflicts=True)
    rows = WebhookPosition.objects.select_for_update(skip_locked=connection.features.has_select_for_update_skip_locked)
    place = rows.filter(pk=1).first()
    if place is not None and place.settled_to < begin:
        place.settled_to, place.read_to = begin, max(begin, place.read_to)
    return place


def _settle(place: WebhookPosition) -> list[Written]:
    """What came into sight late."""
    if connection.vendor != "postgresql":  # one writer at a time: numbers are in the order of commits
        place.settled_to = place.read_to
        return []
    writers = _writers()
    if place.mark_to is None or place.mark_to <= place.settled_to:
        # Whoever was passed by and has not ended since is among them.
        place.mark_to, place.mark_writers = place.read_to, sorted(writers)
        return []
    if writers & set(place.mark_writers):
        return []
    rows, last = _changes(place.settled_to, place.mark_to)
    place.settled_to = last if len(rows) == BATCH else place.mark_to
    return rows


def _writers() -> set[str]:
    """Transactions that have written changes and not ended: each holds this lock from before its first number to its end.

    Not the oldest transaction of all: that of another database on the same server would hold us up.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT virtualtransaction FROM pg_locks WHERE locktype = 'relation' AND granted"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
            " AND relation = 'crm_change'::regclass AND mode = 'RowExclusiveLock' AND pid IS DISTINCT FROM pg_backend_pid()"
        )
        return {row[0] for row in cursor.fetchall()}


def _read_on(place: WebhookPosition) -> list[Written]:
    rows, place.read_to = _changes(place.read_to)
    return rows


def _changes(after: int, until: int | None = None) -> tuple[list[Written], int]:
    bounds = Q(pk__gt=after) if until is None else Q(pk__gt=after, pk__lte=until)
    rows = list(
        Change.objects.filter(bounds).order_by("pk").values_list("pk", "object_type", "object_id", "version")[:BATCH]
    )
    return [(kind, number, version) for _pk, kind, number, version in rows], rows[-1][0] if rows else after


def _write(hooks: list[Webhook], written: set[Written], now: datetime) -> int:
    by_kind: dict[str, list[Written]] = defaultdict(list)
    for each in written:
        by_kind[each[0]].append(each)
    for object_type, some in by_kind.items():
        kind = kinds.of(object_type)
        if kind is not None:
            all_that = happened(object_type, some)
            rows = _deliveries(hooks, object_type, kind, all_that, now)
            WebhookDelivery.objects.bulk_create(rows, ignore_conflicts=True)
    return len(written)


def happened(object_type: str, written: Iterable[Written]) -> list[Happened]:
    """Whole, whatever part of its rows was met: in the order in which it was recorded."""
    wanted = {(number, version) for _type, number, version in written}
    rows = Change.objects.filter(
        object_type=object_type,
        object_id__in={number for number, _version in wanted},
        version__in={version for _number, version in wanted},
    )
    found: dict[tuple[int, int], list[Change]] = defaultdict(list)
    for row in rows.order_by("pk"):
        if (row.object_id, row.version) in wanted:
            found[row.object_id, row.version].append(row)
    return sorted((_together(some) for some in found.values()), key=lambda each: each.sequence)


def _together(rows: list[Change]) -> Happened:
    last = rows[-1]
    fields = {row.field: (row.old, row.new) for row in rows}
    return Happened(last.object_type, last.object_id, last.version, last.pk, last.at, last.by_id, last.via, fields)


def _deliveries(
    hooks: list[Webhook], object_type: str, kind: Kind, all_that: list[Happened], now: datetime
) -> list[WebhookDelivery]:
    called = [f"{object_type}.{name}" for name in kind.names(all_that)]
    rows = []
    for hook in hooks:
        asked = [
            (each, name)
            for each, name in zip(all_that, called, strict=True)
            if name in hook.events and each.sequence > hook.since and (hook.with_imports or each.via != Via.IMPORT)
        ]
        inside = _inside(hook, kind, [each.object_id for each, _name in asked], now)
        rows += [_delivery(hook, each, name, now) for each, name in asked if inside is None or each.object_id in inside]
    return rows


def _inside(hook: Webhook, kind: Kind, ids: Sequence[int], now: datetime) -> set[int] | None:
    """Those that the webhook's filters let through; None: it has none."""
    if hook.pipeline is None and hook.team_id is None:
        return None
    if hook.pipeline is not None and kind.within is None:
        return set()
    rows = kind.rows(hook.owner).filter(pk__in=ids)
    if hook.pipeline is not None and kind.within is not None:
        rows = rows.filter(kind.within(hook.pipeline))
    if hook.team_id is not None:
        people = Membership.objects.current(now).filter(team__in=access.teams_below({hook.team_id}))
        rows = rows.filter(**{f"{kind.owner}__in": people.values("user_id")})
    return set(rows.values_list("pk", flat=True))


def _delivery(hook: Webhook, each: Happened, name: str, now: datetime) -> WebhookDelivery:
    return WebhookDelivery(
        webhook=hook, key=each.key, event=name, object_type=each.object_type, object_id=each.object_id,
        version=each.version, sequence=each.sequence, happened_at=each.at, not_before=now, created_at=now,
    )  # fmt: skip
