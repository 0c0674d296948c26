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
from leads.writing import name_key
from pipeline import followups, marking, news, totals
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
    tasks_along: bool = True,
    now: datetime.datetime | None = None,
) -> Edited | Conflict:
    """Change declared fields. Edits of different fields both survive; of the same field, the second is told.

    To a new owner the open tasks of the former one go along, unless not `tasks_along`.

    Raises ValidationError by field. Whether `by` may edit the deal, and whom they may make its owner, is for the caller.
    """
    with transaction.atomic():
        deal = followups.lock(deal_id)
        now = now or clock.now()
        changes = records.touched(deal, changes, version)
        found = records.clashes(deal, changes, version)
        if found:
            return Conflict(deal, found)
        return Edited(deal, apply_changes(deal, changes, by=by, via=via, tasks_along=tasks_along, now=now))


def apply_changes(
    deal: Deal,
    changes: Mapping[str, Any],
    *,
    by: User | None,
    via: str,
    now: datetime.datetime,
    tasks_along: bool = True,
) -> frozenset[str]:
    """The same for a caller that holds the deal's lock. Returns the names of the fields that really changed.

    By nobody, the process does it.
    """
    before = totals.cell(deal)
    changed = write_fields(deal, changes, by=by, via=via, now=now, tasks_along=tasks_along)
    totals.shift([(before, totals.cell(deal))])
    return changed


def write_fields(
    deal: Deal,
    changes: Mapping[str, Any],
    *,
    by: User | None,
    via: str,
    now: datetime.datetime,
    tasks_along: bool = True,
) -> frozenset[str]:
    """The same for a caller that shifts the totals itself, because those of another deal change with them."""
    checked = records.check("deal", changes)
    _check_value(deal, checked)
    tags = checked.pop("tags", None)
    owner_before = deal.owner
    changed = records.differences(deal, checked) | _tag_change(deal, tags)
    if not changed:
        return frozenset()
    also = marking.card_of(deal)
    if "title" in changed:
        deal.title_key = name_key(checked["title"])
        also.append("title_key")
    records.save(deal, changed_columns(changed), by=by, via=via, now=now, also=also)
    if "tags" in changed:
        deal.tags.set(tags or [])
        records.note(deal, {"tags": changed["tags"]}, by=by, via=via, now=now)
    if "owner" in changed and tasks_along:
        followups.hand_over(deal, owner_before, deal.owner, by, now)
        news.deal_given(deal, by=by, via=via, now=now)
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
    """Out of every list; the history stays and `restore` brings it back, unless it was merged. Twice is once."""
    _set_deleted(deal_id, True, by, via, now)


def restore(deal_id: int, *, by: User, via: str, now: datetime.datetime | None = None) -> None:
    _set_deleted(deal_id, False, by, via, now)


def _set_deleted(deal_id: int, deleted: bool, by: User, via: str, now: datetime.datetime | None) -> None:
    with transaction.atomic():
        deal = followups.lock(deal_id)
        now = now or clock.now()
        if (deal.deleted_at is not None) == deleted or deal.merged_into_id is not None:
            return
        before, old = totals.cell(deal), deal.deleted_at
        deal.deleted_by = by if deleted else None
        records.save(
            deal,
            {"deleted_at": (old, now if deleted else None)},
            by=by,
            via=via,
            now=now,
            also=["deleted_by", *marking.card_of(deal)],
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
