"""A new deal from a form that acts once: a double click, or the form sent again, finds the deal that the first one made.

Also one that is like another deal.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from crm import clock, once
from crm.models import User
from pipeline import moves
from pipeline.models import Deal, DealContact, Kind, Stage
from pipeline.moves import Close, Fill, Moved, NewPerson, Outcome, Refused

TITLE_LIMIT = 200


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


_COPIED = ("organization", "value", "currency", "source", "product")


def duplicate(
    deal: Deal, *, by: User, via: str, once_key: str, title: str = "", fill: Fill | None = None, override: str = "",
    now: datetime | None = None,
) -> Outcome:  # fmt: skip
    """A new deal of one's own like this one, in the first stage, through its gate.

    It has the same organization, value, source, product, tags and contacts with their roles. What happened stays with
    the first: its history, commitments, tasks, files, comments and its date of closing.
    """
    stage = first_stage(deal)
    if stage is None:
        words = _("This pipeline is no longer in use. Begin a new deal on the board of another one.")
        return Refused(None, None, "stage_gone", words)
    fields = {name: getattr(deal, name) for name in _COPIED} | {"tags": list(deal.tags.all())}
    fields["title"] = title.strip() or name_of_copy(deal)
    people = DealContact.objects.filter(deal=deal).select_related("contact").order_by("-is_primary", "pk")
    copied = [NewPerson(person.role, contact=person.contact, stance=person.stance) for person in people]
    fill = fill or Fill()
    fill = replace(fill, people=[*copied, *fill.people])
    return open_deal(stage.pk, fields, by=by, via=via, once_key=once_key, fill=fill, override=override, now=now)


def name_of_copy(deal: Deal) -> str:
    """Within the length of a title."""
    words = _("%(title)s (copy)")
    room = TITLE_LIMIT - len(words % {"title": ""})
    return words % {"title": deal.title[:room]}


def first_stage(deal: Deal) -> Stage | None:
    """Of the deal's pipeline, the open one in which deals begin."""
    rows = Stage.objects.in_use().select_related("pipeline").filter(pipeline=deal.pipeline_id, kind=Kind.OPEN)
    return rows.filter(pipeline__retired_at__isnull=True).order_by("order", "pk").first()
