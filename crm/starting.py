"""The first day of an installation: the company, what ships, and the first administrator."""

from __future__ import annotations

from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.utils.translation import gettext as _

from crm import clock, content, password_reset, users
from crm.models import Company, User
from crm.models.audit import Via

# Two people who type the command at once: one makes the administrator, the other is refused.
_LOCK = 7_245_001


def set_up(email: str, name: str, *, company: str, time_zone: str, now: datetime | None = None) -> str:
    """A link, valid for an hour and once, by which the first administrator sets a password.

    ValidationError: somebody is there already, or the email or time zone is none.
    """
    with transaction.atomic():
        _lock()
        if User.objects.exists():
            raise ValidationError(_("There are users already. Ask one of the administrators to let you in."))
        now = now or clock.now()
        admin = users.create(email, name, role=User.Role.ADMIN, by=None, via=Via.PROCESS, time_zone=time_zone, now=now)
        _make_company(company, time_zone)
        content.load_all(by=admin, now=now)
        return password_reset.link_for(admin)


def _make_company(name: str, time_zone: str) -> None:
    row = Company.current()
    row.name, row.time_zone = name or row.name, time_zone
    row.full_clean()
    row.save()


def _lock() -> None:
    # SQLite: the transaction itself took the only write lock (transaction_mode IMMEDIATE).
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
