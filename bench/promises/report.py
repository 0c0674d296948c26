"""What came of trying one promise."""

from __future__ import annotations

import json
import statistics
import threading
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

SHOWN = 8
"""Broken ones that are named; all are counted."""


@dataclass
class Report:
    """`counts` say what was done, `broken` each time that it did not hold. Threads share it."""

    number: int
    what: str
    counts: Counter[str] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)
    ms: list[float] = field(default_factory=list)
    most_ms: int | None = None
    """The figure to reach for p95. It is said beside, and breaks nothing: it depends on who else uses the machine."""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def count(self, name: str, by: int = 1) -> None:
        with self.lock:
            self.counts[name] += by

    def expect(self, holds: bool, otherwise: str) -> None:
        if not holds:
            with self.lock:
                self.broken.append(otherwise)

    def took(self, seconds: float) -> None:
        with self.lock:
            self.ms.append(seconds * 1000)

    def answered(self, answers: Iterable[Any], said: str) -> None:
        """No thread ended with an exception."""
        for answer in answers:
            self.expect(not isinstance(answer, BaseException), f"{said}: {answer!r}"[:300])

    def line(self, seconds: float) -> str:
        told: dict[str, Any] = {
            "promise": self.number,
            "kept": not self.broken,
            "what": self.what,
            "counts": dict(sorted(self.counts.items())),
            "violations": len(self.broken),
            "seconds": round(seconds, 1),
        }
        if len(self.ms) > 1:
            quantiles = statistics.quantiles(self.ms, n=100)
            told |= {"p50_ms": round(quantiles[49], 1), "p95_ms": round(quantiles[94], 1)}
            if self.most_ms is not None:
                told |= {"p95_at_most_ms": self.most_ms, "quick_enough": quantiles[94] <= self.most_ms}
        if self.broken:
            told["examples"] = self.broken[:SHOWN]
        return json.dumps(told, ensure_ascii=False)
