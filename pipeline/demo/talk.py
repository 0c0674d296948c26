"""What was said and done on a deal: three to twelve entries that fit the stages, with those that the gates ask for."""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

from crm.demo.world import World, read
from leads.activities import NewActivity
from leads.models import ActivityOutcome, ActivityType
from pipeline.demo.fields import People, say
from pipeline.demo.gates import Passage
from pipeline.demo.life import worked_until
from pipeline.demo.plan import Plan, Step
from pipeline.models import ContactRole, Kind

SENTENCES = read(__file__, "content/sentences.toml")
_FEWEST, _MOST = 3, 12


@dataclass
class Said:
    at: datetime.datetime
    moment: str
    kind: str
    needed: bool = False


class Phrasebook:
    """Types and outcomes by kind of entry, and sentences of which each is used before any comes again."""

    def __init__(self, chance: Random) -> None:
        types = {each.key: each for each in ActivityType.objects.in_use()}
        outcomes = {(each.type_id, each.name): each for each in ActivityOutcome.objects.all()}
        self.kinds = {name: _resolve(kind, types, outcomes) for name, kind in SENTENCES["kinds"].items()}
        self.chance, self._left = chance, dict[tuple[str, str], list[str]]()

    def sentence(self, moment: str, kind: str, used: set[str]) -> str:
        left = self._left.setdefault((moment, kind), [])
        if not left:
            left += SENTENCES[moment][kind]
            self.chance.shuffle(left)
        fresh = next((text for text in left if text not in used), left[0])
        left.remove(fresh)
        used.add(fresh)
        return fresh


def _resolve(
    kind: dict[str, str], types: dict[str, ActivityType], outcomes: dict[tuple[int, str], ActivityOutcome]
) -> tuple[ActivityType, str, ActivityOutcome | None]:  # fmt: skip
    found = types[kind["type"]]
    return found, kind.get("direction", ""), outcomes[found.pk, kind["outcome"]] if "outcome" in kind else None


class Talk:
    def __init__(self, plan: Plan, passage: Passage, world: World, chance: Random) -> None:
        self.plan, self.passage, self.world, self.chance = plan, passage, world, chance
        self.used: Counter[tuple[str, str]] = Counter()

    def entries(self) -> list[Said]:
        said = [each for step in self.plan.steps for each in self._in(step)]
        said += self._at_the_end()
        spare = [each for each in said if not each.needed]
        most = self.chance.randrange(_MOST - 4, _MOST + 1)
        for each in self.chance.sample(spare, min(max(len(said) - most, 0), len(spare))):
            said.remove(each)
        while len(said) < _FEWEST:
            said.append(self._any_in(self.plan.steps[-1]))
        return sorted(said, key=lambda each: each.at)

    def _in(self, step: Step) -> Iterator[Said]:
        moment = self.plan.process.moment(step.place)
        yield from self._needed(step, moment)
        wanted = 1 + (self.chance.random() < 0.3) + (self.plan.is_open and step.began - step.ended > 9)
        for _ in range(wanted):
            yield self._any_in(step)
        if self.plan.is_open and step is self.plan.here:
            # What says when the deal was last worked on.
            yield Said(
                self._clip(self.world.moment(worked_until(self.plan, self.chance)), step),
                moment,
                self._usual(moment),
                True,
            )

    def _needed(self, step: Step, moment: str) -> Iterator[Said]:
        """What the next gate asks for, and the papers that a stage is about."""
        onward = not self._stands_in(step) and not self._lost_from(step)
        if moment == "pitch" and (onward or self.chance.random() < 0.45 or self.plan.special):
            yield Said(self._within(step, 0.45 + 0.3 * self.chance.random()), moment, self._demo(), needed=True)
        if moment == "review" and onward:
            yield Said(self._within(step, 0.6), moment, "meeting", needed=True)
        for paper, moments in (("proposal", ("concerns", "terms", "offer")), ("contract", ("contract", "agreement"))):
            if moment in moments:
                yield Said(self._within(step, 0.1), moment, paper, needed=True)

    def _at_the_end(self) -> Iterator[Said]:
        closed = self.plan.here.left_at
        if self.plan.outcome == Kind.WON:
            yield Said(closed, "handover", "signed", needed=True)
        elif self.plan.outcome == Kind.LOST:
            yield Said(closed, "lost", "note", needed=True)
        for agreed in self.passage.agreed:
            if agreed.contact is not None and self.chance.random() < 0.3:
                step = next(step for step in reversed(self.plan.steps) if step.entered_at <= agreed.at)
                moment = self.plan.process.moment(step.place)
                yield Said(agreed.at, moment, "answer" if "answer" in SENTENCES[moment] else "call")

    def _any_in(self, step: Step) -> Said:
        moment = self.plan.process.moment(step.place)
        return Said(self._within(step, self.chance.random()), moment, self._usual(moment))

    def _usual(self, moment: str) -> str:
        """The kinds named first come more often."""
        known = SENTENCES[moment]
        left = [kind for kind in known["often"] if self.used[moment, kind] < len(known[kind])] or known["often"]
        kind: str = self.chance.choices(left, range(len(left) + 2, 2, -1))[0]
        self.used[moment, kind] += 1
        return kind

    def _demo(self) -> str:
        return (
            "demo"
            if self.plan.outcome == Kind.WON or self.plan.special or self.chance.random() < 0.6
            else "demo_doubts"
        )

    def _within(self, step: Step, share: float) -> datetime.datetime:
        until = step.left_at
        if self._stands_in(step):
            until = self._clip(self.world.moment(worked_until(self.plan, Random(share))), step)
        return self.world.between(step.entered_at, until, share)

    def _clip(self, at: datetime.datetime, step: Step) -> datetime.datetime:
        return min(max(at, step.entered_at), step.left_at)

    def _stands_in(self, step: Step) -> bool:
        return self.plan.is_open and step is self.plan.here

    def _lost_from(self, step: Step) -> bool:
        return self.plan.outcome == Kind.LOST and step is self.plan.here


def activities(
    plan: Plan, said: list[Said], people: People, named: dict[str, Any], book: Phrasebook
) -> list[NewActivity]:
    used: set[str] = set()
    return [_activity(each, plan, people, named, book, used) for each in said]


def _activity(
    said: Said, plan: Plan, people: People, named: dict[str, Any], book: Phrasebook, used: set[str]
) -> NewActivity:
    kind, direction, outcome = book.kinds[said.kind]
    text = say(book.sentence(said.moment, said.kind, used), named)
    with_whom = [] if kind.key == "note" else [people.main]
    boss = people.roles.get(ContactRole.DECISION_MAKER)
    if boss is not None and boss is not people.main and kind.key in ("meeting", "presentation") and boss.name in text:
        with_whom.append(boss)
    return NewActivity(kind, direction, outcome, text, said.at, tuple(with_whom))
