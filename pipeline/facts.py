"""What is known of deals, as far as conditions ask for it: a fixed number of queries whatever the number of deals."""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Protocol

from django.db.models import Q

from crm.models import Company
from crm.prepared import Among, Prepared
from leads.models import Activity
from pipeline.models import Approval, Commitment, Deal, DealContact, DealMember, EntryCondition, Kind, Tag, Task

# Plain rows and not models: of a board's cards these are two thousand.


class Asked(Protocol):
    """What is read of a deal itself, besides the fields that conditions name: a deal, or a row of a board."""

    @property
    def pk(self) -> int: ...
    @property
    def stage_id(self) -> int: ...
    @property
    def stage_entered_at(self) -> datetime.datetime: ...
    @property
    def value(self) -> Decimal | None: ...
    @property
    def currency(self) -> str: ...
    @property
    def organization_id(self) -> int | None: ...
    @property
    def source_id(self) -> int | None: ...


@dataclass(frozen=True, slots=True)
class Recorded:
    """A commitment or a check by hand. `who` is the contact, or the colleague who recorded it; `file` proves it."""

    happened_at: datetime.datetime
    evidence: str
    who: str
    file: int | None = None


@dataclass(frozen=True, slots=True)
class Person:
    """A contact of the deal. `reachable`: there is a phone number or an email address."""

    role: str
    stance: str
    name: str
    reachable: bool


@dataclass
class Facts:
    deal: Asked
    today: datetime.date
    commitments: dict[int, list[Recorded]] = field(default_factory=dict)
    """Condition → what stands."""
    people: list[Person] = field(default_factory=list)
    members: list[tuple[str, str]] = field(default_factory=list)
    """(role, name)"""
    activities: dict[int, list[datetime.datetime]] = field(default_factory=dict)
    """Type → when one took place."""
    required_tasks: list[str] = field(default_factory=list)
    approvals: dict[int, Approval] = field(default_factory=dict)
    """Condition → the latest."""
    tags: frozenset[int] = frozenset()
    existing_customer: bool = False


Questions = Sequence[tuple[Asked, Sequence[EntryCondition]]]
"""Each deal with the conditions that it has to answer."""


def load_facts(asked: Questions, now: datetime.datetime, company: Company | None = None) -> dict[int, Facts]:
    """Facts by deal id. Reads only what these conditions ask for, and only of the deals that have to answer it."""
    conditions = list({condition.pk: condition for _deal, each in asked for condition in each}.values())
    dated = any(condition.kind == "field" for condition in conditions)
    today = now.astimezone((company or Company.current()).zone).date() if dated else now.date()
    known = {deal.pk: Facts(deal, today) for deal, _conditions in asked}
    for kinds, load in _LOADERS:
        asking = [(deal, [condition for condition in each if condition.kind in kinds]) for deal, each in asked]
        asking = [(deal, each) for deal, each in asking if each]
        if asking:
            load(known, asking)
    _load_when(known, conditions)
    return known


_commitments = Prepared(
    lambda: (
        Commitment.objects.standing()
        .filter(Among("deal_id", "condition_id", given="asked"))
        .values_list(
            "deal_id",
            "condition_id",
            "happened_at",
            "evidence",
            "contact__name",
            "recorded_by__name",
            "evidence_file_id",
        )
    )
)
_people = Prepared(
    lambda: DealContact.objects.filter(Among("deal_id", given="deals")).values_list(
        "deal_id", "role", "stance", "contact__name", "contact__phone", "contact__email"
    )
)
_members = Prepared(
    lambda: DealMember.objects.filter(Among("deal_id", given="deals")).values_list("deal_id", "role", "user__name")
)
_held = Prepared(
    lambda: (
        Activity.objects.existing()
        .filter(
            Q(outcome__isnull=True) | Q(outcome__held=True),
            Among("type_id", given="types"),
            Among("deal_links__deal_id", given="deals"),
        )
        .values_list("deal_links__deal_id", "type_id", "happened_at")
    )
)
_required_tasks = Prepared(
    lambda: Task.objects.open().filter(Among("deal_id", given="deals"), required=True).values_list("deal_id", "title")
)


def _load_commitments(known: dict[int, Facts], asking: Questions) -> None:
    """Not those of earlier gates, of which a deal far along has many."""
    asked = [(deal.pk, condition.pk) for deal, conditions in asking for condition in conditions]
    for deal_id, condition_id, at, evidence, contact, colleague, file in _commitments(asked=asked):
        recorded = Recorded(at, evidence, contact or colleague, file)
        known[deal_id].commitments.setdefault(condition_id, []).append(recorded)


def _load_people(known: dict[int, Facts], asking: Questions) -> None:
    for deal_id, role, stance, name, phone, email in _people(deals=_deals(asking)):
        known[deal_id].people.append(Person(role, stance, name, bool(phone or email)))


def _load_members(known: dict[int, Facts], asking: Questions) -> None:
    for deal_id, role, name in _members(deals=_deals(asking)):
        known[deal_id].members.append((role, name))


def _load_activities(known: dict[int, Facts], asking: Questions) -> None:
    """Those that took place: without an outcome, or with one that says so."""
    types = {condition.activity_type_id for _deal, conditions in asking for condition in conditions}
    of_types = [pk for pk in types if pk is not None]
    for deal_id, type_id, at in _held(types=of_types, deals=_deals(asking)):
        known[deal_id].activities.setdefault(type_id, []).append(at)


def _load_tasks(known: dict[int, Facts], asking: Questions) -> None:
    for deal_id, title in _required_tasks(deals=_deals(asking)):
        known[deal_id].required_tasks.append(title)


def _load_approvals(known: dict[int, Facts], asking: Questions) -> None:
    rows = Approval.objects.filter(deal__in=_deals(asking)).select_related("decided_by").order_by("pk")
    for approval in rows:
        known[approval.deal_id].approvals[approval.condition_id] = approval


def _deals(asking: Questions) -> list[int]:
    return [deal.pk for deal, _conditions in asking]


_LOADERS: list[tuple[set[str], Callable[[dict[int, Facts], Questions], None]]] = [
    ({"commitment", "by_hand"}, _load_commitments),
    ({"contact_role", "contact_reachable", "everyone_agrees"}, _load_people),
    ({"member_role"}, _load_members),
    ({"activity"}, _load_activities),
    ({"tasks_done"}, _load_tasks),
    ({"approval"}, _load_approvals),
]


def _load_when(known: dict[int, Facts], conditions: list[EntryCondition]) -> None:
    if any(condition.when_tag_id for condition in conditions):
        tags: dict[int, set[int]] = defaultdict(set)
        for deal_id, tag_id in Tag.deals.through.objects.filter(deal_id__in=known).values_list("deal_id", "tag_id"):
            tags[deal_id].add(tag_id)
        for deal_id, found in tags.items():
            known[deal_id].tags = frozenset(found)
    if any(condition.when_customer for condition in conditions):
        organizations = {facts.deal.organization_id for facts in known.values()} - {None}
        won: Any = Deal.objects.existing().filter(organization__in=organizations, status=Kind.WON)
        bought: dict[int, set[int]] = defaultdict(set)
        for organization_id, pk in won.values_list("organization_id", "pk"):
            bought[organization_id].add(pk)
        for facts in known.values():
            facts.existing_customer = bool(bought.get(facts.deal.organization_id or 0, set()) - {facts.deal.pk})
