"""The one writer of commitments: what the buyer agreed to, or a rep confirms by hand."""

from __future__ import annotations

import datetime
from collections.abc import Iterable

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Exists, OuterRef, Subquery
from django.utils.translation import gettext as _

from crm import clock
from crm.fields import Field, FieldKind
from crm.models import User
from leads.models import Activity, Contact
from pipeline import files, followups, marking
from pipeline.files import NewFile
from pipeline.models import Commitment, Deal, DealFile, EntryCondition

_EVIDENCE = Field("evidence", _("Evidence"), FieldKind.TEXT, max_length=500)


def record(
    deal: Deal, condition_id: int, *, by: User, contact: Contact | None = None, happened_at: datetime.datetime | None = None,
    evidence: str = "", proof: DealFile | NewFile | None = None, activity: Activity | None = None, pipeline_id: int | None = None,
    now: datetime.datetime | None = None,
) -> Commitment:  # fmt: skip
    """One click: who is the deal's main contact, when is now. Evidence is asked for only where the condition does.

    `proof` is a file of the deal, or a new one that becomes one; without words of its own the evidence is called like it.
    `pipeline_id` is that of the condition, where it is not the deal's: on the way there.
    Recording what already stands with the same evidence returns the standing row. Raises ValidationError.
    """
    now = now or clock.now()
    condition = (
        EntryCondition.objects.in_use()
        .filter(pk=condition_id, kind__in=["commitment", "by_hand"], stage__pipeline=pipeline_id or deal.pipeline_id)
        .first()
    )
    if condition is None:
        raise ValidationError(_("This is no longer asked for."))
    evidence = _EVIDENCE.check(evidence)
    if condition.needs_evidence and not evidence and proof is None:
        raise ValidationError({f"evidence_{condition.pk}": _("Add a link, a note or a file that proves it.")})
    happened_at = happened_at or now
    if happened_at > now:
        raise ValidationError({f"when_{condition.pk}": _("This lies in the future.")})
    if contact is None and condition.kind == "commitment":
        main = deal.people.select_related("contact").filter(is_primary=True).first()
        contact = main.contact if main else None
    file = _file(deal, condition, proof, by, now)
    evidence = evidence or (file.name if file else "")
    standing = (
        Commitment.objects.standing()
        .filter(
            deal=deal,
            condition=condition,
            evidence=evidence,
            evidence_file=file,
            happened_at__gte=deal.stage_entered_at,
        )
        .first()
    )
    if standing is not None:
        return standing
    followups.worked(deal.pk, now)
    return Commitment.objects.create(
        deal=deal, condition=condition, contact=contact, happened_at=happened_at, evidence=evidence, evidence_file=file,
        activity=activity, recorded_by=by, recorded_at=now,
    )  # fmt: skip


def _file(
    deal: Deal, condition: EntryCondition, proof: DealFile | NewFile | None, by: User, now: datetime.datetime
) -> DealFile | None:
    """A new one is kept last of all, when nothing else can be refused any more."""
    if isinstance(proof, NewFile):
        return files.add_on(deal, proof, by=by, now=now)
    if proof is not None and not DealFile.objects.of(deal).filter(pk=proof.pk).exists():
        raise ValidationError({f"evidence_{condition.pk}": _("This file was deleted meanwhile.")})
    return proof


def withdraw(deal: Deal, condition_id: int, *, by: User, now: datetime.datetime | None = None) -> int:
    """The buyer took it back, or it was ticked by mistake. The rows stay. Returns how many were withdrawn."""
    now = now or clock.now()
    standing = Commitment.objects.standing().filter(deal=deal, condition=condition_id)
    with transaction.atomic():
        count = standing.update(withdrawn_at=now, withdrawn_by=by)
        if count:
            marking.touch(deal.pk)
        return count


def keep_past(made: Iterable[Commitment]) -> None:
    """Many at once that lie back. The caller has followups.recount bring the deals in line."""
    Commitment.objects.bulk_create(made)


def carry_over(other: Deal, deal: Deal) -> None:
    """What the buyer agreed to on a deal that becomes part of another, with its evidence. Withdrawn ones stay withdrawn.

    It is the same buyer's word about the same business, so it counts at the gates from now on. What was taken back on
    this deal after it was said on the other stays taken back: a merge brings no word to life again.
    """
    later = Commitment.objects.filter(
        deal=deal, condition=OuterRef("condition"), withdrawn_at__gt=OuterRef("recorded_at")
    )
    latest = later.order_by("-withdrawn_at")
    taken_back = {
        "withdrawn_at": Subquery(latest.values("withdrawn_at")[:1]),
        "withdrawn_by": Subquery(latest.values("withdrawn_by")[:1]),
    }
    Commitment.objects.standing().filter(Exists(later), deal=other).update(**taken_back)
    Commitment.objects.filter(deal=other).update(deal=deal)
