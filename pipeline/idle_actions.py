"""What the process does when a deal has been idle: once a stay, however often and by how many it is looked for."""

from __future__ import annotations

import datetime

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from crm import clock
from pipeline import automation, followups, moves
from pipeline.models import ActionRun, Deal, ProcessAction, StageVisit

MOST = 200
"""Deals for one action at a time; the rest follows with the next look."""


def act(now: datetime.datetime | None = None) -> int:
    """Gives how many actions were carried out."""
    now = now or clock.now()
    actions = ProcessAction.objects.in_use().filter(when=ProcessAction.When.IDLE, stage__retired_at__isnull=True)
    done = 0
    for action in actions.select_related("stage").order_by("pk"):
        ids = _due(action, now).order_by("last_worked_at", "pk").values_list("pk", flat=True)[:MOST]
        done += sum(_carry_out(action, deal_id, now) for deal_id in list(ids))
    return done


def _due(action: ProcessAction, now: datetime.datetime) -> QuerySet[Deal]:
    here = StageVisit.objects.current().filter(deal=OuterRef(OuterRef("pk"))).values("pk")
    done = ActionRun.objects.filter(action=action, visit__in=here)
    return Deal.objects.existing().idle([action.stage], now).exclude(Exists(done))


def _carry_out(action: ProcessAction, deal_id: int, now: datetime.datetime) -> bool:
    """Looks again under the lock: somebody may have worked on it, or another worker was quicker."""
    with transaction.atomic():
        deal = followups.lock(deal_id)
        if not _due(action, now).filter(pk=deal_id).exists():
            return False
        visit = StageVisit.objects.current().select_related("stage").get(deal=deal)
        run = automation.carry_out(action, deal, visit, now=now, open_deal=moves.open_linked)
        return run is not None
