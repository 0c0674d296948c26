"""What the product takes: times of whole requests inside the process, and of 16 clients on a real server."""

from __future__ import annotations

import http.client
import random
import statistics
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.db import connection, transaction
from django.test import Client
from django.urls import reverse

from bench import limit
from bench.server import Server
from crm.models import User
from crm.models.audit import Via
from pipeline import moves
from pipeline.models import Deal, Kind, Pipeline, Stage, StageVisit

CLIENTS = 16
ROUNDS, WARM_UP = 40, 3


def visits() -> int:
    return StageVisit.objects.standing().count()


def page(
    address: str, user: User, data: dict[str, str] | None = None, headers: dict[str, str] | None = None
) -> dict[str, Any]:
    """Server time of a whole answer in the process, middleware and session included."""
    client = Client(HTTP_HOST=settings.ALLOWED_HOSTS[0] if settings.ALLOWED_HOSTS else "localhost")
    client.force_login(user)
    asked: list[str] = []
    with connection.execute_wrapper(_noting(asked)):
        answer = client.get(address, data, secure=True, headers=headers)
    assert answer.status_code == 200, answer.status_code
    taken = times(lambda: client.get(address, data, secure=True, headers=headers))
    return {**taken, "queries": len(asked), "kilobytes": round(len(answer.content) / 1024)}


def move() -> dict[str, Any]:
    """The rule of a move, forth and back between two stages, commit included; tries that the gate refuses do not count."""
    stages = list(Stage.objects.in_use().filter(kind=Kind.OPEN).order_by("order")[:2])
    forward = {**_moves(stages[0], stages[1], own=True), "same_statements_bare_ms": _bare(stages[0], stages[1])}
    return {
        "forward, by its owner": forward,
        "back, by its owner": _moves(stages[1], stages[0], own=True),
        "forward, by somebody else, who gives tasks to the owner": _moves(stages[0], stages[1], own=False),
        "new deal": _new_deals(stages[0]),
    }


def _new_deals(stage: Stage) -> dict[str, Any]:
    """The rule that makes a deal, commit included."""
    rep = User.objects.filter(role="rep").order_by("pk")[0]
    asked: list[str] = []

    def make() -> None:
        moves.create_deal(stage.pk, {"title": "A new deal"}, by=rep, via=Via.API)

    taken = times(make)
    with connection.execute_wrapper(_noting(asked)):
        make()
    return {**taken, "queries": len(asked)}


def _bare(origin: Stage, target: Stage) -> float:
    for deal in list(Deal.objects.filter(stage=origin).select_related("owner").order_by("-pk")[:1000]):
        with transaction.atomic():
            with limit.statements() as asked:
                outcome = moves.move_deal(deal.pk, target.pk, by=deal.owner, via=Via.BOARD)
            transaction.set_rollback(True)
        if isinstance(outcome, moves.Moved):
            return limit.replayed(asked)
    raise AssertionError("no deal may move on")


def _moves(origin: Stage, target: Stage, own: bool) -> dict[str, Any]:
    admin, taken, queries = User.objects.get(role="admin"), [], 0
    for deal in list(Deal.objects.filter(stage=origin).select_related("owner").order_by("pk")[:3000]):
        asked: list[str] = []
        begun = time.perf_counter()
        with connection.execute_wrapper(_noting(asked)):
            outcome = moves.move_deal(deal.pk, target.pk, by=deal.owner if own else admin, via=Via.BOARD)
        if isinstance(outcome, moves.Moved):
            taken.append((time.perf_counter() - begun) * 1000)
            queries = max(queries, len(asked))
        if len(taken) == ROUNDS + WARM_UP:
            break
    return {**_summary(taken[WARM_UP:]), "queries": queries}


def _noting(asked: list[str]) -> Callable[..., Any]:
    """A wrapper around each query that notes it; a request clears Django's own list."""

    def note(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        asked.append(sql)
        return execute(sql, *rest)

    return note


def times(work: Callable[[], object]) -> dict[str, float]:
    taken = []
    for _round in range(ROUNDS + WARM_UP):
        begun = time.perf_counter()
        work()
        taken.append((time.perf_counter() - begun) * 1000)
    return _summary(taken[WARM_UP:])


def _summary(taken: list[float]) -> dict[str, float]:
    return {"median_ms": round(statistics.median(taken), 1), "max_ms": round(max(taken), 1)}


def moving_at_once(seconds: int) -> dict[str, Any]:
    """16 clients, each its own session, on the product's own web server: random moves of 400 deals for so long.

    200 moved (both columns come back drawn anew), 409 somebody was quicker, 422 refused by the gate.
    """
    with Server() as server:
        return _move_for(seconds, server.port)


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
