"""That a deal's card shows something else now: a time on its row, by which open boards find it.

Every rule that changes what a card shows sets it in an update of the deal that it makes anyway. It is the time of that
statement by the clock of the database, whatever `now` the rule goes by.
"""

from __future__ import annotations

from django.db.models.functions import Now

from crm import live
from pipeline.models import Deal


def card() -> dict[str, Now]:
    """For an UPDATE of deals."""
    live.tell()
    return {"card_changed_at": Now()}


def card_of(deal: Deal) -> list[str]:
    """For a deal that is about to be saved: the columns to save with it."""
    marked = card()
    for name, value in marked.items():
        setattr(deal, name, value)
    return list(marked)


def touch(deal_id: int) -> None:
    """For a rule that has no update of the deal to make."""
    Deal.objects.filter(pk=deal_id).update(**card())


def organization_renamed(pk: int) -> None:
    """Its name stands on the cards of its deals. Locked in the order of their ids, as by all who lock many."""
    ids = list(
        Deal.objects.existing().filter(organization=pk).order_by("pk").select_for_update().values_list("pk", flat=True)
    )
    Deal.objects.filter(pk__in=ids).update(**card())
