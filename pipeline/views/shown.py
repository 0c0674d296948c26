"""The menus of what a list or a card shows: boxes of a plain form, and links that move a column."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.http import QueryDict

from pipeline.forms.filters import Asked
from pipeline.forms.shown import FIRST

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


@dataclass(frozen=True)
class Choice:
    """`earlier` and `later`: the addresses in which it stands one place further on."""

    name: str
    label: StrOrPromise
    shown: bool
    earlier: str = ""
    later: str = ""


def choices(names: Mapping[str, StrOrPromise], shown: Sequence[str], asked: Asked, field: str = "") -> list[Choice]:
    """Those that are shown in their order, then the others. With a `field` of the address they can be moved."""
    shown = [name for name in (shown or names) if name != FIRST]
    there = [
        Choice(
            name, names[name], True,
            earlier=_moved(asked, field, shown, place, max(place - 1, 0)) if field else "",
            later=_moved(asked, field, shown, place, place + 1) if field else "",
        )
        for place, name in enumerate(shown)
    ]  # fmt: skip
    return there + [Choice(name, label, False) for name, label in names.items() if name not in (FIRST, *shown)]


def _moved(asked: Asked, field: str, shown: Sequence[str], place: int, to: int) -> str:
    order = list(shown)
    order.insert(to, order.pop(place))
    query = QueryDict(asked.query, mutable=True)
    query[field] = ",".join([FIRST, *order])
    return query.urlencode()


def others(asked: Asked, field: str) -> list[tuple[str, str]]:
    """What else the address holds: a form sends it along."""
    return [(name, str(value)) for name, value in QueryDict(asked.query).items() if name != field]
