"""What the background worker does for the ground floor. Each job may run at any time, twice, or side by side."""

from __future__ import annotations

from celery import shared_task

from crm import answers, clock, digest, outbox, reminders, sign_in, tokens
from crm.webhooks import delivering, keeping, reading


@shared_task(name="crm.jobs.deliver_mail")
def deliver_mail() -> None:
    outbox.deliver_due()


@shared_task(name="crm.jobs.deliver_reminders")
def deliver_reminders() -> None:
    digest.plan_missing(clock.now())
    reminders.deliver_due()


@shared_task(name="crm.jobs.deliver_webhooks")
def deliver_webhooks() -> None:
    reading.queue_new()
    delivering.deliver_due()


@shared_task(name="crm.jobs.tidy_up")
def tidy_up() -> None:
    """Old counters of sign-ins, sessions that have ended, tokens long revoked, answers that nobody asks for again,
    webhook deliveries that are done."""
    from importlib import import_module

    from django.conf import settings

    sign_in.remove_old_counters()
    answers.remove_old()
    tokens.remove_old()
    keeping.remove_old()
    import_module(settings.SESSION_ENGINE).SessionStore.clear_expired()
