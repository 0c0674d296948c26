"""Forms of the process: each is checked as a part of the whole definition before a row is written."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from django import forms
from django.core.exceptions import ValidationError
from django.forms.models import BaseInlineFormSet
from django.utils.translation import gettext, gettext_lazy

from crm import fields, money
from crm import forms as house
from crm.admin.base import Form, ListForm
from leads.models import ActivityType
from pipeline import templates
from pipeline.conditions import KINDS, OPERATORS
from pipeline.definition import kind_is_fixed, why_not_removable
from pipeline.models import Deal, Pipeline, Stage
from pipeline.soundness import COMPARES, Place, blocking, check_condition, problems_of_stages, tidy_condition

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

METHODS = ["BANT", "SPIN", "SNAP", "GAP", "Challenger", "Sandler", "Soft selling"]


class Note(forms.Form):
    """What a version says about itself."""

    note = forms.CharField(
        label=gettext_lazy("What changed"), max_length=500, required=False, widget=forms.TextInput(attrs={"class": "vLargeTextField"}),
        help_text=gettext_lazy("For those who ask later why the process looks like this. Kept with the version that saving makes."),
    )  # fmt: skip


class NewPipelineForm(Form):
    start = forms.ChoiceField(
        label=gettext_lazy("Start from"),
        help_text=gettext_lazy(
            "Its stages, conditions, tasks and texts are copied; everything can be changed afterwards."
        ),
    )

    class Meta:
        model = Pipeline
        fields = ["name", "currency"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        shipped = [(name, templates.read(name)["name"]) for name in templates.SHIPPED]
        self.fields["start"].choices = [*shipped, (templates.BLANK, gettext("An almost empty pipeline"))]  # type: ignore[attr-defined]

    def clean_currency(self) -> str:
        return money.check_currency(self.cleaned_data["currency"])


class PipelineForm(ListForm, Note):
    methodology = forms.ChoiceField(
        label=gettext_lazy("Methodology"), required=False, choices=[("", "–"), *((name, name) for name in METHODS)]
    )

    class Meta:
        model = Pipeline
        fields = ["name", "currency", "description", "methodology", "ideal_customer", "jumps", "order"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["currency"].help_text = gettext("New deals take it. Deals that are there keep theirs.")
        self.fields["in_use"].help_text = gettext("Off: its board is gone. First move or close its open deals.")

    def clean_currency(self) -> str:
        return money.check_currency(self.cleaned_data["currency"])

    def clean_in_use(self) -> bool:
        in_use = super().clean_in_use()
        waiting = Deal.objects.existing().open().filter(pipeline=self.instance).count()
        if not in_use and waiting:
            raise ValidationError(
                gettext("%(number)d open deals would be lost to sight: move or close them first.") % {"number": waiting}
            )
        return in_use


class PartForm(Form):
    def validate_constraints(self) -> None:
        """The definition is checked as a whole, by soundness.py: a mark may pass from one row to another at once."""


class StageFields(PartForm):
    """What the row on the pipeline's page and the stage's own page check alike."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "kind" in self.fields and kind_is_fixed(self.instance):
            self.fields["kind"].help_text = gettext("Fixed: deals have been in this stage.")

    def clean_kind(self) -> str:
        kind: str = self.cleaned_data["kind"]
        if kind_is_fixed(self.instance) and kind != self.initial.get("kind"):
            raise ValidationError(gettext("Deals have been in this stage; its kind is what they were then, and stays."))
        return kind

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if data.get("kind") == "lost" and data.get("step"):
            self.add_error("step", gettext("A lost stage belongs to no step."))
        return data


class StageRow(StageFields):
    pass


class StagePageForm(StageFields, Note):
    class Meta:
        model = Stage
        fields = [
            "name", "step", "kind", "probability", "target_days", "idle_days", "most_deals", "description", "buyer_phase",
            "buyer_asks", "buyer_receives", "is_presentation", "qualified_from_here",
        ]  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        steps = self.instance.pipeline.steps.filter(retired_at__isnull=True)
        self.fields["step"].queryset = steps  # type: ignore[attr-defined]
        self.fields["qualified_from_here"].help_text = gettext(
            "Leads that turn into deals enter here; the steps before it count as the lead's. One stage of a pipeline can have it."
        )
        self.fields["probability"].help_text = gettext("Weighs the value of its deals in the forecast.")

    def clean(self) -> dict[str, Any]:
        data = super().clean()
        if not self.errors:
            others = Stage.objects.in_use().filter(pipeline=self.instance.pipeline_id).exclude(pk=self.instance.pk)
            own = Place(data["name"], data["kind"], self.instance.order, data["qualified_from_here"])
            for message in blocking(problems_of_stages([*(_place(stage) for stage in others), own])):
                self.add_error(None, message)
        return data


