"""The one writer of comments and of who follows a deal; whoever should know of a comment is told in its transaction."""

from __future__ import annotations

import datetime
import re
from collections import defaultdict
from collections.abc import Iterable

from django.core.exceptions import ValidationError
from django.db import transaction
from django.urls import reverse
from django.utils.translation import gettext as _

from crm import clock, notices, once
from crm.fields import Field, FieldKind
from crm.models import User
from crm.notices import News
from pipeline import access, followups
from pipeline.models import Comment, Deal, DealFollower, DealMember

TEXT_LIMIT = 5_000
_TEXT = Field("text", _("The comment"), FieldKind.LONG_TEXT, required=True, max_length=TEXT_LIMIT)
_AT = re.compile(r"(?<!\w)@(?=\w)")


def comment(
    deal_id: int, text: str, *, by: User, once_key: str = "", now: datetime.datetime | None = None
) -> Comment | None:
    """None: the form with this `once_key` was saved already. ValidationError: nothing to say, or too much."""
    with transaction.atomic():
        deal = followups.lock(deal_id)
        now = now or clock.now()
        if once_key and once.claim(by, once_key, now) is None:
            return None
        made = Comment.objects.create(deal=deal, text=_checked(text), by=by, at=now)
        readers = {person.pk: person for person in access.readers_of(deal, now)}
        named = [person for person in named_in(made.text, readers.values()) if person != by]
        following = followers(deal) | {by.pk, *(person.pk for person in named)}
        _follow_by_themselves(deal, [by, *named], now)
        others = following - {by.pk, *(person.pk for person in named)}
        _tell(made, named, "mention", now)
        _tell(made, [readers[pk] for pk in sorted(others) if pk in readers], "comment", now)
        return made


def _checked(text: str) -> str:
    try:
        checked: str = _TEXT.check(text)
    except ValidationError as error:
        raise ValidationError({"text": error}) from error
    return checked


def take_back(comment_id: int, *, by: User, now: datetime.datetime | None = None) -> None:
    """One's own words; whoever has not read them yet no longer finds them."""
    with transaction.atomic():
        row = Comment.objects.select_for_update().get(pk=comment_id, by=by)
        if row.deleted_at is None:
            row.deleted_at = now or clock.now()
            row.save(update_fields=["deleted_at"])
            notices.take_back(_key(row))


# --- Who is named


def named_in(text: str, people: Iterable[User]) -> list[User]:
    """After each @ the longest that fits: a full name, an email address, or a first name that only one person has."""
    called = names_of(people)
    found: dict[int, User] = {}
    for at in _AT.finditer(text):
        rest = text[at.end() : at.end() + 260].casefold()
        fitting = [name for name in called if rest.startswith(name) and not rest[len(name) : len(name) + 1].isalnum()]
        if fitting:
            found |= {person.pk: person for person in called[max(fitting, key=len)]}
    return list(found.values())


def names_of(people: Iterable[User]) -> dict[str, list[User]]:
    """In small letters. Two of one full name are both meant; a first name that two have means nobody."""
    full: dict[str, list[User]] = defaultdict(list)
    first: dict[str, list[User]] = defaultdict(list)
    for person in people:
        for name in (person.name.casefold(), person.email.casefold()):
            full[name].append(person)
        for word in person.name.casefold().split()[:1]:
            first[word].append(person)
    alone = {name: found for name, found in first.items() if len(found) == 1}
    return {name: found for name, found in {**alone, **full}.items() if name}


# --- Who follows


def followers(deal: Deal) -> set[int]:
    """The owner and the members, and who asked for it; without those who have stopped."""
    rows = dict(DealFollower.objects.filter(deal=deal).values_list("user_id", "follows"))
    themselves = {deal.owner_id, *DealMember.objects.filter(deal=deal).values_list("user_id", flat=True)}
    return {pk for pk in themselves | set(rows) if rows.get(pk, True)}


def is_followed(deal: Deal, reader: User, members: Iterable[int]) -> bool:
    """The same of one person, where it is known who works on the deal."""
    chosen = DealFollower.objects.filter(deal=deal, user=reader).values_list("follows", flat=True).first()
    return reader.pk in {deal.owner_id, *members} if chosen is None else chosen


def follow(deal_id: int, follows: bool, *, by: User, now: datetime.datetime | None = None) -> None:
    with transaction.atomic():
        deal = followups.lock(deal_id)
        if DealFollower.objects.filter(deal=deal, user=by, follows=follows).exists():
            return
        wanted = {"follows": follows, "since": now or clock.now()}
        DealFollower.objects.update_or_create(deal=deal, user=by, defaults=wanted)


def _follow_by_themselves(deal: Deal, people: Iterable[User], now: datetime.datetime) -> None:
    """Who takes part in the talk; whoever has stopped to follow stays so."""
    rows = [DealFollower(deal=deal, user=person, since=now) for person in people]
    DealFollower.objects.bulk_create(rows, ignore_conflicts=True)


def carry_over(other: Deal, deal: Deal) -> None:
    """Comments, followers and what people were told of a deal that becomes part of another.

    Whoever follows only the other follows this one; who has stopped to follow this one stays so.
    """
    Comment.objects.filter(deal=other).update(deal=deal)
    rows = DealFollower.objects.filter(deal=other, follows=True)
    theirs = [DealFollower(deal=deal, user_id=row.user_id, since=row.since) for row in rows]
    DealFollower.objects.bulk_create(theirs, ignore_conflicts=True)
    former, present = (reverse("deal", args=[each.pk]) for each in (other, deal))
    notices.relink("deal", other.pk, deal.pk, former, present)


# --- Telling


def _key(row: Comment) -> str:
    return f"comment {row.pk}"


def _tell(row: Comment, people: Iterable[User], kind: str, now: datetime.datetime) -> None:
    news = News(_key(row), kind, row.by, row.deal.title, row.text, address_of(row), "deal", row.deal_id)
    notices.tell(people, news, now)


def address_of(row: Comment) -> str:
    key = f"comment-{row.pk}"
    return f"{reverse('deal', args=[row.deal_id])}?entry={key}#entry-{key}"
