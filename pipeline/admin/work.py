"""Regular work without a deal, goals for activities, and what the process did by itself."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.utils.dates import WEEKDAYS, WEEKDAYS_ABBR
from django.utils.translation import gettext, gettext_lazy

from crm.admin.base import ConfiguredPage, Form, ReadOnly
from leads.models import ActivityType
from pipeline.models import ActionRun, ActivityGoal, RecurringWork


class WorkForm(Form):
    weekdays = forms.MultipleChoiceField(label=gettext_lazy("Weekdays"), widget=forms.CheckboxSelectMultiple)

    class Meta:
        model = RecurringWork
        fields = [
            "title", "kind", "instructions", "times", "user", "role", "team", "weekdays", "every_weeks", "starts_on", "pipeline",
            "step", "is_active",
        ]  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["weekdays"].choices = [(str(day), name) for day, name in WEEKDAYS.items()]  # type: ignore[attr-defined]
        self.initial["weekdays"] = list(self.instance.weekdays)

    def clean_weekdays(self) -> str:
        return "".join(sorted(self.cleaned_data["weekdays"]))

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if sum(bool(data.get(name)) for name in ("user", "role", "team")) != 1:
            self.add_error("user", gettext("Choose a person, a role or a team: one of the three."))
        step, pipeline = data.get("step"), data.get("pipeline")
        if step is not None and pipeline is not None and step.pipeline_id != pipeline.pk:
            self.add_error("step", gettext("This step belongs to another pipeline."))
        return data


@admin.register(RecurringWork)
class WorkPage(ConfiguredPage):
    section = "process"
    form = WorkForm
    list_display = ["title", "times", "for_whom", "on_days", "every_weeks", "is_active"]
    list_filter = ["is_active", "role", "team"]
    list_select_related = ["user", "team"]
    fieldsets = [
        (None, {"fields": ["title", ("kind", "times"), "instructions", "is_active"]}),
        (gettext_lazy("For whom"), {"fields": [("user", "role", "team")]}),
        (
            gettext_lazy("When"),
            {
                "fields": ["weekdays", ("every_weeks", "starts_on")],
                "description": gettext_lazy(
                    "A task for each of them, planned when their day begins. Not on holidays of the company."
                ),
            },
        ),
        (gettext_lazy("Where it belongs"), {"fields": [("pipeline", "step")], "classes": ["collapse"]}),
    ]

    @admin.display(description=gettext_lazy("on"))
    def on_days(self, work: RecurringWork) -> str:
        return ", ".join(str(WEEKDAYS_ABBR[int(day)]) for day in work.weekdays)

    @admin.display(description=gettext_lazy("for whom"))
    def for_whom(self, work: RecurringWork) -> str:
        return str(work.user or work.team or work.get_role_display())


class GoalForm(Form):
    class Meta:
        model = ActivityGoal
        fields = ["type", "first_only", "held_only", "count", "period", "user", "role", "is_active"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        types = ActivityType.objects.in_use() | ActivityType.objects.filter(pk=self.instance.type_id)
        self.fields["type"].queryset = types  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if bool(data.get("user")) == bool(data.get("role")):
            self.add_error("user", gettext("Choose a person or a role, one of the two."))
        return data


@admin.register(ActivityGoal)
class GoalPage(ConfiguredPage):
    section = "process"
    form = GoalForm
    list_display = ["type", "count", "period", "for_whom", "first_only", "held_only", "is_active"]
    list_filter = ["is_active", "period", "role", "type"]
    list_select_related = ["type", "user"]
    fieldsets = [
        (None, {"fields": [("count", "type", "period"), ("first_only", "held_only"), "is_active"]}),
        (
            gettext_lazy("For whom"),
            {
                "fields": [("user", "role")],
                "description": gettext_lazy(
                    "A person's own goal stands in place of the role's. Days and weeks are those of the person."
                ),
            },
        ),
    ]

    @admin.display(description=gettext_lazy("for whom"))
    def for_whom(self, goal: ActivityGoal) -> str:
        return str(goal.user or goal.get_role_display())


@admin.register(ActionRun)
class RunPage(ReadOnly):
    list_display = ["at", "action", "deal", "outcome", "note", "undone_at"]
    list_display_links = ["at", "action"]
    list_filter = ["outcome", "action__what"]
    list_select_related = ["action__user", "action__tag", "action__pipeline", "deal"]
    fields = ["at", "action", "deal", "visit", "outcome", "note", "made", "undone_at"]
