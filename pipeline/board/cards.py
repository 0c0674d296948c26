"""Cards with everything written out that their template shows: a template that decides nothing draws 200 in no time."""

from __future__ import annotations

import datetime
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import get_language, ngettext, to_locale
from django.utils.translation import gettext as _

from crm import access, money
from crm.models import User
from leads.models import Organization
from pipeline import gates
from pipeline.board.order import Moment
from pipeline.gates import NextGate
from pipeline.models import CloseReason, Deal, Kind, Stage, Task
from pipeline.models.deals import Precision

DAY = datetime.timedelta(days=1)
TINTS = 6
"""As many tints has an avatar."""
MET, OPEN, WAITING = "●", "○", "◐"


class Days:
    """Days in the reader's words. Cards share a few dozen of them, so each is written once."""

    def __init__(self, now: datetime.datetime) -> None:
        self.today = timezone.localtime(now).date()
        self.zone = timezone.get_current_timezone()
        self._short: dict[datetime.date, str] = {
            self.today - DAY: _("yesterday"),
            self.today: _("today"),
            self.today + DAY: _("tomorrow"),
        }
        self._full: dict[datetime.date, str] = {}

    def short(self, moment: datetime.datetime) -> str:
        """“today”, “Fri”, “3 Apr”, “3 Apr 2024”."""
        day = moment.astimezone(self.zone).date()
        if day not in self._short:
            near = 0 < (day - self.today).days < 7
            self._short[day] = date_format(day, "D" if near else "j M" if day.year == self.today.year else "j M Y")
        return self._short[day]

    def full(self, moment: datetime.datetime) -> str:
        day = moment.astimezone(self.zone).date()
        if day not in self._full:
            self._full[day] = date_format(day, "l, j F Y")
        return self._full[day]


class Words:
    """The sentences of cards, looked up once for all of them."""

    def __init__(self) -> None:
        self.paused = _("Paused until %(day)s: %(reason)s")
        self.unknown = _("It is not known since when this deal is here.")
        self.since = _("Here since %(day)s")
        self.since_target = _("Here since %(day)s; the target is %(target)d days")
        self.of_target = _("%(days)d of %(target)d d")
        self.ready = _("Ready for %(stage)s")
        self.met = _("%(stage)s: %(met)d of %(all)d met.")
        self.missing = _("Missing: %(labels)s")
        self.closed = {Kind.WON: _("Won %(day)s"), Kind.LOST: _("Lost %(day)s")}


@dataclass(slots=True)
class Card:
    """Texts are in the reader's language and zone. `task_mark` is overdue, today, none or empty."""

    pk: int
    version: int
    title: str
    movable: bool
    owner: str = ""
    initials: str = ""
    tint: int = 0
    value: str = ""
    organization: str = ""
    task: str = ""
    task_day: str = ""
    task_full_day: str = ""
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
    closed: str = ""


@dataclass(frozen=True)
class _Around:
    """What is known besides the deals themselves, read once for all of them."""

    stages: dict[int, Stage]
    owners: dict[int, User]
    organizations: dict[int, str]
    tasks: dict[int, tuple[str, datetime.datetime]]
    gates: dict[int, NextGate]
    reasons: dict[int, str]
    editable: Collection[int] | None
    moment: Moment
    days: Days
    words: Words
    locale: str


def build(ids: Sequence[int], user: User, stages: Sequence[Stage], moment: Moment) -> dict[int, Card]:
    """By deal, for deals that the user is known to see. `stages` are those of the pipeline in use, in order."""
    deals = list(Deal.objects.visible_to(user).filter(pk__in=ids))
    around = _Around(
        stages={stage.pk: stage for stage in stages},
        owners=User.objects.in_bulk({deal.owner_id for deal in deals}),
        organizations=_names(Organization, {deal.organization_id for deal in deals}),
        tasks=_next_tasks([deal.pk for deal in deals]),
        gates=gates.next_gates(deals, stages, moment.now),
        reasons=_names(CloseReason, {deal.close_reason_id for deal in deals}),
        editable=_editable([deal.pk for deal in deals], user),
        moment=moment,
        days=Days(moment.now),
        words=Words(),
        locale=to_locale(get_language() or "en"),
    )
    return {deal.pk: _card(deal, around) for deal in deals}


