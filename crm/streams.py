"""Server-sent events that cost no thread of the web server.

gunicorn has a few threads, and each keeps a connection to the database; two hundred open boards must need neither. So
once the head of the answer is out, a stream takes its socket along into a thread of its own, which sleeps until there is
something to say, and gunicorn is left with a socket at whose other end nobody is. Under any other server the stream
stays in the thread of its request.
"""

from __future__ import annotations

import json
import os
import socket
import ssl
import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from django.conf import settings
from django.db import connections
from django.http import HttpRequest, StreamingHttpResponse
from django.utils import timezone

from crm.models import User
from crm.visitors import Request

PATIENCE_SECONDS = 10
"""A reader who takes nothing for so long has gone."""

Parts = Generator[bytes, None, None]
Taken = Callable[[socket.socket], None]


def message(name: str, data: Any, cursor: int) -> bytes:
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return f"id: {cursor}\nevent: {name}\ndata: {text}\n\n".encode()


def answer(request: HttpRequest, parts: Parts, taken: Taken) -> StreamingHttpResponse:
    """`parts` reads the database before the first of them only. `taken` is told of the socket, to watch whether it ends."""
    response = StreamingHttpResponse(_taken_along(request, parts, taken), content_type="text/event-stream")
    response.headers["X-Accel-Buffering"] = "no"  # nginx would keep messages until there is a page of them
    return response


def _taken_along(request: HttpRequest, parts: Parts, taken: Taken) -> Iterator[bytes]:
    first = next(parts)
    # Else this thread would keep its connection to the database for as long as the stream lasts.
    connections.close_all()
    yield first
    theirs = request.META.get("gunicorn.socket")
    if theirs is None or isinstance(theirs, ssl.SSLSocket):
        yield from parts
        return
    ours = theirs.dup()
    taken(ours)
    _leave_nothing(theirs)
    chunked = request.META.get("SERVER_PROTOCOL") == "HTTP/1.1"  # as gunicorn has begun it
    threading.Thread(target=_write, args=(ours, parts, chunked), daemon=True, name="stream").start()


def _leave_nothing(theirs: socket.socket) -> None:
    """Puts one end of a pair whose other end is closed in its place: ending and closing it ends nothing of ours."""
    here, there = socket.socketpair()
    there.close()
    os.dup2(here.fileno(), theirs.fileno(), inheritable=False)
    here.close()


def _write(sock: socket.socket, parts: Parts, chunked: bool) -> None:
    sock.settimeout(PATIENCE_SECONDS)
    try:
        for part in parts:
            sock.sendall(b"%x\r\n%s\r\n" % (len(part), part) if chunked else part)
        if chunked:
            sock.sendall(b"0\r\n\r\n")
    except OSError:
        pass  # the reader has gone
    finally:
        parts.close()
        connections.close_all()
        with suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)
        sock.close()


# --- Whether they are still signed in


@dataclass(frozen=True)
class Visit:
    """A session as it was when the stream began; it ends with the session, and with what made it this person's."""

    session: str
    user: int
    password: str
    role: str

    @classmethod
    def of(cls, request: Request) -> Visit:
        user = request.user
        return cls(request.session.session_key or "", user.pk, user.password, user.role)


def ended(visits: Iterable[Visit]) -> set[Visit]:
    """Signed out, deactivated, another password or role: two queries for all of them."""
    asked = set(visits)
    sessions = import_module(settings.SESSION_ENGINE).SessionStore.get_model_class().objects
    kept = sessions.filter(session_key__in=[each.session for each in asked], expire_date__gt=timezone.now())
    there = set(kept.values_list("session_key", flat=True))
    people = set(
        User.objects.active().filter(pk__in={each.user for each in asked}).values_list("pk", "password", "role")
    )
    return {each for each in asked if each.session not in there or (each.user, each.password, each.role) not in people}
