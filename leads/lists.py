"""The lists that ship with the product: sources, and types of activities with their outcomes."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from django.db import transaction

from leads.models import ActivityOutcome, ActivityType, Source

_FILE = Path(__file__).parent / "content" / "lists.toml"


def load_lists() -> None:
    """Adds what is missing by its name; a row that is there, renamed texts and retired rows included, stays as it is."""
    content = tomllib.loads(_FILE.read_text(encoding="utf-8"))
    with transaction.atomic():
        _load_sources(content["sources"])
        for order, entry in enumerate(content["activity_types"], start=1):
            _load_type(order, entry)


def _load_sources(groups: list[dict[str, Any]]) -> None:
    named = [(name, group["channel"]) for group in groups for name in group["names"]]
    for order, (name, channel) in enumerate(named, start=1):
        Source.objects.get_or_create(name=name, defaults={"channel": channel, "order": order})


def _load_type(order: int, entry: dict[str, Any]) -> None:
    columns = {
        "name": entry["name"],
        "icon": entry["icon"],
        "directed": entry.get("directed", True),
        "counts_as_touch": entry.get("touch", True),
        "counts_as_presentation": entry.get("presentation", False),
        "order": order,
    }
    kind, made = ActivityType.objects.get_or_create(key=entry["key"], defaults=columns)
    if made:
        outcomes = [(name, True) for name in entry.get("held", [])] + [
            (name, False) for name in entry.get("not_held", [])
        ]
        ActivityOutcome.objects.bulk_create(
            ActivityOutcome(type=kind, name=name, held=held, order=place)
            for place, (name, held) in enumerate(outcomes, start=1)
        )
