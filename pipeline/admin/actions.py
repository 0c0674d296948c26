"""What a stage does by itself, as folded rows of its page."""

from __future__ import annotations

import json
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy

from crm import fields
from crm.models import User
from pipeline.admin.forms import PartForm
from pipeline.admin.parts import StageParts
from pipeline.automation import SETTABLE
from pipeline.models import Pipeline, ProcessAction
from pipeline.soundness_of_actions import USES, check_action, tidy_action


class ActionForm(PartForm):
    field = forms.ChoiceField(label=gettext_lazy("Field"), required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        declared = fields.of("deal")
        choices = [("", "–"), *((name, declared[name].label) for name in SETTABLE)]
        self.fields["field"].choices = choices  # type: ignore[attr-defined]
        # Read by admin_conditions.js.
        self.fields["what"].widget.attrs |= {"data-uses": json.dumps(USES), "data-compares": "[]"}
        now = self.instance
        active = User.objects.active() | User.objects.filter(pk=now.user_id)
        in_use = Pipeline.objects.in_use() | Pipeline.objects.filter(pk=now.pipeline_id)
        self.fields["user"].queryset = active  # type: ignore[attr-defined]
        self.fields["pipeline"].queryset = in_use  # type: ignore[attr-defined]

    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]
        if self.errors:
            return
        tidy_action(self.instance)
        try:
            check_action(self.instance)
        except ValidationError as error:
            self.add_error(None, error)


class Actions(StageParts):
    model = ProcessAction
    form = ActionForm
    fieldsets = [
        (
            None,
            {
                "fields": [
                    ("order", "when", "what"),
                    ("role", "user"),
                    ("field", "value"),
                    "tag",
                    "pipeline",
                    "text",
                ],
                "description": gettext_lazy(
                    "Done in the same step as the move, once for each stay, and shown on the deal as done by the process."
                    " A new deal passes the conditions of its first stage like any other."
                ),
            },
        )
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[ProcessAction]:
        """With what its line names."""
        return super().get_queryset(request).select_related("user", "tag", "pipeline")
