"""Access tokens: made once, kept as a hash, narrower than their owner or as wide, and dead with them."""

from __future__ import annotations

from datetime import timedelta
from io import StringIO

import pytest
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from crm import tokens, users
from crm.models import ApiToken, Change
from tests import factories as make
from tests.api_world import Program

pytestmark = pytest.mark.django_db


def test_the_value_is_kept_nowhere() -> None:
    token, value = tokens.make(make.user(), "Shop", "read")
    row = ApiToken.objects.filter(pk=token.pk).values_list().get()
    assert value not in str(row) and str(row).count(value[:11]) == 1
    assert tokens.authenticate(value) == token


def test_two_tokens_of_one_name_differ() -> None:
    user = make.user()
    assert tokens.make(user, "Shop", "read")[1] != tokens.make(user, "Shop", "read")[1]


@pytest.mark.parametrize(("name", "scope"), [("", "read"), ("\u200b", "read"), ("x" * 61, "read"), ("Shop", "root")])
def test_a_token_has_a_name_and_a_known_scope(name: str, scope: str) -> None:
    with pytest.raises(ValidationError):
        tokens.make(make.user(), name, scope)


def test_the_day_of_its_last_use_is_written_once_a_day(django_assert_num_queries: object) -> None:
    token, value = tokens.make(make.user(), "Shop", "read")
    tokens.authenticate(value)
    with django_assert_num_queries(1):  # type: ignore[operator]
        tokens.authenticate(value)
    token.refresh_from_db()
    assert token.last_used_on == timezone.now().date()
    tokens.authenticate(value, now=timezone.now() + timedelta(days=1))
    token.refresh_from_db()
    assert token.last_used_on == timezone.now().date() + timedelta(days=1)


def test_the_page_shows_the_value_once() -> None:
    client, user = Client(), make.user()
    client.force_login(user)
    page = client.post("/profile/tokens/", {"name": "Shop", "scope": "write"})
    value = page.context["value"]
    assert value in page.content.decode() and tokens.authenticate(value)
    assert value not in client.get("/profile/tokens/").content.decode()


def test_a_revoked_token_opens_nothing() -> None:
    client, user = Client(), make.user()
    client.force_login(user)
    program = Program(user, "read")
    assert program.get("organizations/").status_code == 200
    assert client.post(f"/profile/tokens/{ApiToken.objects.get().pk}/revoke/").status_code == 302
    assert program.get("organizations/").status_code == 401


def test_nobody_revokes_the_token_of_another() -> None:
    client, token = Client(), tokens.make(make.user(), "Shop", "read")[0]
    client.force_login(make.user())
    assert client.post(f"/profile/tokens/{token.pk}/revoke/").status_code == 404
    assert ApiToken.objects.in_use().filter(pk=token.pk).exists()


def test_an_admin_revokes_the_token_of_another_and_that_is_recorded() -> None:
    ada, rita = make.user("admin"), make.user()
    program, token = Program(rita, "write"), ApiToken.objects.get()
    client, page = Client(), f"/admin/crm/user/{rita.pk}/change/"
    client.force_login(ada)
    address = f"/admin/crm/user/{rita.pk}/tokens/{token.pk}/revoke/"
    shown = client.get(page).content.decode()
    assert f"{token.prefix}…" in shown and token.name in shown and address in shown and token.digest not in shown
    assert client.get(address).status_code == 302 and program.get("organizations/").status_code == 200
    assert [client.post(address).status_code for _twice in range(2)] == [302, 302]
    assert program.get("organizations/").status_code == 401 and address not in client.get(page).content.decode()
    noted = Change.objects.get(object_type="apitoken", object_id=token.pk)
    assert (noted.field, noted.old, noted.by, noted.via) == ("revoked_at", None, ada, "admin")


def test_a_token_is_revoked_only_beneath_its_owner() -> None:
    client, token = Client(), tokens.make(make.user(), "Shop", "read")[0]
    client.force_login(make.user("admin"))
    for other in (make.user().pk, 987_654):
        assert client.post(f"/admin/crm/user/{other}/tokens/{token.pk}/revoke/").status_code == 404
    assert ApiToken.objects.in_use().filter(pk=token.pk).exists() and not Change.objects.exists()


def test_a_token_dies_with_its_owner_and_does_not_rise_again() -> None:
    user, admin = make.user(), make.user("admin")
    program = Program(user, "read")
    users.deactivate(user, deals_to=None, by=admin)
    assert program.get("organizations/").status_code == 401
    users.reactivate(user, by=admin)
    assert program.get("organizations/").status_code == 401


def test_the_command_prints_a_token_that_works() -> None:
    user, out = make.user(), StringIO()
    call_command("token", user.email.upper(), "--scope", "write", "--name", "Shop", stdout=out)
    token = tokens.authenticate(out.getvalue().strip())
    assert token and (token.user, token.scope, token.name) == (user, "write", "Shop")
    with pytest.raises(CommandError):
        call_command("token", "nobody@example.com")


def test_a_token_in_the_address_or_a_session_opens_nothing() -> None:
    user = make.user()
    client, value = Client(), tokens.make(user, "Shop", "read")[1]
    client.force_login(user)
    for query in (f"token={value}", f"access_token={value}", f"api_key={value}"):
        assert client.get(f"/api/v1/organizations/?{query}").status_code == 401
    assert client.get("/api/v1/organizations/").status_code == 401


@pytest.mark.parametrize(
    "given",
    ["", "Bearer", "Bearer  ", "Basic abc", "Bearer sc_short", "Bearer " + "sc_" + "é" * 43, "Bearer " + "x" * 46],
)
def test_what_is_no_token_is_told_how_to_send_one(given: str) -> None:
    answer = Program(None).get("organizations/", Authorization=given)
    assert answer.status_code == 401 and answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_a_read_token_writes_nothing_and_is_told_which_scope_it_needs() -> None:
    answer = Program(make.user(), "read").post("organizations/", {"name": "New"})
    assert (answer.status_code, answer.json()["code"], answer.json()["scope_needed"]) == (403, "scope", "write")
