"""What the product takes: times of whole requests inside the process, and of 16 clients on a real server."""

from __future__ import annotations

import http.client
import os
import random
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.db import connection
from django.test import Client
from django.urls import reverse

from crm.models import User
from crm.models.audit import Via
from pipeline import moves
from pipeline.models import Deal, Kind, Pipeline, Stage, StageVisit

CLIENTS = 16
ROUNDS = 40


def visits() -> int:
    return StageVisit.objects.standing().count()


def board() -> dict[str, Any]:
    """Server time of the whole board page in the process, middleware and session included, for an admin and a rep."""
    page = reverse("board", args=[Pipeline.objects.get().pk])
    return {who: _page(page, user) for who, user in _people().items()}


def _people() -> dict[str, User]:
    return {"admin": User.objects.get(role="admin"), "rep": User.objects.filter(role="rep").order_by("pk")[0]}


def _page(address: str, user: User) -> dict[str, Any]:
    client = Client(HTTP_HOST=settings.ALLOWED_HOSTS[0] if settings.ALLOWED_HOSTS else "localhost")
    client.force_login(user)
    asked: list[str] = []
    with connection.execute_wrapper(_noting(asked)):
        answer = client.get(address, secure=True)
    assert answer.status_code == 200, answer.status_code
    times = _times(lambda: client.get(address, secure=True))
    return {**times, "queries": len(asked), "kilobytes": round(len(answer.content) / 1024)}


def move() -> dict[str, Any]:
    """The rule of a move, forth and back between two stages of deals that lack nothing, commit included."""
    stages = list(Stage.objects.in_use().filter(kind=Kind.OPEN).order_by("order")[:2])
    admin = User.objects.get(role="admin")
    ids = iter(list(Deal.objects.filter(stage=stages[1]).order_by("pk").values_list("pk", flat=True)[:500]))

    def back() -> None:
        assert isinstance(moves.move_deal(next(ids), stages[0].pk, by=admin, via=Via.BOARD), moves.Moved)

    there = iter(list(Deal.objects.filter(stage=stages[0]).order_by("pk").values_list("pk", flat=True)[:2000]))
    queries: list[int] = []

    def forth() -> None:
        while True:
            asked: list[str] = []
            with connection.execute_wrapper(_noting(asked)):
                outcome = moves.move_deal(next(there), stages[1].pk, by=admin, via=Via.BOARD)
            if isinstance(outcome, moves.Moved):
                queries.append(len(asked))
                return

    return {"forward": _times(forth) | {"queries": max(queries)}, "back": _times(back)}


def _noting(asked: list[str]) -> Callable[..., Any]:
    """A wrapper around each query that notes it; a request clears Django's own list."""

    def note(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        asked.append(sql)
        return execute(sql, *rest)

    return note


def _times(work: Callable[[], object]) -> dict[str, float]:
    """Milliseconds: the median and the worst of 40 after three that warm up."""
    taken = []
    for round_ in range(ROUNDS + 3):
        begun = time.perf_counter()
        work()
        if round_ >= 3:
            taken.append((time.perf_counter() - begun) * 1000)
    return {"median_ms": round(statistics.median(taken), 1), "max_ms": round(max(taken), 1)}


def moving_at_once(seconds: int) -> dict[str, Any]:
    """16 clients, each its own session, on the product's own web server: random moves of 400 deals for so long.

    200 moved (both columns come back drawn anew), 409 somebody was quicker, 422 refused by the gate.
    """
    port = _free_port()
    server = subprocess.Popen(
        [sys.executable, "-m", "gunicorn", "crm.wsgi", "--bind", f"127.0.0.1:{port}", "--workers", "2", "--threads", "8",
         "--worker-class", "gthread", "--log-level", "error"],
        env={**os.environ, "DEBUG": "0", "ALLOWED_HOSTS": "127.0.0.1", "SITE_URL": "https://127.0.0.1", "TRUSTED_PROXY": "1"},
    )  # fmt: skip
    try:
        _wait(port)
        return _move_for(seconds, port)
    finally:
        server.terminate()
        server.wait(30)


def _move_for(seconds: int, port: int) -> dict[str, Any]:
    stages = list(Stage.objects.in_use().filter(kind=Kind.OPEN).order_by("order").values_list("pk", flat=True))
    ids = list(Deal.objects.open().order_by("pk").values_list("pk", flat=True)[:400])
    before, until = visits(), time.monotonic() + seconds
    answers: Counter[int] = Counter()
    taken: list[float] = []
    lock = threading.Lock()

    def work(seed: int) -> None:
        dice, client = random.Random(seed), _Visitor(port, User.objects.get(role="admin"))
        while time.monotonic() < until:
            pk = dice.choice(ids)
            # What the card on the screen says; another client may be quicker.
            version, stage = Deal.objects.values_list("version", "stage_id").get(pk=pk)
            to = dice.choice([each for each in stages if each != stage])
            begun = time.perf_counter()
            status = client.post(reverse("deal-move", args=[pk]), f"to={to}&version={version}&from={stage}")
            with lock:
                answers[status] += 1
                taken.append((time.perf_counter() - begun) * 1000)
        connection.close()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    quantiles = statistics.quantiles(taken, n=100)
    return {
        "clients": CLIENTS,
        "seconds": seconds,
        "requests_per_second": round(len(taken) / seconds),
        "answers": {str(status): count for status, count in sorted(answers.items())},
        "moves_written": visits() - before,
        "p50_ms": round(quantiles[49]),
        "p95_ms": round(quantiles[94]),
        "p99_ms": round(quantiles[98]),
    }


class _Visitor:
    """A signed-in browser behind a proxy that speaks https; it keeps its connection."""

    def __init__(self, port: int, user: User) -> None:
        session = SessionStore()
        session[SESSION_KEY] = str(user.pk)
        session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
        session[HASH_SESSION_KEY] = user.get_session_auth_hash()
        session.create()
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        token = "a" * 32
        self.headers = {
            "Host": "127.0.0.1",
            "Origin": "https://127.0.0.1",
            "X-Forwarded-Proto": "https",
            "X-Forwarded-For": "127.0.0.1",
            "Cookie": f"{settings.SESSION_COOKIE_NAME}={session.session_key}; {settings.CSRF_COOKIE_NAME}={token}",
            "X-CSRFToken": token,
            "HX-Request": "true",
            "HX-Current-URL": f"https://127.0.0.1{reverse('board', args=[Pipeline.objects.get().pk])}",
            "Content-Type": "application/x-www-form-urlencoded",
        }

    def post(self, address: str, body: str) -> int:
        self.connection.request("POST", address, body, self.headers)
        answer = self.connection.getresponse()
        answer.read()
        return answer.status


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait(port: int) -> None:
    until = time.monotonic() + 30
    while time.monotonic() < until:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise TimeoutError("The web server did not start.")
