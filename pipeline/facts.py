"""What is known of deals, as far as conditions ask for it: a fixed number of queries whatever the number of deals."""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Q

from crm.models import Company
from leads.models import Activity
from pipeline.models import Approval, Commitment, Deal, DealContact, DealMember, EntryCondition, Kind, Tag, Task


@dataclass
class Facts:
    deal: Deal
    today: datetime.date
    commitments: dict[int, list[Commitment]] = field(default_factory=dict)
    people: list[DealContact] = field(default_factory=list)
    members: list[DealMember] = field(default_factory=list)
    activities: dict[int, list[datetime.datetime]] = field(default_factory=dict)
    """Type → when one took place."""
    required_tasks: list[str] = field(default_factory=list)
    approvals: dict[int, Approval] = field(default_factory=dict)
    """Condition → the latest."""
    tags: frozenset[int] = frozenset()
    existing_customer: bool = False


# Only what is judged by: of a board's cards these are a thousand rows.
_PERSON = ("deal_id", "role", "stance", "is_primary", "contact__name", "contact__phone", "contact__email")
_MEMBER = ("deal_id", "role", "user__name")
_COMMITMENT = ("deal_id", "condition_id", "happened_at", "evidence", "contact__name", "recorded_by__name")


def load_facts(
    deals: Sequence[Deal], conditions: Iterable[EntryCondition], now: datetime.datetime, company: Company | None = None
) -> dict[int, Facts]:
    """Facts by deal id. Reads only what these conditions ask for."""
    asked = list(conditions)
    dated = any(condition.kind == "field" for condition in asked)
    today = now.astimezone((company or Company.current()).zone).date() if dated else now.date()
    known = {deal.pk: Facts(deal, today) for deal in deals}
    if not known:
        return known
    kinds = {condition.kind for condition in asked}
    if kinds & {"commitment", "by_hand"}:
        _load_commitments(known, {c.pk for c in asked if c.kind in ("commitment", "by_hand")})
    if kinds & {"contact_role", "contact_reachable", "everyone_agrees"}:
        for person in DealContact.objects.filter(deal__in=known).select_related("contact").only(*_PERSON):
            known[person.deal_id].people.append(person)
    if "member_role" in kinds:
        for member in DealMember.objects.filter(deal__in=known).select_related("user").only(*_MEMBER):
            known[member.deal_id].members.append(member)
    if "activity" in kinds:
        _load_activities(known, {c.activity_type_id for c in asked if c.activity_type_id})
    if "tasks_done" in kinds:
        for task in Task.objects.open().filter(deal__in=known, required=True):
            known[task.deal_id].required_tasks.append(task.title)
    if "approval" in kinds:
        for approval in Approval.objects.filter(deal__in=known).select_related("decided_by").order_by("pk"):
            known[approval.deal_id].approvals[approval.condition_id] = approval
    _load_when(known, asked)
    return known


def _load_commitments(known: dict[int, Facts], conditions: set[int]) -> None:
    standing = Commitment.objects.standing().filter(deal__in=known, condition__in=conditions)
    rows = standing.select_related("contact", "recorded_by").only(*_COMMITMENT)
    for row in rows:
        known[row.deal_id].commitments.setdefault(row.condition_id, []).append(row)


def _load_activities(known: dict[int, Facts], types: set[int]) -> None:
    """Those that took place: without an outcome, or with one that says so."""
    held = Activity.objects.existing().filter(
        Q(outcome__isnull=True) | Q(outcome__held=True), type__in=types, deal_links__deal__in=known
    )
    for deal_id, type_id, at in held.values_list("deal_links__deal_id", "type_id", "happened_at"):
        known[deal_id].activities.setdefault(type_id, []).append(at)


def _load_when(known: dict[int, Facts], asked: list[EntryCondition]) -> None:
    if any(condition.when_tag_id for condition in asked):
        tags: dict[int, set[int]] = defaultdict(set)
        for deal_id, tag_id in Tag.deals.through.objects.filter(deal_id__in=known).values_list("deal_id", "tag_id"):
            tags[deal_id].add(tag_id)
        for deal_id, found in tags.items():
            known[deal_id].tags = frozenset(found)
    if any(condition.when_customer for condition in asked):
        organizations = {facts.deal.organization_id for facts in known.values()} - {None}
        won: Any = Deal.objects.existing().filter(organization__in=organizations, status=Kind.WON)
        bought = {(row["organization_id"], row["pk"]) for row in won.values("organization_id", "pk")}
        for facts in known.values():
            facts.existing_customer = any(
                org == facts.deal.organization_id and pk != facts.deal.pk for org, pk in bought
            )
