"""Whether a request wrote anything: its statements are watched, so that not even a row put back goes by unseen."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection

WRITES = re.compile(r"""\s*(?:INSERT INTO|UPDATE|DELETE FROM)\s+["`]?(\w+)""", re.IGNORECASE)
COUNTED = {"django_session", "crm_signincounter", "crm_opened"}
"""A refusal may count tries, a session is nobody's data, and what one opened last is noted for oneself alone."""


@contextmanager
def no_trace(said: str = "") -> Iterator[None]:
    written: list[str] = []

    def watch(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        found = WRITES.match(sql)
        if found and found[1] not in COUNTED:
            written.append(sql[:200])
        return execute(sql, *rest)

    with connection.execute_wrapper(watch):
        yield
    assert not written, f"{said} left a trace: {written}"
