"""What each column says while a card is lifted: whether it may enter, and what is missing."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import Literal

from django.utils.translation import gettext as _

from crm.models import User
from pipeline.models import Deal, Kind, Stage
from pipeline.moves import Refused, gate

FEW = 2


@dataclass(frozen=True)
class Outlook:
    """`state`: open, asking (the drop opens a dialog), shut (the drop is refused whatever is filled in)."""

    stage: Stage
    state: Literal["open", "asking", "shut"]
    words: str


def outlooks(deal: Deal, user: User, now: datetime.datetime | None = None) -> list[Outlook]:
    return [_outlook(stage, answer) for stage, answer in gate.outlook(deal, user, now)]


def _outlook(stage: Stage, answer: gate.Pass | Refused) -> Outlook:
    if isinstance(answer, Refused):
        if answer.code == "conditions":
            missing = [verdict.condition.label for verdict in answer.missing if verdict.stops]
            return Outlook(stage, "asking", _("Missing: %(labels)s") % {"labels": _few(missing)})
        if answer.code == "reason":
            return Outlook(stage, "asking", _("Asks why"))
        return Outlook(stage, "shut", answer.message)
    if answer.let_in == gate.LetIn.BACKWARD:
        return Outlook(stage, "open", _("Moving back is free"))
    if answer.unmet:
        labels = [verdict.condition.label for verdict in answer.unmet]
        return Outlook(stage, "open", _("May enter. Recommended: %(labels)s") % {"labels": _few(labels)})
    return Outlook(stage, "open", _("May be won") if stage.kind == Kind.WON else _("May enter"))


def _few(labels: list[str]) -> str:
    """There is little room over a column: the first two, and how many more."""
    if len(labels) <= FEW:
        return "; ".join(labels)
    return _("%(labels)s and %(more)d more") % {"labels": "; ".join(labels[:FEW]), "more": len(labels) - FEW}
