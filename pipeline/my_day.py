"""What one person has to do: overdue, today, this week, then deals that need a look. A fixed number of queries.

A deal is one line, with the next of one's own tasks there. Work that belongs to no deal that one sees has a line of its own.

Overdue work on a paused deal is left out until the pause ends: a paused deal shows no mark.
"""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple

from django.db.models import Count, Q
from django.utils import timezone
from django.utils.translation import gettext as _

from crm.access import company
from crm.models import User
from crm.text import tel_link
from leads.models import Organization
from pipeline import in_force, pauses, task_words
from pipeline.board import cards as making
from pipeline.board.cards import Card, Days, Row
from pipeline.board.order import Moment
from pipeline.in_force import Process
from pipeline.models import Deal, DealContact, Kind, Stage, Task

DAY = datetime.timedelta(days=1)
SHOWN = 25
"""Lines of a section, until somebody asks for more."""
MOST = 500
OVERDUE, TODAY, WEEK, LOOK = "overdue", "today", "week", "look"
ORDER = (OVERDUE, TODAY, WEEK, LOOK)
ICONS = {
    "woke": "player-play", "none": "alert-triangle", "ready": "arrow-right", "over": "clock", "idle": "zzz",
    "late": "calendar-event", "paused": "player-pause",
}  # fmt: skip
"""Of each reason why a line matters, the most pressing first."""


class Work(NamedTuple):
    """An open task, as a plain row."""

    pk: int
    deal: int | None
    title: str
    due_at: datetime.datetime
    has_time: bool
    required: bool
    repetition: int
    repeat_limit: int | None
    organization: int | None


_COLUMNS = (
    "pk", "deal_id", "title", "due_at", "has_time", "required", "repetition", "stage_task__repeat_limit",
    "organization_id",
)  # fmt: skip


@dataclass(frozen=True)
class DueTask:
    """The task of a line, in the reader's words."""

    pk: int
    title: str
    required: bool
    overdue: bool
    due: str
    due_full: str


@dataclass(frozen=True)
class Reason:
    """Why a line matters: words with an icon, and a colour for what it means."""

    kind: str
    icon: str
    words: str


@dataclass
class Line:
    """`key` names it on the page. Without `card` it is work of no deal that the reader sees."""

    key: str
    section: str
    card: Card | None = None
    task: DueTask | None = None
    more: int = 0
    person: str = ""
    phone: str = ""
    phone_link: str = ""
    chance: str = ""
    organization: int | None = None
    """Of work for an organization that the reader sees, with its name."""
    organization_name: str = ""
    reasons: list[Reason] = field(default_factory=list)

    @property
    def lacks_step(self) -> bool:
        return any(reason.kind == "none" for reason in self.reasons)


@dataclass
class Section:
    key: str
    count: int
    lines: list[Line]

    @property
    def rest(self) -> int:
        return self.count - len(self.lines)


@dataclass(frozen=True)
class TeamRow:
    """Somebody whom the reader manages. `without`: (pipeline, its name, open deals without a next step)."""

    user_id: int
    name: str
    without: list[tuple[int, str, int]]
    overdue: int


@dataclass(frozen=True)
class MyDay:
    sections: list[Section]
    lines: Mapping[str, Line]
    """All that were drawn, by key."""
    week_ends: datetime.date
    team: list[TeamRow]

    @property
    def empty(self) -> bool:
        return not any(section.count for section in self.sections)


def section_of(due_at: datetime.datetime, moment: Moment) -> str:
    if due_at < moment.now:
        return OVERDUE
    if due_at <= moment.day_ends:
        return TODAY
    return WEEK if due_at <= moment.day_ends + 6 * DAY else LOOK


class Entry(NamedTuple):
    """A line before it is drawn: what puts it in its section, and in its place there."""

    key: str
    section: str
    works: list[Work]
    deal: Row | None


def read(
    user: User, *, shown: Mapping[str, int] | None = None, touched: Collection[int] = (), team: bool = True,
    now: datetime.datetime | None = None,
) -> MyDay:  # fmt: skip
    """`shown` says how many lines of a section are drawn; `touched` deals are drawn whatever there is to do."""
    now = now or timezone.now()
    moment = Moment.of(user, now)
    work = _work(user)
    deals = _deals(user, {each.deal for each in work if each.deal is not None}.union(touched))
    entries = _entries(work, deals, moment)
    processes = in_force.read_all()
    stages = {stage.pk: stage for process in processes for stage in process.all_stages}
    stakes = Stakes(stages, company(user).base_currency)
    due = {key: stakes.order([each for each in entries if each.section == key]) for key in ORDER[:3]}
    first = [each for key in due for each in due[key][: (shown or {}).get(key, SHOWN)]]
    listed = {each.deal.pk for key in due for each in due[key] if each.deal is not None}
    rest = [each for each in entries if each.section == LOOK and each.deal is not None and each.deal.pk not in listed]
    asked = [each for each in entries if each.deal is not None and each.deal.pk in touched]
    drawing = _Drawing(user, moment, stages, processes, [*first, *rest, *asked])
    looks = [each for each in stakes.order(rest) if drawing.needs_a_look(each)]
    looks.sort(key=drawing.rank)
    due[LOOK], first = looks, first + looks[: (shown or {}).get(LOOK, SHOWN)]
    lines = {each.key: drawing.line(each) for each in [*first, *asked]}
    sections = [Section(key, len(due[key]), [lines[each.key] for each in due[key] if each.key in lines]) for key in due]
    _say_whom_to_call(lines.values())
    week_ends = (moment.day_ends + 6 * DAY).astimezone(user.zone).date()
    return MyDay(sections, lines, week_ends, _team(user, now) if team and user.is_manager else [])


