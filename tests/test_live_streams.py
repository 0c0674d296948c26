"""How an open board hears of changes: by asking, or by a stream that ends with its right to hear."""

from __future__ import annotations

import itertools
import json
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connections
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from crm.models import User
from pipeline import followups
from pipeline.live.events import Audience, cursor_of
from pipeline.live.hub import hub
from pipeline.live.stream import WAITING, Stream
from tests.live_world import World

pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> World:
    return World()


# --- Asking


def changes(client: Client, world: World, since: int, tag: str = "") -> Any:
    address = reverse("board-changes", args=[world.pipeline.pk])
    return client.get(address, {"since": since}, headers={"If-None-Match": tag} if tag else {})


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def test_asking_answers_not_modified_until_something_happens(world: World) -> None:
    client, since = signed_in(world.rita), cursor_of(timezone.now())
    quiet = changes(client, world, since)
    assert quiet.status_code == 200 and "deals" not in quiet.json()
    assert changes(client, world, since, quiet["ETag"]).status_code == 304
    world.move(world.second)
    told = changes(client, world, since, f"W/{quiet['ETag']}")
    assert told.status_code == 200 and [deal for deal, *_ in told.json()["deals"]] == [world.deal.pk]
    assert changes(client, world, since, f"W/{told['ETag']}").status_code == 304


def test_a_stranger_is_not_told_of_it(world: World) -> None:
    since = cursor_of(timezone.now())
    world.move(world.second)
    assert "deals" not in changes(signed_in(world.stranger), world, since).json()
    assert "deals" in changes(signed_in(world.boss), world, since).json()


def test_a_board_that_slept_for_hours_reads_itself_again(world: World) -> None:
    since = cursor_of(timezone.now() - timedelta(hours=3))
    assert changes(signed_in(world.rita), world, since).json()["all"] is True


@pytest.mark.parametrize("since", ["", "-1", "abc", "9" * 40, "²"])
def test_a_time_that_is_none_is_now(world: World, since: str) -> None:
    answer = signed_in(world.rita).get(reverse("board-changes", args=[world.pipeline.pk]), {"since": since})
    assert answer.status_code == 200 and "all" not in answer.json()


def test_asking_keeps_no_session_alive(world: World) -> None:
    client = signed_in(world.rita)
    session = client.session
    session["started"] = session["seen"] = (timezone.now() - timedelta(hours=11)).isoformat()
    session.save()
    changes(client, world, cursor_of(timezone.now()))
    assert client.session["seen"] == session["seen"]
    client.get(reverse("board", args=[world.pipeline.pk]))
    assert client.session["seen"] != session["seen"]


# --- Streams


