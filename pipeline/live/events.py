"""Deals whose cards changed, read for all boards at once; who hears of which is decided in memory.

That is coarse: a board that is told fetches the card as the user who sees it, so being told too often costs a request
and gives nothing away but a number. Whoever loses sight of a deal is told as well, for the card has to go.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from crm import access
from crm.models import Change, User
from pipeline.models import Deal, DealMember

OVERLAP = timedelta(seconds=15)
"""A change carries the time of its statement and is seen at its commit: so far back is looked again."""
MOST = 5_000
TELL = 100
"""More deals at once than this, and a board reads itself again instead."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_OLD = ("stage", "pipeline", "owner", "members", "credited_owner", "credited_team")
"""Fields whose former value says which columns and whose boards showed the deal before."""


def cursor_of(moment: datetime) -> int:
    """As it travels: microseconds, which a script can count exactly."""
    return (moment - _EPOCH) // _MICROSECOND


def moment_of(cursor: int) -> datetime:
    return _EPOCH + cursor * _MICROSECOND


@dataclass(slots=True)
class Event:
    """A deal whose card changed: where it stands and stood, and who may have it on the screen."""

    deal: int
    version: int
    stamp: int
    pipelines: set[int]
    stages: set[int]
    owners: set[int]
    people: set[int] = field(default_factory=set)
    """Members, and who was credited."""
    teams: set[int] = field(default_factory=set)

    def remember(self, name: str, old: Any) -> None:
        """A former value, as its row of change keeps it."""
        if old is None:
            return
        if name == "members":
            self.people.add(int(str(old).split(" ")[0]))
        else:
            self._kept(name).add(int(old))

    def _kept(self, name: str) -> set[int]:
        places = {"stage": self.stages, "pipeline": self.pipelines, "owner": self.owners, "credited_owner": self.people}
        return places.get(name, self.teams)


@dataclass(frozen=True)
class Audience:
    """What one may see, as it was when the stream began."""

    user: int
    everyone: bool
    owners: frozenset[int]
    teams: frozenset[int]

    @classmethod
    def of(cls, user: User) -> Audience:
        bounds = access.reach(user)
        owners = frozenset({user.pk}) | bounds.managed_users | bounds.team_mates
        return cls(user.pk, bounds.everyone, owners, bounds.managed_teams)

    def hears_of(self, event: Event) -> bool:
        return (
            self.everyone
            or self.user in event.people
            or not self.owners.isdisjoint(event.owners)
            or not self.teams.isdisjoint(event.teams)
        )


def read(since: datetime, known: Collection[tuple[int, int, int]] = ()) -> list[Event] | None:
    """In the order of their changes, without those known by deal, stamp and version. None: too many to tell.

    One query when nothing is new, else three. Not scoped to a user: one look serves everybody's streams.
    """
    columns = (
        "pk",
        "version",
        "card_changed_at",
        "pipeline_id",
        "stage_id",
        "owner_id",
        "credited_owner_id",
        "credited_team_id",
    )
    rows = Deal.objects.filter(card_changed_at__gt=since).order_by("card_changed_at").values_list(*columns)[: MOST + 1]
    found = {}
    for pk, version, at, pipeline, stage, owner, credited, team in rows:
        event = Event(pk, version, cursor_of(at), {pipeline}, {stage}, {owner})
        if (pk, event.stamp, version) not in known:
            event.people |= {credited} - {None}
            event.teams |= {team} - {None}
            found[pk] = event
    if len(found) > MOST:
        return None
    if found:
        _add_people(found)
        _add_past(found, since)
    return list(found.values())


def _add_people(events: dict[int, Event]) -> None:
    for deal, user in DealMember.objects.filter(deal__in=events.keys()).values_list("deal_id", "user_id"):
        events[deal].people.add(user)


def _add_past(events: dict[int, Event], since: datetime) -> None:
    # A rule reads its clock before it writes: its rows of change are a little older than the mark.
    rows = Change.objects.filter(
        object_type="deal", object_id__in=events.keys(), field__in=_OLD, at__gte=since - OVERLAP
    )
    for deal, name, old in rows.values_list("object_id", "field", "old"):
        events[deal].remember(name, old)


def told(events: Sequence[Event] | None, audience: Audience, pipeline: int) -> dict[str, Any] | None:
    """What this board is told of them; None for nothing. `deals` are id, version and time of the change."""
    if events is None:
        return {"all": True}
    heard = [event for event in events if pipeline in event.pipelines and audience.hears_of(event)]
    if len(heard) > TELL:
        return {"all": True}
    if not heard:
        return None
    stages = sorted({stage for event in heard for stage in event.stages})
    return {"deals": [[event.deal, event.version, event.stamp] for event in heard], "stages": stages}


def newest(events: Iterable[Event]) -> int:
    return max((event.stamp for event in events), default=0)
