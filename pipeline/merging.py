"""Two deals that are one: everything that hangs on the other goes to the survivor; the only writer of `merged_into`.

The survivor keeps its stage, its stays, its outcome, its owner and every field that is filled, unless the person takes
the other's. The other keeps what is history: its stays, changes, attempts and approvals, which were given to that deal
at its value. It leaves boards, lists, search and totals, and its page tells its history to all who see the survivor.

Commitments go over and count at the gates from then on: a commitment is the buyer's word about this business, with its
evidence, whichever of the two records it was noted on. No gate is passed by merging: the survivor stays in its stage.
"""

from __future__ import annotations

import datetime
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Literal

from django.db import transaction
from django.utils.translation import gettext as _

from crm import clock, opened, records
from crm.importing import known
from crm.models import User
from pipeline import commitments, deals, files, followups, logbook, marking, people, talk, totals
from pipeline.models import Deal

FIELDS = ("title", "value", "expected_close", "organization", "source", "product")
"""What may be taken from the other. A value is taken with its currency, and never added: two deals are one here."""


@dataclass(frozen=True)
class Merged:
    deal: Deal
    other: Deal


@dataclass(frozen=True)
class Newer:
    """One of them, or both, was changed since the person looked. Both as they are now; nothing was written."""

    deal: Deal
    other: Deal


@dataclass(frozen=True)
class NotMerged:
    """`message` says why, in the words of a salesperson."""

    code: Literal["same", "gone"]
    message: str


def merge(
    deal_id: int, other_id: int, *, by: User, via: str, take: Collection[str] | None = None,
    versions: tuple[int | None, int | None] = (None, None), now: datetime.datetime | None = None,
) -> Merged | Newer | NotMerged:  # fmt: skip
    """The other becomes part of the deal. There is no way back.

    `take` names the FIELDS whose value the other gives; None: those that are empty here. `versions` are those that the
    person saw, of the deal and of the other. Raises Deal.DoesNotExist; whether `by` may edit both is for the caller.
    """
    if deal_id == other_id:
        return NotMerged("same", _("A deal cannot be merged with itself. Choose another one."))
    with transaction.atomic():
        deal, other = _lock_both(deal_id, other_id)
        now = now or clock.now()
        for each in (deal, other):
            if each.deleted_at is not None:
                return NotMerged("gone", _gone(each))
        seen = zip(versions, (deal, other), strict=True)
        if any(version not in (None, each.version) for version, each in seen):
            return Newer(deal, other)
        before = totals.cell(deal), totals.cell(other)
        _take(deal, other, empty_here(deal, other) if take is None else take, by, via, now)
        _carry_over(deal, other, by, via, now)
        _leave(other, deal, by, via, now)
        # One shift for both: its rows are touched in one order, as those of any other change.
        totals.shift([(before[0], totals.cell(deal)), (before[1], totals.cell(other))])
        deal.refresh_from_db()
        return Merged(deal, other)


def empty_here(deal: Deal, other: Deal) -> list[str]:
    """What the other knows and the deal does not."""
    return [name for name in FIELDS if getattr(deal, name) is None and getattr(other, name) is not None]


def _lock_both(deal_id: int, other_id: int) -> tuple[Deal, Deal]:
    """The smaller number first, whichever survives: two merges that cross wait for each other in no circle."""
    held = {pk: followups.lock(pk) for pk in sorted((deal_id, other_id))}
    return held[deal_id], held[other_id]


def _gone(deal: Deal) -> str:
    given = {"title": deal.title, "who": deal.deleted_by.name if deal.deleted_by else _("The process")}
    if deal.merged_into_id is not None:
        return _("“%(title)s” was merged into another deal already, by %(who)s.") % given
    return _("“%(title)s” was deleted by %(who)s.") % given


def _take(deal: Deal, other: Deal, take: Collection[str], by: User, via: str, now: datetime.datetime) -> None:
    changes: dict[str, Any] = {name: getattr(other, name) for name in FIELDS if name in take}
    if "value" in changes:
        changes["currency"] = other.currency
    changes["tags"] = [*deal.tags.all(), *other.tags.all()]
    deals.write_fields(deal, changes, by=by, via=via, now=now)


def _carry_over(deal: Deal, other: Deal, by: User, via: str, now: datetime.datetime) -> None:
    """Each by the rule that alone writes it. Files before commitments, which they prove."""
    people.carry_over(other, deal, by=by, via=via, now=now)
    logbook.carry_over(other, deal)
    followups.carry_over(other, deal, by, now)
    files.carry_over(other, deal)
    commitments.carry_over(other, deal)
    talk.carry_over(other, deal)
    known.relink("deal", other.pk, deal.pk)
    opened.relink("deal", other.pk, deal.pk)
    records.save(deal, {"merged": (None, other)}, by=by, via=via, now=now, also=marking.card_of(deal))


def _leave(other: Deal, deal: Deal, by: User, via: str, now: datetime.datetime) -> None:
    other.merged_into, other.deleted_at, other.deleted_by = deal, now, by
    told = {"deleted_at": (None, now), "merged_into": (None, deal)}
    records.save(other, told, by=by, via=via, now=now, also=["deleted_by", *marking.card_of(other)])


# --- Looking at what was merged


def survivor(deal: Deal) -> Deal:
    """Of a merged deal the one that it is part of now, whatever was merged since."""
    while deal.merged_into_id is not None:
        deal = Deal.objects.get(pk=deal.merged_into_id)
    return deal


def history_for(user: User, pk: int) -> tuple[Deal, Deal] | None:
    """A merged deal and its survivor, for whoever sees the survivor."""
    deal = Deal.objects.merged().with_names().filter(pk=pk).first()
    if deal is None:
        return None
    kept = Deal.objects.visible_to(user).with_names().filter(pk=survivor(deal).pk).first()
    return (deal, kept) if kept is not None else None
