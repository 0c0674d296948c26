"""Wakes those who watch for changes: the watchers of this process and, by Redis, those of the others.

A message says only “look”: what changed stands in rows. So nothing is lost without Redis, whoever watches looks by
itself every now and then, and a page never waits for a message to be taken.
"""

from __future__ import annotations

import logging
import threading
import time
from functools import cache

from django.conf import settings
from django.db import transaction
from redis import Redis
from redis.backoff import NoBackoff
from redis.client import PubSub
from redis.exceptions import RedisError
from redis.retry import Retry

logger = logging.getLogger("crm.live")

# Not so long after it failed is Redis asked again: pages must not wait for it one after the other.
REST_SECONDS = 30
SLICE_SECONDS = 0.5
"""A watcher who waits for Redis notices after so long that it is to stop."""

_watchers: set[Watcher] = set()
_rest_until = 0.0


def tell() -> None:
    """At commit, whoever watches has a look."""
    transaction.on_commit(publish, robust=True)


def publish() -> None:
    """Never raises and never waits long."""
    global _rest_until
    for watcher in tuple(_watchers):
        watcher.wake()
    if not settings.REDIS_URL or time.monotonic() < _rest_until:
        return
    try:
        _redis().publish(_channel(), b"")
    except (RedisError, OSError) as error:
        _rest_until = time.monotonic() + REST_SECONDS
        logger.warning("nobody could be told of a change", extra={"fields": {"error": type(error).__name__}})


@cache
def _redis() -> Redis:
    return Redis.from_url(settings.REDIS_URL, retry=Retry(NoBackoff(), 0), **settings.REDIS_PATIENCE)


def _channel() -> str:
    """Databases of one Redis share their channels: lanes of the tests must not."""
    return (
        f"stagecraft:{settings.REDIS_URL.rpartition('/')[2]}:{settings.CACHES['default'].get('KEY_PREFIX', '')}:changed"
    )


class Watcher:
    """One thread's ear. `wait` returns when something may have changed, or when the time is over."""

    def __init__(self) -> None:
        self._woken = threading.Event()
        self._heard: PubSub | None = None
        self._rest_until = 0.0
        _watchers.add(self)

    def wake(self) -> None:
        self._woken.set()

    @property
    def hears_others(self) -> bool:
        """Whether changes made by other processes wake it; otherwise it has to look often."""
        return self._heard is not None

    def wait(self, seconds: float) -> None:
        if settings.REDIS_URL and self._listen():
            until = time.monotonic() + seconds
            while not self._woken.is_set() and time.monotonic() < until:
                if self._message(min(SLICE_SECONDS, seconds)):
                    break
        else:
            self._woken.wait(seconds)
        self._woken.clear()

    def close(self) -> None:
        _watchers.discard(self)
        self._hang_up()

    def _listen(self) -> bool:
        if self._heard is not None or time.monotonic() < self._rest_until:
            return self._heard is not None
        try:
            self._heard = _redis().pubsub(ignore_subscribe_messages=True)
            self._heard.subscribe(_channel())
        except (RedisError, OSError):
            self._hang_up()
        return self._heard is not None

    def _message(self, seconds: float) -> bool:
        """True too when Redis is gone: what it would have said is to be looked for."""
        heard = self._heard
        if heard is None:
            return True
        try:
            return heard.get_message(timeout=seconds) is not None
        except (RedisError, OSError):
            self._hang_up()
            return True

    def _hang_up(self) -> None:
        if self._heard is not None:
            self._rest_until = time.monotonic() + REST_SECONDS / 6
            try:
                self._heard.close()
            except (RedisError, OSError):
                logger.debug("Redis was gone already")
        self._heard = None
