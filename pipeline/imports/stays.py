"""From the dates that a file gives to the stays of a deal, each no more exact than the file was."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _

from crm.cells import Moment
from pipeline.models import Kind, Stage
from pipeline.models.deals import Precision
from pipeline.moves import Close, Stay


class Impossible(Exception):
    """`field` holds the date that cannot be."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(reason)
        self.field, self.reason = field, reason


@dataclass(frozen=True)
class Dates:
    """What the file says of one deal: its start, when it entered its stage, when it was closed."""

    started: Moment | None = None
    entered: Moment | None = None
    closed: Moment | None = None


def stays_of(
    stage: Stage, first: Stage, dates: Dates, close: Close | None, zone: ZoneInfo, now: datetime.datetime
) -> list[Stay]:
    """One or two stays that end in `stage`. `first` is where a deal is taken to have been until then.

    Where there is no date the moment of the import stands in and is marked unknown.
    """
    for field in ("started", "entered", "closed"):
        _refuse_future(field, getattr(dates, field), now)
    if stage.kind == Kind.OPEN:
        return _open(stage, first, dates, zone, now)
    return _closed(stage, first, dates, close, zone, now)


def _open(stage: Stage, first: Stage, dates: Dates, zone: ZoneInfo, now: datetime.datetime) -> list[Stay]:
    started, entered = dates.started, dates.entered
    from_the_start = stage.pk == first.pk or stage.order <= first.order
    if started is None or (from_the_start and entered is None):
        return [_stay(stage, entered or started, now)]
    entered = _not_before(started, entered, "entered", zone)
    if from_the_start or (entered and entered.at == started.at):
        return [_stay(stage, started, now)]
    return [_stay(first, started, now), _stay(stage, entered, now)]


def _closed(
    stage: Stage, first: Stage, dates: Dates, close: Close | None, zone: ZoneInfo, now: datetime.datetime
) -> list[Stay]:
    started, field = dates.started, "closed" if dates.closed else "entered"
    ended = dates.closed or dates.entered
    if started is None and ended is None:
        return [_stay(stage, None, now, close)]
    if started is None:
        # It was open before it was closed, nobody knows since when.
        return [Stay(first, ended.at, Precision.UNKNOWN), _stay(stage, ended, now, close)]  # type: ignore[union-attr]
    return [_stay(first, started, now), _stay(stage, _not_before(started, ended, field, zone), now, close)]


def _stay(stage: Stage, moment: Moment | None, now: datetime.datetime, close: Close | None = None) -> Stay:
    if moment is None:
        return Stay(stage, now, Precision.UNKNOWN, close=close)
    return Stay(stage, moment.at, moment.precision, close=close)


def _not_before(started: Moment, later: Moment | None, field: str, zone: ZoneInfo) -> Moment | None:
    """A day without a time may be the very day of the start; it then counts from the same instant."""
    if later is None or later.at >= started.at:
        return later
    if later.precision == Precision.DAY and later.at.astimezone(zone).date() == started.at.astimezone(zone).date():
        return Moment(started.at, later.precision)
    raise Impossible(field, _("This lies before the deal's start."))


def _refuse_future(field: str, moment: Moment | None, now: datetime.datetime) -> None:
    if moment is not None and moment.at > now:
        raise Impossible(field, _("This lies in the future."))
