"""What the background worker does for pipelines. Each job pulls rows that are due; running twice changes nothing."""

from __future__ import annotations

from celery import shared_task

from pipeline import retirement


@shared_task
def finish_retirements() -> int:
    """Deals that stood in a stage when it was retired, and were too many for one request."""
    return retirement.finish()
