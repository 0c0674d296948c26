"""The one writer of approvals: a rep asks, a manager within reach answers."""

from __future__ import annotations

import datetime
from collections.abc import Iterable

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils.translation import gettext as _

from crm import clock
from crm.fields import Field, FieldKind
from crm.models import User
from pipeline import followups, marking, news
from pipeline.models import Approval, Deal, EntryCondition
from pipeline.models.deals import DealQuerySet

_TEXT = Field("reason", _("The reason"), FieldKind.TEXT, max_length=500)


def ask(deal_id: int, condition_id: int, *, by: User, why: str = "", now: datetime.datetime | None = None) -> Approval:
    """At the deal's present value. Asking again while it waits at the same value returns what waits."""
    with transaction.atomic():
        deal = followups.lock(deal_id)
        now = now or clock.now()
        condition = (
            EntryCondition.objects.in_use()
            .filter(pk=condition_id, kind="approval", stage__pipeline=deal.pipeline_id)
            .first()
        )
        if condition is None:
            raise ValidationError(_("This approval is no longer asked for."))
        why = _TEXT.check(why)
        waiting = Approval.objects.filter(deal=deal, condition=condition, decision="").first()
        as_asked = waiting is not None and (waiting.value, waiting.currency) == (deal.value, deal.currency)
        if waiting is not None and as_asked and why in ("", waiting.why):
            return waiting
        marking.touch(deal.pk)
        if waiting is not None:
            if not as_asked:
                waiting.value, waiting.currency, waiting.asked_at, waiting.asked_by = deal.value, deal.currency, now, by
            waiting.why = why or waiting.why
            waiting.save()
            news.approval_asked(waiting, now)
            return waiting
        made = Approval.objects.create(
            deal=deal, condition=condition, asked_by=by, asked_at=now, why=why, value=deal.value, currency=deal.currency
        )
        news.approval_asked(made, now)
        return made


def decide(
    approval_id: int, *, by: User, approve: bool, reason: str = "", now: datetime.datetime | None = None
) -> Approval:
    """ValidationError: declined without a reason, answered already, or asked at another value. PermissionDenied: not a manager of it."""
    with transaction.atomic():
        # The deal first, as whoever asks does.
        followups.lock(Approval.objects.values_list("deal_id", flat=True).get(pk=approval_id))
        approval = Approval.objects.select_for_update().get(pk=approval_id)
        now = now or clock.now()
        deal = decided_by(by).filter(pk=approval.deal_id).first()
        if deal is None:
            raise PermissionDenied
        reason = _TEXT.check(reason)
        if approval.decision:
            raise ValidationError(_("%(name)s has answered already.") % {"name": approval.decided_by})
        if not approve and not reason:
            raise ValidationError({"reason": _("Say why, so that the rep knows what to change.")})
        if (approval.value, approval.currency) != (deal.value, deal.currency):
            raise ValidationError(_("The deal's value has changed since; it has to be asked for again."))
        approval.decision = Approval.Decision.APPROVED if approve else Approval.Decision.DECLINED
        approval.decided_by, approval.decided_at, approval.reason = by, now, reason
        approval.save()
        news.approval_answered(approval, now)
        marking.touch(deal.pk)
        return approval


def keep_past(made: Iterable[Approval]) -> None:
    """Many at once that lie back, answered or still waiting."""
    Approval.objects.bulk_create(made)


def decided_by(user: User) -> DealQuerySet:
    """Deals of the people whom this manager manages. Taking part in a deal gives nobody the say over it."""
    deals = Deal.objects.editable_by(user).managed_by(user)
    return deals if user.is_manager else deals.none()


def waiting_for(user: User) -> QuerySet[Approval]:
    """What this manager is asked to approve: of deals within reach, at the value that they still have."""
    same_value = Q(value=F("deal__value")) | Q(value__isnull=True, deal__value__isnull=True)
    mine = Approval.objects.filter(same_value, decision="", currency=F("deal__currency"), deal__in=decided_by(user))
    return mine.select_related(
        "deal__owner", "deal__organization", "deal__stage", "condition__stage", "asked_by"
    ).order_by("asked_at")
