"""What the process does by itself when a deal enters a stage, idles there, or is won or lost from it.

Inside the transaction of the move, after its rows; each action once a stay. What it writes goes through the rules that
people's changes go through, by nobody and via the process. An action that cannot be done keeps its reason, tells the
deal's owner and leaves the move as it is.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.urls import reverse
from django.utils.translation import gettext as _

from crm import access, notices, records
from crm.models import User
from crm.models.audit import Via
from leads.models import Source
from pipeline import calendar, deals
from pipeline.models import ActionRun, Deal, Kind, Pipeline, ProcessAction, Product, Stage, StageVisit

When, What, Who = ProcessAction.When, ProcessAction.What, ProcessAction.Who
LONGEST_CHAIN = 3
"""How many deals may open one another, the first not counted."""
SETTABLE = ("value", "expected_close", "source", "product")
LONGEST_WAIT = 3660

# (deal, stage, title, pipelines that the chain went through, now) → the new deal, or why it may not begin there
OpenDeal = Callable[[Deal, int, str, tuple[int, ...], datetime.datetime], Deal | str]


@dataclass(frozen=True)
class Job:
    action: ProcessAction
    deal: Deal
    visit: StageVisit
    run: ActionRun
    chain: tuple[int, ...]
    open_deal: OpenDeal
    now: datetime.datetime

    def change(self, name: str, value: Any) -> None:
        """A field of the deal, with what it was, so that it can be taken back. The same value is no change."""
        self.run.before = _stored(self.deal, name)
        deals.apply_changes(self.deal, {name: value}, by=None, via=Via.PROCESS, now=self.now)
        self.run.after = _stored(self.deal, name)

    def tell(self, people: Iterable[User], text: str) -> None:
        tell(people, self.deal, _key(self.run), text, self.now)


def after_move(
    deal: Deal, visit: StageVisit, origin: Stage | None, *, now: datetime.datetime, open_deal: OpenDeal,
    chain: tuple[int, ...] = (),
) -> None:  # fmt: skip
    """The deal has just entered `visit.stage`. Asks the database for nothing where neither stage acts."""
    found: list[ProcessAction] = []
    entered = visit.stage
    if origin is not None and origin.acts and origin.kind == Kind.OPEN and entered.kind != Kind.OPEN:
        found += ProcessAction.objects.of(origin, entered.kind)
    if entered.acts:
        found += ProcessAction.objects.of(entered, When.ENTRY)
    for action in found:
        carry_out(action, deal, visit, now=now, open_deal=open_deal, chain=chain)


def carry_out(
    action: ProcessAction, deal: Deal, visit: StageVisit, *, now: datetime.datetime, open_deal: OpenDeal,
    chain: tuple[int, ...] = (),
) -> ActionRun | None:  # fmt: skip
    """None: it was done for this stay before. The caller holds the deal's lock."""
    run, is_new = ActionRun.objects.get_or_create(action=action, visit=visit, defaults={"deal": deal, "at": now})
    if not is_new:
        return None
    job = Job(action, deal, visit, run, chain, open_deal, now)
    try:
        with transaction.atomic():
            why = _DO[action.what](job)
    except ValidationError as refusal:
        deal.refresh_from_db()
        why = " ".join(refusal.messages)
    if why:
        run.outcome, run.note = ActionRun.Outcome.REFUSED, why[:500]
        job.tell([deal.owner], _("Not done, %(what)s: %(why)s") % {"what": action.get_what_display(), "why": why})
    run.save()
    return run


# --- What there is to do. Each gives why it could not be done; empty: done


def _notify(job: Job) -> str:
    job.tell(people_of(job.deal, job.action.role), job.action.text)
    job.run.note = job.action.text
    return ""


def _reassign(job: Job) -> str:
    taker = job.action.user or next(iter(_members(job.deal, job.action.role)), None)
    if taker is None:
        return _("nobody has the role “%(role)s”.") % {"role": job.action.get_role_display()}
    if not taker.is_active:
        return _("%(name)s no longer works here.") % {"name": taker.name}
    if taker.pk != job.deal.owner_id:
        job.change("owner", taker)
        job.tell([taker], _("It is yours now."))
    return ""


def _set_field(job: Job) -> str:
    job.change(job.action.field, value_of(job.action, job.deal, job.now))
    return ""


def _add_tag(job: Job) -> str:
    job.change("tags", [*job.deal.tags.all(), job.action.tag])
    return ""


def _take_tag_off(job: Job) -> str:
    job.change("tags", [tag for tag in job.deal.tags.all() if tag.pk != job.action.tag_id])
    return ""


def _open(job: Job) -> str:
    pipeline = job.action.pipeline
    target = first_stage(pipeline) if pipeline is not None else None
    if pipeline is None or target is None:
        return _("its pipeline is no longer in use.")
    chain = job.chain or _chain_of(job.deal)
    if pipeline.pk in chain or len(chain) > LONGEST_CHAIN:
        return _("it would go round in a circle: %(pipeline)s.") % {"pipeline": pipeline.name}
    title = job.action.text or job.deal.title
    made = job.open_deal(job.deal, target.pk, title, (*chain, pipeline.pk), job.now)
    if isinstance(made, str):
        return made
    job.run.made = made
    tell(
        [made.owner],
        made,
        _key(job.run),
        _("It opened this deal in %(pipeline)s.") % {"pipeline": pipeline.name},
        job.now,
    )
    return ""


_DO: dict[str, Callable[[Job], str]] = {
    What.NOTIFY: _notify,
    What.REASSIGN: _reassign,
    What.FIELD: _set_field,
    What.TAG: _add_tag,
    What.UNTAG: _take_tag_off,
    What.OPEN: _open,
}


