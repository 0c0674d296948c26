"""The dialog of a move: only what is missing, and for a won or lost stage the reason. Saved together with the move."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.core.exceptions import BadRequest
from django.core.files.uploadedfile import UploadedFile
from django.db.models import Q
from django.http import QueryDict
from django.utils import timezone
from django.utils.datastructures import MultiValueDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.forms import Form
from crm.models import User
from pipeline import access
from pipeline.conditions import Verdict
from pipeline.forms.files import ask_again
from pipeline.forms.questions import QUESTIONS, UNKNOWN, Answers, Asked, DateInput, TimeInput
from pipeline.models import CloseReason, Deal, EntryCondition, Kind, Stage
from pipeline.moves import Close, Fill, Refused

WON_OR_LOST = (Kind.WON, Kind.LOST)
LARGEST_ID, LARGEST_VERSION = 2**63 - 1, 2**31 - 1


@dataclass(frozen=True)
class Wish:
    """Where a deal shall go, and which version of it the mover saw. `asked`: the dialog was shown and is answered."""

    to: int
    version: int | None = None
    asked: list[int] | None = None
    reopen: bool = False
    left: int | None = None
    cards: int = 25


def read_wish(data: QueryDict, *, versioned: bool = True) -> Wish:
    """Raises BadRequest for what no page of ours sends."""
    asked = data.get("asked")
    return Wish(
        to=_whole(data, "to", LARGEST_ID),
        version=_whole(data, "version", LARGEST_VERSION) if versioned else None,
        asked=None
        if asked is None
        else [_number(part, "asked", LARGEST_ID) for part in asked.split(",") if part][:100],
        reopen=data.get("reopen") == "1",
        left=_whole(data, "from", LARGEST_ID) if "from" in data else None,
        cards=cards_on_screen(data),
    )


def cards_on_screen(data: QueryDict) -> int:
    """Of one column."""
    return min(_whole(data, "cards", LARGEST_ID), 200) if "cards" in data else 25


def _whole(data: QueryDict, name: str, largest: int) -> int:
    return _number(data.get(name, ""), name, largest)


def _number(text: str, name: str, largest: int) -> int:
    if text.isascii() and text.isdigit() and len(text) < 20 and 0 < int(text) <= largest:
        return int(text)
    raise BadRequest(_("“%(name)s” must be a number, not “%(text)s”.") % {"name": name, "text": text[:40]})


@dataclass
class Ask:
    """One condition as the dialog shows it, with the fields that answer it."""

    verdict: Verdict
    fields: list[forms.BoundField]

    @property
    def single(self) -> bool:
        """A tick alone: its label says it all."""
        return bool(self.fields) and isinstance(self.fields[0].field, forms.BooleanField)


class ReasonSelect(forms.RadioSelect):
    """Says of each reason what else it asks for, so that only that is shown."""

    asks: dict[str, str]

    def create_option(self, name: str, value: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        option: dict[str, Any] = super().create_option(name, value, *args, **kwargs)
        option["attrs"]["data-asks"] = self.asks.get(str(value), "")
        return option


class GateForm(Form):
    """`deal` is None for one that does not exist yet. Unbound it asks; bound, `fill()` and `close()` give the answers."""

    override = forms.CharField(label=gettext_lazy("Why let it in anyway?"), required=False, max_length=500)
    happened_at = forms.DateTimeField(label=gettext_lazy("It happened at"), required=False, widget=TimeInput())

    def __init__(
        self,
        data: QueryDict | None,
        *,
        target: Stage,
        user: User,
        verdicts: Sequence[Verdict],
        deal: Deal | None = None,
        files: MultiValueDict[str, UploadedFile] | None = None,
        currency: str = "",
    ) -> None:
        super().__init__(data, files)
        self.deal, self.target, self.user = deal, target, user
        currency = deal.currency if deal else currency or target.pipeline.currency
        self._asked = [Asked(verdict, deal, currency, user) for verdict in verdicts if not verdict.passes]
        names = [self._add(asked) for asked in self._asked]
        if target.kind in WON_OR_LOST:
            self._add_reason(target)
        may_override = access.manages_owner(user, deal.owner_id if deal else user.pk)
        if not (may_override and any(verdict.stops for verdict in verdicts)):
            del self.fields["override"]
        if deal is None:
            del self.fields["happened_at"]
        self.asks = [
            Ask(asked.verdict, [self[name] for name in fields])
            for asked, fields in zip(self._asked, names, strict=True)
        ]
        self.answers = Answers()

    def _add(self, asked: Asked) -> list[str]:
        """Names of the fields that are new; one that stands there already answers this condition too."""
        question = QUESTIONS.get(asked.condition.kind, UNKNOWN)
        made = {} if asked.verdict.state == "broken" else question.fields(asked)
        new = [name for name in made if name not in self.fields]
        for name in new:
            self.add_field(name, made[name])
        return new

    def _add_reason(self, target: Stage) -> None:
        reasons = CloseReason.objects.in_use().filter(kind=target.kind)
        select = ReasonSelect()
        select.asks = {
            str(each.pk): " ".join(word for word, on in [("note", each.asks_note), ("date", each.asks_date)] if on)
            for each in reasons
        }
        lost = target.kind == Kind.LOST
        label = _("Why was it lost?") if lost else _("Why was it won?")
        choice = forms.ModelChoiceField(reasons, label=label, required=False, widget=select, blank=True)
        choice.empty_label = None if lost else _("No reason")
        self.add_field("reason", choice)
        question = next((each.asks_note for each in reasons if each.asks_note), "")
        self.add_field("note", forms.CharField(label=_("Note"), required=False, max_length=500, help_text=question))
        if any(each.asks_date for each in reasons):
            day = forms.DateField(label=_("Come back on"), required=False, widget=DateInput())
            self.add_field("come_back_on", day)

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        for asked in self._asked:
            QUESTIONS.get(asked.condition.kind, UNKNOWN).take(asked, values, self.answers)
        for name, error in self.answers.errors.items():
            self.add_error(name, error)
        if self.errors:
            ask_again(self)
        return values

    def fill(self) -> Fill:
        return self.answers.fill

    def close(self) -> Close | None:
        if "reason" not in self.fields:
            return None
        values = self.cleaned_data
        return Close(values.get("reason"), values.get("note") or "", values.get("come_back_on"))

    @property
    def happened(self) -> datetime.datetime | None:
        return self.cleaned_data.get("happened_at")

    @property
    def reason_fields(self) -> list[forms.BoundField]:
        return [self[name] for name in ("reason", "note", "come_back_on") if name in self.fields]

    @property
    def asked_ids(self) -> str:
        return ",".join(str(asked.condition.pk) for asked in self._asked)

    @property
    def can_save(self) -> bool:
        """Whether filling in is enough: what only a manager or an admin can repair has no field."""
        return all(ask.fields or not ask.verdict.stops for ask in self.asks)

    def tell(self, refusal: Refused) -> None:
        """Beside each field what the rule found missing or wrong, or on top."""
        for name, errors in refusal.errors.items():
            for error in errors:
                self.add_error(self._field_of(name), error)
        still = {verdict.condition.pk for verdict in refusal.missing if verdict.stops}
        if refusal.code == "conditions":
            for ask in self.asks:
                if ask.verdict.condition.pk in still and ask.fields and not any(each.errors for each in ask.fields):
                    self.add_error(ask.fields[0].name, _still_missing(ask.verdict, refusal))
        elif refusal.code == "reason":
            chosen = self.cleaned_data.get("reason")
            wants = (
                "reason"
                if chosen is None
                else "note"
                if chosen.asks_note and not self.cleaned_data.get("note")
                else "come_back_on"
            )
            self.add_error(self._field_of(wants), refusal.message)
        elif refusal.code == "when":
            self.add_error(self._field_of("happened_at"), refusal.message)
        elif not refusal.errors:
            self.add_error(None, refusal.message)
        ask_again(self)

    def _field_of(self, name: str) -> str | None:
        """The rules name fields of records; the form prefixes them."""
        kind, _mark, number = name.partition("_")
        guesses = (name, f"f_{name}", f"c{number}_{kind}")
        return next((guess for guess in guesses if guess in self.fields), None)


def _still_missing(verdict: Verdict, refusal: Refused) -> str:
    now = next(each for each in refusal.missing if each.condition.pk == verdict.condition.pk)
    if verdict.condition.kind in ("commitment", "by_hand", "activity"):
        return _("Tick this if it is so; without it the deal cannot enter.")
    return _("Still missing: %(detail)s") % {"detail": now.detail} if now.detail else _("Still missing.")


def unanswered(ids: Sequence[int], pipeline_id: int) -> list[Verdict]:
    """The conditions that a dialog has asked, in its order, as still missing: the rules judge again at the move."""
    rows = (
        EntryCondition.objects.in_use()
        .select_related("activity_type")
        .filter(Q(pk__in=ids), stage__pipeline=pipeline_id)
    )
    found = {row.pk: row for row in rows}
    return [Verdict(found[pk], "missing") for pk in dict.fromkeys(ids) if pk in found]


def merged(before: Sequence[Verdict], now: Sequence[Verdict]) -> list[Verdict]:
    """What was asked stays on the form, with the newest word on it; what came up since is added."""
    newest = {verdict.condition.pk: verdict for verdict in now}
    kept = [newest.pop(verdict.condition.pk, verdict) for verdict in before]
    return [*kept, *newest.values()]


def earliest(deal: Deal) -> str:
    """For the input of a time: not before the present stay began."""
    return timezone.localtime(deal.stage_entered_at).strftime("%Y-%m-%dT%H:%M")
