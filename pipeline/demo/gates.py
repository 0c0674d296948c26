"""The way through the gates: what the buyer agreed to, what managers approved, what was refused and what waved through."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from crm.demo.world import World, pick, read
from crm.models import User
from leads.models import Contact
from pipeline.demo.fields import People, say
from pipeline.demo.plan import ARCS, Plan, Step
from pipeline.demo.process import FACTS
from pipeline.models import Approval, EntryCondition, Kind, Stage, StageVisit
from pipeline.moves import Close, PastMove, PastRefusal

LetIn = StageVisit.LetIn
GATES = FACTS["gates"]
EVIDENCE = read(__file__, "content/evidence.toml")
_SETTLED = ("standard", 5)
"""The gate into Contract, whose first condition is that the concerns are settled."""


@dataclass
class Agreed:
    condition: EntryCondition
    at: datetime.datetime
    evidence: str
    contact: Contact | None


@dataclass
class Passage:
    """All that a deal's way through its stages leaves behind."""

    moves: list[PastMove] = field(default_factory=list)
    refusals: list[PastRefusal] = field(default_factory=list)
    agreed: list[Agreed] = field(default_factory=list)
    approvals: list[dict[str, Any]] = field(default_factory=list)


class Way:
    """One deal's way. `success` says whether a customer success member is named."""

    def __init__(
        self, plan: Plan, people: People, named: dict[str, Any], expected: datetime.date | None, success: bool, world: World,
        chance: Random,
    ) -> None:  # fmt: skip
        self.world, self.plan, self.people, self.named, self.expected = world, plan, people, named, expected
        self.success, self.chance, self.passage = success, chance, Passage()

    def go(self, close: Close | None) -> Passage:
        before: Step | None = None
        for step in self.plan.steps:
            self._enter(step.place, step.entered_at, before, None)
            before = step
        if self.plan.outcome == Kind.WON:
            self._enter(self.plan.process.won, self.plan.here.left_at, before, close)
        elif self.plan.outcome == Kind.LOST:
            lost = self.plan.process.lost
            self.passage.moves.append(PastMove(lost, self.plan.here.left_at, self.plan.rep, LetIn.LOST, close=close))
        else:
            self._towards_the_next()
        return self.passage

    # --- One gate

    def _enter(self, place: int, at: datetime.datetime, before: Step | None, close: Close | None) -> None:
        stage = self._stage(place)
        if before is not None and place < before.place:
            self.passage.moves.append(PastMove(stage, at, self.plan.rep, LetIn.BACKWARD))
            return
        warned = [
            condition for condition in self._conditions(place) if not condition.blocks and self._warns(condition, at)
        ]
        reason = self._why_waved_through(place, before)
        let_in, by, over = LetIn.CONDITIONS, self.plan.rep, self._asked(place)[:1] if reason else []
        if before is not None:
            self._be_refused(place, at, before, certain=bool(reason))
        if reason:
            let_in, by = LetIn.OVERRIDE, self.plan.crew.manager
        self._agree(place, at, before, but=over)
        self._be_approved(place, at, before)
        self.passage.moves.append(PastMove(stage, at, by, let_in, reason, close, warned, over))

    def _warns(self, condition: EntryCondition, at: datetime.datetime) -> bool:
        if condition.kind == "contact_role":
            return condition.contact_role not in self.people.roles
        if condition.kind == "member_role":
            return not self.success
        if condition.field == "expected_close":
            return self.expected is None or (condition.operator == "in_future" and self.expected <= at.date())
        return (condition.field == "value" and self.plan.value is None) or (
            condition.field == "source" and not self.plan.source
        )

    def _why_waved_through(self, place: int, before: Step | None) -> str:
        """A manager's reason, for some deals in which nobody with a say was named."""
        if (
            (self.plan.process.key, place) != _SETTLED
            or self.plan.named
            or before is None
            or self._known(self._asked(place)[0])
        ):
            return ""
        one = self.plan.crew.manager.name == ARCS["overrides_most"]
        share = GATES["overridden_by_one" if one else "overridden_by_others"]
        return pick(GATES["override_reasons"], self.chance) if self.chance.random() < share else ""

    def _be_refused(self, place: int, at: datetime.datetime, before: Step, certain: bool) -> None:
        """Tried too early; before a manager waves a deal through, always."""
        share = GATES["refused"].get(f"{self.plan.process.key} {place}", 0)
        open_ones = [condition for condition in self._asked(place) if not self._known(condition)]
        if open_ones and (certain or self.chance.random() < share):
            when = self.world.between(before.entered_at, at, 0.55 + 0.4 * self.chance.random())
            self._refuse(before.place, place, when, open_ones)

    def _refuse(self, origin: int, place: int, at: datetime.datetime, open_ones: Sequence[EntryCondition]) -> None:
        self.passage.refusals.append(
            PastRefusal(self._stage(origin), self._stage(place), at, self.plan.rep, tuple(open_ones))
        )

    def _agree(self, place: int, at: datetime.datetime, before: Step | None, but: Sequence[EntryCondition]) -> None:
        since = before.entered_at if before is not None else at
        for condition in self._asked(place):
            if condition not in but and not self._known(condition):
                self._record(
                    condition, place, max(since, at - datetime.timedelta(minutes=self.chance.randrange(4, 30)))
                )

    def _record(self, condition: EntryCondition, place: int, at: datetime.datetime) -> None:
        if condition.kind == "by_hand":
            evidence, contact = say(pick(EVIDENCE["by_hand"], self.chance), self.named), None
        else:
            evidence, contact = (
                say(pick(EVIDENCE[self.plan.process.key][place], self.chance), self.named),
                self.people.main,
            )
        self.passage.agreed.append(Agreed(condition, at, evidence, contact))

    def _be_approved(self, place: int, at: datetime.datetime, before: Step | None) -> None:
        for condition in self._approvals(place):
            since = before.entered_at if before is not None else at
            if not any(each["condition"] == condition for each in self.passage.approvals):
                asked = self.world.between(since, at, 0.7)
                if self.chance.random() < 0.15:
                    early = self.world.between(since, at, 0.45)
                    answer = pick(GATES["approval_refusals"], self.chance)
                    self._ask(
                        condition, early, Approval.Decision.DECLINED, self.world.between(early, asked, 0.5), answer
                    )
                answer = pick(GATES["approval_answers"], self.chance)
                self._ask(condition, asked, Approval.Decision.APPROVED, self.world.between(asked, at, 0.6), answer)

    def _ask(
        self, condition: EntryCondition, at: datetime.datetime, decision: str = "", decided_at: datetime.datetime | None = None,
        reason: str = "",
    ) -> None:  # fmt: skip
        manager: User | None = self.plan.crew.manager if decision else None
        self.passage.approvals.append({
            "condition": condition, "asked_by": self.plan.rep, "asked_at": at, "why": pick(GATES["approval_asks"], self.chance),
            "decision": decision, "decided_by": manager, "decided_at": decided_at, "reason": reason,
        })  # fmt: skip

    # --- Where an open deal stands before its next gate

    def _towards_the_next(self) -> None:
        place, here = self.plan.last + 1, self.plan.here
        asked = [
            condition for condition in self._asked(place) if not self._known(condition) and not condition.needs_evidence
        ]
        special = self.plan.special
        keep = {"ready": len(asked), "waiting": len(asked), "one missing": 0}.get(special)
        keep = sum(self.chance.random() < 0.28 for _ in asked) if keep is None else keep
        latest = here.left_at - datetime.timedelta(days=0.5)
        for condition in asked[:keep]:
            self._record(
                condition,
                place,
                self.world.between(here.entered_at, max(latest, here.entered_at), 0.5 + 0.4 * self.chance.random()),
            )
        if special == "waiting":
            self._ask(self._approvals(place)[0], self.world.between(here.entered_at, latest, 0.8))
        share = GATES["refused"].get(f"{self.plan.process.key} {place}", 0)
        if not special and asked[keep:] and self.chance.random() < share * 0.5:
            self._refuse(self.plan.last, place, self.world.between(here.entered_at, latest, 0.7), asked[keep:])

    # --- Words of the process

    def _stage(self, place: int) -> Stage:
        return self.plan.process.stages[place]

    def _conditions(self, place: int) -> list[EntryCondition]:
        return self.plan.process.conditions[self._stage(place).pk]

    def _asked(self, place: int) -> list[EntryCondition]:
        """What somebody has to say or confirm."""
        return [condition for condition in self._conditions(place) if condition.kind in ("commitment", "by_hand")]

    def _approvals(self, place: int) -> list[EntryCondition]:
        return [
            condition
            for condition in self._conditions(place)
            if condition.kind == "approval"
            and self.plan.value
            and self.plan.value >= (condition.when_value_at_least or 0)
        ]

    def _known(self, condition: EntryCondition) -> bool:
        return any(agreed.condition == condition for agreed in self.passage.agreed)
