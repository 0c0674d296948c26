"""Signing in, limited against guessing: each try is counted before the password is looked at."""

from __future__ import annotations

import ipaddress
import threading
from datetime import datetime, timedelta

from django.contrib.auth import authenticate
from django.db import connection
from django.db.models import F
from django.http import HttpRequest
from django.utils.crypto import salted_hmac

from crm import clock
from crm.models import SignInCounter, User

WINDOW = timedelta(minutes=15)
TRIES_PER_ACCOUNT = 10
# An office behind one address signs in together in the morning; what succeeds is not counted there.
TRIES_PER_NETWORK = 100
# Each hashing takes 19 MiB and a core: more at once would leave nothing for those who work.
_hashing = threading.BoundedSemaphore(4)


class TooManyTries(Exception):
    """Neither right nor wrong: the password was not looked at."""


def sign_in(email: str, password: str, *, address: str, request: HttpRequest | None = None) -> User | None:
    """The active user whose password this is, or None. Raises TooManyTries. Unknown emails cost the same time."""
    account, network = account_key(email), network_key(address)
    # Both are counted, whatever the other says: who has used up one may not go on with the other for nothing.
    allowed = [count_try(account, TRIES_PER_ACCOUNT), count_try(network, TRIES_PER_NETWORK)]
    if not all(allowed):
        raise TooManyTries
    with _hashing:
        user = authenticate(request, username=email.strip().lower(), password=password)
    if isinstance(user, User):
        forget_tries(account)
        SignInCounter.objects.filter(key=network, tries__gt=0).update(tries=F("tries") - 1)
        return user
    return None


def count_try(key: str, limit: int, *, window: timedelta = WINDOW, now: datetime | None = None) -> bool:
    """Counts one try and says whether it lies within the limit. One statement: of parallel tries each gets its number."""
    now = now or clock.now()
    at, old = (connection.ops.adapt_datetimefield_value(moment) for moment in (now, now - window))
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO crm_signincounter AS counter (key, tries, window_started_at) VALUES (%s, 1, %s)"
            " ON CONFLICT (key) DO UPDATE SET"
            " tries = CASE WHEN counter.window_started_at <= %s THEN 1 ELSE counter.tries + 1 END,"
            " window_started_at = CASE WHEN counter.window_started_at <= %s"
            " THEN excluded.window_started_at ELSE counter.window_started_at END"
            " RETURNING tries",
            [key, at, old, old],
        )
        tries: int = cursor.fetchone()[0]
    return tries <= limit


def forget_tries(key: str) -> None:
    SignInCounter.objects.filter(key=key).delete()


def remove_old_counters(now: datetime | None = None) -> int:
    """Counters whose window is long over; their number says nothing any more."""
    return SignInCounter.objects.filter(window_started_at__lt=(now or clock.now()) - timedelta(days=1)).delete()[0]


def account_key(email: str) -> str:
    # Not the text itself: people type their password into this field.
    return f"account:{salted_hmac('crm.sign_in', email.strip().lower()).hexdigest()}"


def network_key(address: str) -> str:
    """One IPv4 address; of IPv6 the /64, which is what one customer has."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return "network:unknown"
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped:
            return f"network:{ip.ipv4_mapped}"
        return f"network:{ipaddress.ip_network((ip, 64), strict=False)}"
    return f"network:{ip}"
