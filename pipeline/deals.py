"""The one writer of a deal's own fields; its stage is written by `moves`, its people by `people`, its tasks by `followups`."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from crm import clock, money, records
from crm.models import User
from crm.records import Clash
from pipeline import followups, totals
from pipeline.models import Deal, Tag


@dataclass(frozen=True)
class Edited:
    deal: Deal
    changed: frozenset[str]


@dataclass(frozen=True)
class Conflict:
    """Somebody else changed the same fields since; nothing was written."""

    deal: Deal
    clashes: list[Clash]


def edit(
    deal_id: int,
    changes: Mapping[str, Any],
    *,
    version: int | None,
    by: User,
    via: str,
    now: datetime.datetime | None = None,
) -> Edited | Conflict:
    """Change declared fields. Edits of different fields both survive; of the same field, the second is told.

    Raises ValidationError by field. Whether `by` may edit the deal, and whom they may make its owner, is for the caller.
    """
    with transaction.atomic():
        deal = followups.lock(deal_id)
        now = now or clock.now()
        found = records.clashes(deal, changes, version)
        if found:
            return Conflict(deal, found)
        return Edited(deal, apply_changes(deal, changes, by=by, via=via, now=now))


def apply_changes(
    deal: Deal, changes: Mapping[str, Any], *, by: User, via: str, now: datetime.datetime
) -> frozenset[str]:
    """The same for a caller that holds the deal's lock. Returns the names of the fields that really changed."""
    checked = records.check("deal", changes)
    _check_value(deal, checked)
    tags = checked.pop("tags", None)
    before, owner_before = totals.cell(deal), deal.owner
    changed = records.differences(deal, checked) | _tag_change(deal, tags)
    if not changed:
        return frozenset()
    records.save(deal, changed_columns(changed), by=by, via=via, now=now)
    if "tags" in changed:
        deal.tags.set(tags or [])
        records.note(deal, {"tags": changed["tags"]}, by=by, via=via, now=now)
    if "owner" in changed:
        followups.hand_over(deal, owner_before, deal.owner, by, now)
    totals.shift([(before, totals.cell(deal))])
    return frozenset(changed)


def changed_columns(changed: Mapping[str, tuple[Any, Any]]) -> dict[str, tuple[Any, Any]]:
    return {name: pair for name, pair in changed.items() if name != "tags"}


def _tag_change(deal: Deal, tags: Any) -> dict[str, tuple[Any, Any]]:
    if tags is None:
        return {}
    old = set(deal.tags.values_list("pk", flat=True))
    new = {tag.pk for tag in Tag.objects.filter(pk__in=[tag.pk for tag in tags])}
    return {"tags": (old, new)} if old != new else {}


def _check_value(deal: Deal, checked: dict[str, Any]) -> None:
    """The value in the currency it will have: a change of currency checks the value that stays."""
    if not {"value", "currency"} & checked.keys():
        return
    value = checked.get("value", deal.value)
    if value is None:
        return
    try:
        amount = money.check_amount(value, checked.get("currency", deal.currency))
    except ValidationError as error:
        raise ValidationError({"value": error}) from error
    if "value" in checked:
        checked["value"] = amount


def delete(deal_id: int, *, by: User, via: str, now: datetime.datetime | None = None) -> None:
    """Out of every list; the history stays and `restore` brings it back. Twice is once."""
    _set_deleted(deal_id, True, by, via, now)


def restore(deal_id: int, *, by: User, via: str, now: datetime.datetime | None = None) -> None:
    _set_deleted(deal_id, False, by, via, now)


def _set_deleted(deal_id: int, deleted: bool, by: User, via: str, now: datetime.datetime | None) -> None:
    with transaction.atomic():
        deal = followups.lock(deal_id)
        now = now or clock.now()
        if (deal.deleted_at is not None) == deleted:
            return
        before, old = totals.cell(deal), deal.deleted_at
        deal.deleted_by = by if deleted else None
        records.save(
            deal, {"deleted_at": (old, now if deleted else None)}, by=by, via=via, now=now, also=["deleted_by"]
        )
        totals.shift([(before, totals.cell(deal))])


def take_over(from_user: User, to_user: User, *, by: User, via: str, now: datetime.datetime | None = None) -> int:
    """Somebody leaves: open deals and open tasks go to a colleague, each with its row of change. Returns how many deals."""
    now = now or clock.now()
    ids = list(Deal.objects.existing().open().filter(owner=from_user).values_list("pk", flat=True))
    for deal_id in ids:
        edit(deal_id, {"owner": to_user}, version=None, by=by, via=via, now=now)
    followups.take_over(from_user, to_user, by, now)
    return len(ids)
