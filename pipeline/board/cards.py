"""Cards with everything written out that their template shows: a template that decides nothing draws 200 in no time."""

from __future__ import annotations

import datetime
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from django.utils import timezone
from django.utils.translation import get_language, ngettext, to_locale
from django.utils.translation import gettext as _

from crm import days, money
from crm.models import User
from crm.prepared import Among, Prepared
from crm.text import initials
from pipeline import access, gates, task_words
from pipeline.board import marks
from pipeline.board.order import Moment
from pipeline.gates import NextGate
from pipeline.in_force import Process
from pipeline.models import CardRule, Deal, Kind, Stage, Task
from pipeline.models.deals import DealQuerySet, Precision

DAY = datetime.timedelta(days=1)
TINTS = 6
"""As many tints has an avatar."""
MET, OPEN, WAITING = "●", "○", "◐"


class Days:
    """Days in the reader's words, and in the reader's zone."""

    def __init__(self, now: datetime.datetime) -> None:
        self.today = timezone.localtime(now).date()
        self.zone = timezone.get_current_timezone()
        self.language = get_language()

    def of(self, moment: datetime.datetime) -> datetime.date:
        return moment.astimezone(self.zone).date()

    def short(self, day: datetime.date) -> str:
        return days.short(day, self.today, self.language)

    def full(self, day: datetime.date) -> str:
        return days.full(day, self.language)

    def dated(self, day: datetime.date) -> str:
        return days.dated(day, self.language)

    def is_near(self, day: datetime.date) -> bool:
        """Said by a word that names no date."""
        return -1 <= (day - self.today).days < days.NEAR_DAYS


class Words:
    """The sentences of cards, looked up once for all of them."""

    def __init__(self) -> None:
        self.paused = _("Paused until %(day)s: %(reason)s")
        self.unknown = _("It is not known since when this deal is here.")
        self.since = _("Since %(day)s")
        self.of_target = _("%(days)d of %(target)d d")
        self.ready = _("Ready for %(stage)s")
        self.met = _("%(met)d of %(all)d met for %(stage)s")
        self.late = _("Close date %(day)s has passed")
        self.closed = {Kind.WON: _("Won %(day)s"), Kind.LOST: _("Lost %(day)s")}


@dataclass(slots=True)
class Card:
    """Texts are in the reader's language and zone. `task_mark` is overdue, today, none or empty."""

    pk: int
    version: int
    title: str
    movable: bool
    owned_by: int
    owner: str = ""
    initials: str = ""
    tint: int = 0
    value: str = ""
    organization: str = ""
    task: str = ""
    task_day: str = ""
    task_full_day: str = ""
    """Where `task_day` is a word: today, Friday."""
    task_mark: str = ""
    days: str = ""
    days_full: str = ""
    target: int = 0
    spent: int = 0
    over: bool = False
    idle: str = ""
    paused: str = ""
    gate: str = ""
    """Name of the next stage, if it asks for something."""
    gate_stage: int = 0
    gate_met: str = ""
    gate_waiting: str = ""
    gate_open: str = ""
    gate_asks: str = ""
    gate_words: str = ""
    """What the dots say besides what stands beside them."""
    gate_ready: bool = False
    """The next stage asks for something, and all of it is there."""
    closed: str = ""
    stage: str = ""
    kind: str = ""
    close: str = ""
    close_full: str = ""
    late: str = ""
    """Of an open deal whose close date lies in the past: the words for it."""
    marks: Sequence[CardRule] = ()
    edge: str = ""
    """The colour of the first mark."""
    labels: str = ""
    """Of those marks that the card does not show in its own way."""
    givable: bool = False
    """Of a list: whether the reader may make somebody else its owner."""


class Row(NamedTuple):
    """What is read of a deal: a plain row, for to make models of two hundred takes longer than to read them."""

    pk: int
    version: int
    title: str
    owner_id: int
    value: Decimal | None
    currency: str
    expected_close: datetime.date | None
    status: str
    stage_id: int
    stage_entered_at: datetime.datetime
    stage_entered_precision: str
    last_worked_at: datetime.datetime
    closed_at: datetime.datetime | None
    next_task_due_at: datetime.datetime | None
    paused_until: datetime.datetime | None
    pause_reason: str
    # Besides value and close date, what a condition may ask for:
    organization_id: int | None
    source_id: int | None
    product_id: int | None
    owner_name: str
    organization_name: str | None
    employees: int | None
    reason_name: str | None


