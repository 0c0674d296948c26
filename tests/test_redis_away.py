"""What is promised without Redis, in short: no move fails or waits for it, and no reminder lies in it (promises 11 and 12).

The long forms are scripts of `bench promises`.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from celery import Celery
from django.conf import LazySettings
from django.test import Client
from redis import Redis

from crm import live, outbox, reminders, tokens
from crm.api.access import PerToken
from crm.models import Company, Notice, User
from pipeline.models import StageVisit
from tests import dying_workers as dying
from tests import services
from tests.deal_world import World
from tests.factories import user

MOVES = 20


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """A Redis that stands still: whoever calls is put through, and hears nothing."""
    with socket.create_server(("127.0.0.1", 0), backlog=50) as frozen:
        frozen.setblocking(False)
        yield frozen


def calls(listener: socket.socket) -> int:
    count = 0
    while True:
        try:
            listener.accept()[0].close()
        except BlockingIOError:
            return count
        count += 1


@pytest.fixture
def told(settings: LazySettings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Celery]:
    """All that a page asks Redis for is configured as in production; `use` says where it is."""
    worker = Celery("test", set_as_current=False)
    monkeypatch.setattr(outbox, "current_app", worker)
    for module, name in ((live, "_rest_until"), (outbox, "_rest_until"), (PerToken, "away_until")):
        monkeypatch.setattr(module, name, 0.0)
    live._redis.cache_clear()
    yield worker
    live._redis.cache_clear()


def use(worker: Celery, settings: LazySettings, port: int) -> None:
    url = f"redis://127.0.0.1:{port}/0"
    settings.REDIS_URL = url
    backend = "django.core.cache.backends.redis.RedisCache"
    settings.CACHES = {"default": {"BACKEND": backend, "LOCATION": url, "OPTIONS": settings.REDIS_PATIENCE}}
    worker.conf.update(broker_url=url, broker_transport_options=settings.BROKER_PATIENCE)


def move_about(world: World) -> list[int]:
    """By a program, whose requests are counted in Redis; after each move a worker is called."""
    client, stages = Client(), [world.second, world.first]
    headers = {"Authorization": f"Bearer {tokens.make(world.manager, 'Shop', 'write')[1]}"}
    answers = []
    for number in range(MOVES):
        body = {"stage": stages[number % 2].pk, "version": world.fresh().version}
        address = f"/api/v1/deals/{world.deal.pk}/move/"
        answers.append(client.post(address, body, content_type="application/json", headers=headers).status_code)
        outbox.wake()
    return answers


@pytest.mark.django_db(transaction=True)
def test_moves_go_on_while_redis_stands_still_and_only_the_first_asks_for_it(
    told: Celery, settings: LazySettings, listener: socket.socket
) -> None:
    world = World()
    use(told, settings, listener.getsockname()[1])
    assert move_about(world) == [200] * MOVES
    assert StageVisit.objects.standing().filter(deal=world.deal).count() == MOVES + 1
    # News of a change, the call for a worker and the count of requests: one try each, and perhaps one of the pool.
    assert 1 <= calls(listener) <= 6


@pytest.mark.django_db(transaction=True)
def test_moves_go_on_without_redis(told: Celery, settings: LazySettings) -> None:
    world = World()
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        use(told, settings, closed.getsockname()[1])
        assert move_about(world) == [200] * MOVES


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[Redis]:
    server = services.Redis(tmp_path / "redis")
    yield Redis.from_url(server.start())
    server.stop()


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_a_redis_that_forgets_everything_loses_no_reminder_and_tells_none_twice(
    told: Celery, settings: LazySettings, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(reminders._kinds, dying.KIND, reminders.Kind("Tried", dying.check, None))
    Company.objects.update_or_create(pk=1, defaults={"working_days": "0123456"})
    use(told, settings, redis.connection_pool.connection_kwargs["port"])
    dying.due_now([user().pk for _number in range(3)], range(1000, 1003), timedelta(minutes=1))
    outbox.wake("crm.jobs.deliver_reminders")
    assert redis.llen("celery") == 1
    redis.flushall()
    assert redis.llen("celery") == 0 and User.objects.exists()
    assert reminders.deliver_due() == 3 and reminders.deliver_due() == 0
    assert Notice.objects.filter(key__startswith="reminder").count() == 3
