"""A reminder reaches its reader exactly once: what is asked for, what is told, what is not, and what dies in between."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from unittest.mock import patch

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext

from crm import absences, notice_choices, notices, own_clock, reminders, users, verification
from crm.models import Company, Holiday, Notice, OutgoingMail, Reminder, User
from crm.notice_choices import Channels
from crm.notices import News
from crm.reminders import Drop, Outcome
from tests.factories import NOW, user

pytestmark = pytest.mark.django_db
committed = pytest.mark.django_db(transaction=True)
MINUTE = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def things() -> Iterator[dict[int, Any]]:
    """Records of some app, by number: a text is told, an error is raised, what is not here is dropped."""
    known: dict[int, Any] = {}

    def check(rows: Sequence[Reminder], now: datetime) -> Mapping[int, Outcome]:
        return {row.pk: outcome(row, known.get(row.object_id, "Call Bob")) for row in rows}

    def outcome(row: Reminder, thing: Any) -> Outcome:
        if isinstance(thing, BaseException):
            raise thing
        return thing if not isinstance(thing, str) else News(row.key, "due", None, thing, "", "/", "user", row.user_id)

    with patch.dict(reminders._kinds):
        reminders.register("thing", "Thing", check)
        yield known


def ask(person: User, at: datetime = NOW + MINUTE, number: int = 1) -> Reminder:
    return reminders.plan(person, "thing", "thing", number, at.replace(tzinfo=None), now=NOW)


def test_it_is_told_when_its_time_has_come_and_not_before() -> None:
    row = ask(user())
    assert reminders.deliver_due(NOW) == 0
    assert reminders.deliver_due(NOW + MINUTE) == 1
    row.refresh_from_db()
    assert (row.state, row.done_at, Notice.objects.get().key) == ("done", NOW + MINUTE, row.key)
    assert reminders.deliver_due(NOW + MINUTE) == 0


def test_asking_again_moves_what_waits() -> None:
    person = user()
    first, second = ask(person), ask(person, NOW + 5 * MINUTE)
    assert first.pk == second.pk and Reminder.objects.get().due_at == NOW + 5 * MINUTE
    assert first.key != second.key


@pytest.mark.parametrize(
    ("at", "code"),
    [
        (NOW, "past"),
        (NOW - timedelta(days=1), "past"),
        (NOW.replace(year=2076), "far"),
        (datetime(9999, 12, 31, tzinfo=UTC), "far"),
    ],
)
def test_a_moment_that_has_passed_or_lies_fifty_years_ahead_is_refused(at: datetime, code: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        ask(user(time_zone="America/New_York"), at - timedelta(hours=5 if code == "past" else 0))
    assert refusal.value.code == code and not Reminder.objects.exists()


def test_what_is_no_longer_wanted_is_not_told() -> None:
    person = user()
    row = ask(person)
    reminders.cancel(person, "thing", "thing", 1, now=NOW)
    assert reminders.deliver_due(NOW + MINUTE) == 0
    row.refresh_from_db()
    assert (row.state, row.reason) == ("cancelled", "no longer wanted")


def test_what_its_record_says_is_over_is_dropped_with_the_reason(things: dict[int, Any]) -> None:
    row = ask(user())
    things[1] = Drop("the task is finished")
    assert reminders.deliver_due(NOW + MINUTE) == 0
    row.refresh_from_db()
    assert (row.state, row.reason) == ("cancelled", "the task is finished") and not Notice.objects.exists()


def test_nobody_is_told_who_no_longer_works_here() -> None:
    person = user()
    row = ask(person)
    User.objects.filter(pk=person.pk).update(is_active=False)
    assert reminders.deliver_due(NOW + MINUTE) == 0
    row.refresh_from_db()
    assert row.state == "cancelled" and not Notice.objects.exists() and not OutgoingMail.objects.exists()


# --- How one is told


@pytest.mark.parametrize(
    ("bell", "email", "shown", "mails"), [(True, False, 1, 0), (False, True, 0, 1), (True, True, 1, 1)]
)
def test_it_comes_by_the_ways_that_its_reader_chose(bell: bool, email: bool, shown: int, mails: int) -> None:
    person = user()
    notice_choices.choose(person, {"due": Channels(bell, email)}, by=person, via="page", now=NOW)
    ask(person)
    assert reminders.deliver_due(NOW + MINUTE) == 1
    assert Notice.objects.count() == 1 and notices.unread(person) == shown
    assert OutgoingMail.objects.count() == mails


def test_whoever_wants_it_in_no_way_is_not_told_and_the_row_says_so() -> None:
    person = user()
    notice_choices.choose(person, {"due": Channels(bell=False, email=False)}, by=person, via="page", now=NOW)
    row = ask(person)
    assert reminders.deliver_due(NOW + MINUTE) == 0
    row.refresh_from_db()
    assert row.state == "cancelled" and "no way" in row.reason and not Notice.objects.exists()


def test_more_than_a_day_late_it_is_in_the_app_with_one_mail_for_all() -> None:
    person = user()
    notice_choices.choose(person, {"due": Channels(bell=False, email=True)}, by=person, via="page", now=NOW)
    for number in range(3):
        ask(person, number=number)
    assert reminders.deliver_due(NOW + timedelta(hours=25)) == 3
    assert notices.unread(person) == 3
    assert [mail.subject for mail in OutgoingMail.objects.all()] == ["Reminders that come late"]


# --- When one rests


def quiet(begins: int, ends: int, **fields: Any) -> User:
    return user(quiet_from=time(begins), quiet_until=time(ends), **fields)


def waits_until(row: Reminder) -> datetime:
    row.refresh_from_db()
    assert row.state == "pending"
    return row.not_before


@pytest.mark.parametrize(
    ("begins", "ends", "until"),
    [(10, 11, datetime(2026, 9, 15, 11, tzinfo=UTC)), (9, 8, datetime(2026, 9, 16, 8, tzinfo=UTC))],
)
def test_quiet_hours_move_it_to_their_end_and_drop_nothing(begins: int, ends: int, until: datetime) -> None:
    row = ask(quiet(begins, ends))
    assert reminders.deliver_due(NOW + MINUTE) == 0
    assert waits_until(row) == until
    assert reminders.deliver_due(until - MINUTE) == 0
    assert reminders.deliver_due(until) == 1


def test_on_days_off_it_waits_for_the_morning_of_the_next_working_day() -> None:
    Holiday.objects.create(day=date(2026, 9, 21), name="Founders")  # the Monday after
    row = ask(user(time_zone="Europe/Berlin"), datetime(2026, 9, 19, 10, tzinfo=UTC))
    assert reminders.deliver_due(datetime(2026, 9, 19, 12, tzinfo=UTC)) == 0
    assert waits_until(row) == datetime(2026, 9, 22, 6, tzinfo=UTC)
    assert reminders.deliver_due(datetime(2026, 9, 22, 6, tzinfo=UTC)) == 1


def test_who_is_away_is_told_afterwards_and_the_deputy_at_once() -> None:
    person, deputy = user(name="Rita"), user(name="Dora")
    absences.add(person, date(2026, 9, 14), date(2026, 9, 17), by=person, via="page", deputy=deputy, now=NOW)
    row = ask(person)
    reminders.deliver_due(NOW + MINUTE)
    assert waits_until(row) == datetime(2026, 9, 18, 8, tzinfo=UTC)
    assert [notice.user for notice in Notice.objects.all()] == [deputy]
    assert reminders.deliver_due(datetime(2026, 9, 18, 8, tzinfo=UTC)) == 1
    assert Notice.objects.filter(user=person).count() == 1 and Notice.objects.count() == 2


# --- What cannot be told


def test_poison_waits_longer_each_time_and_is_given_up_after_five_with_a_word_to_its_user(
    things: dict[int, Any],
) -> None:
    person = user()
    row, now, waits = ask(person), NOW + MINUTE, []
    things[1] = ZeroDivisionError("poison")
    for _attempt in range(5):
        assert reminders.deliver_due(now) == 0
        row.refresh_from_db()
        waits.append((row.not_before - now) // MINUTE)
        now = row.not_before
    assert waits[:4] == [1, 5, 25, 125]
    assert (row.state, row.attempts, row.reason) == ("dead", 5, "ZeroDivisionError: poison")
    assert notices.words(notices.of(person).get()) == "A reminder could not be delivered: Thing"


def test_one_that_cannot_be_told_keeps_no_other_back(things: dict[int, Any]) -> None:
    person = user()
    for number in range(1, 9):
        ask(person, number=number)
    things[4] = ZeroDivisionError("poison")
    assert reminders.deliver_due(NOW + MINUTE) == 7
    assert [row.object_id for row in Reminder.objects.pending()] == [4]


def test_one_that_kills_its_worker_takes_nobody_along_and_is_given_up(things: dict[int, Any]) -> None:
    person = user()
    for number in range(1, 4):
        ask(person, number=number)
    things[2] = SystemExit("killed")
    now, deaths, told = NOW + MINUTE, 0, 0
    while Reminder.objects.pending().exists():
        try:
            told += reminders.deliver_due(now)
        except SystemExit:
            deaths += 1
        now += timedelta(seconds=30)
        assert deaths < 10
    killer = Reminder.objects.get(object_id=2)
    assert (Notice.objects.filter(kind="due").count(), deaths) == (2, 6)
    assert (killer.state, killer.attempts, killer.reason) == ("dead", 5, "the worker died each time")
    assert notices.of(person).filter(kind="undelivered").count() == 1


def test_an_admin_delivers_again_what_was_given_up(things: dict[int, Any]) -> None:
    person = user()
    row = ask(person)
    things[1] = ZeroDivisionError("poison")
    now = NOW + MINUTE
    for _attempt in range(5):
        reminders.deliver_due(now)
        now += timedelta(hours=3)
    del things[1]
    assert reminders.deliver_again(row.pk, now) and not reminders.deliver_again(row.pk, now)
    assert not Notice.objects.exists()
    assert reminders.deliver_due(now) == 1


# --- Clocks


VECTORS = [
    ("Europe/Berlin", "2026-03-29 02:30", "2026-03-29 01:30"),
    ("Europe/Berlin", "2026-10-25 02:30", "2026-10-25 00:30"),
    ("America/New_York", "2027-03-14 02:30", "2027-03-14 07:30"),
    ("America/New_York", "2026-11-01 01:30", "2026-11-01 05:30"),
    ("Australia/Lord_Howe", "2026-10-04 02:15", "2026-10-03 15:45"),
    ("Australia/Lord_Howe", "2027-04-04 01:45", "2027-04-03 14:45"),
    ("Africa/Casablanca", "2026-03-22 02:30", "2026-03-22 02:30"),
    ("Europe/Dublin", "2026-10-25 01:30", "2026-10-25 00:30"),
    ("Asia/Kolkata", "2026-09-20 09:00", "2026-09-20 03:30"),
    ("Asia/Kathmandu", "2026-09-20 09:00", "2026-09-20 03:15"),
    ("Pacific/Apia", "2011-12-30 09:00", "2011-12-30 19:00"),
]


@pytest.mark.parametrize(("zone", "wall", "instant"), VECTORS)
def test_an_hour_that_is_left_out_is_shifted_forward_and_of_one_that_comes_twice_it_is_the_first(
    zone: str, wall: str, instant: str
) -> None:
    at = datetime.fromisoformat(wall)
    row = reminders.plan(user(time_zone=zone), "thing", "thing", 1, at, now=datetime(2011, 1, 1, tzinfo=UTC) if at.year < 2020
                         else datetime(2026, 1, 1, tzinfo=UTC))  # fmt: skip
    assert row.due_at == datetime.fromisoformat(f"{instant}+00:00")
    assert row.wall_time == at


def test_who_moves_to_another_zone_keeps_the_hour_on_the_wall() -> None:
    person = user(time_zone="Europe/Berlin")
    row = reminders.plan(person, "thing", "thing", 1, datetime.fromisoformat("2026-09-16 09:00"), now=NOW)
    users.edit_profile(person, {"time_zone": "America/New_York"}, by=person, via="page", now=NOW)
    row.refresh_from_db()
    assert (row.wall_time, row.zone) == (datetime.fromisoformat("2026-09-16 09:00"), "America/New_York")
    assert row.due_at == row.not_before == datetime(2026, 9, 16, 13, tzinfo=UTC)


# --- Races


@pytest.mark.postgres
@committed
def test_four_workers_tell_each_of_four_hundred_once() -> None:
    people = [user() for _ in range(8)]
    for number in range(400):
        ask(people[number % 8], number=number)

    def work(_: int) -> int:
        try:
            return reminders.deliver_due(NOW + MINUTE)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(work, range(4))) == 400
    assert Notice.objects.count() == 400 and not Reminder.objects.pending().exists()
    assert all(not finding.breaks for finding in verification.run())


def test_a_tick_that_finds_nothing_asks_twice() -> None:
    ask(user(), NOW + timedelta(days=1))
    Company.objects.get_or_create(pk=1)
    with CaptureQueriesContext(connection) as queries:
        reminders.deliver_due(NOW)
    assert len([each for each in queries if "SELECT" in each["sql"]]) == 2


# --- What `verify` finds


BREAKS = {
    "reminder_told": lambda row: Notice.objects.filter(key=row.key).delete(),
    "reminder_told_by": lambda row: Reminder.objects.filter(pk=row.pk).update(state="pending", done_at=None),
    "reminder_mail": lambda row: Notice.objects.update(in_bell=False),
    "reminder_dead": lambda row: Reminder.objects.filter(pk=row.pk).update(state="dead", reason="why"),
    "reminder_not_left": lambda row: Reminder.objects.filter(pk=row.pk).update(
        state="pending", done_at=None, not_before=NOW - 9 * MINUTE
    ),
    "reminder_attempts": lambda row: Reminder.objects.filter(pk=row.pk).update(state="cancelled", reason=""),
    "reminder_to_people_here": lambda row: users.deactivate(row.user, deals_to=None, by=user("admin"), now=NOW),
}


@pytest.mark.parametrize("name", BREAKS)
def test_verify_finds_what_is_not_as_it_must_be(name: str) -> None:
    row = ask(user())
    reminders.deliver_due(NOW + MINUTE)
    assert [finding.invariant for finding in verification.run() if finding.breaks] == []
    BREAKS[name](row)
    assert name in [finding.invariant for finding in verification.run() if finding.breaks]


def test_a_worker_looks_by_itself_and_what_one_look_meets_keeps_no_other_back() -> None:
    ask(user())
    with patch.object(own_clock.connections, "close_all"):  # the test's own, in this thread
        own_clock.look([lambda: 1 / 0, lambda: reminders.deliver_due(NOW + MINUTE)])
    assert Notice.objects.count() == 1
