"""Where a row of a list is still needed, said by apps that the list's own app does not know."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from django.db.models import Model

# The places in words, such as “Concerns: A presentation was held”.
Places = Callable[[Any], Iterable[str]]

_registered: dict[str, list[Places]] = {}


def register(object_type: str, places: Places) -> None:
    """`object_type` is the name of the model in lower case."""
    _registered.setdefault(object_type, []).append(places)


def places_of(row: Model) -> list[str]:
    return [place for places in _registered.get(row._meta.model_name or "", []) for place in places(row)]
