"""Where promises are tried: settings for doors inside this process, people and deals, threads, and the look at the whole."""

from __future__ import annotations

import http.client
import itertools
import json
import threading
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.db import connections
from django.db.models import Sum
from django.test import Client
from django.utils import timezone

from bench.promises.report import Report
from bench.server import HEADERS, Server
from crm import tokens, verification
from crm.models import User
from pipeline.models import ColumnTotal, Deal
from tests import factories as make


def prepare() -> None:
    """Doors are opened in this process too, over plain http; passwords cost nothing here."""
    settings.ALLOWED_HOSTS = ["testserver", "127.0.0.1"]
    settings.SECURE_SSL_REDIRECT = settings.SESSION_COOKIE_SECURE = settings.CSRF_COOKIE_SECURE = False
    settings.SESSION_COOKIE_NAME, settings.CSRF_COOKIE_NAME = "stagecraft_session", "stagecraft_csrf"  # as with DEBUG
    settings.API_REQUESTS_PER_MINUTE = 0
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher", *settings.PASSWORD_HASHERS]
    call_command("migrate", verbosity=0)
    make._numbers = itertools.count(User.objects.count() * 10_000 + 1)  # names that no run before this one has given


class World:
    """A team with a manager and reps, a pipeline, and as many deals as are asked for, all in First."""

    def __init__(self, deals: int = 0, reps: int = 1) -> None:
        self.team = make.team()
        self.admin, self.manager = make.user("admin"), make.user("manager", team=self.team)
        self.reps = [make.user(team=self.team) for _number in range(reps)]
        self.rep = self.reps[0]
        self.pipeline = make.pipeline("First", "Second", "Third", "Fourth")
        self.stages = [stage for stage in self.pipeline.stages.all() if stage.kind == "open"]
        self.first, self.second, *_rest = self.stages
        self.won, self.lost = self.pipeline.stages.get(kind="won"), self.pipeline.stages.get(kind="lost")
        self.reason = make.lost_reason()
        self.began = timezone.now() - timedelta(days=3)
        self.deals = [self.deal(self.reps[number % reps]) for number in range(deals)]

    def deal(self, owner: User | None = None, **fields: Any) -> Deal:
        return make.deal(self.first, owner or self.rep, now=self.began, **fields)


def browser(user: User, part: bool = True) -> Client:
    """A page of ours in front of somebody; `part`: it swaps parts of itself."""
    client = Client(headers={"HX-Request": "true"} if part else {}, raise_request_exception=False)
    client.force_login(user)
    return client


class Program:
    """A program with a token, on a server of its own or, without a port, in this process."""

    def __init__(self, user: User, scope: str = "write", port: int = 0) -> None:
        self.user, self.port, self.token = user, port, _token(user, scope)
        self.client = Client(raise_request_exception=False)
        self.connection: http.client.HTTPConnection | None = None

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any, dict[str, str]]:
        """Status, what the JSON says, headers. OSError or HTTPException when the server is away."""
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        given |= {"Authorization": f"Bearer {self.token}"}
        sent = b"" if body is None else json.dumps(body).encode()
        if not self.port:
            answer: Any = self.client.generic(method, f"/api/v1/{path}", sent, "application/json", headers=given)
            return answer.status_code, _read(answer.content), dict(answer.headers)
        return self._over_the_wire(method, path, sent, {**HEADERS, "Content-Type": "application/json", **given})

    def _over_the_wire(
        self, method: str, path: str, sent: bytes, headers: dict[str, str]
    ) -> tuple[int, Any, dict[str, str]]:
        if self.connection is None:
            self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            self.connection.request(method, f"/api/v1/{path}", sent, headers)
            answer = self.connection.getresponse()
            return answer.status, _read(answer.read()), dict(answer.headers)
        except (OSError, http.client.HTTPException):
            self.connection.close()
            self.connection = None
            raise


_tokens: dict[tuple[int, str], str] = {}
_making = threading.Lock()


def _token(user: User, scope: str) -> str:
    """One for each person and scope: nobody has hundreds."""
    with _making:
        if (user.pk, scope) not in _tokens:
            _tokens[user.pk, scope] = tokens.make(user, "Promise", scope)[1]
        return _tokens[user.pk, scope]


def _read(content: bytes) -> Any:
    return json.loads(content) if content[:1] in (b"{", b"[") else None


def at_once(jobs: Sequence[Callable[[], Any]]) -> list[Any]:
    """All start together; their results, or the exceptions they ended with."""
    results: list[Any] = [None] * len(jobs)
    gate = threading.Barrier(len(jobs))

    def run(number: int) -> None:
        gate.wait()
        try:
            results[number] = jobs[number]()
        except Exception as error:  # the report names it
            results[number] = error
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=[number]) for number in range(len(jobs))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def timed(report: Report, work: Callable[[], Any]) -> Any:
    begun = time.perf_counter()
    result = work()
    report.took(time.perf_counter() - begun)
    return result


def nothing_broken(report: Report) -> None:
    """All that `manage.py verify` looks at, the totals of the columns among it."""
    for finding in verification.run():
        report.expect(
            not finding.breaks, f"verify: {finding.invariant}: {finding.breaks}, such as {finding.examples[:2]}"
        )
    report.count("verified")


def totals_differ() -> list[str]:
    """By column and currency: what the totals say against the sum of the deals."""
    kept: dict[tuple[int, str], Any] = {}
    for stage, currency, total in (
        ColumnTotal.objects.values_list("stage", "currency").annotate(Sum("value")).order_by()
    ):
        kept[stage, currency] = total
    rows = Deal.objects.existing().values_list("stage", "currency").annotate(Sum("value")).order_by()
    summed = {(stage, currency): total or 0 for stage, currency, total in rows}
    return [
        f"{key}: {kept.get(key)} instead of {summed.get(key)}"
        for key in {*kept, *summed}
        if (kept.get(key) or 0) != (summed.get(key) or 0)
    ]


__all__ = [
    "Program",
    "Server",
    "World",
    "at_once",
    "browser",
    "make",
    "nothing_broken",
    "prepare",
    "timed",
    "totals_differ",
]
