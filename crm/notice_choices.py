"""How people want to hear of what concerns them: in the app, by email, both or not at all. The one writer of that.

The apps say by `register` which kinds there are to choose from, and what holds for whoever has chosen nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from django.db import transaction

from crm import clock, records
from crm.models import NoticeChoice, User
from crm.models.audit import Via

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


@dataclass(frozen=True)
class Channels:
    bell: bool
    email: bool


@dataclass(frozen=True)
class Kind:
    key: str
    label: StrOrPromise
    help: StrOrPromise
    usual: Channels
    order: int


ALWAYS = Channels(bell=True, email=False)
"""What nobody can choose is told in the app."""
_kinds: dict[str, Kind] = {}


def register(
    key: str, label: StrOrPromise, help: StrOrPromise, *, bell: bool = False, email: bool = False, order: int
) -> None:
    _kinds[key] = Kind(key, label, help, Channels(bell, email), order)


def kinds() -> list[Kind]:
    return sorted(_kinds.values(), key=lambda kind: kind.order)


def kind(key: str) -> Kind | None:
    return _kinds.get(key)


def usual(key: str) -> Channels:
    known = _kinds.get(key)
    return known.usual if known else ALWAYS


def of(user: User) -> dict[str, Channels]:
    """All kinds, as this person has them."""
    chosen = {row.kind: Channels(row.bell, row.email) for row in NoticeChoice.objects.filter(user=user)}
    return {each.key: chosen.get(each.key, each.usual) for each in kinds()}


def chosen(user_ids: Iterable[int], keys: Iterable[str]) -> dict[tuple[int, str], Channels]:
    """Where people differ from what is usual, by person and kind: one query, none where nothing can be chosen."""
    asked = {key for key in keys if key in _kinds}
    if not asked:
        return {}
    rows = NoticeChoice.objects.filter(user__in=set(user_ids), kind__in=asked)
    return {(row.user_id, row.kind): Channels(row.bell, row.email) for row in rows}


def choose(user: User, wanted: dict[str, Channels], *, by: User, via: str, now: datetime | None = None) -> None:
    """Kinds that are not named stay as they are."""
    with transaction.atomic():
        locked = User.objects.select_for_update().get(pk=user.pk)
        before = of(locked)
        changed = {key: value for key, value in wanted.items() if key in _kinds and before[key] != value}
        for key, value in changed.items():
            values = {"bell": value.bell, "email": value.email}
            NoticeChoice.objects.update_or_create(user=locked, kind=key, defaults=values)
        told = {f"notices_{key}": (_words(before[key]), _words(value)) for key, value in changed.items()}
        records.note_person(locked, told, by=by, via=via, now=now or clock.now())


def unsubscribe(user: User, key: str, now: datetime | None = None) -> None:
    """By the link in a mail: that kind comes by email no more. In the app it stays as it is."""
    before = of(user).get(key)
    if before is not None and before.email:
        choose(user, {key: Channels(before.bell, email=False)}, by=user, via=Via.PAGE, now=now)


def _words(channels: Channels) -> str:
    return " ".join(name for name, on in (("app", channels.bell), ("email", channels.email)) if on)
