"""What the background worker does for pipelines. Each job pulls rows that are due; running twice changes nothing."""

from __future__ import annotations

from celery import shared_task

from pipeline import bulk, escalation, files, idle_actions, recurring, retirement


@shared_task
def finish_retirements() -> int:
    """Deals that stood in a stage when it was retired, and were too many for one request."""
    return retirement.finish()


@shared_task
def remove_stray_files() -> int:
    """Bytes of uploads that were refused after all, or whose process died."""
    return files.remove_strays()


@shared_task
def work_bulk() -> int:
    """Changes of many deals that were too many for one request, and those that are taken back."""
    return bulk.work_all()


@shared_task
def act_on_idle() -> int:
    """What the process does by itself for deals that nobody has worked on."""
    return idle_actions.act()


@shared_task
def plan_regular_work() -> int:
    """The tasks of the day that come again without a deal, for each person when their day has begun."""
    return recurring.plan_due()


@shared_task
def tell_of_overdue() -> int:
    """Tasks that are overdue for as many days as the company says: their owners' managers are told once."""
    return escalation.tell_managers()
