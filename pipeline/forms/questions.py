"""What the dialog of a refused move asks for, one question for each kind of condition, and what becomes of the answers."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django import forms
from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm import fields, money
from crm.fields import FieldKind
from crm.models import User
from leads.activities import NewActivity
from leads.models import Contact, Organization, Source
from pipeline.conditions import Verdict
from pipeline.forms.files import proof_fields, proof_of
from pipeline.models import Deal, DealContact, EntryCondition, Product, Stance, Task
from pipeline.moves import Fill, NewCommitment, NewPerson

LONGEST_CHOICE = 200
LOCAL_TIME = "%Y-%m-%dT%H:%M"


class DateInput(forms.DateInput):
    input_type = "date"

    def __init__(self) -> None:
        super().__init__(format="%Y-%m-%d")


class TimeInput(forms.DateTimeInput):
    input_type = "datetime-local"

    def __init__(self) -> None:
        super().__init__(format=LOCAL_TIME)


@dataclass(frozen=True)
class Asked:
    """Whom and what the question is about. `deal` is None while it does not exist yet."""

    verdict: Verdict
    deal: Deal | None
    currency: str
    user: User

    @property
    def condition(self) -> EntryCondition:
        return self.verdict.condition

    @property
    def name(self) -> str:
        return f"c{self.condition.pk}"


@dataclass
class Answers:
    """Gathered from all questions, for one Fill. `errors` by field of the form."""

    fill: Fill = field(default_factory=Fill)
    errors: dict[str, str] = field(default_factory=dict)


Fields = dict[str, forms.Field]
Values = Mapping[str, Any]


@dataclass(frozen=True)
class Question:
    """`fields` of the form that ask for it; `take` puts their values into the answers."""

    fields: Callable[[Asked], Fields]
    take: Callable[[Asked, Values, Answers], None]


# --- A word of the buyer, or the rep's own


def _said_fields(asked: Asked) -> Fields:
    found: Fields = {asked.name: forms.BooleanField(label=asked.condition.label, required=False)}
    if asked.condition.needs_evidence:
        found[f"{asked.name}_evidence"] = forms.CharField(
            label=gettext_lazy("Link or note that proves it"), required=False, max_length=500
        )
        found |= proof_fields(asked.deal, f"{asked.name}_")
    return found


def _take_said(asked: Asked, values: Values, answers: Answers) -> None:
    evidence, proof = values.get(f"{asked.name}_evidence") or "", proof_of(values, f"{asked.name}_")
    if not (values.get(asked.name) or evidence or proof):
        return
    if asked.condition.needs_evidence and not evidence and proof is None:
        answers.errors[f"{asked.name}_evidence"] = _("Add a link, a note or a file that proves it.")
        return
    answers.fill.commitments.append(NewCommitment(asked.condition.pk, evidence, proof))


# --- A field of the deal


def _field_name(asked: Asked) -> str:
    """Two conditions on one field ask once."""
    return f"f_{asked.condition.field}"


def _field_fields(asked: Asked) -> Fields:
    declared = fields.of("deal").get(asked.condition.field)
    if declared is None:
        return {}
    found = _input(declared, asked)
    found.label, found.required = declared.label, False
    if asked.deal is not None:
        value = getattr(asked.deal, declared.name)
        found.initial = value.name if isinstance(value, Organization) else _shown(value)
    return {_field_name(asked): found}


def _input(declared: fields.Field, asked: Asked) -> forms.Field:
    if declared.kind == FieldKind.MONEY:
        return forms.DecimalField(
            max_digits=17, decimal_places=4, min_value=0, widget=forms.TextInput({"inputmode": "decimal"}),
            help_text=_("In %(currency)s") % {"currency": asked.currency},
        )  # fmt: skip
    if declared.kind == FieldKind.DATE:
        return forms.DateField(widget=DateInput())
    if declared.reference == "leads.Organization":
        return OrganizationField(asked.user, asked.deal)
    if declared.reference == "leads.Source":
        return forms.ModelChoiceField(Source.objects.in_use())
    if declared.reference == "pipeline.Product":
        return forms.ModelChoiceField(Product.objects.in_use())
    return forms.CharField(max_length=declared.max_length)


def _shown(value: Any) -> Any:
    """Amounts without the zeros that the database adds."""
    if isinstance(value, money.Decimal):
        whole = value == value.to_integral_value()
        return format(value.quantize(money.Decimal(1)) if whole else value.normalize(), "f")
    return value


class OrganizationField(forms.CharField):
    """The name of an organization that is there; typed, because there may be thousands.

    Once it is typed, the place `#open-deals` below says who works with it already.
    """

    def __init__(self, user: User, deal: Deal | None = None) -> None:
        there = f"{reverse('deal-others')}?but={deal.pk}" if deal else reverse("deal-others")
        looks = {"hx-get": there, "hx-trigger": "change", "hx-target": "#open-deals", "hx-swap": "innerHTML"}
        # Not the form's own: what is sent right after typing must not be dropped for it.
        widget = forms.TextInput({**looks, "hx-sync": "this:replace", "autocomplete": "off"})
        help_text = _("The name of an organization that is already known.")
        super().__init__(max_length=200, help_text=help_text, widget=widget)
        self.user = user

    def clean(self, value: Any) -> Any:
        name = super().clean(value)
        if not name:
            return None
        seen = Organization.objects.visible_to(self.user).filter(name__iexact=name)
        found = seen.order_by("pk").first()
        if found is None:
            raise forms.ValidationError(_("There is no organization “%(name)s” yet; add it first.") % {"name": name})
        return found


def _take_field(asked: Asked, values: Values, answers: Answers) -> None:
    value = values.get(_field_name(asked))
    if value not in (None, ""):
        answers.fill.changes[asked.condition.field] = value


# --- People


def _candidates(asked: Asked) -> QuerySet[Contact]:
    """Contacts of the deal and of its organization, as far as this user sees them."""
    seen = Contact.objects.visible_to(asked.user).order_by("name", "pk")
    if asked.deal is None:
        return seen.none()
    near = Q(pk__in=DealContact.objects.filter(deal=asked.deal).values("contact"))
    if asked.deal.organization_id:
        near |= Q(organization=asked.deal.organization_id)
    return seen.filter(near)


def _contact_fields(asked: Asked) -> Fields:
    name = asked.name
    found: Fields = {}
    known = _candidates(asked)
    if known.exists():
        found[f"{name}_contact"] = forms.ModelChoiceField(
            known, label=gettext_lazy("Contact"), required=False, empty_label=_("Somebody new, named below")
        )
    found[f"{name}_name"] = forms.CharField(label=gettext_lazy("Name of a new contact"), required=False, max_length=200)
    found[f"{name}_phone"] = forms.CharField(label=gettext_lazy("Phone"), required=False, max_length=40)
    found[f"{name}_email"] = forms.EmailField(label=gettext_lazy("Email"), required=False)
    return found


def _take_contact(asked: Asked, values: Values, answers: Answers, stance: str = "") -> None:
    """The role goes to the chosen contact, whose phone and email may be added, or to a new one."""
    chosen, typed = values.get(f"{asked.name}_contact"), values.get(f"{asked.name}_name") or ""
    ways = {way: values[f"{asked.name}_{way}"] for way in ("phone", "email") if values.get(f"{asked.name}_{way}")}
    role = asked.condition.contact_role
    if typed:
        answers.fill.people.append(NewPerson(role, stance=stance, details={"name": typed, **ways}))
    elif chosen is not None:
        may_edit = ways and Contact.objects.editable_by(asked.user).filter(pk=chosen.pk).exists()
        answers.fill.people.append(NewPerson(role, chosen, stance=stance, details=ways if may_edit else {}))
    elif ways:
        answers.errors[f"{asked.name}_name"] = _("Say whose phone or email this is.")


def _asked_to_agree(asked: Asked) -> list[DealContact]:
    if asked.deal is None:
        return []
    people = DealContact.objects.filter(deal=asked.deal).select_related("contact").exclude(role="")
    role = asked.condition.contact_role
    return [person for person in people if not role or person.role == role]


def _agree_fields(asked: Asked) -> Fields:
    people = _asked_to_agree(asked)
    if not people:
        return _contact_fields(asked) if asked.condition.contact_role else {}
    return {
        f"{asked.name}_s{person.contact_id}": forms.ChoiceField(
            label=person.contact.name, choices=Stance.choices, required=False, initial=person.stance
        )
        for person in people
        if person.stance != Stance.FOR
    }


def _take_agreement(asked: Asked, values: Values, answers: Answers) -> None:
    people = _asked_to_agree(asked)
    if not people:
        return _take_contact(asked, values, answers, stance=Stance.FOR)
    for person in people:
        stance = values.get(f"{asked.name}_s{person.contact_id}")
        if stance and stance != person.stance:
            answers.fill.people.append(NewPerson(person.role, person.contact, stance=stance))
    return None


def _member_fields(asked: Asked) -> Fields:
    colleagues = User.objects.active().order_by("name", "pk")
    label = gettext_lazy("Colleague")
    return {f"{asked.name}_user": forms.ModelChoiceField(colleagues, label=label, required=False)}


def _take_member(asked: Asked, values: Values, answers: Answers) -> None:
    chosen = values.get(f"{asked.name}_user")
    if chosen is not None:
        answers.fill.people.append(NewPerson(asked.condition.member_role, user=chosen))


# --- What was done


def _activity_fields(asked: Asked) -> Fields:
    kind = asked.condition.activity_type
    if kind is None:
        return {}
    found: Fields = {
        asked.name: forms.BooleanField(label=asked.condition.label, required=False),
        f"{asked.name}_when": forms.DateTimeField(
            label=gettext_lazy("When"), required=False, widget=TimeInput(), initial=timezone.localtime().replace(second=0, microsecond=0)
        ),
    }  # fmt: skip
    if kind.outcomes.exists():
        found[f"{asked.name}_outcome"] = forms.ModelChoiceField(
            kind.outcomes.all(), label=gettext_lazy("Outcome"), required=False
        )
    note = forms.CharField(
        label=gettext_lazy("Note"), required=False, max_length=2000, widget=forms.Textarea({"rows": 2})
    )
    found[f"{asked.name}_text"] = note
    return found


def _take_activity(asked: Asked, values: Values, answers: Answers) -> None:
    kind, text = asked.condition.activity_type, values.get(f"{asked.name}_text") or ""
    if kind is None or not (values.get(asked.name) or text):
        return
    when: datetime.datetime | None = values.get(f"{asked.name}_when")
    people = (
        DealContact.objects.filter(deal=asked.deal, is_primary=True).select_related("contact") if asked.deal else []
    )
    answers.fill.activities.append(
        NewActivity(
            kind, direction="out" if kind.directed else "", outcome=values.get(f"{asked.name}_outcome"), text=text,
            happened_at=when, contacts=tuple(person.contact for person in people),
        )
    )  # fmt: skip


def _open_tasks(asked: Asked) -> list[Task]:
    return list(Task.objects.open().filter(deal=asked.deal, required=True)) if asked.deal else []


def _task_fields(asked: Asked) -> Fields:
    return {f"t_{task.pk}": forms.BooleanField(label=task.title, required=False) for task in _open_tasks(asked)}


def _take_tasks(asked: Asked, values: Values, answers: Answers) -> None:
    answers.fill.tasks_done.extend(task.pk for task in _open_tasks(asked) if values.get(f"t_{task.pk}"))


def _nothing(asked: Asked) -> Fields:
    return {}


def _take_nothing(asked: Asked, values: Values, answers: Answers) -> None:
    """A manager's approval is asked for by a button of its own."""


QUESTIONS: dict[str, Question] = {
    "commitment": Question(_said_fields, _take_said),
    "by_hand": Question(_said_fields, _take_said),
    "field": Question(_field_fields, _take_field),
    "contact_role": Question(_contact_fields, _take_contact),
    "contact_reachable": Question(_contact_fields, _take_contact),
    "everyone_agrees": Question(_agree_fields, _take_agreement),
    "member_role": Question(_member_fields, _take_member),
    "activity": Question(_activity_fields, _take_activity),
    "tasks_done": Question(_task_fields, _take_tasks),
    "approval": Question(_nothing, _take_nothing),
}
UNKNOWN = Question(_nothing, _take_nothing)
