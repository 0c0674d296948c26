"""A new deal from a form that acts once: a double click, or the form sent again, finds the deal that the first one made."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from crm import clock, once
from crm.models import User
from pipeline import moves
from pipeline.models import Deal
from pipeline.moves import Close, Fill, Moved, Outcome


def open_deal(
    stage_id: int,
    fields: Mapping[str, Any],
    *,
    by: User,
    via: str,
    once_key: str,
    fill: Fill | None = None,
    override: str = "",
    close: Close | None = None,
    now: datetime | None = None,
) -> Outcome:
    """As `moves.create_deal`. A refused form may act again."""
    with transaction.atomic():
        now = now or clock.now()
        claim = once.claim(by, once_key, now)
        if claim is None:
            made = Deal.objects.filter(pk=once.result(by, once_key) or 0).first()
            if made is not None:
                return Moved(made, None)
        outcome = moves.create_deal(
            stage_id, fields, by=by, via=via, fill=fill, override=override, close=close, now=now
        )
        if claim is not None:
            if isinstance(outcome, Moved):
                once.note(claim, outcome.deal.pk)
            else:
                claim.delete()
        return outcome
