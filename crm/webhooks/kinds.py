"""The records of which other programs can be told. The apps above say by `register` where their kinds are described.

By name, so that only who tells something reads the module: it shows records as the API does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib import import_module
from typing import TYPE_CHECKING, Any

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from crm.models import User

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

TEST = "test"
"""The event of the button that tries a webhook; nobody asks for it."""


@dataclass(frozen=True)
class Happened:
    """What one writing changed of one record: its rows of change, field → (before, after), as they are stored."""

    object_type: str
    object_id: int
    version: int
    sequence: int
    at: datetime
    by: int | None
    via: str
    fields: Mapping[str, tuple[Any, Any]]

    @property
    def key(self) -> str:
        return f"{self.object_type}:{self.object_id}:{self.version}"


def plainly(happened: Happened) -> str:
    """What every kind of record has in common."""
    if happened.version == 1:
        return "created"
    if "deleted_at" in happened.fields:
        return "restored" if happened.fields["deleted_at"][1] is None else "deleted"
    return "changed"


def plain_names(all_that: Sequence[Happened]) -> list[str]:
    return [plainly(each) for each in all_that]


@dataclass(frozen=True)
class Kind:
    """`rows(user)` are those that the user sees, deleted ones too; `shown(user, id)` is one as the API gives it.

    `shown` gives None for a record that is no longer there.
    """

    events: Mapping[str, StrOrPromise]
    rows: Callable[[User], QuerySet[Any]]
    shown: Callable[[User, int], dict[str, Any] | None]
    names: Callable[[Sequence[Happened]], list[str]] = plain_names
    within: Callable[[int], Q] | None = None
    """Those of a pipeline; None: they belong to none."""
    owner: str = "owner"


_places: dict[str, tuple[int, str, str]] = {}
_pipelines: list[Callable[[], Sequence[tuple[int, str]]]] = []


def register(object_type: str, module: str, name: str, *, order: int) -> None:
    _places[object_type] = (order, module, name)


def offer_pipelines(choices: Callable[[], Sequence[tuple[int, str]]]) -> None:
    _pipelines[:] = [choices]


def pipelines() -> list[tuple[int, str]]:
    return [choice for choices in _pipelines for choice in choices()]


def of(object_type: str) -> Kind | None:
    if object_type not in _places:
        return None
    _order, module, name = _places[object_type]
    kind: Kind = getattr(import_module(module), name)
    return kind


def known() -> dict[str, StrOrPromise]:
    """Event → what it is called, in the order in which they are offered."""
    found: dict[str, StrOrPromise] = {}
    for object_type in sorted(_places, key=_places.__getitem__):
        kind = of(object_type)
        if kind is not None:
            found |= {f"{object_type}.{name}": label for name, label in kind.events.items()}
    return found


def word(event: str) -> str:
    return _("a test") if event == TEST else str(known().get(event, event))
