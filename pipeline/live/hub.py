"""The streams of this process, and its one listener: it starts with the first of them and stops with the last."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

from django.conf import settings

from crm import clock, streams
from crm.streams import Parts, Visit
from pipeline.live import events
from pipeline.live.events import OVERLAP, Audience, cursor_of, moment_of
from pipeline.live.listener import Listener
from pipeline.live.stream import Stream

STREAMS_OF_ONE = 5
FARTHEST = timedelta(hours=2) // timedelta(microseconds=1)
"""Whoever slept longer reads the board again."""


class Hub:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._streams: set[Stream] = set()
        self._listener: Listener | None = None
        self._stopping: Listener | None = None

    def has_room(self, visit: Visit) -> bool:
        with self._lock:
            of_one = sum(stream.visit.user == visit.user for stream in self._streams)
            return of_one < STREAMS_OF_ONE and len(self._streams) < settings.LIVE_STREAMS

    def parts(self, stream: Stream, since: int = 0) -> Parts:
        """All that a stream says. What happened between `since` and now comes first."""
        self._join(stream)
        try:
            # Read after it has joined, so that nothing falls in between.
            yield b"retry: 3000\n\n" + _missed(stream, since)
            yield from stream.lines(self.cursor)
        finally:
            self._leave(stream)

    def _join(self, stream: Stream) -> None:
        with self._lock:
            self._streams.add(stream)
            if self._listener is None:
                self._listener = Listener(self.streams)
                self._listener.start()
            elif stream.deal:
                self._listener.show_viewers()

    def _leave(self, stream: Stream) -> None:
        with self._lock:
            self._streams.discard(stream)
            listener = self._listener
            if listener is not None and not self._streams:
                self._listener, self._stopping = None, listener
                listener.stop()
            elif listener is not None and stream.deal:
                listener.show_viewers()

    def streams(self) -> list[Stream]:
        with self._lock:
            return list(self._streams)

    def cursor(self) -> int:
        listener = self._listener
        return listener.cursor if listener is not None else 0

    def stop(self) -> None:
        """Ends all streams, and returns when the listener has stopped."""
        with self._lock:
            listener, self._listener = self._listener, None
            ending, self._streams = self._streams, set()
        for stream in ending:
            stream.end()
        for each in (listener, self._stopping):
            if each is not None:
                each.stop()
                each.join()


hub = Hub()


def _missed(stream: Stream, since: int) -> bytes:
    now = cursor_of(clock.now())
    data = missed(stream.audience, stream.pipeline, since, now) if stream.pipeline else None
    return streams.message("deals" if data else "beat", data or {}, now)


def missed(audience: Audience, pipeline: int, since: int, now: int) -> dict[str, Any] | None:
    """What a board is told that last heard something at `since`; None for nothing."""
    if now - since > FARTHEST:
        return {"all": True}
    return events.told(events.read(moment_of(since) - OVERLAP), audience, pipeline)
