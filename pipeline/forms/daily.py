"""What reps fill in every day: a call that was made, a task, a commitment, a pause."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from crm.forms import Form
from leads.activities import TEXT_LIMIT, NewActivity
from leads.models import ActivityType, Contact, Direction
from pipeline.forms.deal_fields import DAY
from pipeline.models import DealContact, EntryCondition

MOMENT = forms.DateTimeInput(format="%Y-%m-%dT%H:%M", attrs={"type": "datetime-local"})
MOMENTS = ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M"]


def once_key() -> forms.CharField:
    """Its value is new with each form that is shown."""
    return forms.CharField(max_length=64, widget=forms.HiddenInput, initial=lambda: secrets.token_hex(16))


class LogForm(Form):
    """`entry()` and `agreed_ids()` give what logbook.log takes. Asks only what this type of activity has."""

    text = forms.CharField(
        label=_("What was said"), max_length=TEXT_LIMIT, required=False,
        widget=forms.Textarea(attrs={"rows": 3, "data-enter-saves": "", "autofocus": ""}),
    )  # fmt: skip
    agreed = forms.MultipleChoiceField(
        label=_("They agreed to"), required=False, widget=forms.CheckboxSelectMultiple,
        error_messages={"invalid_choice": _("This is no longer asked for.")},
    )  # fmt: skip
    evidence = forms.CharField(
        label=_("What proves it"),
        max_length=500,
        required=False,
        help_text=_("A link or a note, where it is asked for."),
    )
    outcome: forms.Field = forms.ModelChoiceField(None, label=_("Outcome"), required=False, empty_label="–")
    direction = forms.ChoiceField(
        label=_("Who began"), required=False, choices=[(Direction.OUT, _("We did")), (Direction.IN, _("They did"))]
    )
    contacts: forms.Field = forms.ModelMultipleChoiceField(
        None, label=_("With"), required=False, widget=forms.CheckboxSelectMultiple
    )
    happened_at = forms.DateTimeField(
        label=_("When"), required=False, input_formats=MOMENTS, widget=MOMENT, help_text=_("Empty: now.")
    )
    once_key = once_key()

    def __init__(
        self,
        *args: Any,
        type: ActivityType,
        people: Sequence[DealContact],
        to_agree: Sequence[EntryCondition],
        **options: Any,
    ) -> None:
        main = [person.contact_id for person in people if person.is_primary]
        super().__init__(*args, initial={"contacts": main, "direction": Direction.OUT}, auto_id="log-%s", **options)
        self.type = type
        self.fields["outcome"].queryset = type.outcomes.all()  # type: ignore[attr-defined]
        self.fields["contacts"].queryset = Contact.objects.existing().among(  # type: ignore[attr-defined]
            [person.contact_id for person in people]
        )
        self.fields["agreed"].choices = [(str(asked.pk), asked.label) for asked in to_agree]  # type: ignore[attr-defined]
        self._leave_out(people, to_agree)

    def _leave_out(self, people: Sequence[DealContact], to_agree: Sequence[EntryCondition]) -> None:
        """A note is with nobody and nobody agrees in it; what has no choices is not asked."""
        with_buyer = self.type.key != "note"
        kept = {
            "outcome": self.type.outcomes.exists(),
            "direction": self.type.directed,
            "contacts": with_buyer and bool(people),
            "agreed": with_buyer and bool(to_agree),
            "evidence": with_buyer and any(asked.needs_evidence for asked in to_agree),
        }
        for name, keep in kept.items():
            if not keep:
                del self.fields[name]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        says_something = data.get("text") or data.get("outcome") or data.get("agreed")
        if not says_something and "text" not in self.errors and self.type.key == "note":
            raise ValidationError({"text": _("Write what there is to remember.")})
        return data

    def entry(self) -> NewActivity:
        data = self.cleaned_data
        return NewActivity(
            self.type, direction=data.get("direction") or "", outcome=data.get("outcome"), text=data["text"],
            happened_at=data["happened_at"], contacts=tuple(data.get("contacts") or ()),
        )  # fmt: skip

    def agreed_ids(self) -> list[int]:
        return [int(pk) for pk in self.cleaned_data.get("agreed") or ()]

    def take(self, refusal: ValidationError) -> None:
        """A commitment without its evidence is told beside the evidence."""
        if hasattr(refusal, "error_dict"):
            named = {_beside(name): errors for name, errors in refusal.error_dict.items()}
            refusal = ValidationError(named)
        super().take(refusal)


def _beside(name: str) -> str:
    return "evidence" if name.startswith("evidence_") else "happened_at" if name.startswith("when_") else name


class TaskForm(Form):
    title = forms.CharField(label=_("What"), max_length=200, widget=forms.TextInput(attrs={"autocomplete": "off"}))
    due_on = forms.DateField(label=_("Due"), widget=DAY)
    once_key = once_key()

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, auto_id="task-%s", **options)


class DayForm(Form):
    """Another day for a task."""

    due_on = forms.DateField(label=_("Due"), widget=DAY)


class EvidenceForm(Form):
    evidence = forms.CharField(label=_("What proves it"), max_length=500, help_text=_("A link or a note."))

    def __init__(self, *args: Any, condition: EntryCondition, **options: Any) -> None:
        super().__init__(*args, auto_id=f"proof-{condition.pk}-%s", **options)

    def take(self, refusal: ValidationError) -> None:
        self.add_error("evidence", list(refusal.messages))


class PauseForm(Form):
    until = forms.DateField(label=_("Until"), widget=DAY)
    reason = forms.CharField(label=_("Why"), max_length=200)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, auto_id="pause-%s", **options)


class AskForm(Form):
    """A word to the manager who is asked to approve."""

    why = forms.CharField(label=_("Why it makes sense"), max_length=500, required=False)


class DecisionForm(Form):
    approve = forms.ChoiceField(choices=[("1", _("Approve")), ("0", _("Decline"))])
    reason = forms.CharField(label=_("Reason"), max_length=500, required=False)
