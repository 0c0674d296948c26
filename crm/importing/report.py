"""What became of each row, and the sum of it: rows = created + updated + unchanged + refused."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum

from crm.tables import Fault


class Outcome(StrEnum):
    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    REFUSED = "refused"


@dataclass(frozen=True)
class Result:
    """Of one row. `note` is worth a word although the row was taken."""

    line: int
    outcome: Outcome
    faults: tuple[Fault, ...] = ()
    note: str = ""


@dataclass
class Report:
    counts: Counter[Outcome] = field(default_factory=Counter)
    blank: int = 0
    notes: list[str] = field(default_factory=list)
    """What the import made besides the rows: owners, stages, products."""

    @property
    def rows(self) -> int:
        return sum(self.counts.values())
