"""What somebody looks at before two deals become one: which they may be, how they differ, what goes over."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from django.db.models import BooleanField, Case, Max, Q, QuerySet, Value, When
from django.utils.formats import date_format
from django.utils.translation import get_language, ngettext, to_locale

from crm import money
from crm.models import Change, User
from crm.text import same_name_key
from pipeline import merging, people
from pipeline.fields import DEAL_FIELDS
from pipeline.models import (
    Comment,
    Commitment,
    Deal,
    DealActivity,
    DealContact,
    DealFile,
    Kind,
    StageVisit,
    Task,
)
from pipeline.timeline import Entry, timeline

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

FOUND = 20
_LABELS = {field.name: field.label for field in DEAL_FIELDS}


def candidates(deal: Deal, reader: User, query: str) -> QuerySet[Deal]:
    """Deals that the reader may merge with this one: of the same organization first, open ones first. Without a query only those."""
    rows = Deal.objects.editable_by(reader).exclude(pk=deal.pk).with_names()
    same = Q(organization=deal.organization_id) if deal.organization_id else Q(pk__in=[])
    if query:
        key = same_name_key(query)
        rows = rows.filter(Q(title_key__contains=key) | Q(organization__name_key__contains=key))
    else:
        rows = rows.filter(same)
    here = Case(When(same, then=Value(0)), default=Value(1))
    closed = Case(When(status=Kind.OPEN, then=Value(False)), default=Value(True), output_field=BooleanField())
    return rows.order_by(here, closed, "-created_at", "-pk")[:FOUND]


@dataclass(frozen=True)
class Difference:
    """A field of which the other knows something else. `mine` is empty where the deal knows nothing."""

    name: str
    label: StrOrPromise
    mine: str
    theirs: str


@dataclass
class MergePage:
    deal: Deal
    other: Deal

    @cached_property
    def differences(self) -> list[Difference]:
        return list(_differences(self.deal, self.other))

    @cached_property
    def coming(self) -> list[str]:
        """What goes over to the deal, in words."""
        return list(_coming(self.deal, self.other))

    @cached_property
    def joins(self) -> User | None:
        """The other's owner, who goes on as a seller."""
        return people.owner_who_joins(self.other, self.deal)


def _differences(deal: Deal, other: Deal) -> Iterator[Difference]:
    for name in merging.FIELDS:
        mine, theirs = _words(deal, name), _words(other, name)
        if theirs and mine != theirs:
            yield Difference(name, _LABELS[name], mine, theirs)


def _words(deal: Deal, name: str) -> str:
    value: Any = getattr(deal, name)
    if value is None:
        return ""
    if name == "value":
        return money.format_money(value, deal.currency, to_locale(get_language() or "en"))
    if isinstance(value, datetime.date):
        return date_format(value, "j M Y")
    return str(value)


def _coming(deal: Deal, other: Deal) -> Iterator[str]:
    files = DealFile.objects.of(other).order_by().values("name").distinct()
    new = DealContact.objects.filter(deal=other).exclude(contact__in=deal.people.values("contact"))
    tags = other.tags.exclude(pk__in=deal.tags.values("pk"))
    counted = [
        (new.count(), lambda n: ngettext("%(n)d contact", "%(n)d contacts", n)),
        (DealActivity.objects.filter(deal=other).count(), lambda n: ngettext("%(n)d activity", "%(n)d activities", n)),
        (
            Comment.objects.filter(deal=other, deleted_at__isnull=True).count(),
            lambda n: ngettext("%(n)d comment", "%(n)d comments", n),
        ),
        (Task.objects.open().filter(deal=other).count(), lambda n: ngettext("%(n)d open task", "%(n)d open tasks", n)),
        (files.count(), lambda n: ngettext("%(n)d file", "%(n)d files", n)),
        (
            Commitment.objects.standing().filter(deal=other).count(),
            lambda n: ngettext("%(n)d commitment of the buyer", "%(n)d commitments of the buyer", n),
        ),
        (tags.count(), lambda n: ngettext("%(n)d tag", "%(n)d tags", n)),
    ]
    return (words(number) % {"n": number} for number, words in counted if number)


def news(deal: Deal, version: int) -> list[Entry]:
    """What happened on the deal since somebody saw this version of it, newest first."""
    seen = Change.objects.filter(object_type="deal", object_id=deal.pk, version__lte=version).aggregate(at=Max("at"))
    visits = list(StageVisit.objects.filter(deal=deal).select_related("stage", "by", "undone_by", "close_reason"))
    since = seen["at"] or deal.created_at
    return [entry for entry in timeline(deal, visits).entries if entry.sort > since]
