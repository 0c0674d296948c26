"""What only a manager corrects: the dates of a deal's past, and the pipeline it is in."""

from __future__ import annotations

import datetime
import zoneinfo
from collections.abc import Sequence
from typing import Any

from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator
from django.utils.translation import gettext_lazy as _

from crm.forms import Form
from pipeline.models import Deal, Stage, StageVisit
from pipeline.moves import Stay

# Days that exist in every time zone, with room for a mistake.
_CALENDAR = [MinValueValidator(datetime.date(1900, 1, 1)), MaxValueValidator(datetime.date(2999, 12, 31))]


class HistoryForm(Form):
    """A day and, if known, a time for each stay. What is left as it was keeps its exact moment."""

    reason = forms.CharField(label=_("Why the dates are corrected"), max_length=500)

    def __init__(self, *args: Any, visits: Sequence[StageVisit], zone: zoneinfo.ZoneInfo, **options: Any) -> None:
        super().__init__(*args, auto_id="dates-%s", **options)
        self.visits, self.zone = visits, zone
        for visit in visits:
            day, time = self._shown(visit)
            known = visit.entered_precision != "unknown"
            css = {"class": "form-control"}
            self.fields[f"day_{visit.pk}"] = forms.DateField(
                label=visit.stage.name, initial=day, required=known, validators=_CALENDAR,
                widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date", **css}),
            )  # fmt: skip
            self.fields[f"time_{visit.pk}"] = forms.TimeField(
                label=_("Time"), initial=time, required=False,
                widget=forms.TimeInput(format="%H:%M", attrs={"type": "time", **css}),
            )  # fmt: skip
        self.order_fields([name for name in self.fields if name != "reason"] + ["reason"])

    def rows(self) -> list[tuple[StageVisit, forms.BoundField, forms.BoundField]]:
        return [(visit, self[f"day_{visit.pk}"], self[f"time_{visit.pk}"]) for visit in self.visits]

    def stays(self) -> list[Stay]:
        return [self._stay(visit) for visit in self.visits]

    def _shown(self, visit: StageVisit) -> tuple[datetime.date | None, datetime.time | None]:
        local = visit.entered_at.astimezone(self.zone)
        if visit.entered_precision == "unknown":
            return None, None
        time = local.time().replace(second=0, microsecond=0) if visit.entered_precision == "exact" else None
        return local.date(), time

    def _stay(self, visit: StageVisit) -> Stay:
        day, time = self.cleaned_data[f"day_{visit.pk}"], self.cleaned_data[f"time_{visit.pk}"]
        if day is None or (day, time) == self._shown(visit):
            return Stay(visit.stage, visit.entered_at, precision=visit.entered_precision, by=visit.by)
        moment = datetime.datetime.combine(day, time or datetime.time(), self.zone).astimezone(datetime.UTC)
        return Stay(visit.stage, moment, precision="exact" if time else "day", by=visit.by)


class PipelineForm(Form):
    stage = forms.ChoiceField(label=_("Where it goes"))

    def __init__(self, *args: Any, deal: Deal, **options: Any) -> None:
        super().__init__(*args, auto_id="pipeline-%s", **options)
        stages = (
            Stage.objects.in_use().filter(kind="open", pipeline__retired_at__isnull=True).select_related("pipeline")
        )
        groups: dict[str, list[tuple[str, str]]] = {}
        for stage in stages.exclude(pipeline=deal.pipeline_id).order_by(
            "pipeline__order", "pipeline__name", "order", "pk"
        ):
            groups.setdefault(stage.pipeline.name, []).append((str(stage.pk), stage.name))
        self.fields["stage"].choices = list(groups.items())  # type: ignore[attr-defined]
