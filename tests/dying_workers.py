"""Workers that are killed: processes that look for what is due, and die when and where they are told to.

They are forked from a process that has everything loaded, so that forty of them start in no time.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from multiprocessing.process import BaseProcess
from pathlib import Path

from django.conf import settings
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend
from django.db import DatabaseError, InterfaceError, connections

from crm import outbox, reminders
from crm.models import Reminder
from crm.notices import News
from crm.reminders import Outcome

KIND = "tried"
RAISES, KILLS = 3, 7
"""Of a hundred numbers the one that raises, of a thousand the one that kills its worker."""
_fork = multiprocessing.get_context("fork")


class LogBackend(BaseEmailBackend):
    """In place of a mail server: a line for each mail that it took, whole whoever dies."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        path = os.open(settings.EMAIL_FILE_PATH, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        try:
            for message in email_messages:
                os.write(path, f"{message.extra_headers['Message-ID']}\n".encode())
        finally:
            os.close(path)
        return len(email_messages)


def taken_by_the_server() -> list[str]:
    path = Path(settings.EMAIL_FILE_PATH)
    return path.read_text().split() if path.exists() else []


def check(rows: Sequence[Reminder], now: datetime) -> Mapping[int, Outcome]:
    return {row.pk: _outcome(row) for row in rows}


def _outcome(row: Reminder) -> Outcome:
    if row.object_id % 1000 == KILLS:
        os.kill(os.getpid(), signal.SIGKILL)
    if row.object_id % 100 == RAISES:
        raise ZeroDivisionError("poison")
    return News(row.key, "due", None, f"Task {row.object_id}", "", "/", "user", row.user_id)


def work() -> None:
    """Looks and looks, whatever becomes of its database."""
    while True:
        try:
            if not reminders.deliver_due() + outbox.deliver_due():
                time.sleep(0.1)
        except (DatabaseError, InterfaceError):
            connections.close_all()
            time.sleep(0.1)


class Workers:
    """Always so many: whichever dies is followed by another."""

    def __init__(self, count: int, target: Callable[[], None] = work) -> None:
        self.target, self.count, self.deaths = target, count, 0
        self.living: list[BaseProcess] = []
        self.keep()

    def keep(self) -> None:
        dead = [each for each in self.living if not each.is_alive()]
        self.deaths += len(dead)
        self.living = [each for each in self.living if each not in dead]
        connections.close_all()  # a child must not speak through the socket of its parent
        while len(self.living) < self.count:
            child = _fork.Process(target=self.target, daemon=True)
            child.start()
            self.living.append(child)

    def kill_one(self) -> None:
        victim = random.choice(self.living)
        victim.kill()
        victim.join()

    def until(self, done: Callable[[], bool], seconds: float) -> bool:
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            self.keep()
            if done():
                return True
            time.sleep(0.2)
        return False


@contextmanager
def workers(count: int, target: Callable[[], None] = work) -> Iterator[Workers]:
    kept = Workers(count, target)
    try:
        yield kept
    finally:
        for each in kept.living:
            each.kill()
            each.join()


def due_now(people: Sequence[int], numbers: Sequence[int], spread: timedelta = timedelta()) -> None:
    """Reminders of that kind that are due, dated over the last `spread`."""
    now = datetime.now(UTC)
    rows = []
    for place, number in enumerate(numbers):
        at = now - spread * (place + 1) / len(numbers)
        rows.append(
            Reminder(
                user_id=people[number % len(people)], kind=KIND, object_type=KIND, object_id=number, wall_day=at.date(),
                wall_clock=at.time(), zone="UTC", due_at=at, not_before=at, made_at=at,
            )
        )  # fmt: skip
    Reminder.objects.bulk_create(rows, batch_size=2000)
