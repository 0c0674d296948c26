"""The whole board, or some of its columns again after a move."""

from __future__ import annotations

import datetime
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from django.utils.translation import get_language, ngettext, to_locale
from django.utils.translation import gettext as _

from crm import money
from crm.models import User
from pipeline import in_force
from pipeline.board import cards as making
from pipeline.board import counting, order
from pipeline.board.cards import Card
from pipeline.board.counting import Counted
from pipeline.board.filters import Filters
from pipeline.board.order import Moment, Slice
from pipeline.models import CardRule, Deal, Pipeline, Stage

PAGE = 25


@dataclass
class Column:
    """`values` are the sums in words, one a currency; `next_offset` is 0 when all cards are shown. Words are the reader's.

    `order` are the deals that stand here first; `cards` those of them that are drawn.
    """

    stage: Stage
    count: int
    values: list[str]
    over: int
    over_share: str
    over_words: str
    count_words: str
    most_words: str
    sums: Mapping[str, Decimal]
    cards: list[Card] = field(default_factory=list)
    order: list[int] = field(default_factory=list)
    next_offset: int = 0


@dataclass(frozen=True)
class Board:
    """`read_at` lies before all that was read."""

    pipeline: Pipeline
    columns: list[Column]
    read_at: datetime.datetime
    rules: list[CardRule]
    """What marks its cards."""

    @property
    def deals(self) -> int:
        return sum(column.count for column in self.columns)


def read(
    user: User,
    pipeline: Pipeline,
    filters: Filters,
    *,
    only: Collection[int] | None = None,
    draw: Collection[int] | None = None,
    gated: bool = True,
    offset: int = 0,
    limit: int = PAGE,
    now: datetime.datetime | None = None,
) -> Board:
    """`only` are the stages to read and `draw` the deals whose cards are made, all by default; `gated` cards say what is asked next.

    `offset` and `limit` count cards of each column.
    """
    process = in_force.read(pipeline.pk)
    now, stages = now or process.clock(), process.columns
    shown = [stage for stage in stages if only is None or stage.pk in only]
    counted = counting.count(user, shown, filters, now)
    columns = {stage.pk: _head(stage, counted[stage.pk]) for stage in shown}
    few = sum(each.deals for each in counted.values()) <= order.FEW
    deals = filters.apply(Deal.objects.visible_to(user), stages, now)
    moment = Moment.of(user, now)
    placed = order.first_cards(deals, shown, filters.order, moment, Slice(offset, limit), few=few)
    rules = process.rules if filters.shows("marks") else []
    drawn = [deal for _stage, deal in placed if draw is None or deal in draw]
    made = making.build(drawn, user, process, moment, gated=gated and filters.shows("gate"), rules=rules)
    for stage_id, deal_id in placed:
        columns[stage_id].order.append(deal_id)
        if deal_id in made:
            columns[stage_id].cards.append(made[deal_id])
    for column in columns.values():
        reached = offset + len(column.order)
        column.next_offset = reached if column.order and reached < column.count else 0
    return Board(pipeline, list(columns.values()), now, rules)


def _head(stage: Stage, counted: Counted) -> Column:
    locale = to_locale(get_language() or "en")
    sums = sorted(counted.values.items(), key=lambda pair: (-pair[1], pair[0]))
    values = [money.format_money(value, currency, locale) for currency, value in sums if value]
    share = words = most = ""
    if counted.over and counted.deals:
        share = _("%(percent)d %%") % {"percent": round(100 * counted.over / counted.deals)}
        words = ngettext(
            "%(over)d of %(all)d deals is here for longer than %(target)d days",
            "%(over)d of %(all)d deals are here for longer than %(target)d days",
            counted.over,
        ) % {"over": counted.over, "all": counted.deals, "target": stage.target_days}
    if stage.most_deals:
        most = ngettext(
            "This stage takes %(most)d deal, of everybody",
            "This stage takes %(most)d deals, of everybody",
            stage.most_deals,
        ) % {"most": stage.most_deals}
    deals = ngettext("%(deals)d deal", "%(deals)d deals", counted.deals) % {"deals": counted.deals}
    return Column(stage, counted.deals, values, counted.over, share, words, deals, most, counted.values)
