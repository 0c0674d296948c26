"""Promise 3: a request that is sent again acts once, also when the server died before it could answer."""

from __future__ import annotations

import http.client
import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import Any

from bench.promises.report import Report
from bench.promises.stage import Program, Server, World, at_once, nothing_broken
from crm.models import Answer
from leads.models import Contact, Organization
from pipeline.models import Deal, Task

KEYS, TIMES, DEATHS = 1_000, 5, 3
Asked = tuple[str, str, dict[str, Any]]


def once() -> Report:
    report = Report(
        3,
        f"{KEYS} keys, each POST sent {TIMES} times at once, the server killed {DEATHS} times meanwhile and once after",
    )
    world, answers = World(deals=5), dict[str, Any]()
    asked = [_request(world, number) for number in range(KEYS)]
    with Server() as server:
        clients = threading.local()

        def send(request: Asked, **more: Any) -> tuple[int, Any]:
            if not hasattr(clients, "program"):
                clients.program = Program(world.rep, port=server.port)
            return _until_answered(
                clients.program, {**dict(zip(("key", "path", "body"), request, strict=True)), **more}, report
            )

        deaths = threading.Thread(target=_die, args=[server, answers, report])
        deaths.start()
        _in_parallel(asked, lambda request: _note(report, answers, request, send(request)))
        deaths.join()
        server.die()
        server.start()
        report.count("times the server was killed")
        _sent_again(report, asked, answers, send)
    _effects(report)
    nothing_broken(report)
    return report


def _request(world: World, number: int) -> Asked:
    """A third each of deals, contacts and tasks, and some organizations; each is named by its key."""
    name, deal = f"Once {number}", random.Random(number).choice(world.deals).pk
    kinds: list[tuple[str, dict[str, Any]]] = [
        ("deals/", {"title": name, "stage": world.first.pk}),
        ("contacts/", {"name": name}),
        ("tasks/", {"title": name, "deal": deal, "due_on": "2999-01-01"}),
        ("organizations/", {"name": name}),
    ]
    return f"key-{number}", *kinds[number % len(kinds)]


def _in_parallel(asked: list[Asked], send: Callable[[Asked], None]) -> None:
    """Copies of one request stand next to each other, so that they are under way together."""
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(send, (request for request in asked for _time in range(TIMES))))


def _until_answered(program: Program, request: dict[str, Any], report: Report) -> tuple[int, Any]:
    for again in count():
        try:
            status, told, _headers = program.ask(
                "POST", request["path"], request["body"], Idempotency_Key=request["key"]
            )
        except (OSError, http.client.HTTPException):
            report.count("tries that got no answer")
        else:
            if status not in (409, 503) or again > 200:
                return status, told
            report.count("told to wait")
        time.sleep(0.05)
    raise AssertionError


def _note(report: Report, answers: dict[str, Any], request: Asked, answer: tuple[int, Any]) -> None:
    status, told = answer
    report.count(f"answered {status}")
    report.expect(status == 201, f"{request[0]}: {status} {told}")
    with report.lock:
        first = answers.setdefault(request[0], told)
    report.expect(first == told, f"{request[0]}: {first} and then {told}")


def _die(server: Server, answers: dict[str, Any], report: Report) -> None:
    """When a fifth, two fifths, three fifths are answered."""
    for death in range(1, DEATHS + 1):
        while len(answers) < KEYS * death // 5:
            time.sleep(0.02)
        server.die()
        server.start()
        report.count("times the server was killed")


def _sent_again(
    report: Report, asked: list[Asked], answers: dict[str, Any], send: Callable[..., tuple[int, Any]]
) -> None:
    def again(part: list[Asked]) -> None:
        for request in part:
            status, told = send(request)
            report.expect((status, told) == (201, answers[request[0]]), f"{request[0]} afterwards: {status} {told}")
            field = "title" if "title" in request[2] else "name"
            status, told = send(request, body=request[2] | {field: "Something else"})
            report.expect(status == 422 and told["code"] == "key_reused", f"{request[0]} with another body: {status}")
            report.count("answered again")
            report.count("refused with another body")

    report.answered(at_once([lambda part=asked[start::8]: again(part) for start in range(8)]), "sending again")  # type: ignore[misc]


def _effects(report: Report) -> None:
    rows = [Deal.objects.filter(title__startswith="Once "), Task.objects.filter(title__startswith="Once ")]
    rows += [model.objects.filter(name__startswith="Once ") for model in (Contact, Organization)]
    effects = sum(each.count() for each in rows)
    report.count("effects", effects)
    report.expect(effects == KEYS, f"{effects} effects of {KEYS} keys")
    kept = Answer.objects.filter(key__startswith="key-").count()
    report.expect(kept == KEYS, f"{kept} answers kept")
