"""What a view says about itself: the material of the schema and of the documentation."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from crm.api.shapes import Shape


@dataclass(frozen=True)
class Described:
    """One thing that can be done. `also` are statuses besides success and those that any request may be answered with."""

    summary: str
    takes: type[Shape] | None = None
    gives: type[Shape] | dict[str, Any] | None = None
    status: int = 200
    also: tuple[int, ...] = ()
    many: bool = False
    """A page of a list."""
    versioned: bool = False
    """Needs If-Match."""
    says: str = ""
    parameters: dict[str, tuple[dict[str, Any], str]] = field(default_factory=dict)
    """Of the address: its schema and what it means."""
    required: frozenset[str] = frozenset()
    changes: dict[str, Any] | None = None
    """An example of a body, where that of the shape would not do."""
