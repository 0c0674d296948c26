"""What an administrator sees of mails and reminders, and sends again; who is away, on the pages of the administration."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from unittest.mock import patch

import pytest
from django.conf import LazySettings
from django.core.mail import EmailMessage
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from crm import notice_choices, outbox, verification
from crm.models import Absence, Change, Company, OutgoingMail, Reminder
from crm.notice_choices import Channels
from pipeline import talk
from tests.deal_world import World

pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def admin(world: World) -> Client:
    return world.client(world.admin)


def mention(world: World) -> OutgoingMail:
    notice_choices.choose(world.manager, {"mentioned": Channels(False, email=True)}, by=world.manager, via="page")
    talk.comment(world.deal.pk, "@Max Manager hello", by=world.rep)
    return OutgoingMail.objects.get()


def give_up(row: OutgoingMail) -> None:
    with patch.object(EmailMessage, "send", side_effect=OSError("refused")):
        for _attempt in range(5):
            outbox.deliver_due(OutgoingMail.objects.get(pk=row.pk).not_before)


def test_a_mail_that_was_given_up_says_why_and_is_sent_again(world: World, admin: Client) -> None:
    row = mention(world)
    give_up(row)
    page = reverse("admin:crm_outgoingmail_change", args=[row.pk])
    text = admin.get(page).content.decode()
    assert "OSError: refused" in text and "Send again" in text
    admin.post(reverse("admin:crm_outgoingmail_send_again", args=[row.pk]))
    assert outbox.deliver_due() == 1
    assert "Send again" not in admin.get(page).content.decode()


def test_a_mail_with_a_secret_keeps_no_text_and_cannot_be_sent_again(world: World, admin: Client) -> None:
    outbox.queue_mail("k", world.rep, "Your new password", "Secret link")
    row = OutgoingMail.objects.get()
    give_up(row)
    assert "Send again" not in admin.get(reverse("admin:crm_outgoingmail_change", args=[row.pk])).content.decode()
    assert not outbox.send_again(row.pk)


def test_where_mails_go_into_a_folder_an_admin_reads_them(
    world: World, admin: Client, settings: LazySettings, tmp_path: Path
) -> None:
    settings.EMAIL_BACKEND, settings.EMAIL_FILE_PATH = "crm.mail_folder.Backend", str(tmp_path)
    row = mention(world)
    outbox.deliver_due()
    text = admin.get(reverse("admin:crm_outgoingmail_change", args=[row.pk])).content.decode()
    assert "Rita Rep named you on Meters for 14 shops" in text and "@Max Manager hello" in text
    assert [path.suffix for path in tmp_path.iterdir()] == [".eml"]


def test_a_mail_whose_sender_died_is_parked_where_twice_is_worse_than_not_at_all(
    world: World, admin: Client, settings: LazySettings
) -> None:
    settings.MAIL_AT_MOST_ONCE = True
    row, later = mention(world), timezone.now() + timedelta(minutes=5)
    with patch.object(EmailMessage, "send", side_effect=KeyboardInterrupt), pytest.raises(KeyboardInterrupt):
        outbox.deliver_due()
    assert outbox.deliver_due(later) == 0
    row.refresh_from_db()
    assert row.state == "unknown" and not [each for each in verification.run() if each.breaks]
    assert "Send again" in admin.get(reverse("admin:crm_outgoingmail_change", args=[row.pk])).content.decode()


def test_a_reminder_that_was_given_up_is_delivered_again(world: World, admin: Client) -> None:
    now = timezone.now()
    row = Reminder.objects.create(
        user=world.rep, kind="due", object_type="task", object_id=1, wall_day=now.date(), wall_clock=now.time(), zone="UTC",
        due_at=now, not_before=now, state="dead", attempts=5, reason="ZeroDivisionError", made_at=now, done_at=now,
    )  # fmt: skip
    page = reverse("admin:crm_reminder_change", args=[row.pk])
    assert "Deliver again" in admin.get(page).content.decode()
    admin.post(reverse("admin:crm_reminder_deliver_again", args=[row.pk]))
    row.refresh_from_db()
    assert (row.state, row.attempts) == ("pending", 0)
    assert "Deliver again" not in admin.get(page).content.decode()


def test_an_admin_says_who_is_away_and_the_rule_refuses_what_makes_no_sense(world: World, admin: Client) -> None:
    form = {
        "user": world.rep.pk,
        "first_day": "2998-01-01",
        "last_day": "2998-01-02",
        "deputy": world.colleague.pk,
        "note": "",
    }
    address = reverse("admin:crm_absence_add")
    admin.post(address, form)
    row = Absence.objects.get()
    assert (row.user, row.deputy) == (world.rep, world.colleague)
    assert "days of absence already" in admin.post(address, form, follow=True).content.decode()
    admin.post(reverse("admin:crm_absence_delete", args=[row.pk]), {"post": "yes"})
    assert not Absence.objects.exists() and Change.objects.filter(field="absence").count() == 2


def test_the_days_after_which_managers_are_told_are_set_in_the_administration(world: World, admin: Client) -> None:
    page = admin.get(reverse("admin:crm_company_change", args=[1])).content.decode()
    assert "Tell the manager after (days)" in page and Company.current().overdue_days is None


def test_nobody_else_sends_again(world: World) -> None:
    row = mention(world)
    give_up(row)
    answer = world.client(world.manager).post(reverse("admin:crm_outgoingmail_send_again", args=[row.pk]))
    assert answer.status_code == 403 and OutgoingMail.objects.get().state == "dead"
