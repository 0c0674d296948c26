"""The third chapter: eighteen months of deals, told through the rules that write them."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from crm.demo.company import Staff
from crm.demo.world import World, deal_out, pick
from crm.models import User
from crm.models.audit import Via
from leads.activities import NewActivity
from leads.models import Activity, Source
from pipeline import approvals, commitments, followups, logbook, moves, people
from pipeline.demo import fields, life, plan, process, talk
from pipeline.demo.fields import People
from pipeline.demo.gates import Passage, Way
from pipeline.demo.plan import Plan
from pipeline.demo.process import FACTS, Processes
from pipeline.demo.tasks import TasksOfDeal
from pipeline.models import Approval, Commitment, Deal, DealContact, DealMember, Kind, MemberRole, StageVisit, Stance
from pipeline.moves import Close, Past


@dataclass
class Tale:
    """One deal with all that is told about it."""

    plan: Plan
    people: People
    named: dict[str, Any]
    helper: User | None
    past: Past
    passage: Passage
    entries: list[NewActivity]


def chapter(world: World) -> None:
    processes = process.load(world)
    plans = plan.make(world, processes)
    life.live(world, plans)
    plans.sort(key=lambda each: each.steps[0].entered_at)
    tales = _imagine(world, processes, plans)
    deals = moves.create_with_past([tale.past for tale in tales], now=world.now)
    told = list(zip(deals, tales, strict=True))
    _write_people(told, world.random("people"))
    _write_talk(told)
    _write_tasks(told, world)
    followups.recount(deals)
    _pause(told, world)


# --- Imagining


def _imagine(world: World, processes: Processes, plans: list[Plan]) -> list[Tale]:
    chance, sources = world.random("tales"), {source.name: source for source in Source.objects.all()}
    closes = _closes(plans, processes, chance)
    book, helpers = talk.Phrasebook(world.random("words")), world.of(Staff).crews[-1].reps
    return [_tale(world, processes, each, closes.get(id(each)), sources, helpers, book, chance) for each in plans]


def _tale(
    world: World, processes: Processes, each: Plan, close: Close | None, sources: dict[str, Source], helpers: list[User],
    book: talk.Phrasebook, chance: Random,
) -> Tale:  # fmt: skip
    who = fields.people_of(each, chance)
    named = fields.words(each, who, world, chance)
    columns = fields.of_deal(each, named, processes, world, sources, chance)
    helped = each.process.key != "renewal" and (each.outcome == Kind.WON or each.last == each.process.won - 1)
    helper = pick(helpers, chance) if helped and chance.random() < 0.6 else None
    passage = Way(each, who, named, columns["expected_close"], helper is not None, world, chance).go(close)
    said = talk.Talk(each, passage, world, chance).entries()
    columns["tags"] = fields.tags_of(each, processes, chance)
    past = Past(columns, passage.moves, passage.refusals)
    return Tale(each, who, named, helper, past, passage, talk.activities(each, said, who, named, book))


def _closes(plans: list[Plan], processes: Processes, chance: Random) -> dict[int, Close]:
    """Reasons by stage, each as often as its share says."""
    closes: dict[int, Close] = {}
    won = [each for each in plans if each.outcome == Kind.WON]
    shares = FACTS["won"]["reasons"] | {"": 25}
    for each, name in zip(won, deal_out(shares, len(won), chance), strict=True):
        name = "Existing customer" if name and each.process.key == "renewal" else name
        closes[id(each)] = Close(
            processes.reasons.get((Kind.WON, name)), credited_owner=each.rep, credited_team=each.crew.team
        )
    lost: dict[tuple[str, bool], list[Plan]] = {}
    for each in plans:
        if each.outcome == Kind.LOST:
            lost.setdefault((each.process.moment(each.last), each.exact), []).append(each)
    for (moment, exact), several in lost.items():
        shares = FACTS["lost"][moment]
        if exact:
            shares = {name: share for name, share in shares.items() if not processes.reasons[Kind.LOST, name].not_real}
        for each, name in zip(several, deal_out(shares, len(several), chance), strict=True):
            reason = processes.reasons[Kind.LOST, name]
            note = pick(FACTS["lost_notes"].get(name, [""]), chance)
            closes[id(each)] = Close(reason, note, credited_owner=each.rep, credited_team=each.crew.team)
    return closes


# --- Writing


def _write_people(told: Sequence[tuple[Deal, Tale]], chance: Random) -> None:
    contacts, members = [], []
    for deal, tale in told:
        for role, contact in tale.people.roles.items():
            stance = _stance(role, tale.plan, chance)
            contacts.append(
                DealContact(
                    deal=deal, contact=contact, role=role, stance=stance, is_primary=contact is tale.people.main
                )
            )
        if tale.helper is not None:
            members.append(DealMember(deal=deal, user=tale.helper, role=MemberRole.SUCCESS))
    people.keep_past(contacts, members, via=Via.BOARD)


def _stance(role: str, told: Plan, chance: Random) -> str:
    if role == "blocker":
        return Stance.AGAINST
    if told.last < 2 and told.outcome != Kind.WON:
        return Stance.UNKNOWN
    if role == "champion" or told.outcome == Kind.WON:
        return Stance.FOR
    return chance.choice([Stance.FOR, Stance.NEUTRAL, Stance.NEUTRAL, Stance.UNKNOWN, Stance.AGAINST])


def _write_talk(told: Sequence[tuple[Deal, Tale]]) -> None:
    lines = [(deal, entry, deal.owner) for deal, tale in told for entry in tale.entries]
    by_deal: dict[int, list[Activity]] = {}
    for (deal, _entry, _by), activity in zip(lines, logbook.log_past(lines, via=Via.PAGE), strict=True):
        by_deal.setdefault(deal.pk, []).append(activity)
    commitments.keep_past(
        Commitment(
            deal=deal, condition=agreed.condition, contact=agreed.contact, happened_at=agreed.at, evidence=agreed.evidence,
            activity=_said_in(by_deal[deal.pk], agreed.at) if agreed.contact else None, recorded_by=deal.owner, recorded_at=agreed.at,
        )
        for deal, tale in told
        for agreed in tale.passage.agreed
    )  # fmt: skip
    approvals.keep_past(
        Approval(deal=deal, value=deal.value, currency=deal.currency, **asked)
        for deal, tale in told
        for asked in tale.passage.approvals
    )


def _said_in(spoken: list[Activity], at: datetime.datetime) -> Activity | None:
    """The entry of that moment or of the day before, if there is one."""
    near = [each for each in spoken if datetime.timedelta() <= at - each.happened_at < datetime.timedelta(days=1)]
    return near[-1] if near else None


def _write_tasks(told: Sequence[tuple[Deal, Tale]], world: World) -> None:
    chance = world.random("tasks")
    standing = {visit.deal_id: visit for visit in StageVisit.objects.current().select_related("close_reason")}
    tasks = []
    for deal, tale in told:
        visit = standing[deal.pk]
        worked_at = max([visit.entered_at, *(entry.happened_at for entry in tale.entries if entry.happened_at)])
        tasks += TasksOfDeal(tale.plan, deal, visit, worked_at, tale.named, tale.helper, world, chance).tasks()
    followups.keep_past(tasks, via=Via.PAGE)


def _pause(told: Sequence[tuple[Deal, Tale]], world: World) -> None:
    chance = world.random("pauses")
    for deal, tale in told:
        if tale.plan.next_step == "paused":
            until, reason = world.day(-chance.randrange(6, 60)), pick(FACTS["open"]["pause_reasons"], chance)
            followups.pause(deal.pk, until, reason, by=deal.owner, via=Via.PAGE, now=world.now)
