"""What is promised of reminders, in short: workers killed at any moment, ticks that stay away, clocks that change.

The long forms are scripts of `bench promises` (9, 10, 13, 14, 15).
"""

from __future__ import annotations

import zoneinfo
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.conf import LazySettings
from django.db import connections
from django.test import Client
from django.utils import timezone

from crm import digest, notice_choices, outbox, reminders, verification, wall_time
from crm.models import Company, Notice, OutgoingMail, Reminder, User
from crm.notice_choices import Channels
from tests import dying_workers as dying
from tests.factories import NOW, user

committed = pytest.mark.django_db(transaction=True)
KILLS = 4
ZONES = [
    "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca", "Europe/Dublin", "Asia/Kolkata",
    "Asia/Kathmandu", "Pacific/Apia", "America/St_Johns", "Africa/Cairo", "America/Santiago", "UTC",
]  # fmt: skip


@pytest.fixture
def people(monkeypatch: pytest.MonkeyPatch, settings: LazySettings, tmp_path: Path) -> Iterator[list[User]]:
    """Every day is a working day, leases are short, and mails go into a file."""
    Company.objects.update_or_create(pk=1, defaults={"working_days": "0123456"})
    settings.EMAIL_BACKEND, settings.EMAIL_FILE_PATH = "tests.dying_workers.LogBackend", str(tmp_path / "taken")
    monkeypatch.setattr(reminders, "GRACE", timedelta(seconds=1))
    monkeypatch.setattr(reminders, "WAITS", [timedelta(seconds=0.2)] * 4)
    monkeypatch.setattr(outbox, "LEASE", timedelta(seconds=2))
    monkeypatch.setitem(reminders._kinds, dying.KIND, reminders.Kind("Tried", dying.check, None))
    yield [user() for _number in range(5)]
    connections.close_all()


def healthy(count: int) -> list[int]:
    return [number for number in range(2 * count) if number % 100 != dying.RAISES and number % 1000 != dying.KILLS][
        :count
    ]


def nothing_waits() -> bool:
    mails = OutgoingMail.objects.filter(state__in=["queued", "sending"])
    return not Reminder.objects.pending().exists() and not mails.exists()


@pytest.mark.postgres
@committed
def test_workers_that_are_killed_lose_no_reminder_and_tell_none_twice(people: list[User]) -> None:
    for person in people:
        notice_choices.choose(person, {"due": Channels(False, email=True)}, by=person, via="page")
    dying.due_now([person.pk for person in people], healthy(200))
    with dying.workers(2) as workers:
        for _kill in range(KILLS):
            workers.until(lambda: False, 0.15)
            workers.kill_one()
        assert workers.until(nothing_waits, 90)
    assert Notice.objects.filter(key__startswith="reminder").count() == 200
    taken = dying.taken_by_the_server()
    assert len(set(taken)) == 200 and len(taken) - len(set(taken)) <= KILLS
    assert [finding.invariant for finding in verification.run() if finding.breaks] == []


@pytest.mark.postgres
@committed
def test_poison_is_parked_after_five_tries_and_the_others_are_told(people: list[User]) -> None:
    dying.due_now([person.pk for person in people], range(200))
    with dying.workers(2) as workers:
        assert workers.until(nothing_waits, 90)
        assert workers.deaths >= 1
    assert Reminder.objects.filter(state="done").count() == 197
    assert set(Reminder.objects.filter(state="dead").values_list("object_id", flat=True)) == {3, 7, 103}
    assert Notice.objects.filter(kind="undelivered").count() == 3


@pytest.mark.postgres
@committed
def test_after_ten_minutes_without_a_tick_three_at_once_tell_each_once(people: list[User]) -> None:
    dying.due_now([person.pk for person in people], healthy(200), timedelta(minutes=10))
    with dying.workers(3) as workers:
        assert workers.until(nothing_waits, 90)
    assert Notice.objects.filter(key__startswith="reminder").count() == 200


@pytest.mark.django_db
def test_health_says_degraded_when_reminders_wait_a_minute_past_their_time(client: Client) -> None:
    row = reminders.at(user(), dying.KIND, dying.KIND, 1, wall_time.wall(timezone.now(), "UTC"), NOW)
    reminders.plan_all([row])
    assert client.get("/readyz").content == b"ok\n"
    Reminder.objects.update(not_before=timezone.now() - timedelta(seconds=61))
    answer = client.get("/readyz")
    assert (answer.status_code, answer.content) == (200, b"degraded: reminders wait\n")


@pytest.mark.parametrize("zone", ZONES)
def test_in_two_years_each_morning_comes_once_and_at_eight(zone: str) -> None:
    person, now, told = User(name="x", time_zone=zone), datetime(2026, 1, 1, tzinfo=UTC), []
    while now < datetime(2028, 1, 1, tzinfo=UTC):
        wall = digest.again(Reminder(user=person), now)
        now = wall_time.instant(wall, zone)
        told.append(now.astimezone(zoneinfo.ZoneInfo(zone)))
    assert all((each.hour, each.minute, each.second) == (8, 0, 0) for each in told)
    days = [each.date() for each in told]
    assert len(days) == len(set(days)) and 729 <= len(days) <= 732


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("hour", [0, 1, 2, 3])
def test_in_two_years_each_hour_of_the_night_comes_once_and_late_by_no_more_than_what_was_left_out(
    zone: str, hour: int
) -> None:
    wall, instants = datetime.fromisoformat(f"2026-01-01 0{hour}:30"), []
    while wall.year < 2028:
        at = wall_time.instant(wall, zone)
        shown = wall_time.wall(at, zone)
        late = shown - wall
        assert late == timedelta() or (
            wall_time.quirk(wall, zone) == "gap" and timedelta() < late <= timedelta(hours=1)
        )
        instants.append(at)
        wall += timedelta(days=1)
    assert instants == sorted(set(instants))
