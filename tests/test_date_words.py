"""A day in words, in every zone: what is understood, what the clocks do to it, and what is no day."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.core.exceptions import ValidationError

from crm import date_words

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 9, 15, 10, 0, tzinfo=UTC)
"""A Tuesday, noon in Berlin."""


def read(text: str, now: datetime = NOW, zone: ZoneInfo = BERLIN) -> date_words.Said:
    return date_words.read(text, zone, now)


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("today", "2026-09-15"),
        ("Tomorrow", "2026-09-16"),
        ("tom", "2026-09-16"),
        ("day after tomorrow", "2026-09-17"),
        ("fri", "2026-09-18"),
        ("Friday", "2026-09-18"),
        ("on friday", "2026-09-18"),
        ("tue", "2026-09-22"),  # today is one: the next
        ("this tue", "2026-09-15"),
        ("next fri", "2026-09-25"),
        ("next tues", "2026-09-22"),
        ("mon", "2026-09-21"),
        ("next week", "2026-09-21"),
        ("next month", "2026-10-01"),
        ("end of month", "2026-09-30"),
        ("end of the month", "2026-09-30"),
        ("eom", "2026-09-30"),
        ("in 2 weeks", "2026-09-29"),
        ("in a week", "2026-09-22"),
        ("2w", "2026-09-29"),
        ("3d", "2026-09-18"),
        ("in 3 days", "2026-09-18"),
        ("3 days", "2026-09-18"),
        ("in two months", "2026-11-15"),
        ("1 dec", "2026-12-01"),
        ("dec 1", "2026-12-01"),
        ("1st of December", "2026-12-01"),
        ("1 dec 2027", "2027-12-01"),
        ("14 sep", "2027-09-14"),  # yesterday's: the next
        ("15 sep", "2026-09-15"),
        ("29 feb", "2028-02-29"),
        ("1.12.", "2026-12-01"),
        ("1.12.2027", "2027-12-01"),
        ("2026-12-01", "2026-12-01"),
    ],
)
def test_a_day_in_words(text: str, day: str) -> None:
    said = read(text)
    assert (said.day.isoformat(), said.at, said.told, said.due) == (day, None, "", said.day)


@pytest.mark.parametrize(
    ("text", "local"),
    [
        ("15:30", "2026-09-15 15:30"),
        ("11:59", "2026-09-16 11:59"),  # passed today: the next such time
        ("tomorrow 9", "2026-09-16 09:00"),
        ("tomorrow at 9", "2026-09-16 09:00"),
        ("9:15 tomorrow", "2026-09-16 09:15"),
        ("mon 14:00", "2026-09-21 14:00"),
        ("fri 3pm", "2026-09-18 15:00"),
        ("fri 3:30 pm", "2026-09-18 15:30"),
        ("fri 12 am", "2026-09-18 00:00"),
        ("noon tomorrow", "2026-09-16 12:00"),
        ("1 dec 9:00", "2026-12-01 09:00"),
        ("dec 1 9", "2026-12-01 09:00"),
        ("1 dec 2027 9:00", "2027-12-01 09:00"),
        ("2026-12-01 09:00", "2026-12-01 09:00"),
        ("2026-12-01T09:00", "2026-12-01 09:00"),
        ("in 2 weeks 8:30", "2026-09-29 08:30"),
        ("in 2 hours", "2026-09-15 14:00"),
        ("30 min", "2026-09-15 12:30"),
        ("in an hour", "2026-09-15 13:00"),
    ],
)
def test_a_day_with_a_time(text: str, local: str) -> None:
    said = read(text)
    assert said.at is not None and f"{said.at.astimezone(BERLIN):%Y-%m-%d %H:%M}" == local
    assert said.day.isoformat() == local[:10] and said.due == said.at


@pytest.mark.parametrize(
    "text",
    [
        "", "   ", "soon", "9", "31 sep", "2026-02-30", "25:00", "12:60", "13pm", "12/1", "in days", "0x1", "1 dec 2027 25",
        "fri mon", "next", "in -2 days", "1e5 d", "sept. maybe", "x" * 500, "1.13.", "0 dec", "fr", "<b>fri</b>",
    ],
)  # fmt: skip
def test_what_is_no_day_is_told_with_examples(text: str) -> None:
    with pytest.raises(ValidationError, match="Try “tomorrow”"):
        read(text)


@pytest.mark.parametrize("text", ["yesterday", "2026-09-14", "0001-01-01", "1 dec 2020", "today 9:00", "15.9.2025"])
def test_what_has_passed_is_refused(text: str) -> None:
    with pytest.raises(ValidationError, match="has passed"):
        read(text)


@pytest.mark.parametrize(
    "text", ["2076-09-15", "in 99999 days", "in 600 weeks", "9999-12-31", "1 jan 2037", "999 months"]
)
def test_what_is_more_than_ten_years_ahead_is_refused(text: str) -> None:
    with pytest.raises(ValidationError, match="more than ten years ahead"):
        read(text)


@pytest.mark.parametrize(
    ("zone", "day", "clock", "instant", "told"),
    [
        ("Europe/Berlin", "2026-03-29", "02:30", "2026-03-29T01:30", "there is no 02:30: it is 03:30"),
        ("Europe/Berlin", "2026-10-25", "02:30", "2026-10-25T00:30", "comes twice"),
        ("America/New_York", "2027-03-14", "02:30", "2027-03-14T07:30", "there is no 02:30: it is 03:30"),
        ("America/New_York", "2026-11-01", "01:30", "2026-11-01T05:30", "comes twice"),
        ("Australia/Lord_Howe", "2026-10-04", "02:15", "2026-10-03T15:45", "there is no 02:15: it is 02:45"),
        ("Australia/Lord_Howe", "2027-04-04", "01:45", "2027-04-03T14:45", "comes twice"),
        ("Africa/Casablanca", "2026-03-22", "02:30", "2026-03-22T02:30", "there is no 02:30: it is 03:30"),
        ("Europe/Dublin", "2026-10-25", "01:30", "2026-10-25T00:30", "comes twice"),
        ("Asia/Kolkata", "2026-09-16", "09:00", "2026-09-16T03:30", ""),
        ("Asia/Kathmandu", "2026-09-16", "09:00", "2026-09-16T03:15", ""),
        ("Pacific/Apia", "2011-12-30", "09:00", "2011-12-30T19:00", "it is 09:00 on 31 Dec 2011"),
    ],
)
def test_what_the_clocks_do(zone: str, day: str, clock: str, instant: str, told: str) -> None:
    before = datetime.fromisoformat(day).replace(tzinfo=UTC) - timedelta(days=20)
    said = read(f"{day} {clock}", before, ZoneInfo(zone))
    assert said.at == datetime.fromisoformat(instant).replace(tzinfo=UTC)
    assert (told in said.told) if told else said.told == ""


ZONES = [
    "UTC",
    "Europe/Berlin",
    "America/St_Johns",
    "Asia/Kathmandu",
    "Pacific/Apia",
    "Australia/Lord_Howe",
    "Pacific/Niue",
]


@pytest.mark.parametrize("zone", ZONES)
def test_what_is_written_in_words_is_read_as_the_same_day_all_year_long(zone: str) -> None:
    place = ZoneInfo(zone)
    for start in range(0, 366, 5):
        now = NOW + timedelta(days=start, hours=start % 24)
        today = now.astimezone(place).date()
        for ahead in (0, 1, 2, 5, 6, 7, 8, 30, 364, 365, 366, 3660):
            day = today + timedelta(days=ahead)
            assert read(date_words.in_words(day, today), now, place).day == day
            said = read(date_words.in_words(day, today, time(23, 59)), now, place)
            assert said.at is not None and f"{said.at.astimezone(place):%H:%M}" == "23:59" and said.day == day


def test_every_quarter_of_an_hour_of_two_years_exists_once_and_only_what_the_clocks_change_is_told() -> None:
    told, last = 0, datetime.min.replace(tzinfo=UTC)
    for day in (date(2026, 1, 1) + timedelta(days=count) for count in range(730)):
        for minutes in range(0, 24 * 60, 15):
            said = date_words.at_time(day, time(minutes // 60, minutes % 60), BERLIN)
            assert said.at is not None
            told += bool(said.told)
            if not said.told:
                assert said.at > last and said.at.astimezone(BERLIN).time() == time(minutes // 60, minutes % 60)
                last = said.at
    assert told == 4 * 4  # an hour left out in spring, one that comes twice in autumn


def test_words_of_another_language_stand_for_english_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(date_words.ALIASES, "en", {"morgen": "tomorrow", "freitag": "fri"})
    assert read("morgen 9:00").day == date(2026, 9, 16) and read("freitag").day == date(2026, 9, 18)
