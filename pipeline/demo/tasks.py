"""What is left to do: the tasks of the stage that open deals stand in, what was done there, and after winning."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from random import Random
from typing import Any

from crm.demo.world import World, pick
from crm.models import User
from pipeline import calendar
from pipeline.demo.fields import say
from pipeline.demo.plan import Plan
from pipeline.demo.talk import SENTENCES
from pipeline.models import Deal, Kind, StageTask, StageVisit, Task

_KINDS = {"call": "call", "email": "email", "meeting": "meeting", "other": "other"}


class TasksOfDeal:
    """Tasks of one deal. `visit` is its open stay, `worked_at` the last thing that was done on it."""

    def __init__(
        self, plan: Plan, deal: Deal, visit: StageVisit, worked_at: datetime.datetime, named: dict[str, Any], helper: User | None,
        world: World, chance: Random,
    ) -> None:  # fmt: skip
        self.plan, self.deal, self.visit, self.worked_at = plan, deal, visit, worked_at
        self.named, self.helper, self.world, self.chance = named, helper, world, chance

    def tasks(self) -> list[Task]:
        if self.plan.outcome == Kind.WON:
            return list(self._after_winning())
        if self.plan.outcome == Kind.LOST:
            return list(self._after_losing())
        return [*self._done_here(), *self._open_here()]

    # --- Open deals

    def _open_here(self) -> Iterator[Task]:
        state = self.plan.next_step
        if state in ("none", "paused"):
            return
        first = {
            "overdue": -self.chance.choice([1, 1, 2, 3, 4, 6, 9]),
            "today": 0,
            "later": self.chance.choice([1, 1, 2, 3, 4, 5, 7, 10]),
        }
        waiting = self._waiting_templates()
        yield self._next(waiting, first[state])
        if self.chance.random() < 0.35:
            yield self._next(waiting, max(first[state], 0) + self.chance.randrange(1, 9))

    def _next(self, waiting: list[StageTask], in_days: int) -> Task:
        """The next one that the process knows, or one that the rep has set."""
        due = calendar.end_of_day(self.world.day(-in_days), self.deal.owner)
        if waiting and self.chance.random() < 0.8:
            return self._planned(waiting.pop(0), due)
        kind = pick(list(_KINDS), self.chance)
        title = say(pick(SENTENCES["tasks"][kind], self.chance), self.named)[:200]
        return self._by_hand(title, _KINDS[kind], due, self.worked_at)

    def _waiting_templates(self) -> list[StageTask]:
        """Young deals have all of them before them; later the follow-ups come."""
        templates = self._templates()
        return templates[len(self._finished(templates)) :]

    def _done_here(self) -> Iterator[Task]:
        for template in self._finished(self._templates()):
            done = self.world.between(self.visit.entered_at, self.worked_at, 0.3 + 0.6 * self.chance.random())
            due = calendar.end_of_day(done.astimezone(self.deal.owner.zone).date(), self.deal.owner)
            yield self._planned(template, due, done)

    def _templates(self) -> list[StageTask]:
        return self.plan.process.tasks[self.visit.stage_id]

    def _finished(self, templates: list[StageTask]) -> list[StageTask]:
        """Those that are due by the last time that somebody worked on the deal; the last one always waits."""
        days = (self.worked_at - self.visit.entered_at).days
        count, due = 0, 0
        for template in templates[:-1]:
            due = due + template.offset_days if template.after_previous else max(due, template.offset_days)
            count += bool(due * 1.4 < days)
        return templates[:count]

    # --- Won deals

    def _after_winning(self) -> Iterator[Task]:
        """Tasks of the last weeks; whatever the process planned before is done and not told."""
        closed = self.visit.entered_at
        for template in self.plan.process.tasks[self.visit.stage_id]:
            day = closed.astimezone(self.deal.owner.zone).date() + datetime.timedelta(
                days=round(template.offset_days * 1.4)
            )
            left = (day - self.world.today).days
            if template.after_previous or left < -25:
                continue
            past = left < 0 and self.chance.random() < 0.85
            done = max(self.world.moment(-left + 0.5), closed) if past else None
            yield self._planned(template, calendar.end_of_day(day, self.deal.owner), done)

    def _after_losing(self) -> Iterator[Task]:
        """For those who said "not now": a call on the day that they named."""
        reason, closed = self.visit.close_reason, self.visit.entered_at
        if reason is None or not reason.asks_date:
            return
        due = calendar.end_of_day(
            closed.date() + datetime.timedelta(days=self.chance.randrange(60, 190)), self.deal.owner
        )
        done = due.replace(hour=9) if due < self.world.now else None
        yield self._by_hand(f"Come back to {self.deal.title}"[:200], "call", due, closed, done)

    # --- Rows

    def _by_hand(
        self, title: str, kind: str, due: datetime.datetime, at: datetime.datetime, done: datetime.datetime | None = None
    ) -> Task:  # fmt: skip
        owner = self.deal.owner
        return Task(deal=self.deal, title=title, kind=kind, owner=owner, due_at=due, **self._stamp(at, owner, done))

    def _planned(self, template: StageTask, due: datetime.datetime, done: datetime.datetime | None = None) -> Task:
        owner = self.helper if template.owner_role == "success" and self.helper else self.deal.owner
        return Task(
            deal=self.deal, title=template.title, kind=template.kind, instructions=template.instructions, required=template.required,
            owner=owner, due_at=due, stage_task=template, visit=self.visit, repetition=1 if template.repeat_days else 0,
            **self._stamp(self.visit.entered_at, owner, done),
        )  # fmt: skip

    def _stamp(self, at: datetime.datetime, owner: User, done: datetime.datetime | None) -> dict[str, Any]:
        """Who and when; a finished task has a second version."""
        made = {"created_at": at, "created_by": self.deal.owner, "updated_at": done or at, "updated_by": owner}
        if done is None:
            return made
        return made | {"state": Task.State.DONE, "closed_at": done, "closed_by": owner, "version": 2}
