"""An open page that hears of changes: what waits to be said to it, and when it ends."""

from __future__ import annotations

import queue
import random
import socket
import time
from collections.abc import Callable, Iterator
from typing import Any

from django.utils.translation import get_language

from crm import streams
from crm.streams import Visit
from pipeline.live.events import Audience

BEAT, LIFE = 15, 300
"""Seconds: between two signs of life, and until the page has to ask anew, when what one may see is computed again."""
WAITING = 32
"""Messages that wait for a slow reader; with one more it is told to read all again."""


class Stream:
    """Of a board, of the page of a deal, or of My day, which only hears the bell."""

    def __init__(self, visit: Visit, audience: Audience, *, pipeline: int = 0, deal: int = 0) -> None:
        self.visit, self.audience, self.pipeline, self.deal = visit, audience, pipeline, deal
        self.language = get_language()
        self.names: dict[int, str] = {}
        """Of the others who look at the deal, as it was told last."""
        self.socket: socket.socket | None = None
        self._waiting: queue.Queue[bytes] = queue.Queue(WAITING)

    def hold(self, sock: socket.socket) -> None:
        self.socket = sock

    def say(self, name: str, data: Any, cursor: int) -> None:
        try:
            self._waiting.put_nowait(streams.message(name, data, cursor))
        except queue.Full:
            self._say_only(streams.message("deals", {"all": True}, cursor))

    def end(self) -> None:
        self._say_only(b"")

    def _say_only(self, last: bytes) -> None:
        """In place of all that waits; only the listener puts, so there is room then."""
        try:
            while True:
                self._waiting.get_nowait()
        except queue.Empty:
            self._waiting.put(last)

    def lines(self, cursor: Callable[[], int]) -> Iterator[bytes]:
        """What is said, and a beat where nothing is. After its time it says goodbye, and the page comes again."""
        until = time.monotonic() + LIFE * random.uniform(0.8, 1.2)  # noqa: S311  (not all of them at once)
        while (left := until - time.monotonic()) > 0:
            try:
                said = self._waiting.get(timeout=min(BEAT, left))
            except queue.Empty:
                said = streams.message("beat", {}, cursor())
            if not said:
                return
            yield said
        yield streams.message("again", {}, cursor())
