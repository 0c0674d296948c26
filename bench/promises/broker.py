"""Promises 11 and 12: Redis may forget everything, stand still or be gone; reminders come, imports end, and no page waits."""

from __future__ import annotations

import csv
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from io import StringIO
from pathlib import Path

from django.core.management import call_command
from django.db.models import F
from redis import Redis as Client

from bench.promises.reminding import is_healthy, mine, set_stage, some_people
from bench.promises.report import Report
from bench.promises.stage import Program, Server, World, at_once, nothing_broken
from crm.models import Notice
from pipeline.models import Deal
from tests import dying_workers as dying
from tests.services import Redis

DUE, IMPORTS, ROWS, SECONDS, EVERY = 5000, 20, 50, 300, 10
TICK, GRACE = 15, 30
MOVERS, MOVES, MOST_ADDED_MS = 4, 500, 50


def flushed() -> Report:
    """Reminders fall due over five minutes, told by a worker and a ticker of the product itself."""
    report = Report(
        11, f"Redis emptied every {EVERY} s for {SECONDS} s: {DUE} reminders due meanwhile, and {IMPORTS} imports"
    )
    set_stage()
    people = [user.pk for user in some_people(50)]
    numbers = [number for number in range(DUE * 2) if is_healthy(number)][:DUE]
    dying.due_now(people, numbers, timedelta(seconds=SECONDS))
    ahead = timedelta(seconds=SECONDS)
    mine().update(due_at=F("due_at") + ahead, not_before=F("not_before") + ahead)
    before, world = Deal.objects.count(), World()
    with _redis() as (_server, url), _worker_and_ticker(url):
        begun, done = time.monotonic(), 0
        while time.monotonic() - begun < SECONDS:
            Client.from_url(url).flushall()
            report.count("times emptied")
            if done < IMPORTS and time.monotonic() - begun > done * SECONDS / IMPORTS:
                done += 1
                _import(world, done)
            time.sleep(EVERY)
        until = time.monotonic() + TICK + GRACE
        while mine().pending().exists() and time.monotonic() < until:
            time.sleep(1)
    lags = list(mine().filter(state="done").annotate(lag=F("done_at") - F("due_at")).values_list("lag", flat=True))
    for lag in lags:
        report.took(lag.total_seconds())
        report.expect(lag.total_seconds() <= TICK + GRACE, f"{lag} late")
    report.count("told", Notice.objects.filter(key__startswith="reminder").count())
    report.count("imported deals", Deal.objects.count() - before)
    report.expect(len(lags) == DUE == report.counts["told"], f"{DUE - len(lags)} lost")
    report.expect(Deal.objects.count() - before == done * ROWS, "an import lost rows")
    nothing_broken(report)
    return report


def _import(world: World, number: int) -> None:
    with tempfile.NamedTemporaryFile("w", suffix=".csv", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["title", "stage", "owner", "opportunity_id"])
        for row in range(ROWS):
            rows.writerow([f"Brought {number} {row}", "First", world.rep.email, f"{world.pipeline.pk}-{number}-{row}"])
        file.flush()
        call_command("import", "deals", file.name, pipeline=world.pipeline.name, stdout=StringIO())


def away() -> Report:
    """Moves by programs whose requests are counted in Redis, first with it, then while it stands still, then without it."""
    report = Report(12, f"{2 * MOVES} moves while Redis stands still and while it is gone, beside {MOVES} with it")
    with _redis() as (server, url):
        os.environ["REDIS_URL"] = url
        assert server.process is not None
        with Server(api_limit=1_000_000) as web:
            world = World(MOVERS)
            p95 = {"there": _moving(report, world, web.port)}
            server.process.send_signal(signal.SIGSTOP)
            p95["standing still"] = _moving(report, world, web.port)
            server.process.kill()
            server.process.wait()
            p95["gone"] = _moving(report, world, web.port)
    for name, taken in p95.items():
        report.count(f"p95 in ms with Redis {name}", round(taken))
        report.expect(taken - p95["there"] <= MOST_ADDED_MS, f"{taken - p95['there']:.0f} ms added with Redis {name}")
    nothing_broken(report)
    return report


def _moving(report: Report, world: World, port: int) -> float:
    """p95 in milliseconds; each mover has a deal of its own, that goes forth and back."""
    taken: list[float] = []

    def mover(deal: Deal) -> None:
        program = Program(world.admin, port=port)
        for number in range(MOVES // MOVERS):
            deal.refresh_from_db()
            target = world.second if deal.stage_id == world.first.pk else world.first
            body = {"stage": target.pk, "version": deal.version}
            begun = time.perf_counter()
            status, _told, _headers = program.ask("POST", f"deals/{deal.pk}/move/", body)
            taken.append((time.perf_counter() - begun) * 1000)
            report.expect(status == 200, f"move {number} answered {status}")
            report.count("moved")

    report.answered(at_once([partial(mover, deal) for deal in world.deals]), "a mover")
    return statistics.quantiles(taken, n=100)[94]


@contextmanager
def _redis() -> Iterator[tuple[Redis, str]]:
    """One of our own: nobody else's is to forget or to stand still."""
    server, folder = (
        Redis(Path(tempfile.mkdtemp(prefix="stagecraft-redis-")) / "redis"),
        os.environ.get("REDIS_URL", ""),
    )
    try:
        yield server, server.start()
    finally:
        os.environ["REDIS_URL"] = folder
        server.stop()


@contextmanager
def _worker_and_ticker(url: str) -> Iterator[None]:
    celery = [sys.executable, "-m", "celery", "-A", "bench.promises.worker", "--quiet"]
    commands = [
        [*celery, "worker", "--concurrency", "2", "--loglevel", "ERROR"],
        [*celery, "beat", "--loglevel", "ERROR", "--pidfile="],
    ]
    told = {**os.environ, "REDIS_URL": url, "LOG_LEVEL": "CRITICAL"}
    children = [subprocess.Popen(command, env=told, process_group=0) for command in commands]
    try:
        yield
    finally:
        for child in children:
            child.terminate()
            child.wait(30)
