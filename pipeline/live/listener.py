"""Looks at the database, by itself or woken, and tells each stream what concerns it.

However many streams there are, a look is one query for deals, three where something is new, and one for bells.
"""

from __future__ import annotations

import logging
import select
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from django.db import DatabaseError, connections
from django.utils import translation
from django.utils.text import get_text_list
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from crm import clock, notices, streams
from crm.live import Watcher
from pipeline.live import events, viewers
from pipeline.live.events import OVERLAP, Event, cursor_of, moment_of
from pipeline.live.stream import Stream

logger = logging.getLogger("crm.live")

OFTEN, SELDOM = 0.5, 2.0
"""Seconds between looks: without Redis, and with it."""
TOGETHER = 0.02
"""So long it waits for more once it was woken: a busy minute is not a look a move."""
NEAR = timedelta(seconds=2)
"""So far back goes each look; every few seconds one goes back as far as OVERLAP."""
_EVERY = {"far": 5.0, "sockets": 1.0, "visits": 20.0, "viewers": 2.0}
_LEFT = getattr(select, "POLLRDHUP", 0) | select.POLLHUP | select.POLLERR


class Listener(threading.Thread):
    def __init__(self, listening: Callable[[], list[Stream]]) -> None:
        super().__init__(daemon=True, name="live")
        self.cursor = 0
        self._listening = listening
        self._watcher = Watcher()
        self._stopping = threading.Event()
        self._known: set[tuple[int, int, int]] = set()
        self._floor = datetime.min.replace(tzinfo=UTC)
        self._all_at = 0.0
        self._due = dict.fromkeys(_EVERY, 0.0)
        self._bells = notices.Bells()
        self._kept: dict[viewers.Pair, float] = {}

    def show_viewers(self) -> None:
        """Soon, because somebody came or went."""
        self._due["viewers"] = 0.0
        self._watcher.wake()

    def stop(self) -> None:
        self._stopping.set()
        self._watcher.wake()

    def run(self) -> None:
        try:
            while not self._stopping.is_set():
                self._guarded(self._round)
                self._watcher.wait(SELDOM if self._watcher.hears_others else OFTEN)
                self._stopping.wait(TOGETHER)
            self._guarded(lambda: viewers.forget(self._kept))
        finally:
            self._watcher.close()
            connections.close_all()

    def _guarded(self, work: Callable[[], None]) -> None:
        try:
            work()
        except DatabaseError as error:
            logger.warning("open pages cannot be told", extra={"fields": {"error": type(error).__name__}})
            connections.close_all()

    def _round(self) -> None:
        self._look()
        self._ring()
        if self._is_due("sockets"):
            self._end_where_nobody_reads()
        if self._is_due("visits"):
            self._end_where_signed_out()
        if self._is_due("viewers"):
            self._tell_who_looks()

    def _is_due(self, what: str) -> bool:
        now = time.monotonic()
        if now < self._due[what]:
            return False
        self._due[what] = now + _EVERY[what]
        return True

    # --- Deals

    def _look(self) -> None:
        if not self.cursor:
            self.cursor = cursor_of(clock.now())
        back = OVERLAP if self._is_due("far") else NEAR
        found = events.read(max(moment_of(self.cursor) - back, self._floor), self._known)
        if found is None:
            self._skip()
        elif self._all_at and time.monotonic() > self._all_at:
            self._all_at = 0.0
            found = None
        self._tell(found)

    def _skip(self) -> None:
        """Too many to tell, as of an import: all boards read themselves again, and once more when the last are committed."""
        self._floor = clock.now()
        self.cursor = cursor_of(self._floor)
        self._all_at = time.monotonic() + OVERLAP.total_seconds()

    def _tell(self, found: list[Event] | None) -> None:
        if found == []:
            return
        if found is not None:
            self._remember(found)
        for stream in self._listening():
            data = events.told(found, stream.audience, stream.pipeline) if stream.pipeline else None
            if data:
                stream.say("deals", data, self.cursor)

    def _remember(self, found: list[Event]) -> None:
        self.cursor = max(self.cursor, *(event.stamp for event in found))
        oldest = cursor_of(moment_of(self.cursor) - 2 * OVERLAP)
        self._known = {known for known in self._known if known[1] > oldest}
        self._known |= {(event.deal, event.stamp, event.version) for event in found}

    # --- Bells

    def _ring(self) -> None:
        """Whoever has news is told that there is some; how much, the page asks as its reader."""
        people = self._bells.rung()
        for stream in self._listening() if people else []:
            if stream.visit.user in people:
                stream.say("news", {}, self.cursor)

    # --- Who listens

    def _end_where_nobody_reads(self) -> None:
        asked, by_number = select.poll(), {}
        for stream in self._listening():
            number = stream.socket.fileno() if stream.socket is not None else -1
            if number >= 0:
                by_number[number] = stream
                asked.register(number, _LEFT)
        for number, _what in asked.poll(0):
            by_number[number].end()

    def _end_where_signed_out(self) -> None:
        listening = self._listening()
        over = streams.ended(stream.visit for stream in listening)
        for stream in listening:
            if stream.visit in over:
                stream.end()

    # --- Who looks at a deal

    def _tell_who_looks(self) -> None:
        pages = [stream for stream in self._listening() if stream.deal]
        self._keep({(stream.deal, stream.visit.user) for stream in pages})
        looking = viewers.looking({stream.deal for stream in pages}) if pages else {}
        for stream in pages:
            others = {user: name for user, name in looking[stream.deal].items() if user != stream.visit.user}
            if others != stream.names:
                stream.names = others
                with translation.override(stream.language):
                    stream.say("viewers", {"text": sentence(list(others.values()))}, self.cursor)

    def _keep(self, pairs: set[viewers.Pair]) -> None:
        """Rows for those who came, none for those who went, and all anew before they are forgotten."""
        viewers.forget(self._kept.keys() - pairs)
        now = time.monotonic()
        if pairs - self._kept.keys() or any(at < now - viewers.RENEW.total_seconds() for at in self._kept.values()):
            viewers.renew(pairs)
            self._kept = dict.fromkeys(pairs, now)
        else:
            self._kept = {pair: at for pair, at in self._kept.items() if pair in pairs}


def sentence(names: list[str]) -> str:
    if not names:
        return ""
    said = ngettext("%(names)s is looking at this too", "%(names)s are looking at this too", len(names))
    return said % {"names": get_text_list(names, _("and"))}
