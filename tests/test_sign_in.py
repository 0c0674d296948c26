from __future__ import annotations

import re
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch

import pytest
from django.conf import LazySettings
from django.contrib.auth import hashers
from django.db import connection
from django.test import Client

from crm import sign_in
from crm.models import SignInCounter, User
from crm.sign_in import TRIES_PER_ACCOUNT, account_key, count_try, network_key
from tests.factories import PASSWORD, user

pytestmark = pytest.mark.django_db


def try_to_sign_in(client: Client, email: str, password: str = PASSWORD, forwarded: str = "") -> Any:
    headers = {"X-Forwarded-For": forwarded, "Forwarded": f"for={forwarded}"} if forwarded else {}
    return client.post("/sign-in/", {"email": email, "password": password}, headers=headers)


def is_signed_in(client: Client) -> bool:
    return client.get("/profile/").status_code == 200


def test_one_signs_in_by_email_whatever_its_case(client: Client) -> None:
    user(email="rita@example.com")
    answer = try_to_sign_in(client, " Rita@Example.COM ")
    assert (answer.status_code, answer["Location"]) == (302, "/")
    assert is_signed_in(client)


def test_one_lands_on_the_page_that_was_asked_for(client: Client) -> None:
    rita = user()
    answer = client.post("/sign-in/", {"email": rita.email, "password": PASSWORD, "next": "/contacts/?q=a"})
    assert answer["Location"] == "/contacts/?q=a"


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example", "javascript:alert(1)", "/\\evil.example"]
)
def test_signing_in_leads_to_no_other_site(client: Client, target: str) -> None:
    rita = user()
    answer = client.post("/sign-in/", {"email": rita.email, "password": PASSWORD, "next": target})
    assert answer["Location"] == "/"


def test_the_session_gets_another_key_when_one_signs_in(client: Client) -> None:
    client.get("/password/reset/x/y/")
    before = client.session.session_key
    try_to_sign_in(client, user().email)
    assert client.session.session_key != before


def test_wrong_unknown_and_deactivated_look_the_same(client: Client) -> None:
    known, gone = user(), user(is_active=False)
    answers = [
        try_to_sign_in(client, known.email, "not the password"),
        try_to_sign_in(client, "nobody@example.com"),
        try_to_sign_in(client, gone.email),
    ]
    assert {answer.status_code for answer in answers} == {422}
    pages = [re.sub(r'value="[^"]*"|"X-CSRFToken": "[^"]*"', "", answer.content.decode()) for answer in answers]
    assert pages[0] == pages[1] == pages[2]
    assert not is_signed_in(client)


@pytest.mark.real_hashing
def test_an_unknown_email_costs_the_same_work_as_a_known_one(client: Client) -> None:
    known = user()
    hasher = type(hashers.get_hasher())
    worked: list[str] = []

    def counted(real: Any) -> Any:
        def work(*args: Any) -> Any:
            worked.append(real.__name__)
            return real(*args)

        return work

    with (
        patch.object(hasher, "encode", counted(hasher.encode)),
        patch.object(hasher, "verify", counted(hasher.verify)),
    ):
        try_to_sign_in(client, known.email, "not the password")
        assert worked == ["verify"]
        try_to_sign_in(client, "nobody@example.com", "not the password")
        assert worked == ["verify", "encode"]


def test_the_eleventh_try_is_not_looked_at_even_when_it_is_right(client: Client) -> None:
    rita = user()
    for _ in range(TRIES_PER_ACCOUNT):
        assert try_to_sign_in(client, rita.email, "wrong").status_code == 422
    with patch("crm.sign_in.authenticate") as authenticate:
        answer = try_to_sign_in(client, rita.email)
    assert answer.status_code == 429
    assert b"Wait 15 minutes" in answer.content
    authenticate.assert_not_called()


def test_unknown_emails_are_limited_like_known_ones(client: Client) -> None:
    for _ in range(TRIES_PER_ACCOUNT):
        try_to_sign_in(client, "nobody@example.com")
    assert try_to_sign_in(client, "NOBODY@example.com").status_code == 429


def test_forged_addresses_gain_no_tries(client: Client) -> None:
    rita = user()
    answers = [try_to_sign_in(client, rita.email, "wrong", forwarded=f"10.0.0.{n}") for n in range(12)]
    assert [a.status_code for a in answers] == [422] * 10 + [429] * 2