def _work(user: User) -> list[Work]:
    rows = Task.objects.of(user).order_by("due_at", "pk").values_list(*_COLUMNS)
    return [Work._make(row) for row in rows]


def _organizations(user: User, entries: Iterable[Entry]) -> dict[int, str]:
    """The names of those that the reader sees, of work without a deal."""
    ids = {pk for entry in entries for each in entry.works[:1] if (pk := each.organization) is not None}
    seen = Organization.objects.visible_to(user).filter(pk__in=ids).order_by()
    return dict(seen.values_list("pk", "name")) if ids else {}


def _deals(user: User, working: Collection[int]) -> dict[int, Row]:
    """One's own open ones, and those with work for one, as far as one sees them."""
    own = Q(owner=user, status=Kind.OPEN, closed_at__isnull=True)
    rows = Deal.objects.visible_to(user).filter(own | Q(pk__in=working)).order_by()
    return {row.pk: row for row in making.read(rows)}


def _is_paused(deal: Row, now: datetime.datetime) -> bool:
    return deal.paused_until is not None and deal.paused_until > now


def _entries(work: Sequence[Work], deals: Mapping[int, Row], moment: Moment) -> list[Entry]:
    """One for each deal, by the first of its tasks, also those without any; and one for each task of no deal in sight."""
    of_deal: dict[int, list[Work]] = {pk: [] for pk in deals}
    entries = []
    for each in work:
        if each.deal in of_deal:
            of_deal[each.deal].append(each)
        else:
            entries.append(Entry(f"task-{each.pk}", section_of(each.due_at, moment), [each], None))
    for pk, works in of_deal.items():
        if _is_paused(deals[pk], moment.now):
            works = [each for each in works if each.due_at >= moment.now]
        section = section_of(works[0].due_at, moment) if works else LOOK
        entries.append(Entry(f"deal-{pk}", section, works, deals[pk]))
    return entries


class Stakes:
    """What is required comes first, then what is at stake: the value times the chance to win in that stage.

    Different currencies are never held against each other: the largest of each come first (the company's own before the
    others), then the second largest of each. What is worth nothing yet comes last, by when it is due.
    """

    def __init__(self, stages: Mapping[int, Stage], base: str) -> None:
        self.stages, self.base = stages, base

    def of(self, entry: Entry) -> Decimal:
        if entry.deal is None or not entry.deal.value:
            return Decimal(0)
        chance = 100 if entry.deal.status == Kind.WON else self.stages[entry.deal.stage_id].probability
        return entry.deal.value * chance

    def order(self, entries: Iterable[Entry]) -> list[Entry]:
        """By when they are due, unless more is at stake. Required ones have places of their own."""
        groups: dict[tuple[bool, str], list[Entry]] = defaultdict(list)
        for entry in entries:
            groups[_is_required(entry), entry.deal.currency if entry.deal is not None else ""].append(entry)
        placed = []
        for (required, currency), group in groups.items():
            for place, entry in enumerate(sorted(group, key=lambda each: (-self.of(each), _due(each)))):
                unknown = not self.of(entry)
                by = (not required, unknown, 0 if unknown else place, currency != self.base, currency, _due(entry))
                placed.append((by, entry.key, entry))
        return [entry for _by, _key, entry in sorted(placed, key=lambda each: each[:2])]


def _is_required(entry: Entry) -> bool:
    return bool(entry.works) and entry.works[0].required


def _due(entry: Entry) -> datetime.datetime:
    return entry.works[0].due_at if entry.works else datetime.datetime.max.replace(tzinfo=datetime.UTC)


