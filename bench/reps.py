"""200 reps at their work on the product's own web server: what they wait for, and how much of the machine it takes.

    ./dev.py bench reps [--minutes 5]

Each thinks 5 to 15 seconds between two things that they do, in the shares of SHARES: some twenty requests a second,
in a database of 50,000 deals, 150,000 tasks and half a million rows of what was said and done.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import random
import statistics
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import django

from bench.server import Server

REPS = 200
THINK = (5.0, 15.0)
SHARES = {"fragment": 30, "list": 15, "board": 15, "board again": 15, "move": 10, "deal": 10, "search": 5}
"""Percent of what they do. `board again` asks for what changed, as a page does that has no stream."""
WORDS = ["site 4", "organization 11", "contact 7", "energy", "monitoring site"]


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "crm.settings")
    django.setup()
    from django.core.management import call_command
    from django.db import connections
    from django.utils import timezone

    from bench.seed import Size, seed
    from pipeline.models import Pipeline

    asked = argparse.ArgumentParser(prog="bench reps")
    asked.add_argument("--minutes", type=float, default=5)
    options = asked.parse_args()
    call_command("migrate", verbosity=0)
    if not Pipeline.objects.exists():
        seed(Size(5_000, 45_000), timezone.now())
        _said_and_done()
    figures = Figures()
    reps = _reps()
    connections.close_all()
    with Server() as server:
        for rep in reps:
            rep.arrive(server.port)
        server.warm("/sign-in/")
        idle, begun = _idle(), time.monotonic()
        _work(reps, figures, begun + options.minutes * 60)
        figures.busy = 1 - (_idle() - idle) / ((time.monotonic() - begun) * (os.cpu_count() or 1))
    print(json.dumps(figures.summary(options.minutes * 60), indent=2))


def _said_and_done() -> None:
    """Finished tasks and calls of all deals, so that nobody looks for theirs among few."""
    from django.db import connection

    from leads.models import ActivityType

    call = ActivityType.objects.get(key="call").pk
    statements = [
        """INSERT INTO pipeline_task (version, created_at, updated_at, deal_id, title, kind, instructions, due_at, has_time,
             owner_id, required, state, closed_at, closed_by_id, repetition)
           SELECT 1, started_at, started_at, id, 'Called about the next step', 'call', '', started_at, false, owner_id, false,
             'done', started_at, owner_id, 0 FROM pipeline_deal CROSS JOIN generate_series(1, 3)""",
        f"""INSERT INTO leads_activity (version, created_at, updated_at, direction, happened_at, text, by_id, type_id)
           SELECT 1, started_at, started_at, 'out', started_at, 'They asked for figures of the last winter.', owner_id, {call}
           FROM pipeline_deal CROSS JOIN generate_series(1, 10)""",
        """INSERT INTO pipeline_dealactivity (activity_id, deal_id)
           SELECT id, 1 + id % (SELECT count(*) FROM pipeline_deal) FROM leads_activity""",
        "VACUUM ANALYZE",
    ]  # fmt: skip
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


@dataclass
class Figures:
    taken: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    answers: dict[str, Counter[int]] = field(default_factory=lambda: defaultdict(Counter))
    busy: float = 0.0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, what: str, status: int, milliseconds: float) -> None:
        with self.lock:
            self.taken[what].append(milliseconds)
            self.answers[what][status] += 1

    def summary(self, seconds: float) -> dict[str, Any]:
        everything = [each for taken in self.taken.values() for each in taken]
        errors = sum(count for answers in self.answers.values() for status, count in answers.items() if status >= 500)
        return {
            "reps": REPS, "seconds": seconds, "requests_per_second": round(len(everything) / seconds, 1), "server_errors": errors,
            "machine_busy_percent": round(100 * self.busy), "all": _spread(everything),
            **{what: {**_spread(taken), "answers": dict(sorted(self.answers[what].items()))} for what, taken in self.taken.items()},
        }  # fmt: skip


def _spread(taken: list[float]) -> dict[str, int]:
    if len(taken) < 2:
        return {"n": len(taken)}
    quantiles = statistics.quantiles(taken, n=100)
    return {
        "n": len(taken),
        "p50_ms": round(quantiles[49]),
        "p95_ms": round(quantiles[94]),
        "p99_ms": round(quantiles[98]),
    }


@dataclass
class Rep:
    user: Any
    pipeline: int
    stages: list[int]
    deals: list[int]
    dice: random.Random
    port: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    since: str = ""
    tag: str = ""

    def arrive(self, port: int) -> None:
        from bench.measure import _Visitor

        self.port, self.headers = port, _Visitor(port, self.user).headers

    def do(self, figures: Figures) -> None:
        what = self.dice.choices(list(SHARES), weights=list(SHARES.values()))[0]
        ask: Callable[[], tuple[int, float]] = getattr(self, f"_{what.replace(' ', '_')}")
        status, milliseconds = ask()
        figures.note(what, status, milliseconds)

    def _board(self) -> tuple[int, float]:
        return self._get(f"/board/{self.pipeline}/", whole=True)

    def _board_again(self) -> tuple[int, float]:
        since = self.since or str(int(time.time() * 1_000_000))
        self.since = since
        return self._get(f"/board/{self.pipeline}/changes/?since={since}", {"If-None-Match": self.tag})

    def _fragment(self) -> tuple[int, float]:
        deal, stage = self.dice.choice(self.deals), self.dice.choice(self.stages)
        return self._get(
            self.dice.choice(
                [
                    f"/deals/{deal}/gates/", f"/deals/{deal}/timeline/", f"/deals/{deal}/activities/", f"/deals/{deal}/quick/",
                    f"/board/{self.pipeline}/columns/{stage}/", "/notices/count/", "/approvals/count/",
                ]
            )
        )  # fmt: skip

    def _list(self) -> tuple[int, float]:
        order = self.dice.choice(["", "?sort=-value", "?over=1"])
        return self._get(f"/board/{self.pipeline}/list/{order}", whole=True)

    def _deal(self) -> tuple[int, float]:
        return self._get(f"/deals/{self.dice.choice(self.deals)}/", whole=True)

    def _search(self) -> tuple[int, float]:
        return self._get("/search/?q=" + self.dice.choice(WORDS).replace(" ", "+"))

    def _move(self) -> tuple[int, float]:
        """A stage to and fro; what the gate does not let in is answered with what is missing."""
        from django.db import connection

        from pipeline.models import Deal

        deal = self.dice.choice(self.deals)
        version, stage = Deal.objects.values_list("version", "stage_id").get(pk=deal)
        connection.close()
        at = self.stages.index(stage)
        to = self.stages[at - 1] if at and self.dice.random() < 0.5 else self.stages[min(at + 1, len(self.stages) - 1)]
        return self._ask("POST", f"/deals/{deal}/move/", f"to={to}&version={version}&from={stage}", self.headers)

    def _get(self, path: str, more: dict[str, str] | None = None, *, whole: bool = False) -> tuple[int, float]:
        left_out = {"Content-Type", "X-CSRFToken", "Origin", *({"HX-Request", "HX-Current-URL"} if whole else ())}
        headers = {name: value for name, value in self.headers.items() if name not in left_out}
        return self._ask("GET", path, None, {**headers, **(more or {})})

    def _ask(self, method: str, path: str, body: str | None, headers: dict[str, str]) -> tuple[int, float]:
        client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        begun = time.perf_counter()
        client.request(method, path, body, headers)
        answer = client.getresponse()
        answer.read()
        taken = (time.perf_counter() - begun) * 1000
        client.close()
        if "changes/" in path:
            self.tag = answer.headers.get("ETag") or ""
        return answer.status, taken


def _reps() -> list[Rep]:
    from crm.models import User
    from pipeline.models import Deal, Kind, Pipeline, Stage

    pipeline = Pipeline.objects.get()
    stages = list(Stage.objects.in_use().filter(kind=Kind.OPEN).order_by("order").values_list("pk", flat=True))
    deals: dict[int, list[int]] = defaultdict(list)
    for pk, owner in Deal.objects.open().values_list("pk", "owner_id"):
        deals[owner].append(pk)
    return [
        Rep(user, pipeline.pk, stages, deals[user.pk], random.Random(number))
        for number, user in enumerate(User.objects.filter(role="rep").order_by("pk")[:REPS])
    ]


def _work(reps: list[Rep], figures: Figures, until: float) -> None:
    def day(rep: Rep) -> None:
        time.sleep(rep.dice.uniform(0, THINK[1]))
        while time.monotonic() < until:
            rep.do(figures)
            time.sleep(rep.dice.uniform(*THINK))

    threads = [threading.Thread(target=day, args=(rep,)) for rep in reps]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _idle() -> float:
    """Seconds in which a processor of this machine had nothing to do, or waited for the disk."""
    columns = Path("/proc/stat").read_text().splitlines()[0].split()
    return (int(columns[4]) + int(columns[5])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
