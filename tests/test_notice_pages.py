"""The pages on which one says how to be told, when not, and who stands in; and the link in a mail that ends its kind."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from crm import absences, letters, notice_choices, notices, outbox, reminders
from crm.models import Absence, Change, Reminder, User
from crm.notice_choices import Channels
from pipeline import followups, talk
from tests import factories as make
from tests.deal_world import World

pytestmark = pytest.mark.django_db
BELL, MAIL = Channels(True, email=False), Channels(False, email=True)
LATER = date(2998, 1, 1)


@pytest.fixture
def world() -> World:
    return World()


def post(user: User, name: str, /, *args: Any, **data: Any) -> Any:
    client = Client()
    client.force_login(user)
    return client.post(reverse(name, args=args), data)


def told(answer: Any) -> str:
    """What the page says to which a form led."""
    text: str = answer.client.get(answer.headers["Location"]).content.decode()
    return text


def words(user: User, name: str) -> str:
    client = Client()
    client.force_login(user)
    text: str = client.get(reverse(name)).content.decode()
    return text


# --- How one is told


def test_at_first_the_bell_tells_all_but_the_digest_and_mails_are_of_approvals_and_the_digest() -> None:
    chosen = notice_choices.of(make.user())
    assert {key for key, way in chosen.items() if way.bell} == {
        "assigned",
        "mentioned",
        "approval",
        "due",
        "overdue",
        "process",
    }
    assert {key for key, way in chosen.items() if way.email} == {"approval", "digest"}


def test_what_one_chooses_holds_and_is_a_row_of_change(world: World) -> None:
    answer = post(world.rep, "notice-choices", mentioned_email="on", due_bell="on")
    assert "Saved: this is how you are told." in told(answer)
    chosen = notice_choices.of(world.rep)
    assert (chosen["mentioned"], chosen["due"], chosen["digest"]) == (MAIL, BELL, Channels(False, email=False))
    row = Change.objects.get(field="notices_mentioned")
    assert (row.object_id, row.old, row.new, row.by) == (world.rep.pk, "app", "email", world.rep)


@pytest.mark.parametrize(
    ("hours", "saved"),
    [
        (("20:00", "07:00"), (time(20), time(7))),
        (("", ""), (None, None)),
        (("20:00", ""), None),
        (("8:00", "8:00"), None),
    ],
)
def test_quiet_hours_have_a_beginning_and_an_end_or_neither(world: World, hours: tuple[str, str], saved: Any) -> None:
    answer = post(world.rep, "quiet-hours", quiet_from=hours[0], quiet_until=hours[1])
    assert answer.status_code == (422 if saved is None else 302)
    world.rep.refresh_from_db()
    assert (world.rep.quiet_from, world.rep.quiet_until) == (saved or (None, None))


# --- The link in a mail


def test_a_mail_carries_a_link_by_which_its_kind_comes_no_more(world: World) -> None:
    notice_choices.choose(world.manager, {"mentioned": MAIL}, by=world.manager, via="page")
    talk.comment(world.deal.pk, "@Max Manager what <b>now</b> & here?", by=world.rep)
    outbox.deliver_due()
    [message] = mail.outbox
    link = letters.unsubscribe_link(world.manager.pk, "mentioned")
    assert message.extra_headers["List-Unsubscribe"] == f"<{link}>"
    assert message.extra_headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert link in message.body and "what <b>now</b> & here?" in message.body
    [(html, _type)] = message.alternatives  # type: ignore[attr-defined]
    assert link in html and "&lt;b&gt;now" in html and "<img" not in html


def test_opening_the_link_changes_nothing_and_the_button_does_without_signing_in(world: World) -> None:
    address = letters.unsubscribe_link(world.rep.pk, "digest").removeprefix("http://127.0.0.1:8000")
    stranger = Client(enforce_csrf_checks=True)
    assert "will come by email no more" in stranger.get(address).content.decode()
    assert notice_choices.of(world.rep)["digest"] == MAIL
    assert stranger.post(address, {"List-Unsubscribe": "One-Click"}).status_code == 200
    assert notice_choices.of(world.rep)["digest"] == Channels(False, email=False)


@pytest.mark.parametrize("token", ["nonsense", "WzEsImRpZ2VzdCJd:forged"])
def test_a_link_that_was_cut_off_or_forged_changes_nothing(client: Client, token: str) -> None:
    make.user()
    assert client.post(reverse("unsubscribe", args=[token])).status_code == 404
    assert not Change.objects.filter(field__startswith="notices").exists()


# --- Away


def test_days_off_are_planned_with_who_stands_in_and_taken_back(world: World) -> None:
    values = {"first_day": LATER, "last_day": LATER, "deputy": world.colleague.pk, "note": "Skiing"}
    assert post(world.rep, "absences", **values).status_code == 302
    assert "Cleo Colleague stands in" in words(world.rep, "absences")
    row = Absence.objects.get()
    assert post(world.colleague, "absence-remove", row.pk).status_code == 404
    assert post(world.rep, "absence-remove", row.pk).status_code == 302
    assert not Absence.objects.exists()
    assert Change.objects.filter(field="absence", object_id=world.rep.pk).count() == 2


@pytest.mark.parametrize(
    ("days", "said"),
    [
        ((LATER, LATER - timedelta(days=1)), "The last day comes before the first."),
        ((date(2020, 1, 1), date(2020, 1, 2)), "That is over already."),
        ((LATER, date(9999, 1, 1)), "That is too long"),
        ((date(2999, 1, 5), date(2999, 1, 5)), "days of absence already"),
    ],
)
def test_days_that_make_no_sense_are_refused_in_words(world: World, days: tuple[date, date], said: str) -> None:
    absences.add(world.rep, date(2999, 1, 1), date(2999, 1, 9), by=world.rep, via="page")
    answer = post(world.rep, "absences", first_day=days[0], last_day=days[1])
    assert answer.status_code == 422 and said in answer.content.decode()
    assert Absence.objects.count() == 1


def test_a_stranger_cannot_be_made_to_stand_in(world: World) -> None:
    answer = post(world.rep, "absences", first_day=LATER, last_day=LATER, deputy=world.stranger.pk)
    assert answer.status_code == 422 and not Absence.objects.exists()


# --- Another time zone


def test_before_another_time_zone_is_saved_it_shows_what_comes_at_another_moment(world: World) -> None:
    wall = datetime.fromisoformat("2999-01-05 09:00").replace(year=timezone.now().year + 1)
    row = reminders.plan(world.rep, "due", "task", 1, wall)
    values = {"name": world.rep.name, "time_zone": "America/New_York", "theme": "auto"}
    answer = post(world.rep, "profile", **values)
    assert answer.status_code == 422 and "stays at 5 Jan 09:00" in answer.content.decode()
    assert "5 Jan 14:00 instead of 5 Jan 09:00" in answer.content.decode()
    assert User.objects.get(pk=world.rep.pk).time_zone == "UTC"
    assert post(world.rep, "profile", **values, seen="America/New_York").status_code == 302
    row.refresh_from_db()
    assert row.zone == "America/New_York" and row.due_at.hour == 14


# --- On a task


def test_one_is_reminded_of_a_task_from_the_page_of_its_deal(world: World) -> None:
    row = followups.add(world.deal.pk, "Call Bob", timezone.localdate() + timedelta(days=9), by=world.rep)
    assert row is not None
    assert "Remind me" in world.page() and "Remind me" not in world.page(world.manager)
    text = told(post(world.rep, "task-remind", row.pk, before="1440"))
    assert Reminder.objects.pending().get().minutes_before == 1440
    assert "You are reminded of “Call Bob”." in text and 'value="1440" selected' in text
    post(world.rep, "task-remind", row.pk, before="")
    assert not Reminder.objects.pending().exists()


@pytest.mark.parametrize("before", ["10", "7", "x", "-1"])
def test_a_distance_that_is_not_offered_is_refused_in_words(world: World, before: str) -> None:
    row = followups.add(world.deal.pk, "Call Bob", timezone.localdate() + timedelta(days=9), by=world.rep)
    assert row is not None
    post(world.rep, "task-remind", row.pk, before=before)
    assert not Reminder.objects.exists() and "field-error" not in world.page()


def test_nobody_is_reminded_of_a_task_that_is_somebody_elses(world: World) -> None:
    row = followups.add(world.deal.pk, "Call Bob", timezone.localdate() + timedelta(days=9), by=world.rep)
    assert row is not None
    text = told(post(world.manager, "task-remind", row.pk, before="0"))
    assert not Reminder.objects.exists()
    assert "Only whoever has to do a task is reminded of it." in text
    assert notices.unread(world.manager) == 0