def _place(stage: Stage) -> Place:
    return Place(stage.name, stage.kind, stage.order, stage.qualified_from_here)


class PartsFormSet(BaseInlineFormSet):
    """Rows with an order that the admin may remove: the rule deletes or retires them."""

    def clean(self) -> None:
        super().clean()
        for form in self.deleted_forms:
            if form.instance.pk and (reason := why_not_removable(form.instance)):
                raise ValidationError(reason)

    def kept(self) -> list[dict[str, Any]]:
        return [form.cleaned_data for form in self.forms if form.cleaned_data and form not in self.deleted_forms]

    def add_fields(self, form: Any, index: int | None) -> None:
        super().add_fields(form, index)
        if "DELETE" in form.fields:
            form.fields["DELETE"].label = gettext("Remove")


class StagesFormSet(PartsFormSet):
    def clean(self) -> None:
        super().clean()
        if any(self.errors):
            return
        places = [Place(row["name"], row["kind"], row["order"], row["qualified_from_here"]) for row in self.kept()]
        reasons = blocking(problems_of_stages(places))
        if reasons:
            raise ValidationError(reasons)


class StepsFormSet(PartsFormSet):
    def clean(self) -> None:
        super().clean()
        names = [row["name"].casefold() for row in self.kept() if "name" in row]
        if len(names) > len(set(names)):
            raise ValidationError(gettext("Two steps have the same name."))


class ConditionForm(PartForm):
    kind = forms.ChoiceField(label=gettext_lazy("Kind"))
    field = forms.ChoiceField(label=gettext_lazy("Field"), required=False)
    operator = forms.ChoiceField(label=gettext_lazy("Comparison"), required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        now = self.instance
        askable = [(name, field.label) for name, field in fields.of("deal").items() if field.in_conditions]
        self._offer("kind", [(key, kind.label) for key, kind in KINDS.items()], now.kind, blank=False)
        self._offer("field", askable, now.field)
        self._offer("operator", [(key, operator.label) for key, operator in OPERATORS.items()], now.operator)
        # Read by admin_conditions.js.
        self.fields["kind"].widget.attrs |= {
            "data-uses": json.dumps({key: kind.uses for key, kind in KINDS.items()}),
            "data-compares": json.dumps(sorted(COMPARES)),
        }
        types = ActivityType.objects.filter(retired_at__isnull=True) | ActivityType.objects.filter(
            pk=now.activity_type_id
        )
        self.fields["activity_type"].queryset = types  # type: ignore[attr-defined]

    def _offer(self, name: str, choices: Iterable[tuple[str, StrOrPromise]], now: str, blank: bool = True) -> None:
        """What it names now is offered even when it is gone, so that the page can say so."""
        offered = list(choices)
        if now and now not in {key for key, _label in offered}:
            offered.append((now, gettext("%(name)s (no longer there)") % {"name": now}))
        self.fields[name].choices = [*([("", "–")] if blank else []), *offered]  # type: ignore[attr-defined]

    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]
        if self.errors:
            return
        tidy_condition(self.instance)
        try:
            check_condition(self.instance)
        except ValidationError as error:
            self.add_error(None, error)


class TaskForm(PartForm):
    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if data.get("repeat_days") and not data.get("repeat_limit"):
            self.add_error("repeat_limit", gettext("Say how often at most."))
        if data.get("repeat_days") and not data.get("repeat_until"):
            self.add_error("repeat_until", gettext("Say until when it is repeated."))
        if not data.get("repeat_days"):
            data |= {"repeat_limit": 0, "repeat_until": ""}
        return data


class ResourceForm(PartForm):
    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if not data.get("text") and not data.get("url"):
            self.add_error("text", gettext("Give it a text or a link."))
        return data

    def clean_url(self) -> str:
        url: str = self.cleaned_data["url"]
        if url and not url.startswith(("https://", "http://")):
            raise ValidationError(gettext("A link begins with https:// or http://."))
        return url


class RetireForm(house.Form):
    to_stage = forms.ModelChoiceField(
        Stage.objects.none(), label=gettext_lazy("Its deals go to"), empty_label=gettext_lazy("Choose a stage")
    )
    note = forms.CharField(label=gettext_lazy("What changed"), max_length=500, required=False)

    def __init__(self, targets: list[Stage], deals: int, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["to_stage"]
        field.queryset = Stage.objects.filter(pk__in=[stage.pk for stage in targets])  # type: ignore[attr-defined]
        field.required = bool(deals)
        field.error_messages["required"] = gettext("There are deals in it; say which stage they go to.")
