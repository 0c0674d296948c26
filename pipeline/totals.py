"""The one writer of ColumnTotal: each change of a deal shifts its cell by the difference, in the change's transaction."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal
from typing import NamedTuple

from django.db import connection

from pipeline.models import Deal


class Cell(NamedTuple):
    """What one deal adds to the totals; a deleted deal has no cell."""

    stage_id: int
    owner_id: int
    currency: str
    value: Decimal


def cell(deal: Deal) -> Cell | None:
    if deal.deleted_at is not None:
        return None
    return Cell(deal.stage_id, deal.owner_id, deal.currency, deal.value or Decimal(0))


# Both engines read this. The sum is rounded because SQLite keeps it as a float.
_UPSERT = """
INSERT INTO pipeline_columntotal (stage_id, owner_id, currency, deals, value) VALUES {rows}
ON CONFLICT (stage_id, owner_id, currency) DO UPDATE SET
  deals = pipeline_columntotal.deals + excluded.deals,
  value = round(pipeline_columntotal.value + excluded.value, 4)
"""


def shift(changes: Iterable[tuple[Cell | None, Cell | None]]) -> None:
    """(before, after) of each deal. Rows are touched in one fixed order, so that two moves never wait for each other."""
    counts: dict[tuple[int, int, str], int] = defaultdict(int)
    sums: dict[tuple[int, int, str], Decimal] = defaultdict(Decimal)
    for before, after in changes:
        for sign, each in ((-1, before), (1, after)):
            if each is not None:
                counts[each[:3]] += sign
                sums[each[:3]] += sign * each.value
    touched = sorted(key for key in counts if counts[key] or sums[key])
    if touched:
        values = [part for key in touched for part in (*key, counts[key], str(sums[key]))]
        rows = ", ".join(["(%s, %s, %s, %s, CAST(%s AS numeric))"] * len(touched))
        with connection.cursor() as cursor:
            cursor.execute(_UPSERT.format(rows=rows), values)
