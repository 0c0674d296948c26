"""The files of a deal as its page shows them: the newest version of each, earlier ones folded behind it. One query."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from crm import file_kinds
from pipeline.models import Deal, DealFile


@dataclass(frozen=True)
class Shown:
    """`newest` and what it replaced, latest first."""

    newest: DealFile
    earlier: list[DealFile] = field(default_factory=list)

    @property
    def icon(self) -> str:
        return file_kinds.icon_of(self.newest.content_type)


def of(deal: Deal) -> list[Shown]:
    return shown(DealFile.objects.of(deal).select_related("added_by"))


def shown(rows: Iterable[DealFile]) -> list[Shown]:
    """Of those that are still there. What was added last comes first."""
    found: dict[str, Shown] = {}
    there = [row for row in rows if row.deleted_at is None]
    for row in sorted(there, key=lambda row: -row.version):
        if row.name in found:
            found[row.name].earlier.append(row)
        else:
            found[row.name] = Shown(row)
    return sorted(found.values(), key=lambda shown: (shown.newest.added_at, shown.newest.pk), reverse=True)
