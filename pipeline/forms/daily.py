"""What reps fill in every day: a call that was made, a task, a commitment, a pause."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from crm import date_words
from crm.forms import Form
from leads.activities import LONGEST, TEXT_LIMIT, NewActivity
from leads.models import ActivityType, Contact, Direction
from pipeline import talk, task_reminders
from pipeline.files import NewFile
from pipeline.forms.deal_fields import DAY
from pipeline.forms.files import ask_again, proof_fields, proof_of
from pipeline.models import Deal, DealContact, DealFile, EntryCondition, Task
from pipeline.models.tasks import TaskQuerySet
from pipeline.next_step import Proposal

MOMENT = forms.DateTimeInput(format="%Y-%m-%dT%H:%M", attrs={"type": "datetime-local"})
MOMENTS = ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M"]


def once_key() -> forms.CharField:
    """Its value is new with each form that is shown."""
    return forms.CharField(max_length=64, widget=forms.HiddenInput, initial=lambda: secrets.token_hex(16))


_FITTING = {
    "call": {"call", "follow_up"},
    "email": {"email", "follow_up"},
    "message": {"follow_up"},
    "meeting": {"meeting", "assessment"},
    "presentation": {"presentation", "demo"},
    "proposal_sent": {"proposal"},
    "contract_sent": {"contract"},
}
"""Type of activity → the kinds of tasks that it usually finishes."""


def fits(type_key: str, task_kind: str) -> bool:
    return task_kind in _FITTING.get(type_key, ())


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
        help_text=_("A link, a note or a file, where it is asked for."),
    )
    outcome: forms.Field = forms.ModelChoiceField(None, label=_("Outcome"), required=False, empty_label="–")
    direction = forms.ChoiceField(
        label=_("Who began"), required=False, choices=[(Direction.OUT, _("We did")), (Direction.IN, _("They did"))]
    )
    minutes = forms.IntegerField(
        label=_("How long (minutes)"), required=False, min_value=1, max_value=LONGEST,
        widget=forms.NumberInput(attrs={"inputmode": "numeric"}),
    )  # fmt: skip
    contacts: forms.Field = forms.ModelMultipleChoiceField(
        None, label=_("With"), required=False, widget=forms.CheckboxSelectMultiple
    )
    happened_at = forms.DateTimeField(
        label=_("When"), required=False, input_formats=MOMENTS, widget=MOMENT, help_text=_("Empty: now.")
    )
    finishes: forms.Field = forms.ModelChoiceField(
        None, label=_("This task is done with it"), required=False, empty_label=_("None")
    )
    once_key = once_key()

    def __init__(
        self,
        *args: Any,
        type: ActivityType,
        deal: Deal,
        people: Sequence[DealContact],
        to_agree: Sequence[EntryCondition],
        tasks: TaskQuerySet,
        **options: Any,
    ) -> None:
        main = [person.contact_id for person in people if person.is_primary]
        super().__init__(*args, initial={"contacts": main, "direction": Direction.OUT}, auto_id="log-%s", **options)
        self.type = type
        self._offer_tasks(tasks)
        self.fields["outcome"].queryset = type.outcomes.all()  # type: ignore[attr-defined]
        self.fields["contacts"].queryset = Contact.objects.existing().among(  # type: ignore[attr-defined]
            [person.contact_id for person in people]
        )
        self.fields["agreed"].choices = [(str(asked.pk), asked.label) for asked in to_agree]  # type: ignore[attr-defined]
        self._leave_out(people, to_agree)
        if "evidence" in self.fields:
            for name, field in proof_fields(deal).items():
                self.add_field(name, field)

    def _leave_out(self, people: Sequence[DealContact], to_agree: Sequence[EntryCondition]) -> None:
        """A note is with nobody and nobody agrees in it; what has no choices is not asked."""
        with_buyer = self.type.key != "note"
        kept = {
            "outcome": self.type.outcomes.exists(),
            "direction": self.type.directed,
            "minutes": with_buyer,
            "contacts": with_buyer and bool(people),
            "agreed": with_buyer and bool(to_agree),
            "evidence": with_buyer and any(asked.needs_evidence for asked in to_agree),
        }
        for name, keep in kept.items():
            if not keep:
                del self.fields[name]

    def _offer_tasks(self, tasks: TaskQuerySet) -> None:
        """Open ones, the first one of a fitting kind proposed. A finished one is no mistake: the form may be sent again."""
        field, open_ones = self.fields["finishes"], list(tasks.open().values_list("pk", "title", "kind"))
        field.queryset = tasks  # type: ignore[attr-defined]
        field.choices = [("", _("None")), *((pk, title) for pk, title, _kind in open_ones)]  # type: ignore[attr-defined]
        self.initial["finishes"] = next((pk for pk, _title, kind in open_ones if fits(self.type.key, kind)), None)
        if not open_ones and not self.is_bound:
            del self.fields["finishes"]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        says_something = data.get("text") or data.get("outcome") or data.get("agreed")
        if not says_something and "text" not in self.errors and self.type.key == "note":
            raise ValidationError({"text": _("Write what there is to remember.")})
        if self.errors:
            ask_again(self)
        return data

    def entry(self) -> NewActivity:
        data = self.cleaned_data
        return NewActivity(
            self.type, direction=data.get("direction") or "", outcome=data.get("outcome"), text=data["text"],
            minutes=data.get("minutes"), happened_at=data["happened_at"], contacts=tuple(data.get("contacts") or ()),
        )  # fmt: skip

    def agreed_ids(self) -> list[int]:
        return [int(pk) for pk in self.cleaned_data.get("agreed") or ()]

    def finished(self) -> Task | None:
        found: Task | None = self.cleaned_data.get("finishes")
        return found

    def proof(self) -> DealFile | NewFile | None:
        return proof_of(self.cleaned_data)

    def take(self, refusal: ValidationError) -> None:
        """A commitment without its evidence is told beside the evidence."""
        if hasattr(refusal, "error_dict"):
            named = {_beside(name): errors for name, errors in refusal.error_dict.items()}
            refusal = ValidationError(named)
        super().take(refusal)
        ask_again(self)


def _beside(name: str) -> str:
    return "evidence" if name.startswith("evidence_") else "happened_at" if name.startswith("when_") else name


class CommentForm(Form):
    text = forms.CharField(
        label=_("Comment"), max_length=talk.TEXT_LIMIT,
        widget=forms.Textarea(attrs={"rows": 2, "data-enter-saves": "", "data-mentions": "", "autocomplete": "off"}),
        help_text=_("Only colleagues read it. @ and a name tells somebody."),
    )  # fmt: skip
    once_key = once_key()

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, auto_id="comment-%s", **options)


class WhenField(forms.CharField):
    """A day, or a time of a day, in words or as a date. Its value is a `date_words.Said`, in the zone of the reader."""

    def __init__(self, **options: Any) -> None:
        attributes = {"autocomplete": "off", "placeholder": _("fri, in 2 weeks, 1 dec 9:00")}
        super().__init__(**{"widget": forms.TextInput(attrs=attributes), "max_length": 60, **options})

    def clean(self, value: Any) -> Any:
        text = super().clean(value)
        return date_words.read(text, timezone.get_current_timezone(), timezone.now()) if text else None


class TaskForm(Form):
    title = forms.CharField(label=_("What"), max_length=200, widget=forms.TextInput(attrs={"autocomplete": "off"}))
    due_on = WhenField(label=_("Due"))
    once_key = once_key()

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, auto_id="task-%s", **options)


class DayForm(Form):
    """Another day for a task: in words, or `day`, which a calendar gives."""

    due_on = WhenField(label=_("When"), required=False)
    day = forms.DateField(label=_("Or a date"), required=False, widget=DAY)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, auto_id="day-%s", **options)
        self.fields["due_on"].widget.attrs["autofocus"] = True

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if self.errors or data["due_on"]:
            return data
        if data["day"] is None:
            raise ValidationError({"due_on": f"{gettext('Say when.')} {date_words.examples()}"})
        try:
            said = date_words.read(data["day"].isoformat(), timezone.get_current_timezone(), timezone.now())
        except ValidationError as error:
            raise ValidationError({"day": error}) from error
        return {**data, "due_on": said}


class NextStepForm(Form):
    """What comes next on the deal. `stage_task` is what the stage asks for, as long as nobody writes something else."""

    title = forms.CharField(label=_("What"), max_length=200, widget=forms.TextInput(attrs={"autocomplete": "off"}))
    due_on = WhenField(label=_("When"))
    stage_task = forms.IntegerField(required=False, min_value=1, max_value=2**31 - 1, widget=forms.HiddenInput)
    once_key = once_key()

    def __init__(self, *args: Any, proposal: Proposal, **options: Any) -> None:
        first = {"title": proposal.title, "due_on": proposal.words, "stage_task": proposal.stage_task}
        super().__init__(*args, auto_id="next-%s", initial=first, **options)
        self.fields["due_on"].widget.attrs.update({"autofocus": True, "data-select": ""})
        self.proposal = proposal

    def asked_by_stage(self) -> int | None:
        """The stage's own task, if that is what was taken."""
        same = self.cleaned_data["title"] == self.proposal.title
        return (
            self.proposal.stage_task if same and self.cleaned_data["stage_task"] == self.proposal.stage_task else None
        )


class CountForm(Form):
    """How many are done, not how many more: sent twice, it is the same."""

    counted = forms.IntegerField(label=_("How many are done"), min_value=0, max_value=1000)


class RemindForm(Form):
    """Minutes before a task; empty for no reminder. What is offered for which task is for the rule."""

    before = forms.TypedChoiceField(
        label=_("Remind me"), required=False, coerce=int, empty_value=None,
        choices=[("", _("Not at all")), *task_reminders.BEFORE.items()],
    )  # fmt: skip


class EvidenceForm(Form):
    """A word, or a file of the deal, or a new one: one of them where the condition asks for it."""

    evidence = forms.CharField(
        label=_("What proves it"), max_length=500, help_text=_("A link or a note."), required=False
    )

    def __init__(self, *args: Any, condition: EntryCondition, deal: Deal, **options: Any) -> None:
        super().__init__(*args, auto_id=f"proof-{condition.pk}-%s", **options)
        for name, field in proof_fields(deal).items():
            self.add_field(name, field)

    def proof(self) -> DealFile | NewFile | None:
        return proof_of(self.cleaned_data)

    def take(self, refusal: ValidationError) -> None:
        self.add_error("evidence", list(refusal.messages))
        ask_again(self)


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
