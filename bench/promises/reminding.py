"""Promises 9, 10, 13, 14 and 15: reminders and their mails, whatever dies in between. Also what looking for them costs."""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import time_machine
from django.conf import settings
from django.db import connection, connections
from django.db.models import F, QuerySet

from bench.promises.report import Report
from bench.promises.stage import nothing_broken
from crm import digest, reminders, rests, wall_time
from crm.models import Company, Notice, NoticeChoice, OutgoingMail, Reminder, User
from crm.models.reminders import ReminderQuerySet
from tests import dying_workers as dying
from tests import factories as make
from tests.services import PostgreSQL

DUE, WORKERS, KILLS, RESTARTS, MOST_SECONDS = 20_000, 4, 40, 3, 60.0
ZONES = [
    "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca", "Europe/Dublin", "Asia/Kolkata",
    "Asia/Kathmandu", "Pacific/Apia", "America/St_Johns", "Africa/Cairo", "America/Santiago", "UTC",
]  # fmt: skip


def exactly_once() -> Report:
    """Each in the inbox exactly once, and its mail taken by the server at least once."""
    report = Report(9, f"{DUE} due, {WORKERS} workers, {KILLS} killed, PostgreSQL restarted {RESTARTS} times")
    set_stage()
    people = [user.pk for user in some_people(50, by_mail=True)]
    dying.due_now(people, [number for number in range(DUE * 2) if is_healthy(number)][:DUE])
    begun = time.monotonic()
    with dying.workers(WORKERS) as workers:
        _disturb(workers, report)
        workers.until(lambda: not _safely(lambda: mine().pending().exists()), MOST_SECONDS)
        report.took(time.monotonic() - begun)
        report.count("seconds until all stood in the inbox", round(time.monotonic() - begun))
        report.expect(time.monotonic() - begun <= MOST_SECONDS, "more than a minute")
        # A mail whose sender was killed waits for the end of its lease.
        workers.until(lambda: not _safely(lambda: _waiting_mails().exists()), 150)
    _count(report)
    nothing_broken(report)
    return report


def _disturb(workers: dying.Workers, report: Report) -> None:
    restarts = set(random.sample(range(KILLS), RESTARTS))
    for kill in range(KILLS):
        time.sleep(random.uniform(0.1, 0.3))
        workers.kill_one()
        report.count("workers killed")
        if kill in restarts:
            _restart_postgresql()
            report.count("restarts of PostgreSQL")
        workers.keep()


def _restart_postgresql() -> None:
    """At once, without a word to anybody; only the server that these scripts have started themselves."""
    with connection.cursor() as cursor:
        cursor.execute("SHOW data_directory")
        data = Path(cursor.fetchone()[0])
    connections.close_all()
    if not data.parent.parent.name.startswith("stagecraft-services-"):
        raise SystemExit("Promise 9 restarts PostgreSQL; let these scripts start one of their own.")
    PostgreSQL(data.parent, True).call(
        "pg_ctl", "-s", "-w", "-D", str(data), "-l", str(data.parent / "log"), "-m", "immediate", "restart"
    )


def _safely(question: Callable[[], bool]) -> bool:
    try:
        return question()
    except Exception:  # the database is away for a moment
        connections.close_all()
        return True


def _count(report: Report) -> None:
    taken = dying.taken_by_the_server()
    doubles = len(taken) - len(set(taken))
    report.count("in the inbox", Notice.objects.filter(key__startswith="reminder").count())
    report.count("mails that the server took", len(taken))
    report.count("of them twice", doubles)
    report.expect(mine().filter(state="done").count() == DUE, f"{mine().pending().count()} lost")
    report.expect(Notice.objects.filter(key__startswith="reminder").count() == DUE, "not each once in the inbox")
    report.expect(len(set(taken)) == DUE, f"{DUE - len(set(taken))} mails lost")
    report.expect(doubles <= KILLS, f"{doubles} mails twice for {KILLS} kills")


def after_a_silence() -> Report:
    """Nobody looks for ten minutes, then three at once."""
    report = Report(13, "5,000 due over ten minutes without a tick, then three tickers at once")
    set_stage()
    people = [user.pk for user in some_people(20)]
    dying.due_now(people, [number for number in range(8000) if is_healthy(number)][:5000], timedelta(minutes=10))
    begun = time.monotonic()
    with dying.workers(3) as workers:
        workers.until(lambda: not mine().pending().exists(), MOST_SECONDS)
    report.took(time.monotonic() - begun)
    report.expect(not mine().pending().exists(), "not all within a minute")
    told = Notice.objects.filter(key__startswith="reminder")
    report.count("told", told.count())
    report.expect(told.count() == 5000, "not each once")
    nothing_broken(report)
    return report


def poison() -> Report:
    """One of a hundred raises, one of a thousand kills its worker. The waits between tries are seconds here, not minutes."""
    count = 5000
    report = Report(14, f"{count} due, 1 % raise, 0.1 % kill their worker, {WORKERS} workers")
    set_stage()
    people = [user.pk for user in some_people(20)]
    waits, grace = reminders.WAITS, reminders.GRACE
    reminders.WAITS, reminders.GRACE = [timedelta(seconds=1)] * 4, timedelta(seconds=2)
    try:
        dying.due_now(people, range(count))
        with dying.workers(WORKERS) as workers:
            workers.until(lambda: not mine().pending().exists(), 240)
            report.count("deaths of workers", workers.deaths)
    finally:
        reminders.WAITS, reminders.GRACE = waits, grace
    lags = sorted(
        lag.total_seconds()
        for lag in mine().filter(state="done").annotate(lag=F("done_at") - F("due_at")).values_list("lag", flat=True)
    )
    for lag in lags:
        report.took(lag)
    healthy = [number for number in range(count) if is_healthy(number)]
    report.count("told", len(lags))
    report.count("given up", mine().filter(state="dead").count())
    report.expect(len(lags) == len(healthy), f"{len(healthy) - len(lags)} healthy ones not told")
    report.expect(
        mine().filter(state="dead", attempts=5).count() == count - len(healthy), "poison not parked after five tries"
    )
    report.expect(lags[int(len(lags) * 0.99)] <= 30, f"p99 {lags[int(len(lags) * 0.99)]:.1f} s")
    nothing_broken(report)
    return report


