"""What changes many deals at once: which deals, and one small form for each thing that can be done with them."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any

from django import forms
from django.core.exceptions import BadRequest
from django.http import QueryDict
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm import access
from crm.forms import Form
from crm.models import User
from pipeline.models import BulkRun, CloseReason, Pipeline, Stage, Tag

Action = BulkRun.Action
DAY = forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})


def read_chosen(data: QueryDict, name: str = "deal") -> dict[int, int | None]:
    """Deals (or tasks) with the version that was on the screen: boxes as “12:3”, or all in one field with commas between them."""
    texts = [*data.getlist(name), *(part for part in data.get(f"{name}s", "").split(",") if part)]
    chosen: dict[int, int | None] = {}
    for text in texts:
        pk, _colon, version = text.partition(":")
        if not all(part.isascii() and part.isdigit() and len(part) < 19 for part in (pk, version or "1")):
            none = _("“%(text)s” is no task that can be chosen.")
            raise BadRequest(
                (none if name == "task" else _("“%(text)s” is no deal that can be chosen.")) % {"text": text[:40]}
            )
        chosen[int(pk)] = int(version) if version else None
    return chosen


def write_chosen(chosen: dict[int, int | None]) -> str:
    return ",".join(f"{pk}:{version}" if version else str(pk) for pk, version in chosen.items())


@dataclass(frozen=True)
class Kind:
    """An action in words: its button in the list, the heading and the button of its form."""

    name: str
    icon: str
    heading: str


def kinds(user: User) -> list[Kind]:
    offered = [
        Kind(Action.MOVE, "arrow-right", _("Move")),
        Kind(Action.OWNER, "user", _("Owner")),
        Kind(Action.TAG, "tag", _("Add tag")),
        Kind(Action.UNTAG, "tag-off", _("Remove tag")),
        Kind(Action.CLOSE, "calendar-event", _("Close date")),
        Kind(Action.LOSE, "ban", _("Lost")),
    ]
    return [kind for kind in offered if kind.name != Action.OWNER or user.is_manager]


class BulkForm(Form):
    """`given()` is what the rule takes, `words()` what the run is called."""

    def __init__(self, *args: Any, pipeline: Pipeline, user: User, **options: Any) -> None:
        super().__init__(*args, auto_id="bulk-%s", **options)
        self.prepare(pipeline, user)

    def prepare(self, pipeline: Pipeline, user: User) -> None:
        """Choices that depend on the pipeline or the reader."""

    def given(self) -> dict[str, Any]:
        return {name: getattr(value, "pk", value) for name, value in self.cleaned_data.items()}

    def words(self) -> str:
        raise KeyError


class OwnerForm(BulkForm):
    owner = forms.ModelChoiceField(User.objects.none(), label=gettext_lazy("New owner"))
    tasks_stay = forms.BooleanField(
        label=gettext_lazy("Open tasks stay with the former owner"), required=False,
        help_text=gettext_lazy("Else they go along with the deal."),
    )  # fmt: skip

    def prepare(self, pipeline: Pipeline, user: User) -> None:
        self.fields["owner"].queryset = access.assignable_users(user)  # type: ignore[attr-defined]

    def given(self) -> dict[str, Any]:
        return {"owner": self.cleaned_data["owner"].pk, "tasks_along": not self.cleaned_data["tasks_stay"]}

    def words(self) -> str:
        return _("Hand over to %(name)s") % {"name": self.cleaned_data["owner"].name}


class MoveForm(BulkForm):
    stage = forms.ModelChoiceField(Stage.objects.none(), label=gettext_lazy("Move to"))

    def prepare(self, pipeline: Pipeline, user: User) -> None:
        stages = Stage.objects.in_use().filter(pipeline=pipeline).exclude(kind="lost")
        self.fields["stage"].queryset = stages.order_by("order", "pk")  # type: ignore[attr-defined]

    def words(self) -> str:
        return _("Move to %(stage)s") % {"stage": self.cleaned_data["stage"].name}


class TagForm(BulkForm):
    tag = forms.ModelChoiceField(Tag.objects.order_by("name"), label=gettext_lazy("Tag"))

    def words(self) -> str:
        return _("Add the tag “%(tag)s”") % {"tag": self.cleaned_data["tag"].name}


class UntagForm(TagForm):
    def words(self) -> str:
        return _("Remove the tag “%(tag)s”") % {"tag": self.cleaned_data["tag"].name}


class CloseForm(BulkForm):
    day = forms.DateField(label=gettext_lazy("Expected close"), widget=DAY)

    def given(self) -> dict[str, Any]:
        return {"day": self.cleaned_data["day"].isoformat()}

    def words(self) -> str:
        return _("Close on %(day)s") % {"day": date_format(self.cleaned_data["day"], "j M Y")}


class LoseForm(BulkForm):
    reason = forms.ModelChoiceField(
        CloseReason.objects.in_use().filter(kind="lost"), label=gettext_lazy("Why they were lost")
    )
    note = forms.CharField(label=gettext_lazy("Note on the reason"), max_length=500, required=False)
    come_back_on = forms.DateField(label=gettext_lazy("Come back on"), widget=DAY, required=False)

    def clean(self) -> dict[str, Any]:
        """What the reason asks for is asked here once, and not refused deal by deal."""
        data: dict[str, Any] = super().clean() or {}
        reason = data.get("reason")
        if reason is not None and reason.asks_note and not data.get("note"):
            self.add_error("note", reason.asks_note)
        if reason is not None and reason.asks_date and not data.get("come_back_on"):
            self.add_error("come_back_on", _("Say when to come back to it."))
        return data

    def given(self) -> dict[str, Any]:
        day = self.cleaned_data["come_back_on"]
        return {
            "reason": self.cleaned_data["reason"].pk,
            "note": self.cleaned_data["note"],
            "come_back_on": day.isoformat() if day else None,
        }

    def words(self) -> str:
        return _("Mark as lost: %(reason)s") % {"reason": self.cleaned_data["reason"].name}


FORMS: dict[str, type[BulkForm]] = {
    Action.OWNER: OwnerForm,
    Action.MOVE: MoveForm,
    Action.TAG: TagForm,
    Action.UNTAG: UntagForm,
    Action.CLOSE: CloseForm,
    Action.LOSE: LoseForm,
}


def fresh_key() -> str:
    return secrets.token_hex(16)
