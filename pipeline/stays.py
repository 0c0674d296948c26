"""The way of a deal through its stages: since when it was where, and for how long."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from crm.models import Company
from pipeline.models import Deal, Kind, Stage, StageVisit

DAY, HOUR, MINUTE = 86_400, 3_600, 60


@dataclass(frozen=True)
class Length:
    """A time spent, all stays together. `days_only`: no more than the days are known."""

    time: datetime.timedelta
    days_only: bool = False

    @property
    def in_days(self) -> bool:
        """Whether its words count days, and not hours or minutes."""
        return self.days_only or self.time >= datetime.timedelta(days=2)

    def __str__(self) -> str:
        seconds = int(self.time.total_seconds())
        days = seconds // DAY
        if self.in_days:
            return ngettext("%(count)d day", "%(count)d days", days) % {"count": days}
        if seconds >= HOUR:
            return ngettext("%(count)d hour", "%(count)d hours", seconds // HOUR) % {"count": seconds // HOUR}
        minutes = seconds // MINUTE
        return (
            ngettext("%(count)d minute", "%(count)d minutes", minutes) % {"count": minutes}
            if minutes
            else _("just now")
        )


@dataclass
class Stop:
    """A stage on the way. `length` is None where no time is known, and for a won or lost stage that the deal is in."""

    stage: Stage
    place: Literal["past", "here", "passed", "ahead"] = "ahead"
    visits: list[StageVisit] = field(default_factory=list)
    length: Length | None = None
    over_target: bool = False

    @property
    def times(self) -> int:
        return len(self.visits)

    @property
    def entered_at(self) -> datetime.datetime | None:
        """When the deal came here last; None when that is not known."""
        last = self.visits[-1] if self.visits else None
        return None if last is None or last.entered_precision == "unknown" else last.entered_at


def way(
    deal: Deal, stages: Sequence[Stage], visits: Sequence[StageVisit], company: Company, now: datetime.datetime
) -> list[Stop]:
    """`stages` are those of the pipeline in use, `visits` those that stand, in order. A lost stage only if it is there."""
    stops = {stage.pk: Stop(stage) for stage in stages if stage.kind != Kind.LOST}
    for visit in visits:
        stops.setdefault(visit.stage_id, Stop(visit.stage)).visits.append(visit)
    ordered = sorted(stops.values(), key=lambda stop: _place(stop, deal))
    if deal.status == Kind.LOST:
        # What lay ahead when it was lost was not passed over.
        reached = max((number for number, stop in enumerate(ordered[:-1]) if stop.visits), default=-1)
        ordered = [stop for number, stop in enumerate(ordered) if number <= reached or stop.visits]
    here = next(number for number, stop in enumerate(ordered) if stop.stage.pk == deal.stage_id)
    following = {visit.pk: after for visit, after in zip(visits, visits[1:], strict=False)}
    for number, stop in enumerate(ordered):
        stop.place = _state(stop, number, here)
        stop.length = _length(stop.visits, following, company, now)
        stop.over_target = stop.place == "here" and _over_target(deal, stop.stage, now)
    return ordered


def _place(stop: Stop, deal: Deal) -> tuple[object, ...]:
    kinds = [Kind.OPEN, Kind.WON, Kind.LOST]
    elsewhere = stop.stage.pipeline_id != deal.pipeline_id
    first = stop.visits[0].seq if elsewhere else 0
    return (not elsewhere, first, kinds.index(Kind(stop.stage.kind)), stop.stage.order, stop.stage.pk)


def _state(stop: Stop, number: int, here: int) -> Literal["past", "here", "passed", "ahead"]:
    if number == here:
        return "here"
    if stop.visits:
        return "past"
    return "passed" if number < here else "ahead"


def _over_target(deal: Deal, stage: Stage, now: datetime.datetime) -> bool:
    if stage.target_days is None or deal.status != Kind.OPEN or deal.stage_entered_precision == "unknown":
        return False
    paused = deal.paused_until is not None and deal.paused_until > now
    return not paused and now - deal.stage_entered_at > datetime.timedelta(days=stage.target_days)


def _length(
    visits: Sequence[StageVisit], following: dict[int, StageVisit], company: Company, now: datetime.datetime
) -> Length | None:
    total, known, days_only = datetime.timedelta(), False, False
    for visit in visits:
        after = following.get(visit.pk)
        bounds = {visit.entered_precision, after.entered_precision if after else "exact"}
        if "unknown" in bounds or (after is None and visit.stage.kind != Kind.OPEN):
            continue
        end = visit.left_at or now
        if "day" in bounds:
            total += end.astimezone(company.zone).date() - visit.entered_at.astimezone(company.zone).date()
        else:
            total += end - visit.entered_at
        known, days_only = True, days_only or "day" in bounds
    return Length(total, days_only) if known else None
