"""Tasks that are due, the digest of the morning, what managers are told, and what becomes of it when things change."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.core import mail
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext

from crm import absences, digest, notices, outbox, reminders
from crm.models import Company, Notice, OutgoingMail, Reminder, User
from pipeline import approvals, deals, escalation, followups, moves, task_reminders
from pipeline.models import Deal, Task
from tests import factories as make
from tests.deal_world import World
from tests.factories import NOW

pytestmark = pytest.mark.django_db
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
FRIDAY = date(2026, 9, 18)
EIGHT = datetime(2026, 9, 18, 8, tzinfo=UTC)


@pytest.fixture
def world() -> World:
    return World()


def task(world: World, due_on: date = FRIDAY, **values: Any) -> Task:
    made = followups.add(world.deal.pk, "Call Bob", due_on, by=world.rep, now=NOW, **values)
    assert made is not None
    return made


def timed(world: World, at: datetime = NOW + 5 * HOUR) -> Task:
    """At a time of day."""
    row = task(world)
    Task.objects.filter(pk=row.pk).update(has_time=True, due_at=at)
    row.refresh_from_db()
    task_reminders.planned(row, NOW)
    return row


def told(*kinds: str) -> list[tuple[str, str]]:
    rows = Notice.objects.filter(kind__in=kinds) if kinds else Notice.objects.all()
    return [(row.user.name, notices.words(row)) for row in rows.order_by("pk")]


# --- Reminders of tasks


def test_a_task_of_a_day_has_no_reminder_of_its_own_and_one_at_a_time_has(world: World) -> None:
    task(world)
    assert not Reminder.objects.exists()
    row = timed(world)
    assert Reminder.objects.get().due_at == row.due_at
    assert reminders.deliver_due(NOW + 5 * HOUR) == 1
    assert told() == [("Rita Rep", "Due: Call Bob")]
    assert Notice.objects.get().text == "15:00 · Meters for 14 shops"


@pytest.mark.parametrize(("minutes", "due"), [(0, EIGHT), (24 * 60, EIGHT - DAY)])
def test_of_a_day_one_is_reminded_at_eight_of_it_or_of_the_day_before(
    world: World, minutes: int, due: datetime
) -> None:
    assert task_reminders.ask(task(world).pk, minutes, by=world.rep, now=NOW).due_at == due


@pytest.mark.parametrize("minutes", [10, 60, 24 * 60])
def test_of_a_time_one_is_reminded_so_long_before(world: World, minutes: int) -> None:
    row = timed(world, NOW + 3 * DAY)
    asked = task_reminders.ask(row.pk, minutes, by=world.rep, now=NOW)
    assert asked.due_at == row.due_at - timedelta(minutes=minutes) and Reminder.objects.count() == 1


def test_one_day_before_keeps_the_hour_on_the_wall_over_a_change_of_the_clock(world: World) -> None:
    User.objects.filter(pk=world.rep.pk).update(time_zone="Europe/Berlin")
    row = timed(world, datetime(2026, 10, 25, 9, tzinfo=UTC))  # 10:00, an hour after the night of 25 hours
    rep = User.objects.get(pk=world.rep.pk)
    assert task_reminders.ask(row.pk, 24 * 60, by=rep, now=NOW).due_at == datetime(2026, 10, 24, 8, tzinfo=UTC)


@pytest.mark.parametrize(
    ("who", "minutes", "code"),
    [("manager", 0, "not_yours"), ("rep", 1, "invalid"), ("rep", 10, "invalid"), ("late", 0, "past")],
)
def test_what_cannot_be_is_refused_with_a_word(world: World, who: str, minutes: int, code: str) -> None:
    row = task(world, FRIDAY - 9 * DAY if who == "late" else FRIDAY)
    with pytest.raises(ValidationError) as refusal:
        task_reminders.ask(row.pk, minutes, by=world.manager if who == "manager" else world.rep, now=NOW)
    assert refusal.value.code == code and not Reminder.objects.exists()


def test_a_finished_task_has_no_reminder(world: World) -> None:
    row = task(world)
    followups.complete(row.pk, by=world.rep, now=NOW)
    with pytest.raises(ValidationError, match="finished"):
        task_reminders.ask(row.pk, 0, by=world.rep, now=NOW)


@pytest.mark.parametrize("how", ["done", "cancelled", "lost", "deleted"])
def test_what_is_over_when_it_is_due_is_not_told(world: World, how: str) -> None:
    row = task(world)
    task_reminders.ask(row.pk, 0, by=world.rep, now=NOW)
    if how == "done":
        followups.complete(row.pk, by=world.rep, now=NOW)
    elif how == "cancelled":
        followups.cancel(row.pk, by=world.rep, now=NOW)
    elif how == "lost":
        close = moves.Close(reason=make.lost_reason())
        moves.move_deal(world.deal.pk, world.lost.pk, by=world.rep, via="board", close=close)
    else:
        deals.delete(world.deal.pk, by=world.admin, via="page", now=NOW)
    assert reminders.deliver_due(EIGHT) == 0
    assert Reminder.objects.get().state == "cancelled" and not told("due")


def test_a_task_that_is_moved_takes_its_reminder_along(world: World) -> None:
    row = task(world)
    task_reminders.ask(row.pk, 24 * 60, by=world.rep, now=NOW)
    followups.reschedule(row.pk, date(2026, 9, 30), by=world.rep, now=NOW)
    assert Reminder.objects.get().due_at == datetime(2026, 9, 29, 8, tzinfo=UTC)


def test_a_task_that_changed_hands_reminds_whoever_has_it_now(world: World) -> None:
    row = task(world)
    task_reminders.ask(row.pk, 0, by=world.rep, now=NOW)
    deals.edit(world.deal.pk, {"owner": world.colleague}, version=None, by=world.manager, via="page", now=NOW)
    assert reminders.deliver_due(EIGHT) == 1
    assert told("due") == [("Cleo Colleague", "Due: Call Bob")]
    assert [each.state for each in Reminder.objects.order_by("pk")] == ["cancelled", "done"]


@pytest.mark.parametrize("sees", [True, False])
def test_who_stands_in_is_told_as_far_as_they_see_the_deal(world: World, sees: bool) -> None:
    deputy = world.manager if sees else world.stranger
    absences.add(world.rep, FRIDAY, FRIDAY, by=world.rep, via="page", deputy=deputy, now=NOW)
    row = task(world)
    task_reminders.ask(row.pk, 0, by=world.rep, now=NOW)
    assert reminders.deliver_due(EIGHT) == (1 if sees else 0)
    assert told("due_for") == ([("Max Manager", "Rita Rep is away. Due: Call Bob")] if sees else [])
    assert reminders.deliver_due(EIGHT + 3 * DAY) == 1
    assert told("due") == [("Rita Rep", "Due: Call Bob")]


def test_reminders_of_fifty_tasks_are_read_like_those_of_one(world: World) -> None:
    counts = []
    for number in (1, 49):
        for _task in range(number):
            task_reminders.ask(task(world).pk, 0, by=world.rep, now=NOW)
        with CaptureQueriesContext(connection) as queries:
            assert reminders.deliver_due(EIGHT) == number
        counts.append(len(queries))
    assert counts[0] == counts[1]


# --- The digest of the morning


def morning(world: World, at: datetime = EIGHT) -> list[str]:
    digest.plan_missing(at - HOUR)
    reminders.deliver_due(at)
    outbox.deliver_due(at)
    return [message.to[0] for message in mail.outbox]


def test_at_eight_one_mail_tells_what_is_overdue_and_what_is_due(world: World) -> None:
    task(world, FRIDAY - DAY)
    timed(world, EIGHT + HOUR)
    assert set(morning(world)) == {world.rep.email, world.manager.email, world.admin.email}
    [message] = [each for each in mail.outbox if each.to == [world.rep.email]]
    assert message.subject == "Your day: 1 overdue, 1 today"
    assert "Call Bob – Meters for 14 shops · since yesterday" in message.body
    assert "Call Bob – Meters for 14 shops · 09:00" in message.body
    assert "List-Unsubscribe" in message.extra_headers
    [(html, kind)] = message.alternatives  # type: ignore[attr-defined]
    assert kind == "text/html" and "Call Bob</a> – Meters" in html and "src=" not in html


def test_a_manager_reads_one_line_a_rep_and_how_many_deals_have_no_next_step(world: World) -> None:
    for _task in range(3):
        task(world, FRIDAY - DAY)
    make.deal(world.first, world.colleague, now=NOW)
    morning(world)
    [body] = [message.body for message in mail.outbox if message.to == [world.manager.email]]
    assert body.count("Rita Rep") == 1 and "Rita Rep – 3 tasks overdue" in body
    assert "1 open deal – in your teams" in body


def test_an_empty_digest_is_not_sent_and_the_next_one_is_planned(world: World) -> None:
    Deal.objects.update(deleted_at=NOW)
    assert morning(world) == [] and not Notice.objects.exists()
    assert {row.reason for row in Reminder.objects.filter(state="cancelled")} == {"there was nothing to tell"}
    assert {row.due_at for row in Reminder.objects.pending()} == {EIGHT + DAY}
    assert digest.plan_missing(EIGHT) == 0


def test_the_digest_is_not_in_the_bell_unless_one_chose_so(world: World) -> None:
    task(world, FRIDAY - DAY)
    morning(world)
    assert notices.unread(world.rep) == 0 and Notice.objects.filter(user=world.rep, in_bell=False).count() == 1


def test_at_the_weekend_the_digest_waits_for_monday(world: World) -> None:
    task(world, FRIDAY - DAY)
    assert morning(world, EIGHT + DAY) == []
    assert world.rep.email in morning(world, EIGHT + 3 * DAY)


# --- Overdue for long


def overdue_after(days: int | None, since: datetime) -> None:
    Company.objects.update_or_create(pk=1, defaults={"overdue_days": days})
    escalation.tell_managers(since)


def test_a_task_overdue_for_so_many_days_is_told_to_the_manager_once(world: World) -> None:
    overdue_after(2, NOW)
    task(world, FRIDAY - DAY)
    assert escalation.tell_managers(EIGHT + DAY) == 0
    assert escalation.tell_managers(EIGHT + 2 * DAY) == 1
    assert escalation.tell_managers(EIGHT + 3 * DAY) == 0
    assert told() == [("Max Manager", "Rita Rep is overdue with Call Bob")]


def test_a_task_that_was_finished_in_time_is_told_to_nobody(world: World) -> None:
    overdue_after(2, NOW)
    row = task(world, FRIDAY - DAY)
    followups.complete(row.pk, by=world.rep, now=NOW)
    assert escalation.tell_managers(EIGHT + 9 * DAY) == 0


def test_without_a_number_of_days_no_manager_is_told_and_what_lies_back_is_not_told_later(world: World) -> None:
    task(world, FRIDAY - DAY)
    assert escalation.tell_managers(EIGHT + 9 * DAY) == 0
    overdue_after(1, EIGHT + 9 * DAY)
    assert told() == []


# --- Approvals and what one is given


def test_an_approval_reaches_the_managers_app_and_their_mail_if_it_was_not_read(world: World) -> None:
    asked = make.condition(world.second, "approval", label="A manager approves")
    approvals.ask(world.deal.pk, asked.pk, by=world.rep, why="They sign today", now=NOW)
    assert told() == [("Max Manager", "Rita Rep asks you to approve Meters for 14 shops")]
    assert outbox.deliver_due(NOW) == 0
    assert outbox.deliver_due(NOW + timedelta(minutes=2)) == 1
    assert "A manager approves – They sign today" in mail.outbox[0].body


def test_what_was_read_in_the_app_is_not_sent_by_mail(world: World) -> None:
    asked = make.condition(world.second, "approval")
    approvals.ask(world.deal.pk, asked.pk, by=world.rep, now=NOW)
    notices.read_all(world.manager, NOW)
    assert outbox.deliver_due(NOW + HOUR) == 0 and mail.outbox == []
    assert OutgoingMail.objects.get().state == "dropped"


def test_whoever_asked_learns_the_answer_and_the_question_is_gone(world: World) -> None:
    asked = make.condition(world.second, "approval")
    row = approvals.ask(world.deal.pk, asked.pk, by=world.rep, now=NOW)
    approvals.decide(row.pk, by=world.manager, approve=False, reason="Too cheap", now=NOW)
    assert told() == [("Rita Rep", "Max Manager declined Meters for 14 shops")]
    assert outbox.deliver_due(NOW + HOUR) == 1 and mail.outbox[0].to == [world.rep.email]


def test_whoever_stands_in_for_a_manager_is_told_and_decides_only_as_a_manager_of_the_owner(world: World) -> None:
    other = make.user("manager", name="Olga Other")
    absences.add(world.manager, FRIDAY, FRIDAY, by=world.manager, via="page", deputy=world.admin, now=NOW)
    absences.add(world.admin, FRIDAY + DAY, FRIDAY + DAY, by=world.admin, via="page", deputy=other, now=NOW)
    asked = make.condition(world.second, "approval")
    approvals.ask(world.deal.pk, asked.pk, by=world.rep, now=EIGHT)
    assert {name for name, _words in told()} == {"Max Manager", "Ada Admin"}


def test_a_task_that_somebody_else_gives_is_told_and_ones_own_is_not(world: World) -> None:
    task(world)
    followups.add(world.deal.pk, "Write the offer", FRIDAY, by=world.manager, owner=world.rep, now=NOW)
    assert told() == [("Rita Rep", "Max Manager gave you the task Write the offer")]


def test_a_deal_that_somebody_else_gives_is_told_once_and_of_many_once_for_all(world: World) -> None:
    other = make.deal(world.first, world.rep, now=NOW)
    deals.edit(world.deal.pk, {"owner": world.colleague}, version=None, by=world.manager, via="page", now=NOW)
    assert told() == [("Cleo Colleague", "Max Manager gave you Meters for 14 shops")]
    Notice.objects.all().delete()
    for each in (world.deal, other):
        deals.edit(each.pk, {"owner": world.rep}, version=None, by=world.manager, via="bulk", now=NOW)
        deals.edit(each.pk, {"owner": world.colleague}, version=None, by=world.manager, via="bulk", now=NOW)
    assert told() == [("Rita Rep", "Max Manager gave you deals"), ("Cleo Colleague", "Max Manager gave you deals")]


def test_tasks_that_a_move_plans_for_somebody_else_are_told_in_one_notice(world: World) -> None:
    for title in ("Send the offer", "Call them"):
        make.stage_task(world.second, title)
    moved = moves.move_deal(world.deal.pk, world.second.pk, by=world.manager, via="board")
    assert isinstance(moved, moves.Moved) and moved.visit is not None
    assert told() == [("Rita Rep", "Max Manager gave you tasks on Meters for 14 shops")]
    moves.undo_move(world.deal.pk, moved.visit.pk, by=world.manager, via="board")
    assert told() == []
