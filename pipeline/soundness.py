"""Whether a definition makes sense: which problems forbid saving it, which are only worth a word."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from crm import fields
from crm.fields import FieldKind
from pipeline import soundness_of_actions
from pipeline.conditions import KINDS, OPERATORS
from pipeline.models import EntryCondition, Kind, Pipeline, Stage

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

FEWEST_STEPS, MOST_STEPS = 3, 9

# Columns of a condition that only some kinds read, with what they hold when nobody reads them.
UNUSED = {
    "needs_evidence": False,
    "since_entering": False,
    "field": "",
    "operator": "",
    "compared_with": "",
    "contact_role": "",
    "member_role": "",
    "activity_type": None,
    "times": 1,
}
COMPARES = frozenset({"at_least", "at_most", "equals", "differs"})


@dataclass(frozen=True)
class Problem:
    """`blocks`: the definition must not be saved like this."""

    message: str
    blocks: bool = False
    stage_id: int | None = None


@dataclass(frozen=True)
class Place:
    """What of a stage counts here: of a row, or of a form that is not saved yet."""

    name: str
    kind: str
    order: int
    qualified_from_here: bool = False


def problems(pipeline: Pipeline) -> list[Problem]:
    stages = list(Stage.objects.in_use().filter(pipeline=pipeline))
    places = [Place(s.name, s.kind, s.order, s.qualified_from_here) for s in stages]
    found = problems_of_stages(places)
    found += problems_of_steps(pipeline.steps.filter(retired_at__isnull=True).count())
    conditions = (
        EntryCondition.objects.in_use()
        .filter(stage__in=stages)
        .select_related("stage", "activity_type")
        .order_by("stage__order", "order", "pk")
    )
    found += [problem for condition in conditions if (problem := _broken(condition))]
    acting = soundness_of_actions.messages(pipeline)
    return found + [Problem(message, blocks, stage_id=stage or None) for message, blocks, stage in acting]


def problems_of_stages(stages: Sequence[Place]) -> list[Problem]:
    """A deal must have somewhere to begin, to be won and to be lost; it begins in one place."""
    kinds = Counter(stage.kind for stage in stages)
    wanted = {
        Kind.OPEN: _("A pipeline needs a stage of the kind “open”: without one, no deal can begin."),
        Kind.WON: _("A pipeline needs a stage of the kind “won”: without one, no deal can be won."),
        Kind.LOST: _("A pipeline needs a stage of the kind “lost”: without one, no deal can be given up."),
    }
    found = [Problem(words, blocks=True) for kind, words in wanted.items() if not kinds[kind]]
    found += [
        Problem(words, blocks=True) for words in (*_twice_first(stages), *_same_name(stages), *_qualified(stages))
    ]
    return found


def problems_of_steps(number: int) -> list[Problem]:
    if FEWEST_STEPS <= number <= MOST_STEPS:
        return []
    words = _("%(number)d steps: a process of fewer than %(fewest)d or more than %(most)d steps is hard to follow.")
    return [Problem(words % {"number": number, "fewest": FEWEST_STEPS, "most": MOST_STEPS})]


def _twice_first(stages: Sequence[Place]) -> list[str]:
    opening = [stage for stage in stages if stage.kind == Kind.OPEN]
    first = [stage.name for stage in opening if stage.order == min(other.order for other in opening)]
    if len(first) < 2:
        return []
    return [
        _("“%(one)s” and “%(other)s” are both the first stage; put them in an order.")
        % {"one": first[0], "other": first[1]}
    ]


def _same_name(stages: Sequence[Place]) -> list[str]:
    names = Counter(unicodedata.normalize("NFKC", stage.name).casefold() for stage in stages)
    twice = [stage.name for stage in stages if names[unicodedata.normalize("NFKC", stage.name).casefold()] > 1]
    return [_("Two stages are called “%(name)s”.") % {"name": twice[0]}] if twice else []


def _qualified(stages: Sequence[Place]) -> list[str]:
    marked = [stage for stage in stages if stage.qualified_from_here]
    found = []
    if len(marked) > 1:
        names = {"one": marked[0].name, "other": marked[1].name}
        found.append(_("“%(one)s” and “%(other)s” are both marked “qualified from here”; one stage can be.") % names)
    if any(stage.kind != Kind.OPEN for stage in marked):
        found.append(_("Only an open stage can be marked “qualified from here”."))
    return found


# --- Conditions


def tidy_condition(condition: EntryCondition) -> None:
    """Empties the columns that its kind does not read, so that a change of kind leaves nothing behind."""
    uses = KINDS[condition.kind].uses if condition.kind in KINDS else ()
    for column, empty in UNUSED.items():
        if column not in uses:
            setattr(condition, column, empty)
    if condition.operator not in COMPARES:
        condition.compared_with = ""


def check_condition(condition: EntryCondition) -> None:
    """ValidationError by column, when the condition could never be judged: its object is missing or gone."""
    kind = KINDS.get(condition.kind)
    if kind is None:
        raise ValidationError({"kind": _("This kind of condition does not exist.")})
    errors: dict[str, StrOrPromise] = {
        column: _("“%(kind)s” needs this.") % {"kind": kind.label}
        for column in kind.needs
        if getattr(condition, f"{column}_id" if column == "activity_type" else column) in (None, "")
    }
    if condition.kind == "field" and not errors:
        errors = _field_errors(condition)
    if condition.kind == "activity" and condition.activity_type and condition.activity_type.retired_at:
        errors["activity_type"] = _("“%(name)s” is no longer in use.") % {"name": condition.activity_type}
    if errors:
        raise ValidationError(errors)


def _field_errors(condition: EntryCondition) -> dict[str, StrOrPromise]:
    field = fields.of("deal").get(condition.field)
    operator = OPERATORS.get(condition.operator)
    if field is None or not field.in_conditions:
        return {"field": _("Deals have no field “%(name)s” that a condition can ask for.") % {"name": condition.field}}
    if operator is None or field.kind not in operator.kinds:
        return {"operator": _("“%(field)s” cannot be compared in this way.") % {"field": field.label}}
    if condition.operator not in COMPARES:
        return {}
    return _compared_errors(condition.compared_with, field.kind)


def _compared_errors(text: str, kind: FieldKind) -> dict[str, StrOrPromise]:
    if not text.strip():
        return {"compared_with": _("Say what it is compared with.")}
    if kind in (FieldKind.MONEY, FieldKind.INTEGER):
        try:
            number = Decimal(text)
        except InvalidOperation:
            return {"compared_with": _("“%(text)s” is not a number; write it like 50000 or 0.5.") % {"text": text}}
        if not number.is_finite():
            return {"compared_with": _("“%(text)s” is not a number; write it like 50000 or 0.5.") % {"text": text}}
    return {}


def _broken(condition: EntryCondition) -> Problem | None:
    try:
        check_condition(condition)
    except ValidationError as error:
        words = {"stage": condition.stage.name, "condition": condition.label, "why": " ".join(error.messages)}
        text = _(
            "%(stage)s: the condition “%(condition)s” is broken and keeps the stage closed until you repair it. %(why)s"
        )
        return Problem(text % words, stage_id=condition.stage_id)
    return None


def blocking(found: Iterable[Problem]) -> list[str]:
    return [problem.message for problem in found if problem.blocks]
