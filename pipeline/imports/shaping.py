"""A pipeline made from the stages that a file names: their order, which are won and lost, and the rows."""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from crm.importing import Stop
from crm.models import User
from crm.text import same_name_key
from pipeline import definition
from pipeline.models import Kind, Pipeline, Stage, Step

MOST_STAGES = 40

# Words of names that say what a stage is, in English as the systems ship them.
_WON = {"won", "closed won", "closedwon", "approved", "signed", "sold", "customer", "renewed", "paid"}
_LOST = {
    "lost", "closed lost", "closedlost", "declined", "cancelled", "canceled", "rejected", "denied", "abandoned", "dead", "disqualified",
    "churned", "withdrawn",
}  # fmt: skip
_USUAL_ORDER = (
    "new", "lead", "prospect", "contact", "qualif", "engag", "discover", "need", "meeting", "demo", "present", "value prop",
    "decision", "perception", "proposal", "quot", "offer", "review", "negotiat", "verbal", "contract", "commit", "sign",
)  # fmt: skip

Ask = Callable[[str, list[str]], list[str]]


def kinds(names: Sequence[str], won: Sequence[str], lost: Sequence[str], ask: Ask | None) -> dict[str, str]:
    """Stage → kind. What was said comes first, then what names say, then the person at the terminal. Raises Stop.

    A stage that was said and is not in the file is there too, last.
    """
    found = {name: str(Kind.OPEN) for name in names}
    said = {Kind.WON: [_spelled(name, names) for name in won], Kind.LOST: [_spelled(name, names) for name in lost]}
    for kind, usual in ((Kind.WON, _WON), (Kind.LOST, _LOST)):
        free = [name for name in names if found[name] == Kind.OPEN and not any(name in each for each in said.values())]
        chosen = said[kind] or [name for name in free if _is(name, usual, kind)]
        if not chosen and ask is not None:
            question = _("Which stages are %(kind)s?") % {"kind": kind.label.lower()}
            chosen = [_spelled(name, names) for name in ask(question, free)]
        if not chosen:
            message = _(
                "Which stages are %(kind)s is not clear from their names: %(names)s. Say it with --%(option)s STAGE."
            )
            raise Stop(message % {"kind": kind.label.lower(), "names": ", ".join(names), "option": kind.value})
        for name in chosen:
            if found.get(name, Kind.OPEN) != Kind.OPEN:
                raise Stop(_("“%(name)s” cannot be both won and lost.") % {"name": name})
            found[name] = kind
    return found


def _spelled(said: str, names: Sequence[str]) -> str:
    """As the file writes it."""
    return next((name for name in names if same_name_key(name) == same_name_key(said)), said)


def _is(name: str, usual: set[str], word: str) -> bool:
    key = same_name_key(name)
    return key in usual or word in key.replace("/", " ").replace("-", " ").split()


def usual_order(names: Sequence[str], chances: Mapping[str, float]) -> list[str]:
    """Without histories: by the win probability in the file, else as such stages usually follow, else as they come."""
    keys = [same_name_key(name) for name in names]
    if keys and all(key in chances for key in keys):
        return sorted(names, key=lambda name: (chances[same_name_key(name)], keys.index(same_name_key(name))))
    places = {key: next((i for i, word in enumerate(_USUAL_ORDER) if word in key), None) for key in keys}
    if all(place is not None for place in places.values()):
        return sorted(names, key=lambda name: (places[same_name_key(name)] or 0, keys.index(same_name_key(name))))
    return list(names)


def order_of_histories(names: Sequence[str], before: Counter[tuple[str, str]]) -> list[str]:
    """A stage stands before those that more deals entered after it than before it. `before` counts pairs of keys."""
    names = usual_order(names, {})  # which of two stages comes first where no deal was in both
    keys = [same_name_key(name) for name in names]

    def lead(key: str) -> int:
        return sum(
            (before[key, other] > before[other, key]) - (before[key, other] < before[other, key]) for other in keys
        )

    return sorted(names, key=lambda name: -lead(same_name_key(name)))


def shape(
    pipeline: Pipeline | None, name: str, currency: str, names: Sequence[str], kind_of: Mapping[str, str], *, by: User, note: str,
    now: datetime.datetime,
) -> Pipeline:  # fmt: skip
    """`names` in their order. An admin gives the rest: conditions, tasks, target days. Raises Stop for what does not fit."""
    by_kind = {kind: [each for each in names if kind_of[each] == kind] for kind in Kind}
    if not by_kind[Kind.OPEN]:
        by_kind[Kind.OPEN] = [_("New")]
    if len(names) > MOST_STAGES:
        raise Stop(
            _("%(count)d stages are too many for a board; is the right column the stage?") % {"count": len(names)}
        )
    try:
        with transaction.atomic():
            if pipeline is None:
                pipeline = Pipeline(name=name, currency=currency, order=Pipeline.objects.count() + 1)
                pipeline.full_clean()
                pipeline.save()
            parts = _parts(pipeline, by_kind)
            for part in parts:
                part.clean_fields(exclude=["step", "pipeline"])
            definition.save_changes(pipeline, parts, by=by, note=note[:500], now=now)
    except ValidationError as error:
        raise Stop(_("The pipeline cannot be made: %(why)s") % {"why": " ".join(error.messages)}) from error
    return pipeline


def _parts(pipeline: Pipeline, by_kind: Mapping[Kind, Sequence[str]]) -> list[Step | Stage]:
    """One step for what is open and one for what comes after the sale; lost stages belong to none."""
    selling = Step(pipeline=pipeline, name=_("Selling"), phase=Step.Phase.CLOSING, order=1)
    after = Step(pipeline=pipeline, name=_("After the sale"), phase=Step.Phase.POST_SALE, order=2)
    steps: dict[Kind, Step | None] = {Kind.OPEN: selling, Kind.WON: after, Kind.LOST: None}
    parts: list[Step | Stage] = [selling, after]
    for kind in (Kind.OPEN, Kind.WON, Kind.LOST):
        count = len(by_kind[kind])
        for place, name in enumerate(by_kind[kind], start=1):
            chance = round(100 * place / (count + 1)) if kind == Kind.OPEN else 100 if kind == Kind.WON else 0
            stage = Stage(
                pipeline=pipeline, step=steps[kind], name=name, kind=kind, order=len(parts) - 1, probability=chance
            )
            parts.append(stage)
    return parts
