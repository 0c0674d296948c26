"""What the background worker does for the ground floor. Each job may run at any time, twice, or side by side."""

from __future__ import annotations

from celery import shared_task

from crm import outbox, sign_in


@shared_task(name="crm.jobs.deliver_mail")
def deliver_mail() -> None:
    outbox.deliver_due()


@shared_task(name="crm.jobs.tidy_up")
def tidy_up() -> None:
    """Old counters of sign-ins, and sessions that have ended."""
    from importlib import import_module

    from django.conf import settings

    sign_in.remove_old_counters()
    import_module(settings.SESSION_ENGINE).SessionStore.clear_expired()
