"""A worker looks for what is due by itself, every minute: beat makes it sooner, and is not needed.

In a thread of the worker's main process: it serves also while beat, or the broker, is away.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any

from celery.signals import worker_ready, worker_shutting_down
from django.db import connections

logger = logging.getLogger("crm.own_clock")

EVERY_SECONDS = 60.0
_stopping = threading.Event()


def look(jobs: list[Callable[[], Any]]) -> None:
    """Each job once; what one of them meets keeps no other back. No connection is kept between two looks."""
    for job in jobs:
        try:
            job()
        except Exception:  # whatever a database that is away can raise: the next look comes in a minute
            logger.exception("a look for what is due failed")
        finally:
            connections.close_all()


def _keep_looking() -> None:
    # Not before the worker has started: then the models are there.
    from crm import clock, digest, outbox, reminders

    while not _stopping.wait(EVERY_SECONDS):
        look([lambda: digest.plan_missing(clock.now()), reminders.deliver_due, outbox.deliver_due])


@worker_ready.connect
def begin(**_: Any) -> None:
    _stopping.clear()
    threading.Thread(target=_keep_looking, daemon=True, name="own clock").start()


@worker_shutting_down.connect
def end(**_: Any) -> None:
    _stopping.set()
