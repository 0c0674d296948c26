"""What a column of the board says is what its reader could list: how many deals, worth how much, how many over target."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from crm.models import Company, User
from crm.models.audit import Via
from pipeline import board, deals, followups, people
from pipeline.board import Filters, order
from pipeline.models import ColumnTotal, Deal, StageVisit, Tag
from tests import factories as make
from tests.factories import NOW

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
TODAY = NOW.date()


@pytest.fixture(params=["few", "many"])
def ways(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both ways to find the first cards; the one for many deals is PostgreSQL's alone."""
    if request.param == "many":
        monkeypatch.setattr(order, "FEW", 0)
    return str(request.param)


class Firm:
    """Two teams, one below the other, and deals in two currencies that people see in every way there is."""

    def __init__(self) -> None:
        north, south = make.team("North"), make.team("South")
        below = make.team("North, branch", parent=north)
        self.north, self.tag = north, Tag.objects.create(name="bus")
        self.rep, self.mate = make.user(team=north, name="Rita Rep"), make.user(team=north)
        self.branch, self.stranger = make.user(team=below), make.user(team=south)
        self.manager, self.admin = make.user("manager", north), make.user("admin")
        self.pipeline = make.pipeline(currency="EUR")
        self.stages = list(self.pipeline.stages.all())
        draw = random.Random(3)
        for number in range(48):
            self.add(number, draw)
        shared, gone, *_rest = Deal.objects.filter(owner=self.stranger, status="open")
        people.set_member(shared, self.rep, "success", by=self.stranger, via=Via.PAGE, now=NOW)
        deals.delete(gone.pk, by=self.stranger, via=Via.PAGE, now=NOW)
        for won in Deal.objects.filter(owner=self.rep, status="won")[:2]:
            deals.edit(won.pk, {"owner": self.stranger}, version=None, by=self.admin, via=Via.PAGE, now=NOW)

    def add(self, number: int, draw: random.Random) -> None:
        owner = [self.rep, self.mate, self.branch, self.stranger][number % 4]
        fields = {
            "title": draw.choice(["Depot", "Night bus"]) + f" {number}",
            "currency": draw.choice(["EUR", "USD"]),
            "value": draw.choice([None, Decimal(1000), Decimal("0.01"), Decimal("99.99")]),
            "expected_close": draw.choice([None, date(2026, 10, 1), date(2026, 12, 1)]),
            "tags": [self.tag] if draw.random() < 0.5 else [],
        }
        began = NOW - draw.choice([1, 6, 8, 20]) * DAY
        made = make.deal(self.stages[number // 4 % 5], owner, now=began, **fields)
        if draw.random() < 0.5 and made.status == "open":
            followups.add(made.pk, "Call", TODAY + DAY, by=owner, now=began)
        if draw.random() < 0.2 and made.status == "open":
            followups.pause(made.pk, TODAY + 9 * DAY, "Waiting", by=owner, now=began)


def over(deal: Deal) -> bool:
    paused = deal.paused_until is not None and deal.paused_until > NOW
    return deal.status == "open" and not paused and deal.stage_entered_at < NOW - 7 * DAY


def idle(deal: Deal) -> bool:
    paused = deal.paused_until is not None and deal.paused_until > NOW
    return deal.status == "open" and not paused and deal.last_worked_at < NOW - 5 * DAY


def aimless(deal: Deal) -> bool:
    paused = deal.paused_until is not None and deal.paused_until > NOW
    return deal.status == "open" and not paused and deal.next_task_due_at is None


def closes(deal: Deal) -> bool:
    return deal.expected_close is not None and date(2026, 9, 15) <= deal.expected_close <= date(2026, 11, 1)


CASES: dict[str, tuple[Callable[[Firm], dict[str, Any]], Callable[[Deal, Firm], bool]]] = {
    "none": (lambda firm: {}, lambda deal, firm: True),
    "owner": (lambda firm: {"owner": firm.mate.pk}, lambda deal, firm: deal.owner == firm.mate),
    "team": (
        lambda firm: {"team": firm.north.pk},
        lambda deal, firm: deal.owner in (firm.rep, firm.mate, firm.branch, firm.manager),
    ),
    "tag": (lambda firm: {"tag": firm.tag.pk}, lambda deal, firm: firm.tag in deal.tags.all()),
    "text": (lambda firm: {"q": "night"}, lambda deal, firm: "Night" in deal.title),
    "over": (lambda firm: {"over": True}, lambda deal, firm: over(deal)),
    "idle": (lambda firm: {"idle": True}, lambda deal, firm: idle(deal)),
    "no next step": (lambda firm: {"no_next": True}, lambda deal, firm: aimless(deal)),
    "close date": (
        lambda firm: {"close_from": date(2026, 9, 15), "close_to": date(2026, 11, 1)},
        lambda deal, firm: closes(deal),
    ),
    "three": (
        lambda firm: {"q": "night", "over": True, "tag": firm.tag.pk},
        lambda deal, firm: "Night" in deal.title and over(deal) and firm.tag in deal.tags.all(),
    ),
}


@pytest.mark.parametrize("role", ["rep", "rep of a team that shares", "manager", "admin"])
def test_a_column_counts_and_sums_exactly_what_its_reader_could_list(role: str, ways: str) -> None:
    firm = Firm()
    if "shares" in role:
        Company.objects.update_or_create(pk=Company.current().pk, defaults={"reps_see_team_deals": True})
    pk = getattr(firm, role.split()[0]).pk
    sizes = []
    for name, (given, passes) in CASES.items():
        user = User.objects.get(pk=pk)
        listed = [deal for deal in Deal.objects.visible_to(user).prefetch_related("tags") if passes(deal, firm)]
        shown = board.read(user, firm.pipeline, Filters(**given(firm)), now=NOW, limit=200)
        for column in shown.columns:
            rows = [deal for deal in listed if deal.stage == column.stage]
            said = (column.count, column.over, sorted(column.values), {card.pk for card in column.cards})
            late = sum(over(deal) for deal in rows)
            assert (name, said) == (name, (len(rows), late, sums(rows), {deal.pk for deal in rows}))
            assert column.over_share == (f"{round(100 * late / len(rows))} %" if late else "")
        sizes.append(shown.deals)
    assert sizes[0] == {"rep": 13, "admin": 47}.get(role, sizes[0]) and max(sizes[1:]) < sizes[0]


def sums(rows: list[Deal]) -> list[str]:
    """One a currency: they are never added to each other."""
    found: dict[str, Decimal] = defaultdict(Decimal)
    for deal in rows:
        found[deal.currency] += deal.value or 0
    sign = {"EUR": "€", "USD": "$"}
    written = []
    for currency, value in found.items():
        cents = f"{value.quantize(Decimal('0.01')):,}"
        if value:
            written.append(sign[currency] + cents.removesuffix(".00"))
    return sorted(written)


def test_the_sums_that_moves_keep_are_those_of_the_rows() -> None:
    Firm()
    kept = ColumnTotal.objects.filter(deals__gt=0).values_list("stage", "owner", "currency", "deals", "value")
    counted: dict[tuple[int, int, str], list[Decimal]] = defaultdict(list)
    for deal in Deal.objects.existing():
        counted[deal.stage_id, deal.owner_id, deal.currency].append(deal.value or Decimal(0))
    assert {row[:3]: row[3:] for row in kept} == {key: (len(each), sum(each)) for key, each in counted.items()}
    assert StageVisit.objects.count() >= 48
