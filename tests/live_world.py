"""A deal and the people who hear of it, or do not: for tests of what is live."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.utils import timezone

from crm.models import User
from pipeline import moves
from pipeline.live import events
from pipeline.live.events import Audience
from pipeline.models import Deal
from tests import factories as make


class World:
    """A deal of Rita's; her colleague, a stranger in another team, her manager and an admin."""

    def __init__(self) -> None:
        north, south = make.team("North"), make.team("South")
        self.rita, self.colleague = make.user(team=north, name="Rita"), make.user(team=north, name="Carl")
        self.stranger, self.boss, self.admin = (
            make.user(team=south, name="Sam"),
            make.user("manager", north, name="Max"),
            make.user("admin", name="Ann"),
        )
        self.pipeline, self.other = make.pipeline(), make.pipeline()
        self.first, self.second, self.third, self.won, self.lost = self.pipeline.stages.all()
        self.said = make.condition(self.third)
        self.asked = make.condition(self.third, "approval")
        self.deal = make.deal(self.first, self.rita, now=timezone.now() - timedelta(days=3))
        Deal.objects.update(card_changed_at=None)

    def move(self, to: Any, by: User | None = None) -> None:
        moved = moves.move_deal(self.deal.pk, to.pk, by=by or self.rita, via="board")
        assert isinstance(moved, moves.Moved)

    def event(self) -> events.Event:
        found = events.read(timezone.now() - timedelta(minutes=1))
        assert found is not None and [event.deal for event in found] == [self.deal.pk]
        return found[0]

    def who_hears(self) -> set[str]:
        event = self.event()
        everybody = (self.rita, self.colleague, self.stranger, self.boss, self.admin)
        return {user.name for user in everybody if Audience.of(User.objects.get(pk=user.pk)).hears_of(event)}
