"""The marks that an admin gave the cards of a pipeline: which of its rules a deal matches, and the deals that match one.

Both say the same; a card is judged by what it shows already, so that marks cost no look at the database per deal or rule.
"""

from __future__ import annotations

import datetime
from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING

from pipeline.models import CardRule, Deal, Kind, Stage
from pipeline.models.deals import DealQuerySet

if TYPE_CHECKING:
    from pipeline.board.cards import Card, Row

MOST = 3
"""Labels on one card."""
What = CardRule.What
SHOWN_ANYWAY = {What.OVER_TARGET, What.NO_NEXT_STEP, What.OVERDUE, What.IDLE, What.LATE}
"""A card says these by its days, its task or an icon: they give it a colour, and no second word."""


def tags_asked_for(deals: Sequence[int], rules: Iterable[CardRule]) -> set[tuple[int, int]]:
    """(deal, tag) for the tags that some rule asks for: one query, and none where no rule does."""
    wanted = {rule.tag_id for rule in rules if rule.tag_id}
    if not wanted:
        return set()
    rows = Deal.tags.through._default_manager.filter(deal_id__in=deals, tag_id__in=wanted)
    return set(rows.values_list("deal_id", "tag_id"))


def matching(
    rules: Sequence[CardRule], deal: Row, card: Card, tags: Collection[tuple[int, int]]
) -> list[CardRule]:  # fmt: skip
    """In the order of the rules, at most so many as a card shows. A closed deal carries no marks."""
    if deal.status != Kind.OPEN:
        return []
    return [rule for rule in rules if _matches(rule, deal, card, tags)][:MOST]


def _matches(rule: CardRule, deal: Row, card: Card, tags: Collection[tuple[int, int]]) -> bool:
    match rule.what:
        case What.OVER_TARGET:
            return card.over
        case What.NO_NEXT_STEP:
            return card.task_mark == "none"
        case What.OVERDUE:
            return card.task_mark == "overdue"
        case What.IDLE:
            return bool(card.idle)
        case What.LATE:
            return bool(card.late)
        case What.VALUE:
            return deal.currency == rule.pipeline.currency and _reaches(rule, deal.value)
        case What.EMPLOYEES:
            return _reaches(rule, deal.employees)
    return (deal.pk, rule.tag_id) in tags


def _reaches(rule: CardRule, amount: object) -> bool:
    return amount is not None and amount >= rule.at_least  # type: ignore[operator]


def narrow(
    deals: DealQuerySet, rule_id: int, stages: Sequence[Stage], now: datetime.datetime, today: datetime.date
) -> DealQuerySet:
    """The deals that match the rule; none when it is gone."""
    rule = CardRule.objects.select_related("pipeline").filter(pk=rule_id).first()
    if rule is None:
        return deals.none()
    match rule.what:
        case What.OVER_TARGET:
            return deals.over_target(stages, now)
        case What.NO_NEXT_STEP:
            return deals.without_next_step(now)
        case What.OVERDUE:
            return deals.overdue(now)
        case What.IDLE:
            return deals.idle(stages, now)
        case What.LATE:
            return deals.late(today)
        case What.VALUE:
            return deals.open().filter(currency=rule.pipeline.currency, value__gte=rule.at_least)
        case What.EMPLOYEES:
            return deals.open().filter(organization__employees__gte=rule.at_least)
    return deals.open().filter(tags=rule.tag_id)
