"""The administration asks for the password again after ten minutes without a page of it."""

from __future__ import annotations

from datetime import datetime, timedelta
from urllib.parse import quote

import pytest
from django.test import Client
from django.utils import timezone

from crm import admin_site
from crm.models import Holiday, User
from tests import factories

pytestmark = pytest.mark.django_db

PAGE = "/admin/crm/holiday/add/"
HOLIDAY = {"day": "2027-05-01", "name": "Labour Day", "_save": "Save"}


@pytest.fixture
def admin(client: Client) -> User:
    user = factories.user("admin")
    client.force_login(user)
    return user


def idle(client: Client, minutes: int) -> None:
    """The last page of the administration, and the sign-in, lie so long ago."""
    session = client.session
    session[admin_site.STAMP] = session["started"] = (timezone.now() - timedelta(minutes=minutes)).isoformat()
    session.save()


def test_just_signed_in_nobody_is_asked(client: Client, admin: User) -> None:
    assert client.get(PAGE).status_code == 200


@pytest.mark.parametrize(("minutes", "asked"), [(9, False), (11, True)])
def test_after_ten_idle_minutes_the_password_is_asked_again(
    client: Client, admin: User, minutes: int, asked: bool
) -> None:
    idle(client, minutes)
    response = client.get(PAGE)
    assert response.status_code == (302 if asked else 200)
    if asked:
        assert response.headers["Location"] == f"/admin/confirm/?next={quote(PAGE, safe='')}"


def test_every_page_renews_the_ten_minutes(client: Client, admin: User) -> None:
    idle(client, 9)
    client.get(PAGE)
    stamp = client.session[admin_site.STAMP]
    assert timezone.now() - datetime.fromisoformat(stamp) < timedelta(seconds=10)


def test_the_right_password_leads_to_the_page_that_was_wanted(client: Client, admin: User) -> None:
    idle(client, 11)
    response = client.post("/admin/confirm/", {"password": factories.PASSWORD, "next": PAGE})
    assert response.headers["Location"] == PAGE
    assert client.get(PAGE).status_code == 200


def test_a_wrong_password_opens_nothing(client: Client, admin: User) -> None:
    idle(client, 11)
    response = client.post("/admin/confirm/", {"password": "a guess", "next": PAGE})
    assert response.status_code == 422
    assert "That is not your password." in response.content.decode()
    assert client.get(PAGE).status_code == 302


def test_guessing_is_limited_like_at_the_sign_in(client: Client, admin: User) -> None:
    idle(client, 11)
    for _ in range(10):
        client.post("/admin/confirm/", {"password": "a guess"})
    response = client.post("/admin/confirm/", {"password": factories.PASSWORD})
    assert "Too many tries" in response.content.decode()
    assert client.get(PAGE).status_code == 302


def test_a_form_that_came_too_late_is_kept_and_goes_on_with_the_password(client: Client, admin: User) -> None:
    idle(client, 11)
    response = client.post(PAGE, HOLIDAY)
    assert response.status_code == 403
    assert "Labour Day" in response.content.decode()
    assert not Holiday.objects.exists()
    response = client.post(PAGE, {**HOLIDAY, admin_site.KEPT_PASSWORD: factories.PASSWORD})
    assert response.status_code == 302
    assert Holiday.objects.get().name == "Labour Day"


def test_a_kept_form_with_a_wrong_password_is_still_kept(client: Client, admin: User) -> None:
    idle(client, 11)
    response = client.post(PAGE, {**HOLIDAY, admin_site.KEPT_PASSWORD: "a guess"})
    assert response.status_code == 422
    assert "Labour Day" in response.content.decode()
    assert "a guess" not in response.content.decode()
    assert not Holiday.objects.exists()


def test_the_question_leads_to_no_other_site(client: Client, admin: User) -> None:
    idle(client, 11)
    response = client.post("/admin/confirm/", {"password": factories.PASSWORD, "next": "https://example.com/"})
    assert response.headers["Location"] == "/admin/"


@pytest.mark.parametrize("role", ["rep", "manager"])
@pytest.mark.parametrize("address", ["/admin/", PAGE, "/admin/confirm/", "/admin/pipeline/pipeline/"])
def test_others_have_no_administration(client: Client, role: str, address: str) -> None:
    client.force_login(factories.user(role))
    assert client.get(address).status_code == 403
    assert client.post(address, HOLIDAY).status_code == 403
    assert not Holiday.objects.exists()


@pytest.mark.parametrize("address", ["/admin/", PAGE, "/admin/confirm/"])
def test_who_is_not_signed_in_is_sent_to_the_one_sign_in(client: Client, address: str) -> None:
    assert client.get(address).headers["Location"].startswith("/sign-in/?next=/admin/")
    assert client.get("/admin/login/?next=/admin/").headers["Location"].startswith("/sign-in/?next=")