class _Drawing:
    """Lines in the reader's words."""

    def __init__(
        self, user: User, moment: Moment, stages: Mapping[int, Stage], processes: Sequence[Process],
        entries: Sequence[Entry],
    ) -> None:  # fmt: skip
        self.user, self.moment, self.stages = user, moment, stages
        self.days = Days(moment.now)
        self.percent = _("%(percent)d %%")
        rows = {each.deal.pk: each.deal for each in entries if each.deal is not None}
        self.cards = making.draw(list(rows.values()), user, processes, moment, tasks=False)
        self.organizations = _organizations(user, entries)
        self.known: dict[str, Line] = {}

    def needs_a_look(self, entry: Entry) -> bool:
        deal = entry.deal
        if deal is None or deal.owner_id != self.user.pk or deal.status != Kind.OPEN:
            return False
        return not self.cards[deal.pk].paused and bool(self._kinds(deal))

    def rank(self, entry: Entry) -> int:
        """What puts a deal among those that need a look, the most pressing first."""
        return list(ICONS).index(self._kinds(entry.deal)[0]) if entry.deal is not None else len(ICONS)

    def line(self, entry: Entry) -> Line:
        if entry.key not in self.known:
            self.known[entry.key] = self._line(entry)
        return self.known[entry.key]

    def _line(self, entry: Entry) -> Line:
        line = Line(entry.key, entry.section, more=max(0, len(entry.works) - 1))
        if entry.works:
            line.task = self._task(entry.works[0])
            if entry.works[0].organization in self.organizations:
                line.organization = entry.works[0].organization
                line.organization_name = self.organizations[entry.works[0].organization]
        if entry.deal is not None:
            line.card = self.cards[entry.deal.pk]
            stage = self.stages[entry.deal.stage_id]
            if line.card.value and entry.deal.status == Kind.OPEN:
                line.chance = self.percent % {"percent": stage.probability}
            line.reasons = [
                Reason(kind, ICONS[kind], self._words(kind, entry.deal)) for kind in self._kinds(entry.deal)
            ]
        return line

    def _task(self, work: Work) -> DueTask:
        return DueTask(
            work.pk,
            task_words.titled(work.title, work.repetition, work.repeat_limit),
            work.required,
            work.due_at < self.moment.now,
            task_words.due(work.due_at, work.has_time, self.moment.now, self.days.zone),
            task_words.due_fully(work.due_at, work.has_time, self.days.zone),
        )

    def _kinds(self, deal: Row) -> list[str]:
        """Why it matters, the most pressing first; words are only made for what is shown."""
        card = self.cards[deal.pk]
        if deal.status != Kind.OPEN:
            return []
        if card.paused:
            return ["paused"]
        holds = {
            "woke": bool(self._woke(deal)),
            "none": deal.next_task_due_at is None,
            "ready": card.gate_ready,
            "over": card.over,
            "idle": bool(card.idle),
            "late": bool(card.late),
        }
        return [kind for kind, here in holds.items() if here]

    def _words(self, kind: str, deal: Row) -> str:
        card = self.cards[deal.pk]
        if kind == "none":
            return _("No next step")
        if kind == "over":
            return _("Over target: %(days)s") % {"days": card.days}
        if kind == "woke":
            return self._woke(deal)
        return {"paused": card.paused, "ready": card.gate_asks, "idle": card.idle, "late": card.late}[kind]

    def _woke(self, deal: Row) -> str:
        return pauses.woke(deal.paused_until, deal.pause_reason, deal.last_worked_at, self.moment.now)


def _say_whom_to_call(lines: Iterable[Line]) -> None:
    by_deal = {line.card.pk: line for line in lines if line.card is not None}
    main = DealContact.objects.filter(deal__in=by_deal, is_primary=True)
    for deal_id, name, phone in main.values_list("deal_id", "contact__name", "contact__phone"):
        line = by_deal[deal_id]
        line.person, line.phone, line.phone_link = name, phone, tel_link(phone)


# --- For managers


def _team(user: User, now: datetime.datetime) -> list[TeamRow]:
    """Those of the people whom one manages who have open deals without a next step, or overdue tasks; most first."""
    without: dict[int, list[tuple[int, str, int]]] = defaultdict(list)
    stuck = Deal.objects.existing().managed_by(user).without_next_step(now).exclude(owner=user).order_by()
    counted = stuck.values_list("owner", "pipeline", "pipeline__name").annotate(Count("pk"))
    for owner, pipeline, name, count in counted.order_by("owner", "pipeline__name"):
        without[owner].append((pipeline, name, count))
    late = Task.objects.overdue(now).managed_by(user).of_waking_deals(now).exclude(owner=user).order_by()
    overdue = dict(late.values_list("owner").annotate(Count("pk")))
    names = dict(User.objects.filter(pk__in={*without, *overdue}).values_list("pk", "name"))
    rows = [TeamRow(pk, name, without.get(pk, []), overdue.get(pk, 0)) for pk, name in names.items()]
    return sorted(rows, key=lambda row: (-sum(each[2] for each in row.without), -row.overdue, row.name))
