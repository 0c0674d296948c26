"""Which records a few typed letters mean, the best first, whatever the number of records.

A name is compared by its folded form (crm/text.py), which stands in a column beside it. From three letters on, the
trigram indexes of PostgreSQL give all that contain the words; when those are too many to be read, the better ones among
them are asked for one by one, and each question ends with the first rows that answer it. Fewer letters have no trigram:
only beginnings of names are looked up.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property
from typing import Any

from django.contrib.postgres.lookups import TrigramWordSimilar
from django.contrib.postgres.search import TrigramWordSimilarity
from django.db import OperationalError, connection, transaction
from django.db.models import BooleanField, ExpressionWrapper, F, FloatField, Q, QuerySet, Value

from crm.models import User
from crm.text import same_name_key

MOST_READ = 200
MOST_WORDS = 6
QUERY_CANCELED = "57014"
LEAST_ALIKE = 0.38
"""Two letters that changed places in a word of eight leave that much."""
NEAR_THE_BEST = 0.75
"""What is less like it than this part of the best answer is not meant."""
PATIENCE = 12
"""Milliseconds for one search by likeness, which no index bounds when all names are made of the same words."""


class Rank(IntEnum):
    EXACT = 0
    BEGINS = 1
    WORD_BEGINS = 2
    INSIDE = 3
    ELSEWHERE = 4
    """All the words, but not side by side, or in another field."""
    ALIKE = 5


@dataclass(frozen=True)
class Wanted:
    """Who looks for what. `alike` asks for names that are written almost so, in place of those that contain it."""

    user: User
    text: str
    limit: int
    alike: bool = False

    @cached_property
    def key(self) -> str:
        return same_name_key(self.text)

    @cached_property
    def words(self) -> list[str]:
        return self.key.split()[:MOST_WORDS]

    @cached_property
    def long(self) -> bool:
        """Long enough for a trigram."""
        return re.search(r"\w{3}", self.key) is not None


@dataclass(frozen=True)
class Names:
    """Where to look: rows that the reader may see, the column of the folded name, and other columns that count too."""

    rows: QuerySet[Any]
    column: str
    also: tuple[str, ...] = ()
    first: Q | None = None
    """Those that go before others of the same rank."""


@dataclass(frozen=True)
class Found:
    pk: int
    name: str
    rank: Rank
    first: bool
    likeness: float

    def place(self, recent: Sequence[int]) -> tuple[Any, ...]:
        opened = recent.index(self.pk) if self.pk in recent else len(recent)
        return (self.rank, -round(self.likeness, 1), opened, not self.first, self.name, -self.pk)


def rank_of(name: str, wanted: Wanted) -> Rank | None:
    """How well a folded name answers; None when it does not. Short words count only where a word begins."""
    key = wanted.key
    if name == key:
        return Rank.EXACT
    if name.startswith(key):
        return Rank.BEGINS
    places = [match.start() for match in re.finditer(re.escape(key), name)]
    if any(not name[place - 1].isalnum() for place in places):
        return Rank.WORD_BEGINS
    if not wanted.long:
        return None
    if places:
        return Rank.INSIDE
    return Rank.ELSEWHERE if all(word in name for word in wanted.words) else None


def find(names: Names, wanted: Wanted, recent: Sequence[int] = ()) -> list[Found]:
    """At most `wanted.limit`; `recent` are ids that the reader opened, the last one first: they win among equals."""
    if not wanted.key:
        return []
    if wanted.alike:
        rows = _alike(names, wanted)
    else:
        rows = _read(names, wanted, _contains(names, wanted), MOST_READ) if wanted.long else []
        if not wanted.long or len(rows) == MOST_READ:
            rows += _one_by_one(names, wanted, recent)
    found = {row.pk: row for row in rows}
    return sorted(found.values(), key=lambda row: row.place(recent))[: wanted.limit]


def _contains(names: Names, wanted: Wanted) -> Q:
    match = Q()
    for word in wanted.words:
        match &= Q(**{f"{names.column}__contains": word})
    for column in names.also:
        match |= Q(**{f"{column}__icontains": wanted.text})
    return match


def _one_by_one(names: Names, wanted: Wanted, recent: Sequence[int]) -> list[Found]:
    """What the reader knows, then the better ranks one after the other, until there are enough."""
    column, key = names.column, wanted.key
    found = {}
    if recent:
        known = Names(names.rows.filter(pk__in=recent), column, first=names.first)
        found = {row.pk: row for row in _read(known, wanted, Q(**{f"{column}__contains": key}), MOST_READ)}
    ranks = [Q(**{column: key}), Q(**{f"{column}__startswith": key})]
    if wanted.long:
        ranks += [Q(**{f"{column}__contains": f" {key}"}), Q(**{f"{column}__contains": key})]
    for rank in ranks:
        for rows in [names.rows.filter(names.first), names.rows] if names.first else [names.rows]:
            if len(found) < wanted.limit:
                some = Names(rows, column, first=names.first)
                found |= {row.pk: row for row in _read(some, wanted, rank, wanted.limit)}
    return list(found.values())


def _read(names: Names, wanted: Wanted, match: Q, limit: int) -> list[Found]:
    rows = _columns(names.rows.filter(match), names, Value(0.0, FloatField()))[:limit]
    return [
        Found(pk, name, found if (found := rank_of(name, wanted)) is not None else Rank.ELSEWHERE, first, 0.0)
        for pk, name, first, _likeness in rows
    ]


def _columns(rows: QuerySet[Any], names: Names, likeness: Any) -> Any:
    first = ExpressionWrapper(names.first, BooleanField()) if names.first else Value(True)
    return rows.order_by().values_list("pk", names.column, first, likeness)


def _alike(names: Names, wanted: Wanted) -> list[Found]:
    """PostgreSQL only. First by the index; when the words are in so many names that it takes long, simply the first rows."""
    if connection.vendor != "postgresql" or not wanted.long:
        return []
    rows = names.rows.filter(TrigramWordSimilar(F(names.column), wanted.key))
    asked = _columns(rows, names, TrigramWordSimilarity(wanted.key, names.column))[:MOST_READ]
    for by_index in (True, False):
        read = _impatiently(asked, by_index)
        if read is not None:
            least = NEAR_THE_BEST * max((row[3] for row in read), default=0)
            return [Found(pk, name, Rank.ALIKE, first, alike) for pk, name, first, alike in read if alike >= least]
    return []


def _impatiently(rows: Any, by_index: bool) -> list[Any] | None:
    """None when it took too long. Nothing is written, so all ends with a rollback, which takes the settings back too."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                "SELECT set_config('pg_trgm.word_similarity_threshold', %s, true),"
                " set_config('statement_timeout', %s, true), set_config('enable_bitmapscan', %s, true)",
                [str(LEAST_ALIKE), str(PATIENCE), "on" if by_index else "off"],
            )
            read = list(rows)
            transaction.set_rollback(True)
            return read
    except OperationalError as error:
        if getattr(error.__cause__, "pgcode", "") != QUERY_CANCELED:
            raise
        return None
