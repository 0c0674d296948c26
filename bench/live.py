"""200 open boards of 200 people on the product's own web server: how long until they hear of a move, and show it.

    python -m bench.live        on the database and Redis of the environment, for example those that `make bench` starts

Makes its people and deals through the rules, in a database that holds none yet. Each board is a stream; a board that is
told of a move fetches the card, as the page does, 16 of them at once.
"""

from __future__ import annotations

import argparse
import datetime
import http.client
import json
import os
import select
import socket
import statistics
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import django

from bench.server import free_port, wait_for

TEAMS, TEAM, DEALS = 20, 10, 4
THREADS = 16
TICKS = os.sysconf("SC_CLK_TCK")


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "crm.settings")
    django.setup()
    from django.core.management import call_command
    from django.db import connections

    asked = argparse.ArgumentParser(prog="bench.live")
    asked.add_argument("--moves", type=int, default=20)
    options = asked.parse_args()
    call_command("migrate", verbosity=0)
    people, pipeline, deals = _data()
    connections.close_all()
    with _Server() as server:
        figures = _measure(server, people, pipeline, deals, options.moves)
    print(json.dumps(figures, indent=2))


def _data() -> tuple[list[Any], Any, list[Any]]:
    """20 teams of a manager and nine reps who see the deals of their team: ten boards show each deal."""
    from django.utils import timezone

    from crm.models import Company, Membership, Team, User
    from pipeline import moves
    from pipeline.definition import load_template
    from pipeline.models import Deal, Pipeline, Stage

    if not Pipeline.objects.exists():
        now = timezone.now()
        Company.objects.update_or_create(pk=1, defaults={"reps_see_team_deals": True})
        pipeline = load_template("standard", by=None, now=now - datetime.timedelta(days=99))
        stage = Stage.objects.filter(pipeline=pipeline, kind="open").order_by("order")[0]
        for number in range(TEAMS * TEAM):
            role = "rep" if number % TEAM else "manager"
            user = User(email=f"person{number}@bench.example", name=f"Person {number}", password="!", role=role)
            user.save()
            team, _made = Team.objects.get_or_create(name=f"Team {number // TEAM}")
            Membership.objects.create(team=team, user=user, started_at=now - datetime.timedelta(days=99))
            new = [
                (
                    {"title": f"Deal {number}.{each}", "owner": user},
                    [moves.Stay(stage, now - datetime.timedelta(days=3))],
                )
                for each in range(DEALS)
            ]
            moves.create_with_history(new, by=user, via="import", now=now)
    people = list(User.objects.filter(email__endswith="@bench.example").order_by("pk"))
    return people, Pipeline.objects.get(), list(Deal.objects.order_by("pk"))


class _Server:
    """As the container runs it."""

    def __enter__(self) -> _Server:
        self.port = free_port()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "gunicorn", "crm.wsgi", "--bind", f"127.0.0.1:{self.port}", "--preload", "--workers", "2",
             "--threads", str(THREADS), "--worker-class", "gthread", "--log-level", "error", "--no-control-socket",
             "--graceful-timeout", "2"],
            env={**os.environ, "DEBUG": "0", "ALLOWED_HOSTS": "127.0.0.1", "SITE_URL": "https://127.0.0.1",
                 "SECRET_KEY": os.environ["SECRET_KEY"], "TRUSTED_PROXY": "1", "LOG_LEVEL": "ERROR"},
        )  # fmt: skip
        wait_for(self.port)
        return self

    def __exit__(self, *_error: object) -> None:
        self.process.terminate()
        self.process.wait(30)

    def workers(self) -> list[int]:
        found = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return [int(pid) for pid in found.split()]

    def cpu(self) -> float:
        """Seconds of processor time of the workers so far."""
        fields = [Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split() for pid in self.workers()]
        return sum(int(each[11]) + int(each[12]) for each in fields) / TICKS

    def kilobytes(self) -> int:
        status = [Path(f"/proc/{pid}/smaps_rollup").read_text() for pid in self.workers()]
        return sum(int(text.split("Pss:")[1].split()[0]) for text in status)


class _Board:
    """One person's stream; and what the page fetches when it is told of a move."""

    def __init__(self, port: int, user: Any, pipeline: Any) -> None:
        from bench.measure import _Visitor

        self.user, self.port, self.pipeline = user, port, pipeline
        self.headers = {
            k: v for k, v in _Visitor(port, user).headers.items() if k not in ("Content-Type", "X-CSRFToken")
        }
        self.text = b""

    def open(self) -> None:
        lines = [f"GET /board/{self.pipeline.pk}/stream/ HTTP/1.1", *(f"{k}: {v}" for k, v in self.headers.items())]
        self.socket = socket.create_connection(("127.0.0.1", self.port), timeout=20)
        self.socket.sendall("\r\n".join([*lines, "", ""]).encode())

    def fetch(self, deal: int, stages: list[int]) -> int:
        client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        asked = f"deals={deal}&stages={','.join(map(str, stages))}"
        client.request("GET", f"/board/{self.pipeline.pk}/cards/?{asked}", headers=self.headers)
        answer = client.getresponse()
        answer.read()
        client.close()
        return answer.status


