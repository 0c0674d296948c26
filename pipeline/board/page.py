"""The whole board, or some of its columns again after a move."""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field

from django.utils.translation import get_language, ngettext, to_locale
from django.utils.translation import gettext as _

from crm import clock, money
from crm.models import User
from pipeline.board import cards as making
from pipeline.board import counting, order
from pipeline.board.cards import Card
from pipeline.board.counting import Counted
from pipeline.board.filters import Filters
from pipeline.board.order import Moment, Slice
from pipeline.models import Deal, Kind, Pipeline, Stage

PAGE = 25


@dataclass
class Column:
    """`values` are sums, one a currency; `next_offset` is 0 when all cards are shown."""

    stage: Stage
    count: int
    values: list[str]
    over: int
    over_share: str
    over_words: str
    cards: list[Card] = field(default_factory=list)
    next_offset: int = 0


@dataclass(frozen=True)
class Board:
    pipeline: Pipeline
    columns: list[Column]

    @property
    def deals(self) -> int:
        return sum(column.count for column in self.columns)


def stages_in_order(pipeline: Pipeline) -> list[Stage]:
    """Those in use: open ones in order, then won, then lost."""
    kinds = [Kind.OPEN, Kind.WON, Kind.LOST]
    stages = list(Stage.objects.in_use().filter(pipeline=pipeline).order_by("order", "pk"))
    for stage in stages:
        stage.pipeline = pipeline
    return sorted(stages, key=lambda stage: kinds.index(Kind(stage.kind)))


def read(
    user: User,
    pipeline: Pipeline,
    filters: Filters,
    *,
    only: Collection[int] | None = None,
    offset: int = 0,
    limit: int = PAGE,
    now: datetime.datetime | None = None,
) -> Board:
    """`only` are the stages to read, all by default; `offset` and `limit` count cards of each column."""
    now = now or clock.now()
    stages = stages_in_order(pipeline)
    shown = [stage for stage in stages if only is None or stage.pk in only]
    counted = counting.count(user, shown, filters, now)
    columns = {stage.pk: _head(stage, counted[stage.pk]) for stage in shown}
    few = sum(each.deals for each in counted.values()) <= order.FEW
    deals = filters.apply(Deal.objects.visible_to(user), stages, now)
    moment = Moment.of(user, now)
    placed = order.first_cards(deals, shown, filters.order, moment, Slice(offset, limit), few=few)
    made = making.build([deal for _stage, deal in placed], user, stages, moment)
    by_stage: dict[int, list[Card]] = defaultdict(list)
    for stage_id, deal_id in placed:
        if deal_id in made:
            by_stage[stage_id].append(made[deal_id])
    for pk, column in columns.items():
        column.cards = by_stage[pk]
        reached = offset + len(column.cards)
        column.next_offset = reached if column.cards and reached < column.count else 0
    return Board(pipeline, list(columns.values()))


def _head(stage: Stage, counted: Counted) -> Column:
    locale = to_locale(get_language() or "en")
    sums = sorted(counted.values.items(), key=lambda pair: (-pair[1], pair[0]))
    values = [money.format_money(value, currency, locale) for currency, value in sums if value]
    share = words = ""
    if counted.over and counted.deals:
        share = _("%(percent)d %%") % {"percent": round(100 * counted.over / counted.deals)}
        words = ngettext(
            "%(over)d of %(all)d deals is here for longer than %(target)d days",
            "%(over)d of %(all)d deals are here for longer than %(target)d days",
            counted.over,
        ) % {"over": counted.over, "all": counted.deals, "target": stage.target_days}
    return Column(stage, counted.deals, values, counted.over, share, words)
