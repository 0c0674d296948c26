"""The one writer of commitments: what the buyer agreed to, or a rep confirms by hand."""

from __future__ import annotations

import datetime
from collections.abc import Iterable

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from crm import clock
from crm.fields import Field, FieldKind
from crm.models import User
from leads.models import Activity, Contact
from pipeline import followups
from pipeline.models import Commitment, Deal, EntryCondition

_EVIDENCE = Field("evidence", _("Evidence"), FieldKind.TEXT, max_length=500)


def record(
    deal: Deal, condition_id: int, *, by: User, contact: Contact | None = None, happened_at: datetime.datetime | None = None,
    evidence: str = "", activity: Activity | None = None, now: datetime.datetime | None = None,
) -> Commitment:  # fmt: skip
    """One click: who is the deal's main contact, when is now. Evidence is asked for only where the condition does.

    Recording what already stands with the same evidence returns the standing row. Raises ValidationError.
    """
    now = now or clock.now()
    condition = (
        EntryCondition.objects.in_use()
        .filter(pk=condition_id, kind__in=["commitment", "by_hand"], stage__pipeline=deal.pipeline_id)
        .first()
    )
    if condition is None:
        raise ValidationError(_("This is no longer asked for."))
    evidence = _EVIDENCE.check(evidence)
    if condition.needs_evidence and not evidence:
        raise ValidationError({f"evidence_{condition.pk}": _("Add a link or a note that proves it.")})
    happened_at = happened_at or now
    if happened_at > now:
        raise ValidationError({f"when_{condition.pk}": _("This lies in the future.")})
    if contact is None and condition.kind == "commitment":
        main = deal.people.select_related("contact").filter(is_primary=True).first()
        contact = main.contact if main else None
    standing = (
        Commitment.objects.standing()
        .filter(deal=deal, condition=condition, evidence=evidence, happened_at__gte=deal.stage_entered_at)
        .first()
    )
    if standing is not None:
        return standing
    followups.worked(deal.pk, now)
    return Commitment.objects.create(
        deal=deal, condition=condition, contact=contact, happened_at=happened_at, evidence=evidence, activity=activity, recorded_by=by,
        recorded_at=now,
    )  # fmt: skip


def withdraw(deal: Deal, condition_id: int, *, by: User, now: datetime.datetime | None = None) -> int:
    """The buyer took it back, or it was ticked by mistake. The rows stay. Returns how many were withdrawn."""
    now = now or clock.now()
    return (
        Commitment.objects.standing()
        .filter(deal=deal, condition=condition_id)
        .update(withdrawn_at=now, withdrawn_by=by)
    )


def keep_past(made: Iterable[Commitment]) -> None:
    """Many at once that lie back. The caller has followups.recount bring the deals in line."""
    Commitment.objects.bulk_create(made)
