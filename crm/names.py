"""Where a record's name is shown besides its own page, said by apps that the record's app does not know."""

from __future__ import annotations

from collections.abc import Callable

# Told within the transaction in which the record of that id gets another name.
Renamed = Callable[[int], None]

_registered: dict[str, list[Renamed]] = {}


def register(object_type: str, renamed: Renamed) -> None:
    """`object_type` is the name of the model in lower case."""
    _registered.setdefault(object_type, []).append(renamed)


def changed(object_type: str, pk: int) -> None:
    for renamed in _registered.get(object_type, []):
        renamed(pk)
