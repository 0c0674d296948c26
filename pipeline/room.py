"""Whether a stage still takes a deal, where an admin has set how many it may hold."""

from __future__ import annotations

from django.db import connection

from pipeline.models import Deal, Kind, Stage

LOCK = 7201
"""Our class of advisory locks for places in a stage."""


def is_full(stage: Stage, deal: Deal, *, hold: bool) -> bool:
    """The deal itself does not count. `hold` until commit: of ten who want the last place at once, one enters."""
    if stage.most_deals is None or stage.kind != Kind.OPEN:
        return False
    # The stage's row is shared by all who enter it, and two who share it cannot both have it alone afterwards.
    if hold and connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [LOCK, stage.pk % 2**31])
    return Deal.objects.existing().filter(stage=stage).exclude(pk=deal.pk).count() >= stage.most_deals