# The names of what a deal points to are joined: three questions more would take longer.
_COLUMNS = [*Row._fields[:-4], "owner__name", "organization__name", "organization__employees", "close_reason__name"]


class NextTask(NamedTuple):
    """`title` says which one it is of a follow-up."""

    title: str
    due_at: datetime.datetime
    has_time: bool


@dataclass(frozen=True)
class _Around:
    """What is known besides the deals themselves, read once for all of them."""

    stages: dict[int, Stage]
    tasks: dict[int, NextTask]
    gates: dict[int, NextGate]
    editable: Collection[int]
    moment: Moment
    days: Days
    words: Words
    locale: str
    rules: Sequence[CardRule]
    tags: Collection[tuple[int, int]]


def build(
    ids: Sequence[int], user: User, process: Process, moment: Moment, *, gated: bool = True, tasks: bool = True,
    rules: Sequence[CardRule] = (),
) -> dict[int, Card]:  # fmt: skip
    """By deal of this process; whatever ids are given, only what the user sees is drawn.

    Without `gated` nothing is said about the next stage, without `tasks` nothing about the next task. `rules` mark the
    cards.
    """
    deals = read(Deal.objects.visible_to(user).filter(pk__in=ids))
    return draw(deals, user, [process], moment, gated=gated, tasks=tasks, rules=rules)


def read(deals: DealQuerySet) -> list[Row]:
    return [Row._make(row) for row in deals.values_list(*_COLUMNS)]


def draw(
    deals: Sequence[Row], user: User, processes: Sequence[Process], moment: Moment, *, gated: bool = True,
    tasks: bool = True, rules: Sequence[CardRule] = (),
) -> dict[int, Card]:  # fmt: skip
    """The same of deals that were read, each of one of these processes."""
    around = _Around(
        stages={stage.pk: stage for process in processes for stage in process.all_stages},
        tasks=_next_tasks([deal.pk for deal in deals]) if tasks else {},
        gates=gates.next_gates(deals, processes, moment.now) if gated else {},
        editable={deal.pk for deal in deals if access.edits_deal(user, deal.pk, deal.owner_id)},
        moment=moment,
        days=Days(moment.now),
        words=Words(),
        locale=to_locale(get_language() or "en"),
        rules=rules,
        tags=marks.tags_asked_for([deal.pk for deal in deals], rules),
    )
    return {deal.pk: _card(deal, around) for deal in deals}


_open_tasks = Prepared(
    lambda: (
        Task.objects.open()
        .filter(Among("deal_id", given="deals"))
        .order_by("due_at", "pk")
        .values_list("deal_id", "title", "repetition", "stage_task__repeat_limit", "due_at", "has_time")
    )
)


def _next_tasks(ids: list[int]) -> dict[int, NextTask]:
    found: dict[int, NextTask] = {}
    for deal_id, title, repetition, limit, due_at, has_time in _open_tasks(deals=ids):
        if deal_id not in found:
            found[deal_id] = NextTask(task_words.titled(title, repetition, limit), due_at, has_time)
    return found


def _card(deal: Row, around: _Around) -> Card:
    stage = around.stages[deal.stage_id]
    card = Card(
        pk=deal.pk,
        version=deal.version,
        title=deal.title,
        movable=deal.pk in around.editable,
        owned_by=deal.owner_id,
        owner=deal.owner_name,
        initials=initials(deal.owner_name),
        tint=deal.owner_id % TINTS,
        value=money.format_money(deal.value, deal.currency, around.locale) if deal.value is not None else "",
        organization=deal.organization_name or "",
        stage=stage.name,
        kind=stage.kind,
    )
    if deal.expected_close is not None:
        _say_close(card, deal.expected_close, around)
    if deal.status == Kind.OPEN:
        _say_task(card, deal, around)
        _say_days(card, deal, stage, around)
        _say_gate(card, around.gates.get(deal.pk), around.words)
    else:
        _say_closed(card, deal, around)
    if around.rules:
        _say_marks(card, deal, around)
    return card


