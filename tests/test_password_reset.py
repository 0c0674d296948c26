from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.conf import LazySettings
from django.core import mail
from django.test import Client
from django.utils import timezone

from crm import outbox, password_reset, users
from crm.models import OutgoingMail, User
from crm.models.audit import Via
from tests.factories import PASSWORD, user

pytestmark = pytest.mark.django_db
NEW = {"new_password1": "another long password", "new_password2": "another long password"}


def ask(client: Client, email: str, headers: dict[str, str] | None = None) -> Any:
    return client.post("/password/reset/", {"email": email}, headers=headers)


def link_in_the_mail() -> str:
    outbox.deliver_due()
    found = re.search(r"https?://\S+", str(mail.outbox[-1].body))
    assert found
    return found.group()


def path(link: str) -> str:
    return "/" + link.split("/", 3)[3]


def choose(client: Client, link: str, **form: str) -> Any:
    client.get(path(link))
    return client.post("/password/reset/choose/", form or NEW)


def test_a_link_in_a_mail_lets_one_choose_a_new_password(client: Client) -> None:
    rita = user()
    assert ask(client, rita.email.upper())["Location"] == "/password/reset/sent/"
    assert choose(client, link_in_the_mail())["Location"] == "/sign-in/"
    rita.refresh_from_db()
    assert rita.check_password(NEW["new_password1"])
    assert mail.outbox[-1].to == [rita.email]


def test_the_link_works_once(client: Client) -> None:
    rita = user()
    ask(client, rita.email)
    link = link_in_the_mail()
    choose(client, link)
    answer = choose(Client(), link, new_password1="a third long password", new_password2="a third long password")
    assert answer.status_code == 410
    rita.refresh_from_db()
    assert rita.check_password(NEW["new_password1"])


def test_the_link_works_for_an_hour(client: Client) -> None:
    ask(client, user().email)
    link = link_in_the_mail()
    with time_machine.travel(timezone.now() + timedelta(minutes=61)):
        assert choose(client, link).status_code == 410
    assert choose(client, link).status_code == 302


def test_the_link_leads_to_the_configured_site_whatever_host_is_claimed(client: Client, settings: LazySettings) -> None:
    settings.ALLOWED_HOSTS = ["*"]
    settings.SITE_URL = "https://crm.example.com"
    ask(client, user().email, {"Host": "evil.example", "X-Forwarded-Host": "evil.example"})
    assert link_in_the_mail().startswith("https://crm.example.com/password/reset/")


def test_the_answer_does_not_tell_who_has_an_account(client: Client) -> None:
    gone = user(is_active=False)
    known, unknown, closed = ask(client, user().email), ask(client, "nobody@example.com"), ask(client, gone.email)
    assert known["Location"] == unknown["Location"] == closed["Location"]
    assert OutgoingMail.objects.count() == 1


def test_deactivation_ends_the_link(client: Client) -> None:
    rita, admin = user(), user("admin")
    ask(client, rita.email)
    link = link_in_the_mail()
    users.deactivate(rita, deals_to=None, by=admin)
    assert choose(client, link).status_code == 410
    assert User.objects.get(pk=rita.pk).check_password(PASSWORD)


def test_a_mail_still_waiting_when_its_person_is_deactivated_is_not_sent(client: Client) -> None:
    rita = user()
    ask(client, rita.email)
    users.deactivate(rita, deals_to=None, by=user("admin"))
    assert outbox.deliver_due() == 0
    assert mail.outbox == []
    row = OutgoingMail.objects.get()
    assert (row.state, row.body) == ("dead", "")


def test_all_other_sessions_end_with_the_old_password(client: Client) -> None:
    rita = user()
    elsewhere = Client()
    elsewhere.force_login(rita)
    ask(client, rita.email)
    choose(client, link_in_the_mail())
    assert elsewhere.get("/profile/").status_code == 302


def test_a_weak_password_is_refused_beside_its_field(client: Client) -> None:
    rita = user()
    ask(client, rita.email)
    answer = choose(client, link_in_the_mail(), new_password1="password12", new_password2="password12")
    assert answer.status_code == 422
    assert b"too common" in answer.content
    rita.refresh_from_db()
    assert rita.check_password(PASSWORD)


@pytest.mark.parametrize("url", ["/password/reset/zzz/zzz/", "/password/reset/MQ/x-y/", "/password/reset/_w/x/"])
def test_an_invented_link_is_told_to_be_none(client: Client, url: str) -> None:
    user()
    client.get(url)
    assert client.get("/password/reset/choose/").status_code == 410


def test_the_secret_does_not_stay_in_the_address(client: Client) -> None:
    ask(client, user().email)
    answer = client.get(path(link_in_the_mail()))
    assert answer["Location"] == "/password/reset/choose/"


def test_nobody_is_flooded_with_mails(client: Client) -> None:
    rita = user()
    answers = {ask(client, rita.email)["Location"] for _ in range(8)}
    assert answers == {"/password/reset/sent/"}
    assert OutgoingMail.objects.filter(user=rita).count() == password_reset.MAILS_PER_ACCOUNT


def test_an_invited_colleague_chooses_the_first_password(client: Client) -> None:
    made = users.create("new@example.com", "New Colleague", role="rep", by=user("admin"), via=Via.ADMIN)
    password_reset.invite(made)
    choose(client, link_in_the_mail())
    made.refresh_from_db()
    assert made.check_password(NEW["new_password1"])