def people_of(deal: Deal, role: str) -> list[User]:
    """Who has the role there; the owner where nobody has it."""
    if role == Who.MANAGERS:
        found = list(access.managers_of(deal.owner))
    else:
        found = _members(deal, role)
    return [person for person in found if person.is_active] or [deal.owner]


def _members(deal: Deal, role: str) -> list[User]:
    """The last one to get the role first."""
    return [row.user for row in deal.members.filter(role=role).select_related("user").order_by("-pk")]


def value_of(action: ProcessAction, deal: Deal | None, now: datetime.datetime) -> Any:
    """What the field is set to. ValidationError in words for a text that is none."""
    text = action.value.strip()
    if not text:
        return None
    if action.field == "expected_close":
        return calendar.day_of(now, deal.owner if deal else User()) + datetime.timedelta(days=_days(text))
    if action.field == "value":
        try:
            return Decimal(text)
        except InvalidOperation as error:
            raise ValidationError(
                _("“%(text)s” is not a number; write it like 50000 or 0.5.") % {"text": text}
            ) from error
    model: Any = {"source": Source, "product": Product}[action.field]
    found = model.objects.in_use().filter(name__iexact=text).first()
    if found is None:
        raise ValidationError(_("“%(text)s” is not in the list.") % {"text": text})
    return found


def _days(text: str) -> int:
    if not (text.isascii() and text.isdecimal()) or int(text[:6]) > LONGEST_WAIT:
        raise ValidationError(_("“%(text)s” is not a number of days.") % {"text": text})
    return int(text)


def first_stage(pipeline: Pipeline) -> Stage | None:
    stages = Stage.objects.in_use().filter(pipeline=pipeline, pipeline__retired_at__isnull=True, kind=Kind.OPEN)
    return stages.order_by("order", "pk").first()


def _chain_of(deal: Deal) -> tuple[int, ...]:
    """The pipelines of the deals that led to this one, and its own."""
    chain, upto = [deal.pipeline_id], deal
    while len(chain) <= LONGEST_CHAIN:
        run = ActionRun.objects.filter(made=upto).select_related("deal").first()
        if run is None:
            break
        upto = run.deal
        chain.insert(0, upto.pipeline_id)
    return tuple(chain)


# --- Taking back


def take_back(deal: Deal, visit: StageVisit, *, now: datetime.datetime) -> list[str]:
    """With a move that is undone: what it set goes back where nobody has changed it since. Gives what stays, in words.

    The caller holds the deal's lock, and its object is up to date; the deals that it opened stay as they are.
    """
    told = []
    runs = ActionRun.objects.filter(visit=visit, undone_at__isnull=True).select_related("action", "made")
    for run in runs.order_by("-pk"):
        if run.outcome == ActionRun.Outcome.DONE:
            told += _take_back(deal, run, now)
        notices.take_back(_key(run))
        run.undone_at = now
        run.save(update_fields=["undone_at"])
    return told


def _take_back(deal: Deal, run: ActionRun, now: datetime.datetime) -> list[str]:
    name = _FIELD_OF.get(run.action.what, run.action.field)
    if run.made is not None:
        return [_("“%(title)s”, which it opened, stays.") % {"title": run.made.title}]
    if not name or run.before == run.after:
        return []
    if _stored(deal, name) != run.after:
        return [_("What the process set was changed since, and stays.")]
    deals.apply_changes(deal, {name: _loaded(name, run.before)}, by=None, via=Via.PROCESS, now=now)
    return []


_FIELD_OF: dict[str, str] = {What.REASSIGN: "owner", What.TAG: "tags", What.UNTAG: "tags"}


def _stored(deal: Deal, name: str) -> Any:
    if name == "tags":
        return sorted(deal.tags.values_list("pk", flat=True))
    return records.stored(getattr(deal, name))


def _loaded(name: str, value: Any) -> Any:
    """The other way round; None for a row that is gone."""
    if value is None:
        return None
    if name == "value":
        return Decimal(value)
    if name == "expected_close":
        return datetime.date.fromisoformat(value)
    model: Any = Deal._meta.get_field(name).related_model
    return list(model.objects.filter(pk__in=value)) if name == "tags" else model.objects.filter(pk=value).first()


# --- Telling


def tell(people: Iterable[User], deal: Deal, key: str, text: str, now: datetime.datetime) -> None:
    address = reverse("deal", args=[deal.pk])
    notices.tell(people, notices.News(key, "process", None, deal.title, text, address, "deal", deal.pk), now)


def _key(run: ActionRun) -> str:
    return f"process:{run.visit_id}:{run.action_id}"


# --- Whether the actions make sense


def circle(pipeline: Pipeline, actions: Sequence[ProcessAction]) -> list[Pipeline]:
    """By way of which pipelines a deal would lead back to this one; empty: it does not. `actions` are those that open deals."""
    leads_to: dict[int, list[Pipeline]] = {}
    for action in actions:
        if action.pipeline is not None:
            leads_to.setdefault(action.stage.pipeline_id, []).append(action.pipeline)
    waiting: list[list[Pipeline]] = [[each] for each in leads_to.get(pipeline.pk, [])]
    known: set[int] = set()
    while waiting:
        way = waiting.pop()
        if way[-1].pk == pipeline.pk:
            return way
        if way[-1].pk not in known:
            known.add(way[-1].pk)
            waiting += [[*way, each] for each in leads_to.get(way[-1].pk, [])]
    return []
