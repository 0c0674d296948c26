"""Finding anything: records, people, pages, actions. Each app registers what can be found; this module asks them all."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

from crm import opened
from crm.finding import Found, Rank, Wanted, rank_of
from crm.models import User
from crm.text import same_name_key

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

LONGEST = 200
LIMIT = 20
OFFERED = 8
"""So many records that one opened last, before anything is typed."""


@dataclass(frozen=True)
class Hit:
    """One found thing: what it is called, what tells it from others of that name, and where it is."""

    title: str
    detail: str
    url: str
    rank: Rank = Rank.ELSEWHERE
    icon: str = ""
    """Of its own, where it is not that of its group."""


@dataclass(frozen=True)
class Group:
    key: str
    label: StrOrPromise
    icon: str
    hits: list[Hit]
    more: bool = False


# Gives at most `wanted.limit` things that `wanted.user` may see, best first.
Find = Callable[[Wanted], list[Hit]]
# Those of these records that the user may see, by id.
Show = Callable[[User, Sequence[int]], dict[int, Hit]]
# Pages or actions for this user, found by their names.
Give = Callable[[User], Iterable[Hit]]


@dataclass(frozen=True)
class _Source:
    key: str
    label: StrOrPromise
    icon: str
    find: Find
    order: int
    kind: str
    show: Show | None


_sources: dict[str, _Source] = {}
_given: dict[str, list[tuple[int, Give]]] = defaultdict(list)


def register(
    key: str,
    label: StrOrPromise,
    icon: str,
    find: Find,
    *,
    order: int,
    kind: str = "",
    show: Show | None = None,
) -> None:
    """With `kind`, the name of the route of a record's page, and `show`, what one opened last is offered again."""
    _sources[key] = _Source(key, label, icon, find, order, kind, show)


def offer(key: str, give: Give, *, order: int) -> None:
    """Adds to the "pages" or the "actions"."""
    if (order, give) not in _given[key]:
        _given[key].append((order, give))


def kinds() -> set[str]:
    """Routes of pages whose opening is worth remembering."""
    return {source.kind for source in _sources.values() if source.kind}


def search(user: User, query: str, limit: int = LIMIT) -> list[Group]:
    """Groups in which something was found, at most `limit` of each, the group with the best one first.

    `more` says that there would be others. Only when no name contains the words, those written almost so are given.
    """
    wanted = Wanted(user, query, limit + 1)
    if not wanted.key:
        return []
    records = [source for source in _ordered() if source.kind]
    groups = _ask(_ordered(), wanted)
    if not any(group.key == source.key for group in groups for source in records):
        groups += _ask(records, replace(wanted, alike=True))
    return sorted(groups, key=lambda group: group.hits[0].rank)


def _ordered() -> list[_Source]:
    return sorted(_sources.values(), key=lambda source: source.order)


def _ask(sources: Iterable[_Source], wanted: Wanted) -> list[Group]:
    limit, groups = wanted.limit - 1, []
    for source in sources:
        hits = source.find(wanted)
        if hits:
            groups.append(Group(source.key, source.label, source.icon, hits[:limit], len(hits) > limit))
    return groups


def start(user: User, here: str = "") -> list[Group]:
    """Before anything is typed: what the user opened last, but for what is on the screen, and the actions."""
    groups = [
        Group("opened", _("Opened last"), "clock", _opened_last(user, here)),
        Group("actions", _sources["actions"].label, "plus", list(_all("actions", user))),
    ]
    return [group for group in groups if group.hits]


def _opened_last(user: User, here: str) -> list[Hit]:
    hits: dict[tuple[str, int], Hit] = {}
    for source in _ordered():
        if source.show and (ids := opened.ids(user, source.kind)):
            shown = source.show(user, ids)
            hits |= {(source.kind, pk): replace(hit, icon=source.icon) for pk, hit in shown.items()}
    return [hits[row] for row in opened.latest(user) if row in hits and hits[row].url != here][:OFFERED]


def ranked(found: Iterable[Found], shown: Mapping[int, Hit]) -> list[Hit]:
    """What was found, as it is shown, in the order in which it was found."""
    return [replace(shown[row.pk], rank=row.rank) for row in found if row.pk in shown]


# --- Pages and actions


def _all(key: str, user: User) -> Iterable[Hit]:
    return (hit for _order, give in sorted(_given[key], key=lambda each: each[0]) for hit in give(user))


def _named(key: str) -> Find:
    def find(wanted: Wanted) -> list[Hit]:
        ranked = [(rank_of(same_name_key(hit.title), wanted), hit) for hit in _all(key, wanted.user)]
        found = [replace(hit, rank=rank) for rank, hit in ranked if rank is not None]
        return sorted(found, key=lambda hit: hit.rank)[: wanted.limit]

    return find


register("pages", _("Pages"), "arrow-right", _named("pages"), order=80)
register("actions", _("Actions"), "plus", _named("actions"), order=90)
