"""The one writer of notices: a row for each person who should know, exactly once, and the end of what is read.

The apps above say by `register` what their kinds of notices are called, and by `show_while_seen` who still sees the
record that one is about: whoever has lost sight of it no longer finds its name here.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db.models import Q, QuerySet, Value
from django.db.models.functions import Replace
from django.utils.translation import gettext as _

from crm import clock, letters, live, notice_choices, outbox
from crm.letters import Letter
from crm.models import Notice, User
from crm.models.notices import NoticeQuerySet
from crm.notice_choices import Channels

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


@dataclass(frozen=True)
class Kind:
    """`words` may name %(who)s and %(about)s."""

    words: StrOrPromise
    icon: str
    choice: str


@dataclass(frozen=True)
class News:
    """`key` is the same for all who are told, and makes that it comes once to each. `letter` is for who is told by mail."""

    key: str
    kind: str
    who: User | None
    about: str
    text: str
    address: str
    object_type: str
    object_id: int
    letter: Letter | None = None


_kinds: dict[str, Kind] = {}
_seen: dict[str, Callable[[User], QuerySet[Any]]] = {}


def register(kind: str, words: StrOrPromise, icon: str, choice: str = "") -> None:
    """`choice` is what people choose by whether and how they are told (crm/notice_choices.py); without, in the app."""
    _kinds[kind] = Kind(words, icon, choice)


def show_while_seen(object_type: str, ids: Callable[[User], QuerySet[Any]]) -> None:
    """`ids(user)` gives the records of that kind that the user sees."""
    _seen[object_type] = ids


def tell(people: Iterable[User], news: News, now: datetime.datetime) -> None:
    """Call in the transaction in which it happened. Whoever may not see the record must not be among the people."""
    tell_each([(person, news) for person in people], now)


def tell_each(
    told: Sequence[tuple[User, News]], now: datetime.datetime, *, by_mail: bool = True
) -> set[tuple[int, str]]:
    """Each person their own news; gives the person and the key of what nobody wants to be told in any way.

    The row is written also for who hears by email only: by its key nothing is told twice.
    """
    ways = _ways(told)
    rows, mails, unwanted = [], [], set()
    for person, news in told:
        way = ways[person.pk, news.kind]
        if not (way.bell or way.email):
            unwanted.add((person.pk, news.key))
            continue
        in_bell = way.bell or not by_mail
        rows.append(_row(person, news, in_bell, now))
        if way.email and by_mail:
            letter = news.letter or _plain_letter(news)
            mails.append(
                letters.mail_of(person, news.key, letter, _choice(news.kind), news.address, in_bell=in_bell, now=now)
            )
    if rows:
        Notice.objects.bulk_create(rows, ignore_conflicts=True)
        live.tell()
    outbox.queue_all(mails)
    return unwanted


class Bells:
    """Whose bell has rung since one asked last. Ids are given before their commit: each look goes some of them back."""

    BACK = 200

    def __init__(self) -> None:
        self._newest: int | None = None
        self._known: set[int] = set()

    def rung(self) -> set[int]:
        """Ids of people, nobody at first. One query, for all who are there."""
        if self._newest is None:
            self._newest = Notice.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
            self._known = set(self._rows())
            return set()
        found = self._rows()
        new = found.keys() - self._known
        self._newest, self._known = max(self._newest, *found, 0), set(found)
        return {found[pk] for pk in new}

    def _rows(self) -> dict[int, int]:
        shown = Notice.objects.shown().filter(pk__gt=(self._newest or 0) - self.BACK)
        return dict(shown.order_by().values_list("pk", "user_id"))


def _ways(told: Sequence[tuple[User, News]]) -> dict[tuple[int, str], Channels]:
    kinds = {news.kind: _choice(news.kind) for _person, news in told}
    chosen = notice_choices.chosen([person.pk for person, _news in told], kinds.values())
    return {
        (person.pk, news.kind): chosen.get((person.pk, kinds[news.kind]), notice_choices.usual(kinds[news.kind]))
        for person, news in told
    }


def _choice(kind: str) -> str:
    return _kinds[kind].choice if kind in _kinds else ""


def _row(person: User, news: News, in_bell: bool, now: datetime.datetime) -> Notice:
    return Notice(
        user=person, key=news.key[:200], kind=news.kind, who=news.who, about=news.about[:200], text=_short(news.text),
        address=news.address, object_type=news.object_type, object_id=news.object_id, made_at=now, in_bell=in_bell,
    )  # fmt: skip


def _plain_letter(news: News) -> Letter:
    said = _said(news.kind, news.who, news.about)
    return Letter("notice", " ".join(said.split()), {"said": said, "text": news.text})


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 200 else f"{line[:199]}…"


def take_back(*keys: str) -> None:
    """What they told is no longer there."""
    Notice.objects.filter(key__in=keys).delete()


def relink(object_type: str, old_id: int, new_id: int, old_address: str, new_address: str) -> None:
    """The record is part of another one now: notices about it are about that one, and lead there."""
    moved = Replace("address", Value(old_address), Value(new_address))
    Notice.objects.filter(object_type=object_type, object_id=old_id).update(object_id=new_id, address=moved)


def of(user: User) -> NoticeQuerySet:
    """Newest first; only those about what this person sees now."""
    visible = Q(pk__in=[])
    for object_type, ids in _seen.items():
        visible |= Q(object_type=object_type, object_id__in=ids(user))
    return Notice.objects.shown().filter(visible, user=user).select_related("who").order_by("-made_at", "-pk")


def unread(user: User) -> int:
    return of(user).unread().count()


def read(user: User, notice: Notice, now: datetime.datetime | None = None) -> None:
    Notice.objects.unread().filter(pk=notice.pk, user=user).update(read_at=now or clock.now())


def read_all(user: User, now: datetime.datetime | None = None) -> int:
    return Notice.objects.unread().filter(user=user).update(read_at=now or clock.now())


def words(notice: Notice) -> str:
    return _said(notice.kind, notice.who, notice.about)


def _said(kind: str, who: User | None, about: str) -> str:
    given = {"who": who.name if who else _("The process"), "about": about}
    known = _kinds.get(kind)
    return str(known.words) % given if known else about


def icon(notice: Notice) -> str:
    kind = _kinds.get(notice.kind)
    return kind.icon if kind else "bell"