def _measure(server: _Server, people: list[Any], pipeline: Any, deals: list[Any], count: int) -> dict[str, Any]:
    from django.conf import settings
    from django.db import connection

    boards = [_Board(server.port, user, pipeline) for user in people]
    with ThreadPoolExecutor(16) as pool:  # what each worker loads with its first pages is no cost of a stream
        list(pool.map(lambda board: board.fetch(deals[0].pk, []), boards[:100]))
    before = server.kilobytes()
    begun = time.monotonic()
    for board in boards:
        board.open()
    _until(boards, lambda board: b"event: beat" in board.text or b"event: deals" in board.text, 30)
    opened = time.monotonic() - begun
    refused = sum(b" 200 " not in board.text[:20] for board in boards)
    idle, since = server.cpu(), time.monotonic()
    time.sleep(5)
    idle = (server.cpu() - idle) / (time.monotonic() - since)
    busy, since = server.cpu(), time.monotonic()
    told, shown, strangers = _moves(boards, deals, count)
    busy = (server.cpu() - busy) / (time.monotonic() - since)
    return {
        "engine": connection.vendor, "redis": bool(settings.REDIS_URL), "streams": len(boards) - refused, "refused": refused,
        "seconds_to_open_all": round(opened, 1), "moves": count, "messages": len(told), "boards_told_that_should_not": strangers,
        "told_ms": _spread(told), "shown_ms": _spread(shown),
        "cpu_idle_percent": round(100 * idle, 1), "cpu_moving_percent": round(100 * busy, 1),
        "kilobytes_per_stream": round((server.kilobytes() - before) / len(boards)), "database_connections": _connections(),
    }  # fmt: skip


def _moves(boards: list[_Board], deals: list[Any], count: int) -> tuple[list[float], list[float], int]:
    """Milliseconds from the commit to the message, and to the answer with the card, of each board that is to know."""
    from pipeline import moves
    from pipeline.models import Stage

    stages = list(Stage.objects.filter(pipeline=boards[0].pipeline, kind="open").order_by("order")[:2])
    place = {board.user.pk: number // TEAM for number, board in enumerate(boards)}
    told: list[float] = []
    shown: list[float] = []
    strangers = 0
    pool = ThreadPoolExecutor(16)
    for number in range(count):
        deal = deals[(number * 37) % len(deals)]
        mine = [board for board in boards if place[board.user.pk] == place[deal.owner_id]]
        for board in boards:
            board.text = b""
        deal.refresh_from_db()
        to = stages[1] if deal.stage_id == stages[0].pk else stages[0]
        manager = mine[0].user
        outcome = moves.move_deal(deal.pk, to.pk, by=manager, via="board", override="Measured")
        assert isinstance(outcome, moves.Moved), outcome
        at = time.monotonic()
        heard = _until(boards, lambda board: b"event: deals" in board.text, 5, wanted={id(board) for board in mine})
        told += [(heard[id(board)] - at) * 1000 for board in mine]
        strangers += len(heard.keys() - {id(board) for board in mine})
        jobs = [pool.submit(_shown, board, deal.pk, [stage.pk for stage in stages], at) for board in mine]
        shown += [job.result() for job in jobs]
        time.sleep(0.3 + 0.037 * (number % 11))
    return told, shown, strangers


def _shown(board: _Board, deal: int, stages: list[int], at: float) -> float:
    assert board.fetch(deal, stages) == 200
    return (time.monotonic() - at) * 1000


def _until(boards: list[_Board], done: Any, seconds: float, wanted: set[int] | None = None) -> dict[int, float]:
    """When each board was told: of all, or of those wanted, and whoever was told besides."""
    poll, by_number = select.poll(), {board.socket.fileno(): board for board in boards}
    for number in by_number:
        poll.register(number, select.POLLIN)
    found: dict[int, float] = {}
    wanted = {id(board) for board in boards} if wanted is None else wanted
    until = time.monotonic() + seconds
    while not wanted <= found.keys():
        if time.monotonic() > until:
            raise SystemExit(f"{len(wanted - found.keys())} of {len(wanted)} boards were not told")
        for number, _what in poll.poll(200):
            board = by_number[number]
            board.text += board.socket.recv(65536)
            if done(board):
                found.setdefault(id(board), time.monotonic())
    return found


def _spread(taken: list[float]) -> dict[str, int]:
    quantiles = statistics.quantiles(taken, n=100)
    return {"p50": round(quantiles[49]), "p95": round(quantiles[94]), "max": round(max(taken))}


def _connections() -> int | str:
    from django.db import connection

    if connection.vendor != "postgresql":
        return "none of a server"
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        return int(cursor.fetchone()[0])


if __name__ == "__main__":
    main()