class Heard(threading.Thread):
    """Reads a stream in a thread, as a server does, and keeps its messages."""

    def __init__(self, client: Client, address: str, **query: Any) -> None:
        super().__init__(daemon=True)
        self.client, self.address, self.query = client, address, query
        self.messages: list[tuple[str, Any]] = []
        self.status = 0
        self.start()
        self.until("beat", "deals", seconds=5)

    def run(self) -> None:
        try:
            self.read()
        finally:
            connections.close_all()

    def read(self) -> None:
        answer: Any = self.client.get(self.address, self.query)
        self.status = answer.status_code
        for part in answer.streaming_content if answer.streaming else []:
            for said in part.decode().split("\n\n"):
                lines = dict(line.split(": ", 1) for line in said.splitlines())
                if "event" in lines:
                    self.messages.append((lines["event"], json.loads(lines["data"])))

    def until(self, *names: str, seconds: float = 3) -> Any:
        """The data of the first message of such a name."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for name, data in self.messages:
                if name in names:
                    return data
            if self.status not in (0, 200):
                return None
            time.sleep(0.01)
        raise AssertionError(f"{names} did not come; these did: {self.messages}")


committed = pytest.mark.django_db(transaction=True)


def of_board(world: World, user: User, **query: Any) -> Heard:
    return Heard(signed_in(user), reverse("board-stream", args=[world.pipeline.pk]), **query)


@committed
def test_a_move_is_told_within_two_seconds_and_a_stranger_hears_nothing(world: World) -> None:
    rita, stranger = of_board(world, world.rita), of_board(world, world.stranger)
    world.move(world.second, by=world.boss)
    told = rita.until("deals", seconds=2)
    assert [deal for deal, *_ in told["deals"]] == [world.deal.pk]
    assert set(told["stages"]) == {world.first.pk, world.second.pk}
    time.sleep(0.3)
    assert [name for name, _ in stranger.messages] == ["beat"]


@committed
@pytest.mark.parametrize("where", ["board", "day"])
def test_whoever_has_news_hears_the_bell_and_nobody_else(world: World, where: str) -> None:
    address = reverse("board-stream", args=[world.pipeline.pk]) if where == "board" else reverse("day-stream")
    rita, boss = Heard(signed_in(world.rita), address), Heard(signed_in(world.boss), address)
    rita.until("beat")
    time.sleep(0.6)  # the first look has been taken
    followups.add(world.deal.pk, "Write the offer", timezone.localdate(), by=world.boss, owner=world.rita)
    assert rita.until("news", seconds=2) == {}
    assert "news" not in [name for name, _ in boss.messages]


@committed
def test_a_board_that_comes_back_is_told_first_what_it_missed(world: World) -> None:
    since = cursor_of(timezone.now())
    world.move(world.second)
    told = of_board(world, world.rita, since=since).until("deals", seconds=2)
    assert [deal for deal, *_ in told["deals"]] == [world.deal.pk]


@committed
def test_the_listener_stops_with_the_last_stream(world: World) -> None:
    heard = of_board(world, world.rita)
    assert any(thread.name == "live" for thread in threading.enumerate())
    for stream in hub.streams():
        stream.end()
    heard.join(3)
    end = time.monotonic() + 3
    while any(thread.name == "live" for thread in threading.enumerate()) and time.monotonic() < end:
        time.sleep(0.02)
    assert not heard.is_alive() and not any(thread.name == "live" for thread in threading.enumerate())


@committed
def test_signing_out_and_deactivating_end_a_stream(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(listener_every(), "visits", 0.1)
    client = signed_in(world.rita)
    mine = Heard(client, reverse("board-stream", args=[world.pipeline.pk]))
    theirs = of_board(world, world.colleague)
    client.logout()
    mine.join(4)
    assert not mine.is_alive() and theirs.is_alive()
    User.objects.filter(pk=world.colleague.pk).update(is_active=False)
    theirs.join(4)
    assert not theirs.is_alive()


def listener_every() -> dict[str, float]:
    from pipeline.live import listener

    return listener._EVERY


@committed
def test_the_sixth_tab_of_one_person_asks_instead(world: World) -> None:
    tabs = [of_board(world, world.rita) for _tab in range(6)]
    assert [tab.status for tab in tabs[:5]] == [200] * 5 and tabs[5].status == 204
    assert of_board(world, world.boss).status == 200


def test_a_slow_reader_is_told_to_read_all_again(world: World) -> None:
    visit = next(iter(_visits(world)))
    stream = Stream(visit, Audience.of(world.rita), pipeline=world.pipeline.pk)
    for number in range(WAITING + 1):
        stream.say("deals", {"deals": [[number, 1, 1]]}, 1)
    assert b'"all":true' in next(stream.lines(lambda: 0))


def _visits(world: World) -> Iterator[Any]:
    from crm.streams import Visit

    yield Visit("key", world.rita.pk, world.rita.password, world.rita.role)


@committed
def test_two_who_look_at_a_deal_hear_of_each_other(world: World) -> None:
    address = reverse("deal-stream", args=[world.deal.pk])
    rita, boss = Heard(signed_in(world.rita), address), Heard(signed_in(world.boss), address)
    assert rita.until("viewers")["text"] == "Max is looking at this too"
    assert boss.until("viewers")["text"] == "Rita is looking at this too"
    next(stream for stream in hub.streams() if stream.visit.user == world.boss.pk).end()
    for _try in itertools.repeat(0, 60):
        if [data["text"] for name, data in rita.messages if name == "viewers"][-1] == "":
            break
        time.sleep(0.05)
    assert [data["text"] for name, data in rita.messages if name == "viewers"][-1] == ""
