from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from smtplib import SMTPServerDisconnected
from unittest.mock import patch

import pytest
from django.core import mail
from django.core.mail import EmailMessage
from django.db import connection, transaction

from crm import outbox
from crm.models import OutgoingMail
from tests.factories import NOW, user

pytestmark = pytest.mark.django_db


def queue(key: str = "k") -> OutgoingMail:
    outbox.queue_mail(key, user(), "Subject", "Secret link", NOW)
    return OutgoingMail.objects.get(key=key)


def test_mail_is_sent_and_its_text_is_not_kept() -> None:
    queue()
    assert outbox.deliver_due(NOW) == 1
    row = OutgoingMail.objects.get()
    assert (row.state, row.body, row.attempts, row.sent_at) == ("sent", "", 1, NOW)
    assert mail.outbox[0].body == "Secret link"


def test_nothing_is_sent_twice() -> None:
    queue()
    outbox.deliver_due(NOW)
    assert outbox.deliver_due(NOW) == 0
    assert len(mail.outbox) == 1


def test_the_same_key_is_one_mail() -> None:
    someone = user()
    assert outbox.queue_mail("k", someone, "Subject", "one", NOW)
    assert not outbox.queue_mail("k", someone, "Subject", "two", NOW + timedelta(seconds=1))
    assert OutgoingMail.objects.get().body == "one"


def test_a_sender_that_died_is_followed_by_another_after_its_lease() -> None:
    row = queue()
    with patch.object(EmailMessage, "send", side_effect=KeyboardInterrupt), pytest.raises(KeyboardInterrupt):
        outbox.deliver_due(NOW)
    assert outbox.deliver_due(NOW + timedelta(seconds=59)) == 0
    assert outbox.deliver_due(NOW + timedelta(seconds=60)) == 1
    row.refresh_from_db()
    assert row.attempts == 2


def test_a_mail_that_was_sent_twice_has_one_message_id() -> None:
    row = queue()
    first, second = outbox.message_of(row), outbox.message_of(OutgoingMail.objects.get())
    assert first.extra_headers["Message-ID"] == second.extra_headers["Message-ID"]
    assert outbox.message_of(queue("other")).extra_headers["Message-ID"] != first.extra_headers["Message-ID"]


def test_a_failing_server_is_tried_five_times_at_growing_distances_and_then_given_up() -> None:
    queue()
    now, waits = NOW, []
    with patch.object(EmailMessage, "send", side_effect=SMTPServerDisconnected("gone away")):
        for _ in range(5):
            assert outbox.deliver_due(now) == 0
            row = OutgoingMail.objects.get()
            waits.append((row.not_before - now) // timedelta(minutes=1))
            now = row.not_before
    assert waits[:4] == [1, 5, 25, 125]
    assert (row.state, row.body, row.attempts) == ("dead", "", 5)
    assert row.last_error == "SMTPServerDisconnected: gone away"


def test_one_bad_mail_does_not_hold_up_the_others() -> None:
    queue("bad")
    queue("good")
    real = EmailMessage.send

    def send(message: EmailMessage, *args: object, **kwargs: object) -> int:
        if len(mail.outbox) == 0 and not hasattr(send, "failed"):
            send.failed = True  # type: ignore[attr-defined]
            raise OSError
        return real(message)

    with patch.object(EmailMessage, "send", send):
        assert outbox.deliver_due(NOW) == 1
    assert OutgoingMail.objects.get(key="good").state == "sent"


def test_a_sender_that_woke_up_late_does_not_overwrite_the_one_that_took_over() -> None:
    row = queue()
    late = outbox._claim(NOW)[0]
    outbox._claim(NOW + timedelta(seconds=61))
    assert outbox._put_back(late, OSError("late"), NOW) is False
    row.refresh_from_db()
    assert (row.state, row.attempts, row.last_error) == ("sending", 2, "")


@pytest.mark.django_db(transaction=True)
def test_a_worker_is_woken_when_the_mail_is_committed_and_not_before() -> None:
    with patch("crm.outbox.current_app") as celery:
        with transaction.atomic():
            queue()
            celery.send_task.assert_not_called()
        celery.send_task.assert_called_once()


@pytest.mark.django_db(transaction=True)
def test_without_a_broker_the_mail_waits_for_the_next_tick_and_the_broker_is_left_alone() -> None:
    outbox._rest_until = 0.0
    failures = outbox.wake_failures
    with patch("crm.outbox.current_app") as celery:
        celery.send_task.side_effect = ConnectionRefusedError
        queue("one")
        queue("two")
        assert celery.send_task.call_count == 1
    outbox._rest_until = 0.0
    assert outbox.wake_failures == failures + 1
    assert outbox.deliver_due(NOW) == 2


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_eight_workers_send_each_of_a_hundred_mails_once() -> None:
    someone = user()
    for n in range(100):
        outbox.queue_mail(f"k{n}", someone, f"Subject {n}", "text", NOW)

    def work(_: int) -> int:
        try:
            return outbox.deliver_due(NOW)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(work, range(8))) == 100
    assert sorted(message.subject for message in mail.outbox) == sorted(f"Subject {n}" for n in range(100))
