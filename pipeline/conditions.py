"""The gate: what must be true before a deal may enter a stage.

`gate_conditions` says which conditions a move has to answer, `load_facts` reads what is known of the deals in a fixed
number of queries, `judge` holds one against the other. Nothing here writes.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from functools import partial
from typing import TYPE_CHECKING, Literal

from django.utils import timezone
from django.utils.translation import get_language, gettext_lazy, ngettext
from django.utils.translation import gettext as _

from crm import days, fields, money
from crm.fields import FieldKind
from pipeline.facts import Facts, Recorded
from pipeline.fields import DEAL_FIELDS  # noqa: F401  (declares the fields that conditions name)
from pipeline.models import ContactRole, EntryCondition, Kind, MemberRole, Pipeline, Stage, Stance

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

State = Literal["met", "missing", "waiting", "not_needed", "broken"]


Say = Callable[[], str]
"""What is known or what lacks, in words: only where somebody reads it. A board asks for hundreds of states."""


def _nothing() -> str:
    return ""


@dataclass(frozen=True)
class Verdict:
    """How one condition stands."""

    condition: EntryCondition
    state: State
    say: Say = _nothing

    @property
    def detail(self) -> str:
        return self.say()

    @property
    def passes(self) -> bool:
        return self.state in ("met", "not_needed")

    @property
    def stops(self) -> bool:
        return self.condition.blocks and not self.passes


@dataclass(frozen=True)
class KindOfCondition:
    """`uses` are the columns of EntryCondition that it reads, `needs` those that must be filled."""

    key: str
    label: StrOrPromise
    uses: tuple[str, ...]
    needs: tuple[str, ...]
    check: Callable[[EntryCondition, Facts], tuple[State, Say]]


# --- One function a kind


def _recorded(condition: EntryCondition, facts: Facts) -> tuple[State, Say]:
    """A commitment of the buyer, or what the rep confirms by hand: a row that stands, with its evidence if asked for."""
    for commitment in facts.commitments.get(condition.pk, []):
        if condition.since_entering and commitment.happened_at < facts.deal.stage_entered_at:
            continue
        if condition.needs_evidence and not commitment.evidence:
            continue
        return "met", partial(_said_by, commitment)
    return "missing", lambda: _("with evidence") if condition.needs_evidence else ""


def _said_by(commitment: Recorded) -> str:
    return _("%(who)s, %(day)s") % {"who": commitment.who, "day": _day(commitment.happened_at)}


def _field(condition: EntryCondition, facts: Facts) -> tuple[State, Say]:
    field = fields.of("deal").get(condition.field)
    operator = OPERATORS.get(condition.operator or "filled")
    if field is None or not field.in_conditions or operator is None or field.kind not in operator.kinds:
        return "broken", lambda: _("The field or comparison that this condition asks for no longer exists.")
    value = getattr(facts.deal, f"{field.name}_id" if field.kind == FieldKind.REFERENCE else field.name)
    if value in (None, ""):
        return "missing", lambda: _("%(field)s is empty") % {"field": field.label}
    try:
        fits = operator.holds(value, condition.compared_with, facts)
    except (ValueError, InvalidOperation):
        return "broken", lambda: _("“%(text)s” is not something to compare with.") % {"text": condition.compared_with}
    if fits:
        return "met", lambda: _shown(value, facts)
    return "missing", lambda: _("now %(value)s") % {"value": _shown(value, facts)}


def _contact_role(condition: EntryCondition, facts: Facts) -> tuple[State, Say]:
    people = [person for person in facts.people if person.role == condition.contact_role]
    if people:
        return "met", lambda: ", ".join(person.name for person in people)
    return "missing", lambda: _("no contact is %(role)s") % {"role": ContactRole(condition.contact_role).label.lower()}


def _contact_reachable(condition: EntryCondition, facts: Facts) -> tuple[State, Say]:
    reachable = [person for person in facts.people if person.reachable]
    if reachable:
        return "met", lambda: reachable[0].name
    return "missing", lambda: _("no contact with phone or email")


def _everyone_agrees(condition: EntryCondition, facts: Facts) -> tuple[State, Say]:
    """Everyone with the role, or with any role when none is named; at least one."""
    asked = [p for p in facts.people if (p.role == condition.contact_role if condition.contact_role else p.role)]
    if not asked:
        return "missing", lambda: _("nobody has that role yet")
    open_ones = [person.name for person in asked if person.stance != Stance.FOR]
    if open_ones:
        return "missing", lambda: _("not yet: %(names)s") % {"names": ", ".join(open_ones)}
    return "met", _nothing


def _member_role(condition: EntryCondition, facts: Facts) -> tuple[State, Say]:
    names = [name for role, name in facts.members if role == condition.member_role]
    if names:
        return "met", lambda: ", ".join(names)
    return "missing", lambda: _("nobody is %(role)s") % {"role": MemberRole(condition.member_role).label.lower()}


def _activity(condition: EntryCondition, facts: Facts) -> tuple[State, Say]:
    if condition.activity_type_id is None:
        return "broken", lambda: _("The type of activity that this condition asks for no longer exists.")
    held = facts.activities.get(condition.activity_type_id, [])
    if condition.since_entering:
        held = [at for at in held if at >= facts.deal.stage_entered_at]
    if len(held) >= condition.times:
        return "met", lambda: _day(max(held))
    return "missing", _nothing if condition.times == 1 else partial(_so_far, len(held), condition.times)


def _so_far(count: int, times: int) -> str:
    text = ngettext("%(count)d of %(times)d so far", "%(count)d of %(times)d so far", count)
    return text % {"count": count, "times": times}


def _tasks_done(condition: EntryCondition, facts: Facts) -> tuple[State, Say]:
    return ("missing", lambda: ", ".join(facts.required_tasks)) if facts.required_tasks else ("met", _nothing)


def _approval(condition: EntryCondition, facts: Facts) -> tuple[State, Say]:
    """The latest answer counts; it lapses when value or currency are no longer those it was asked about."""
    approval = facts.approvals.get(condition.pk)
    if approval is None:
        return "missing", lambda: _("not asked for yet")
    if (approval.value, approval.currency) != (facts.deal.value, facts.deal.currency):
        asked = partial(money.format_money, approval.value, approval.currency)
        return "missing", lambda: _("lapsed: it was asked for at %(value)s") % {"value": asked()}
    who = approval.decided_by.name if approval.decided_by else ""
    if approval.decision == "approved":
        return "met", lambda: _("%(who)s approved") % {"who": who}
    if approval.decision == "declined":
        return "missing", lambda: _("%(who)s declined: %(reason)s") % {"who": who, "reason": approval.reason}
    return "waiting", lambda: _("asked on %(day)s") % {"day": _day(approval.asked_at)}


KINDS: dict[str, KindOfCondition] = {
    kind.key: kind
    for kind in [
        KindOfCondition("commitment", gettext_lazy("The buyer's commitment"), ("needs_evidence", "since_entering"), (), _recorded),
        KindOfCondition("by_hand", gettext_lazy("Confirmed by hand"), ("needs_evidence", "since_entering"), (), _recorded),
        KindOfCondition(
            "field", gettext_lazy("A field is filled or compares"), ("field", "operator", "compared_with"), ("field", "operator"), _field
        ),
        KindOfCondition("contact_role", gettext_lazy("A contact has a role"), ("contact_role",), ("contact_role",), _contact_role),
        KindOfCondition("contact_reachable", gettext_lazy("A contact with phone or email"), (), (), _contact_reachable),
        KindOfCondition("everyone_agrees", gettext_lazy("Everyone with a role is for us"), ("contact_role",), (), _everyone_agrees),
        KindOfCondition("member_role", gettext_lazy("A colleague has a role"), ("member_role",), ("member_role",), _member_role),
        KindOfCondition(
            "activity", gettext_lazy("An activity took place"), ("activity_type", "times", "since_entering"), ("activity_type",), _activity
        ),
        KindOfCondition("tasks_done", gettext_lazy("Required tasks of the stage being left are done"), (), (), _tasks_done),
        KindOfCondition("approval", gettext_lazy("A manager approves"), (), (), _approval),
    ]
}  # fmt: skip


# --- Comparisons of the kind "field"


@dataclass(frozen=True)
class Operator:
    label: StrOrPromise
    kinds: frozenset[FieldKind]
    holds: Callable[[object, str, Facts], bool]


_ALL = frozenset(FieldKind)
_NUMBERS = frozenset({FieldKind.MONEY, FieldKind.INTEGER})
_DATES = frozenset({FieldKind.DATE})

OPERATORS: dict[str, Operator] = {
    "filled": Operator(gettext_lazy("is filled"), _ALL, lambda value, text, facts: True),
    "at_least": Operator(
        gettext_lazy("is at least"), _NUMBERS, lambda value, text, facts: Decimal(str(value)) >= Decimal(text)
    ),
    "at_most": Operator(
        gettext_lazy("is at most"), _NUMBERS, lambda value, text, facts: Decimal(str(value)) <= Decimal(text)
    ),
    "in_future": Operator(gettext_lazy("lies in the future"), _DATES, lambda value, text, facts: value > facts.today),  # type: ignore[operator]
    "in_past": Operator(gettext_lazy("lies in the past"), _DATES, lambda value, text, facts: value < facts.today),  # type: ignore[operator]
    "equals": Operator(gettext_lazy("equals"), _ALL - _DATES, lambda value, text, facts: _same(value, text)),
    "differs": Operator(gettext_lazy("differs from"), _ALL - _DATES, lambda value, text, facts: not _same(value, text)),
}


def _same(value: object, text: str) -> bool:
    return value == Decimal(text) if isinstance(value, Decimal) else str(value).casefold() == text.strip().casefold()


def _shown(value: object, facts: Facts) -> str:
    if isinstance(value, Decimal):
        return money.format_money(value, facts.deal.currency)
    return days.dated(value, get_language()) if isinstance(value, datetime.date) else ""


def _day(moment: datetime.datetime) -> str:
    return days.dated(timezone.localtime(moment).date(), get_language())


# --- Which conditions a move has to answer


def path(stages: Sequence[Stage], origin: Stage | None, target: Stage) -> list[Stage]:
    """Stages whose doors a forward move goes through, in order: those passed over and the target.

    `stages` are those of the pipeline in use, ordered. `origin` None: from before the first stage (a new deal, a
    reopened one). Losing goes through no door, moving backward neither. Won stages lie behind all open ones.
    """
    if target.kind == Kind.LOST:
        return []
    ahead = [stage for stage in stages if stage.kind == target.kind or stage.kind == Kind.OPEN]
    ahead.sort(key=lambda stage: (stage.kind == Kind.WON, stage.order, stage.pk))
    places = {stage.pk: place for place, stage in enumerate(ahead)}
    start = _start(ahead, places, origin)
    return ahead[start : places[target.pk] + 1]


def _start(ahead: list[Stage], places: dict[int, int], origin: Stage | None) -> int:
    if origin is None:
        return 0
    if origin.pk in places:
        return places[origin.pk] + 1
    # A stage that was retired while the deal stood in it: its place is where its order would put it.
    return sum(1 for stage in ahead if (stage.kind == Kind.WON, stage.order) <= (origin.kind == Kind.WON, origin.order))


def is_forward(stages: Sequence[Stage], origin: Stage, target: Stage) -> bool:
    return bool(path(stages, origin, target))


def gate_conditions(
    stages: Sequence[Stage], conditions: Iterable[EntryCondition], origin: Stage | None, target: Stage, jumps: str
) -> list[EntryCondition]:
    """The conditions to answer, each once: of two that ask the same, the one that blocks, at its first place."""
    doors = path(stages, origin, target)
    if jumps == Pipeline.Jumps.TARGET:
        doors = doors[-1:]
    place = {stage.pk: number for number, stage in enumerate(doors)}
    asked = sorted((c for c in conditions if c.stage_id in place), key=lambda c: (place[c.stage_id], c.order, c.pk))
    kept: dict[tuple[object, ...], EntryCondition] = {}
    for condition in asked:
        same = _question(condition)
        if same not in kept or (condition.blocks and not kept[same].blocks):
            kept[same] = condition
    return list(kept.values())


def _question(condition: EntryCondition) -> tuple[object, ...]:
    """What a condition asks, without its wording; a commitment, a manual check and an approval are each their own."""
    if condition.kind in ("commitment", "by_hand", "approval"):
        return (condition.pk,)
    columns = (
        "kind", "since_entering", "field", "operator", "compared_with", "contact_role", "member_role", "activity_type_id", "times",
        "when_value_at_least", "when_currency", "when_tag_id", "when_source_id", "when_customer",
    )  # fmt: skip
    return tuple(getattr(condition, column) for column in columns)


# --- Judging


def judge(conditions: Iterable[EntryCondition], facts: Facts) -> list[Verdict]:
    return [_judge_one(condition, facts) for condition in conditions]


def _judge_one(condition: EntryCondition, facts: Facts) -> Verdict:
    kind = KINDS.get(condition.kind)
    if kind is None:
        return Verdict(condition, "broken", lambda: _("This kind of condition no longer exists."))
    if not _applies(condition, facts):
        return Verdict(condition, "not_needed")
    state, say = kind.check(condition, facts)
    return Verdict(condition, state, say)


def _applies(condition: EntryCondition, facts: Facts) -> bool:
    """All that is given must hold. A deal without a value is not yet one at or above a value."""
    deal, least = facts.deal, condition.when_value_at_least
    return not (
        (least is not None and (deal.value is None or deal.value < least))
        or (condition.when_currency and deal.currency != condition.when_currency)
        or (condition.when_tag_id is not None and condition.when_tag_id not in facts.tags)
        or (condition.when_source_id is not None and deal.source_id != condition.when_source_id)
        or (condition.when_customer and (condition.when_customer == "existing") != facts.existing_customer)
    )