def _say_close(card: Card, day: datetime.date, around: _Around) -> None:
    card.close, card.close_full = around.days.short(day), around.days.full(day)
    if card.kind == Kind.OPEN and day < around.days.today:
        card.late = around.words.late % {"day": card.close}


def _say_task(card: Card, deal: Row, around: _Around) -> None:
    now = around.moment.now
    if deal.paused_until is not None and deal.paused_until > now:
        named = {"day": around.days.short(around.days.of(deal.paused_until)), "reason": deal.pause_reason}
        card.paused = around.words.paused % named
    if deal.pk not in around.tasks:
        card.task_mark = "" if card.paused else "none"
        return
    card.task, due_at, has_time = around.tasks[deal.pk]
    day = around.days.of(due_at)
    card.task_day = around.days.short(day)
    if has_time:
        card.task_day += f" {due_at.astimezone(around.days.zone):%H:%M}"
    card.task_full_day = around.days.full(day) if around.days.is_near(day) else ""
    if not card.paused:
        card.task_mark = "overdue" if due_at < now else "today" if due_at <= around.moment.day_ends else ""


def _say_days(card: Card, deal: Row, stage: Stage, around: _Around) -> None:
    now, words = around.moment.now, around.words
    untouched = now - deal.last_worked_at
    if not card.paused and stage.idle_days is not None and untouched > stage.idle_days * DAY:
        card.idle = ngettext("Idle for %(days)d day", "Idle for %(days)d days", untouched.days) % {
            "days": untouched.days
        }
    if deal.stage_entered_precision == Precision.UNKNOWN:
        card.days, card.days_full = "–", words.unknown
        return
    here = now - deal.stage_entered_at
    spent, target, since = (
        max(0, here.days),
        stage.target_days,
        around.days.dated(around.days.of(deal.stage_entered_at)),
    )
    if target is None:
        card.days = ngettext("%(days)d day", "%(days)d days", spent) % {"days": spent}
        card.days_full = words.since % {"day": since}
        return
    card.over = not card.paused and here > target * DAY
    card.target, card.spent = target, min(spent, target)
    card.days = words.of_target % {"days": spent, "target": target}
    card.days_full = words.since % {"day": since}


def _say_gate(card: Card, gate: NextGate | None, words: Words) -> None:
    if gate is None:
        return
    asked = [verdict for verdict in gate.verdicts if verdict.state != "not_needed"]
    card.gate, card.gate_stage = gate.stage.name, gate.stage.pk
    missing = [verdict for verdict in asked if verdict.state in ("missing", "broken")]
    waiting = [verdict for verdict in asked if verdict.state == "waiting"]
    met = len(asked) - len(missing) - len(waiting)
    card.gate_met, card.gate_waiting, card.gate_open = MET * met, WAITING * len(waiting), OPEN * len(missing)
    card.gate_ready = bool(asked) and met == len(asked)
    unmet = [verdict.condition.label for verdict in [*missing, *waiting]]
    card.gate_asks = " · ".join(unmet) if unmet else words.ready % {"stage": gate.stage.name}
    if unmet:
        card.gate_words = words.met % {"met": met, "all": len(asked), "stage": gate.stage.name}


def _say_marks(card: Card, deal: Row, around: _Around) -> None:
    """Last: a card is judged by what it says."""
    card.marks = marks.matching(around.rules, deal, card, around.tags)
    if card.marks:
        card.edge = card.marks[0].colour
        card.labels = " · ".join(rule.label for rule in card.marks if rule.what not in marks.SHOWN_ANYWAY)
        card.days_full = " · ".join(part for part in (card.days_full, card.labels) if part)


def _say_closed(card: Card, deal: Row, around: _Around) -> None:
    when = ""
    if deal.closed_at:
        when = around.words.closed[Kind(deal.status)] % {"day": around.days.short(around.days.of(deal.closed_at))}
    card.closed = " · ".join(part for part in (when, deal.reason_name) if part)
