"""A private address by which one's own calendar shows tasks and meetings: what stands there, and who reads it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from icalendar import Calendar

from crm import feeds
from crm.models import CalendarFeed, Change, User
from pipeline import followups
from pipeline.models import Task
from tests.deal_world import World

pytestmark = pytest.mark.django_db
DAY = date(2998, 3, 4)


@pytest.fixture
def world() -> World:
    world = World()
    User.objects.filter(pk=world.rep.pk).update(time_zone="America/New_York")
    world.rep.refresh_from_db()
    return world


def add(world: World, title: str = 'Grüße; an "Bob", bitte', **values: Any) -> Task:
    made = followups.add(world.deal.pk, title, DAY, by=world.rep)
    assert made is not None
    Task.objects.filter(pk=made.pk).update(**values)
    return made


def address(world: World) -> str:
    return reverse("calendar-feed", args=[feeds.make(world.rep, by=world.rep, via="page")])


def events(answer: Any) -> list[Any]:
    return list(Calendar.from_ical(answer.content).walk("VEVENT"))


def test_a_task_of_a_day_is_an_event_of_that_day_where_its_owner_lives(world: World, client: Client) -> None:
    add(world)
    answer = client.get(address(world))
    assert answer.headers["Content-Type"] == "text/calendar; charset=utf-8"
    [event] = events(answer)
    assert str(event["summary"]) == 'Grüße; an "Bob", bitte – Meters for 14 shops'
    assert (event.decoded("dtstart"), event.decoded("dtend")) == (DAY, DAY + timedelta(days=1))
    assert event["transp"] == "TRANSPARENT" and str(event["url"]).endswith(f"#task-{Task.objects.get().pk}")


def test_a_meeting_at_a_time_takes_an_hour_of_it(world: World, client: Client) -> None:
    at = datetime(2998, 3, 4, 15, tzinfo=UTC)
    add(world, kind="meeting", has_time=True, due_at=at)
    [event] = events(client.get(address(world)))
    assert (event.decoded("dtstart"), event.decoded("dtend")) == (at, at + timedelta(hours=1))
    assert event["transp"] == "OPAQUE"


def test_finished_tasks_and_those_of_others_do_not_stand_there(world: World, client: Client) -> None:
    followups.complete(add(world).pk, by=world.rep)
    followups.add(world.deal.pk, "Of the manager", DAY, by=world.manager)
    assert events(client.get(address(world))) == []


def test_what_has_not_changed_is_not_sent_again(world: World, client: Client) -> None:
    row, where = add(world), address(world)
    etag = client.get(where).headers["ETag"]
    assert client.get(where, headers={"If-None-Match": etag}).status_code == 304
    followups.reschedule(row.pk, DAY + timedelta(days=1), by=world.rep)
    assert client.get(where, headers={"If-None-Match": etag}).status_code == 200


def test_the_address_is_shown_once_and_only_a_digest_of_it_is_kept(world: World) -> None:
    client = world.client()
    text = client.post(reverse("calendar-address")).content.decode()
    secret = text.partition("/calendar/")[2].partition(".ics")[0]
    assert len(secret) == feeds.LENGTH and secret not in CalendarFeed.objects.get().digest
    assert secret not in client.get(reverse("calendar-address")).content.decode()
    assert Client().get(reverse("calendar-feed", args=[secret])).status_code == 200
    assert CalendarFeed.objects.get().last_read_on is not None
    assert not Change.objects.filter(new__icontains=secret).exists()


@pytest.mark.parametrize("how", ["anew", "revoked", "left"])
def test_an_address_that_was_ended_is_not_there(world: World, client: Client, how: str) -> None:
    where = address(world)
    if how == "anew":
        feeds.make(world.rep, by=world.rep, via="page")
    elif how == "revoked":
        world.client().post(reverse("calendar-revoke"))
    else:
        User.objects.filter(pk=world.rep.pk).update(is_active=False)
    assert client.get(where).status_code == 404


@pytest.mark.parametrize("secret", ["x", "x" * 43, "ä" * 43])
def test_an_address_that_was_guessed_is_not_there(client: Client, secret: str) -> None:
    assert client.get(reverse("calendar-feed", args=[secret])).status_code == 404


def test_a_calendar_of_many_tasks_is_read_like_one_of_a_single_task(world: World, client: Client) -> None:
    where, counts = address(world), []
    client.get(where)
    for number in (1, 20):
        for _task in range(number):
            add(world)
        with CaptureQueriesContext(connection) as queries:
            client.get(where)
        counts.append(len(queries))
    assert counts[0] == counts[1]