def wall_time_kept() -> Report:
    """Two years of mornings in twelve zones, and the clock of a machine an hour fast and an hour slow."""
    report = Report(
        15, "two simulated years of eight o'clock in 12 zones, the machine's clock an hour off now and then"
    )
    set_stage()
    people = [make.user(time_zone=zone) for zone in ZONES]
    reminders.register(dying.KIND, "Tried", dying.check, lambda row, now: _eight(now, row.user))
    zones = {person.pk: person.time_zone for person in people}
    now, ends, told = datetime(2026, 1, 1, tzinfo=UTC), datetime(2028, 1, 1, tzinfo=UTC), 0
    reminders.plan_all([reminders.at(person, dying.KIND, dying.KIND, 1, _eight(now, person), now) for person in people])
    while now < ends:
        with time_machine.travel(now + timedelta(hours=random.choice([-1, 1]))):
            for _hour in range(24):
                now += timedelta(hours=1)
                told += reminders.deliver_due(now)
    for row in mine().filter(state="done"):
        expected = wall_time.instant(row.wall_time, zones[row.user_id])
        report.expect(row.due_at == expected, f"{row.zone} {row.wall_time}: {row.due_at}")
        report.expect(row.done_at is not None and row.done_at - row.due_at <= timedelta(hours=1), f"{row.pk} was late")
    report.count("told", told)
    report.expect(told >= 2 * 365 * len(ZONES) - len(ZONES), f"only {told} told")
    report.expect(told == Notice.objects.filter(key__startswith="reminder").count(), "some twice or lost")
    nothing_broken(report)
    return report


def _eight(now: datetime, person: User) -> datetime:
    here = wall_time.wall(now, person.time_zone)
    today = datetime.combine(here.date(), rests.MORNING)
    return today if today > here else today + timedelta(days=1)


def looking() -> Report:
    """What a look costs that finds nothing among a million, and how quickly one worker tells a thousand."""
    report = Report(90, "a million waiting: a look that finds nothing; then 1,000 due at once by one worker")
    set_stage()
    people = [user.pk for user in some_people(50)]
    _a_million(people)
    times = []
    for _look in range(200):
        begun = time.perf_counter()
        digest.plan_missing(datetime.now(UTC))
        reminders.deliver_due()
        times.append(time.perf_counter() - begun)
    for each in times[5:]:
        report.took(each)
    report.count("microseconds a look, median", round(sorted(times)[len(times) // 2] * 1_000_000))
    report.expect(sorted(times)[len(times) // 2] <= 0.003, "more than 3 ms a look")
    dying.due_now(people, [number for number in range(2_000_000, 2_002_000) if is_healthy(number)][:1000])
    begun = time.perf_counter()
    while reminders.deliver_due():
        pass
    report.count("milliseconds for a thousand", round((time.perf_counter() - begun) * 1000))
    report.expect(time.perf_counter() - begun <= 5, "more than 5 s for a thousand")
    return report


def _a_million(people: list[int]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO crm_reminder (user_id, kind, object_type, object_id, minutes_before, wall_day, wall_clock, zone, due_at,"
            " not_before, state, attempts, reason, made_at) SELECT %s + n %% %s, 'tried', 'tried', n, 0, current_date + 9, '08:00', 'UTC',"
            " now() + interval '9 days' + n * interval '1 second', now() + interval '9 days' + n * interval '1 second', 'pending', 0, '',"
            " now() FROM generate_series(1, 1000000) n",
            [people[0], len(people)],
        )
        cursor.execute("ANALYZE crm_reminder")


# --- Before and after


def set_stage() -> None:
    """Every day is a working day here, and mails go into a file that no one shares."""
    Company.objects.update_or_create(pk=1, defaults={"working_days": "0123456"})
    for model in (Reminder, Notice, OutgoingMail, NoticeChoice):
        model.objects.all().delete()
    reminders.register(dying.KIND, "Tried", dying.check)
    settings.EMAIL_BACKEND = "tests.dying_workers.LogBackend"
    settings.EMAIL_FILE_PATH = str(Path(tempfile.mkdtemp(prefix="stagecraft-mails-")) / "taken")


def some_people(count: int, by_mail: bool = False) -> list[User]:
    made = [make.user() for _number in range(count)]
    if by_mail:
        NoticeChoice.objects.bulk_create(NoticeChoice(user=user, kind="due", bell=False, email=True) for user in made)
    return made


def is_healthy(number: int) -> bool:
    return number % 1000 != dying.KILLS and number % 100 != dying.RAISES


def mine() -> ReminderQuerySet:
    return Reminder.objects.filter(kind=dying.KIND)


def _waiting_mails() -> QuerySet[OutgoingMail]:
    return OutgoingMail.objects.filter(state__in=["queued", "sending"])
