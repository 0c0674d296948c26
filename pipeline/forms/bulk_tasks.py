"""One small form for each thing that can be done with many tasks."""

from __future__ import annotations

import datetime
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm import access, date_words
from crm.forms import Form
from crm.models import User
from pipeline import task_words
from pipeline.forms.bulk import Kind
from pipeline.forms.daily import WhenField
from pipeline.models import BulkRun

Action = BulkRun.Action


def kinds(user: User) -> list[Kind]:
    offered = [
        Kind(Action.DUE, "calendar", _("Another day")),
        Kind(Action.GIVE, "user", _("Owner")),
        Kind(Action.FINISH, "check", _("Done")),
    ]
    return [kind for kind in offered if kind.name != Action.GIVE or user.is_manager]


class TasksForm(Form):
    """`given()` is what the rule takes, `words()` what the run is called."""

    button = gettext_lazy("Done")

    def __init__(self, *args: Any, user: User, **options: Any) -> None:
        super().__init__(*args, auto_id="bulk-%s", **options)
        self.prepare(user)

    def prepare(self, user: User) -> None:
        """Choices that depend on the reader."""

    def given(self) -> dict[str, Any]:
        return {}

    def words(self) -> str:
        return _("Finish tasks")


class DueForm(TasksForm):
    due_on = WhenField(label=gettext_lazy("When"))
    button = gettext_lazy("Set the day")

    def said(self) -> date_words.Said:
        found: date_words.Said = self.cleaned_data["due_on"]
        return found

    def given(self) -> dict[str, Any]:
        said = self.said()
        return {"day": said.day.isoformat()} if said.at is None else {"at": said.at.isoformat()}

    def words(self) -> str:
        said, zone = self.said(), timezone.get_current_timezone()
        moment = said.at or datetime.datetime.combine(said.day, datetime.time(12), zone)
        words = _("Tasks due %(day)s") % {"day": task_words.due_fully(moment, said.at is not None, zone)}
        return f"{words}. {said.told}" if said.told else words


class GiveForm(TasksForm):
    owner = forms.ModelChoiceField(User.objects.none(), label=gettext_lazy("New owner"))
    button = gettext_lazy("Hand over")

    def prepare(self, user: User) -> None:
        self.fields["owner"].queryset = access.assignable_users(user)  # type: ignore[attr-defined]

    def given(self) -> dict[str, Any]:
        return {"owner": self.cleaned_data["owner"].pk}

    def words(self) -> str:
        return _("Give tasks to %(name)s") % {"name": self.cleaned_data["owner"].name}


FORMS: dict[str, type[TasksForm]] = {Action.DUE: DueForm, Action.GIVE: GiveForm, Action.FINISH: TasksForm}
