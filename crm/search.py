"""Finding anything by plain match. Each app registers how its records are found; this module asks them all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from crm.models import User

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

LONGEST = 200
LIMIT = 20


@dataclass(frozen=True)
class Hit:
    """One found record: what it is called, what tells it from others of that name, and where it is."""

    title: str
    detail: str
    url: str


@dataclass(frozen=True)
class Group:
    key: str
    label: StrOrPromise
    icon: str
    hits: list[Hit]
    more: bool


# Gives at most `limit` records that this user may see, best first.
Find = Callable[[User, str, int], list[Hit]]


@dataclass(frozen=True)
class _Source:
    key: str
    label: StrOrPromise
    icon: str
    find: Find
    order: int


_sources: dict[str, _Source] = {}


def register(key: str, label: StrOrPromise, icon: str, find: Find, *, order: int) -> None:
    _sources[key] = _Source(key, label, icon, find, order)


def search(user: User, query: str, limit: int = LIMIT) -> list[Group]:
    """Groups in which something was found, at most `limit` of each; `more` says that there would be others."""
    groups = []
    for source in sorted(_sources.values(), key=lambda source: source.order):
        hits = source.find(user, query, limit + 1) if query else []
        if hits:
            groups.append(Group(source.key, source.label, source.icon, hits[:limit], len(hits) > limit))
    return groups
