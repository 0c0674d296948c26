"""A new deal enters its stage through the same gate as any other."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from crm import again, clock, money, records
from crm.models import User
from crm.models.audit import Via
from leads.writing import name_key
from pipeline import automation, filling, followups, in_force, people
from pipeline.models import Deal, Kind, MoveAttempt, Stage, StageVisit, Tag
from pipeline.moves import gate, write
from pipeline.moves.outcomes import Close, Fill, Moved, Refused, by_field


class _Refuse(Exception):
    def __init__(self, refusal: Refused) -> None:
        self.refusal = refusal


@again.after_deadlock
def create_deal(
    stage_id: int, fields: Mapping[str, Any], *, by: User, via: str, fill: Fill | None = None, override: str = "",
    close: Close | None = None, started_at: datetime.datetime | None = None, now: datetime.datetime | None = None,
) -> Moved | Refused:  # fmt: skip
    """`fields` as declared for a deal; owner is `by` and currency the pipeline's unless given.

    Moved.deal is the new deal. Refused: no deal came into being, and the attempt is kept with the title.
    """
    now = now or clock.now()

    def let_in(target: Stage) -> Moved:
        deal = _insert(target, fields, by, via, started_at, now)
        if fill is not None:
            filling.apply(deal, fill, by=by, via=via, now=now)
        return _let_in(deal, target, by, via, override, close, now)

    return _create(stage_id, str(fields.get("title", "")), let_in, by, via, now)


def open_linked(origin: Deal, stage_id: int, title: str, chain: tuple[int, ...], now: datetime.datetime) -> Deal | str:
    """A deal that the process opens because of another one, for the same customer and owner, through the same gate.

    Or why it may not begin there.
    """
    fields = {"title": title, "owner": origin.owner, "organization": origin.organization, "source": origin.source}

    def let_in(target: Stage) -> Moved:
        deal = _insert(target, fields, None, Via.PROCESS, None, now)
        for each in origin.people.select_related("contact").order_by("-is_primary", "pk"):
            people.set_contact(deal, each.contact, role=each.role, by=None, via=Via.PROCESS, now=now)
        return _let_in(deal, target, None, Via.PROCESS, "", None, now, chain)

    outcome = _create(stage_id, title, let_in, None, Via.PROCESS, now)
    return outcome.deal if isinstance(outcome, Moved) else outcome.message


def _create(
    stage_id: int, title: str, let_in: Callable[[Stage], Moved], by: User | None, via: str, now: datetime.datetime
) -> Moved | Refused:
    with transaction.atomic():
        target = (
            # Held until commit: whoever retires the stage waits for this deal and moves it on.
            Stage.objects.in_use()
            .select_for_update(of=("self",), no_key=True)
            .select_related("pipeline")
            .filter(pk=stage_id, pipeline__retired_at__isnull=True)
            .first()
        )
        if target is None:
            return Refused(
                None, None, "stage_gone", _("This stage no longer exists. The board shows the stages as they are now.")
            )
        try:
            with transaction.atomic():
                return let_in(target)
        except _Refuse as refuse:
            refusal = refuse.refusal
        except ValidationError as error:
            refusal = Refused(None, target, "invalid", _("Look again at what was filled in."), errors=by_field(error))
        write.attempt(
            MoveAttempt.Outcome.REFUSED,
            target,
            deal=None,
            origin=None,
            by=by,
            via=via,
            now=now,
            unmet=refusal.missing,
            title=title,
        )
        return refusal


def check_new(pipeline_currency: str, fields: Mapping[str, Any], owner: User | None) -> dict[str, Any]:
    """The fields of a new deal as they are stored. Raises ValidationError by field."""
    checked = records.check("deal", {"currency": pipeline_currency, "owner": owner, **fields})
    if not checked.get("title"):
        raise ValidationError({"title": _("Give the deal a name.")})
    if checked.get("value") is not None:
        try:
            checked["value"] = money.check_amount(checked["value"], checked["currency"])
        except ValidationError as error:
            raise ValidationError({"value": error}) from error
    return checked


def _insert(
    target: Stage,
    fields: Mapping[str, Any],
    by: User | None,
    via: str,
    started_at: datetime.datetime | None,
    now: datetime.datetime,
) -> Deal:
    checked = check_new(target.pipeline.currency, fields, by)
    tags = checked.pop("tags", None)
    start = started_at or now
    if start > now:
        raise ValidationError({"started_at": _("A deal cannot start in the future.")})
    deal = Deal(
        pipeline=target.pipeline,
        stage=target,
        status=target.kind,
        started_at=start,
        stage_entered_at=start,
        last_worked_at=now,
        title_key=name_key(checked["title"]),
        **checked,
    )
    if target.kind != Kind.OPEN:
        for name, value in write.closing(target, deal, None, None, start).items():
            setattr(deal, name, value)
    records.create(deal, by=by, via=via, now=now)
    if tags:
        deal.tags.set(Tag.objects.filter(pk__in=[tag.pk for tag in tags]))
    return deal


def _let_in(
    deal: Deal, target: Stage, by: User | None, via: str, override: str, close: Close | None, now: datetime.datetime,
    chain: tuple[int, ...] = (),
) -> Moved:  # fmt: skip
    process = in_force.read(target.pipeline_id)
    answer = gate.ask(gate.Entry(deal, None, target, process, by, override, close), now)
    if isinstance(answer, Refused):
        raise _Refuse(Refused(None, answer.to_stage, answer.code, answer.message, answer.missing))
    overridden = answer.let_in == StageVisit.LetIn.OVERRIDE
    visit = StageVisit.objects.create(
        deal=deal, seq=1, stage=target, pipeline_version_id=process.version_id, entered_at=deal.started_at,
        recorded_at=now, by=by, via=via, let_in=answer.let_in, reason=override.strip()[:500] if overridden else "",
        **write.closing(target, deal, None, close, deal.started_at),
    )  # fmt: skip
    followups.plan_stage(deal, visit, process, by, now)
    write.begin(deal, visit)
    write.attempt(
        MoveAttempt.Outcome.MOVED, target, deal=deal, origin=None, by=by, via=via, now=now, unmet=answer.unmet, visit=visit,
        reason=visit.reason,
    )  # fmt: skip
    automation.after_move(deal, visit, None, now=now, open_deal=open_linked, chain=chain)
    return Moved(deal, visit, answer.unmet)