def test_one_network_cannot_try_one_password_on_everybody(client: Client, settings: LazySettings) -> None:
    with patch("crm.sign_in.TRIES_PER_NETWORK", 3):
        answers = [try_to_sign_in(client, f"person{n}@example.com", forwarded=f"8.8.8.{n}") for n in range(4)]
    assert [a.status_code for a in answers] == [422, 422, 422, 429]


def test_behind_a_named_proxy_the_address_it_saw_counts(client: Client, settings: LazySettings) -> None:
    settings.TRUSTED_PROXY = 1
    with patch("crm.sign_in.TRIES_PER_NETWORK", 1):
        first = try_to_sign_in(client, "a@example.com", forwarded="1.1.1.1, 8.8.8.8")
        same = try_to_sign_in(client, "b@example.com", forwarded="2.2.2.2, 8.8.8.8")
        other = try_to_sign_in(client, "c@example.com", forwarded="2.2.2.2, 9.9.9.9")
    assert [first.status_code, same.status_code, other.status_code] == [422, 429, 422]


def test_a_success_forgets_the_tries_and_leaves_an_office_its_share(client: Client) -> None:
    rita = user()
    for _ in range(9):
        try_to_sign_in(client, rita.email, "wrong")
    try_to_sign_in(client, rita.email)
    assert not SignInCounter.objects.filter(key=account_key(rita.email)).exists()
    assert SignInCounter.objects.get(key=network_key("127.0.0.1")).tries == 9


def test_after_fifteen_minutes_there_are_ten_new_tries() -> None:
    now = datetime(2026, 9, 15, 10, 0, tzinfo=UTC)
    allowed = [count_try("account:x", 10, now=now) for _ in range(11)]
    assert allowed == [True] * 10 + [False]
    assert not count_try("account:x", 10, now=now + timedelta(minutes=14, seconds=59))
    assert count_try("account:x", 10, now=now + timedelta(minutes=15))


def test_a_customer_with_many_ipv6_addresses_is_one_network() -> None:
    assert network_key("2001:db8:1:2::1") == network_key("2001:db8:1:2:ffff::9") != network_key("2001:db8:1:3::1")
    assert network_key("::ffff:8.8.8.8") == network_key("8.8.8.8")
    assert network_key("not an address") == "network:unknown"


def test_the_counters_hold_no_email() -> None:
    count_try(account_key("rita@example.com"), 10)
    assert "rita" not in SignInCounter.objects.get().key


def test_a_password_of_five_thousand_characters_is_not_hashed(client: Client) -> None:
    answer = try_to_sign_in(client, user().email, "x" * 5000)
    assert answer.status_code == 422
    assert b"at most 128 characters" in answer.content


def test_at_most_four_passwords_are_hashed_at_once() -> None:
    running, most, lock = 0, 0, threading.Lock()

    def slowly(*args: object, **kwargs: object) -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        threading.Event().wait(0.02)
        with lock:
            running -= 1

    with (
        patch("crm.sign_in.authenticate", slowly),
        patch("crm.sign_in.count_try", return_value=True),
        ThreadPoolExecutor(16) as pool,
    ):
        list(pool.map(lambda n: sign_in.sign_in(f"{n}@example.com", "x", address="8.8.8.8"), range(16)))
    assert most == 4


def test_signing_out_takes_a_post_and_ends_the_session(client: Client) -> None:
    client.force_login(user())
    assert client.get("/sign-out/").status_code == 405
    assert is_signed_in(client)
    client.post("/sign-out/")
    assert not is_signed_in(client)


def test_whoever_is_deactivated_is_out_with_the_next_click(client: Client) -> None:
    rita = user()
    client.force_login(rita)
    User.objects.filter(pk=rita.pk).update(is_active=False)
    assert client.get("/profile/")["Location"].startswith("/sign-in/")


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_of_a_hundred_guesses_at_once_exactly_ten_are_looked_at() -> None:
    looked_at = []

    def guess(n: int) -> None:
        try:
            sign_in.sign_in("rita@example.com", "x", address=f"10.0.{n}.1")
        except sign_in.TooManyTries:
            pass
        finally:
            connection.close()

    with patch("crm.sign_in.authenticate", lambda *a, **k: looked_at.append(1)), ThreadPoolExecutor(16) as pool:
        list(pool.map(guess, range(100)))
    assert len(looked_at) == TRIES_PER_ACCOUNT
    assert SignInCounter.objects.get(key=account_key("rita@example.com")).tries == 100
