"""The socket that a stream takes along, and wakes by Redis that may be gone."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator

import pytest
from django.conf import LazySettings
from django.test import RequestFactory

from crm import live, streams


def _reader(protocol: str) -> tuple[socket.socket, socket.socket, list[bytes], list[socket.socket]]:
    """A reader, and gunicorn's end of the connection after the stream has left it."""
    reader, theirs = socket.socketpair()
    reader.settimeout(3)
    request = RequestFactory().get("/", SERVER_PROTOCOL=protocol)
    request.META["gunicorn.socket"] = theirs
    taken: list[socket.socket] = []

    def parts() -> Iterator[bytes]:
        yield b"first"
        yield b"second"

    answer = streams.answer(request, parts(), taken.append)  # type: ignore[arg-type]
    return reader, theirs, list(answer), taken


def _all_of(reader: socket.socket) -> bytes:
    text = b""
    while part := reader.recv(100):
        text += part
    return text


@pytest.mark.parametrize(("protocol", "rest"), [("HTTP/1.1", b"6\r\nsecond\r\n0\r\n\r\n"), ("HTTP/1.0", b"second")])
def test_a_stream_goes_on_after_the_server_closed_its_end(protocol: str, rest: bytes) -> None:
    reader, theirs, through_the_server, taken = _reader(protocol)
    with pytest.raises(BrokenPipeError):
        theirs.sendall(b"what a server adds at the end")
    theirs.close()
    assert through_the_server == [b"first"] and len(taken) == 1
    assert _all_of(reader) == rest
    reader.close()


def test_under_another_server_the_stream_stays_in_its_request() -> None:
    def parts() -> Iterator[bytes]:
        yield b"first"
        yield b"second"

    answer = streams.answer(RequestFactory().get("/"), parts(), lambda sock: None)  # type: ignore[arg-type]
    assert list(answer) == [b"first", b"second"] and answer["X-Accel-Buffering"] == "no"


@pytest.fixture
def redis_gone(settings: LazySettings) -> Iterator[None]:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        settings.REDIS_URL = f"redis://127.0.0.1:{closed.getsockname()[1]}/0"
        live._redis.cache_clear()
        live._rest_until = 0.0
        yield
        live._redis.cache_clear()
        live._rest_until = 0.0


def test_a_thousand_changes_without_redis_take_no_time_and_wake_this_process(redis_gone: None) -> None:
    watcher, begun = live.Watcher(), time.monotonic()
    for _change in range(1000):
        live.publish()
    watcher.wait(5)
    watcher.close()
    assert time.monotonic() - begun < 2 and not watcher.hears_others


@pytest.mark.postgres
def test_a_change_wakes_a_watcher_by_redis() -> None:
    live._rest_until = 0.0
    watcher = live.Watcher()
    watcher.wait(0.05)
    assert watcher.hears_others
    live._watchers.discard(watcher)  # as in another process
    live.publish()
    begun = time.monotonic()
    watcher.wait(3)
    watcher.close()
    assert time.monotonic() - begun < 1
