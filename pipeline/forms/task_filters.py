"""The filters of the list of tasks, read from its address. What is not understood is refused in words."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import BadRequest
from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.access import assignable_users
from crm.forms import Form
from crm.models import User
from pipeline.forms.filters import Flag, FlagInput
from pipeline.models import TaskKind
from pipeline.task_list import EVERYBODY, SORTS, TaskFilters

DAY = forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})


class TaskFilterForm(Form):
    owner = forms.ChoiceField(label=gettext_lazy("Whose"), required=False)
    kind = forms.ChoiceField(
        label=gettext_lazy("Kind"), required=False, choices=[("", gettext_lazy("Any kind")), *TaskKind.choices]
    )
    due_from = forms.DateField(label=gettext_lazy("Due from"), required=False, widget=DAY)
    due_to = forms.DateField(label=gettext_lazy("Due until"), required=False, widget=DAY)
    overdue = Flag(label=gettext_lazy("Overdue"), required=False, widget=FlagInput({"value": "1"}))
    deal = forms.IntegerField(required=False, min_value=1, max_value=2**31 - 1, widget=forms.HiddenInput)
    sort = forms.ChoiceField(
        required=False, choices=[(way, way) for name in SORTS for way in (name, f"-{name}")], widget=forms.HiddenInput
    )

    def __init__(self, data: QueryDict, user: User) -> None:
        super().__init__(data, auto_id="tasks-%s")
        mine = [("", _("Mine"))]
        if user.is_manager:
            people = assignable_users(user).exclude(pk=user.pk).order_by("name").values_list("pk", "name")
            mine += [(EVERYBODY, _("Everybody’s")), *((str(pk), name) for pk, name in people)]
        self.fields["owner"].choices = mine  # type: ignore[attr-defined]

    def filters(self) -> TaskFilters:
        given: dict[str, Any] = {name: value for name, value in self.cleaned_data.items() if value}
        return TaskFilters(**given)


def read(data: QueryDict, user: User) -> TaskFilterForm:
    """Raises BadRequest in words."""
    form = TaskFilterForm(data, user)
    for name in data:
        if name not in form.fields and name != "page":
            raise BadRequest(_("The list of tasks knows no filter “%(name)s”.") % {"name": name[:40]})
    if not form.is_valid():
        name = next(iter(form.errors))
        named = {"name": name, "value": data.get(name, "")[:40], "why": form.errors[name][0]}
        raise BadRequest(_("%(name)s=%(value)s cannot be shown: %(why)s") % named)
    return form
