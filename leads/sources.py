"""Sources by name."""

from __future__ import annotations

from collections.abc import Iterable

from crm.text import same_name_key
from leads.models import Source


def by_name() -> dict[str, Source]:
    """Retired ones too: what came from there came from there."""
    return {same_name_key(source.name): source for source in Source.objects.all()}


def add(names: Iterable[str]) -> list[Source]:
    """New ones; whether they are inbound or outbound is for an admin to say. Raises ValidationError."""
    made = [Source(name=name, channel=Source.Channel.UNKNOWN, order=Source.objects.count() + 1) for name in names]
    for source in made:
        source.full_clean()
        source.save()
    return made