def _names(model: type[Organization] | type[CloseReason], ids: set[int | None]) -> dict[int, str]:
    return dict(model._default_manager.filter(pk__in=ids - {None}).values_list("pk", "name"))


def _next_tasks(ids: list[int]) -> dict[int, tuple[str, datetime.datetime]]:
    found: dict[int, tuple[str, datetime.datetime]] = {}
    rows = Task.objects.open().filter(deal__in=ids).order_by("due_at", "pk")
    for deal_id, title, due_at in rows.values_list("deal_id", "title", "due_at"):
        found.setdefault(deal_id, (title, due_at))
    return found


def _editable(ids: list[int], user: User) -> Collection[int] | None:
    """None: all of them."""
    if access.reach(user).everyone:
        return None
    return set(Deal.objects.editable_by(user).filter(pk__in=ids).values_list("pk", flat=True))


def _card(deal: Deal, around: _Around) -> Card:
    owner, stage = around.owners[deal.owner_id], around.stages[deal.stage_id]
    card = Card(
        pk=deal.pk,
        version=deal.version,
        title=deal.title,
        movable=around.editable is None or deal.pk in around.editable,
        owner=owner.name,
        initials=owner.initials,
        tint=owner.pk % TINTS,
        value=money.format_money(deal.value, deal.currency, around.locale) if deal.value is not None else "",
        organization=around.organizations.get(deal.organization_id or 0, ""),
    )
    if deal.status == Kind.OPEN:
        _say_task(card, deal, around)
        _say_days(card, deal, stage, around)
        _say_gate(card, around.gates.get(deal.pk), around.words)
    else:
        _say_closed(card, deal, around)
    return card


def _say_task(card: Card, deal: Deal, around: _Around) -> None:
    now = around.moment.now
    if deal.paused_until is not None and deal.paused_until > now:
        named = {"day": around.days.short(deal.paused_until), "reason": deal.pause_reason}
        card.paused = around.words.paused % named
    if deal.pk not in around.tasks:
        card.task_mark = "" if card.paused else "none"
        return
    card.task, due_at = around.tasks[deal.pk]
    card.task_day, card.task_full_day = around.days.short(due_at), around.days.full(due_at)
    if not card.paused:
        card.task_mark = "overdue" if due_at < now else "today" if due_at <= around.moment.day_ends else ""


def _say_days(card: Card, deal: Deal, stage: Stage, around: _Around) -> None:
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
    spent, target, since = max(0, here.days), stage.target_days, around.days.full(deal.stage_entered_at)
    if target is None:
        card.days = ngettext("%(days)d day", "%(days)d days", spent) % {"days": spent}
        card.days_full = words.since % {"day": since}
        return
    card.over = not card.paused and here > target * DAY
    card.target, card.spent = target, min(spent, target)
    card.days = words.of_target % {"days": spent, "target": target}
    card.days_full = words.since_target % {"day": since, "target": target}


def _say_gate(card: Card, gate: NextGate | None, words: Words) -> None:
    if gate is None:
        return
    asked = [verdict for verdict in gate.verdicts if verdict.state != "not_needed"]
    card.gate, card.gate_stage = gate.stage.name, gate.stage.pk
    missing = [verdict for verdict in asked if verdict.state in ("missing", "broken")]
    waiting = [verdict for verdict in asked if verdict.state == "waiting"]
    met = len(asked) - len(missing) - len(waiting)
    card.gate_met, card.gate_waiting, card.gate_open = MET * met, WAITING * len(waiting), OPEN * len(missing)
    unmet = [verdict.condition.label for verdict in [*missing, *waiting]]
    card.gate_asks = " · ".join(unmet) if unmet else words.ready % {"stage": gate.stage.name}
    card.gate_words = words.met % {"met": met, "all": len(asked), "stage": gate.stage.name}
    if unmet:
        card.gate_words += " " + words.missing % {"labels": "; ".join(unmet)}


def _say_closed(card: Card, deal: Deal, around: _Around) -> None:
    when = around.words.closed[Kind(deal.status)] % {"day": around.days.short(deal.closed_at)} if deal.closed_at else ""
    card.closed = " · ".join(part for part in (when, around.reasons.get(deal.close_reason_id or 0, "")) if part)
