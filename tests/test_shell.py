"""The frame: who is let in, what an answer without a page says, and what stands around every page."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch

import pytest
from django.conf import LazySettings, settings
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.test import Client, RequestFactory

from crm import errors
from crm.models import User
from tests.factories import user

pytestmark = pytest.mark.django_db


@pytest.fixture
def rita(client: Client) -> User:
    made = user()
    client.force_login(made)
    return made


def test_a_page_without_session_leads_to_the_sign_in_and_back(client: Client) -> None:
    assert client.get("/contacts/?q=a")["Location"] == "/sign-in/?next=/contacts/%3Fq%3Da"


def test_a_part_without_session_takes_the_whole_page_to_the_sign_in(client: Client) -> None:
    headers = {"HX-Request": "true", "HX-Current-URL": "http://testserver/contacts/?q=a"}
    answer = client.get("/organizations/", headers=headers)
    assert answer.status_code == 401
    assert answer["HX-Redirect"] == "/sign-in/?next=%2Fcontacts%2F%3Fq%3Da"
    assert answer.content == b""


@pytest.mark.parametrize("current", ["https://evil.example/x", "//evil.example", "", "javascript:1"])
def test_a_part_without_session_leads_back_to_no_other_site(client: Client, current: str) -> None:
    answer = client.get("/organizations/", headers={"HX-Request": "true", "HX-Current-URL": current})
    assert answer["HX-Redirect"] == "/sign-in/?next=%2F"


@pytest.mark.parametrize("debug", [False, True])
def test_what_is_not_there_says_what_to_do_next(
    client: Client, rita: User, settings: LazySettings, debug: bool
) -> None:
    settings.DEBUG = debug
    answer = client.get("/nowhere/")
    assert answer.status_code == 404
    assert b"There is nothing here" in answer.content
    assert b"Go to the board" in answer.content


@pytest.mark.parametrize("url", ["/search/?q=%00", "/organizations/?q=a%00b", "/contacts/?page=%00"])
def test_a_nul_in_the_address_is_answered_in_words(client: Client, rita: User, url: str) -> None:
    answer = client.get(url)
    assert answer.status_code == 400
    assert b"NUL" in answer.content


def test_a_refusal_says_why_when_there_is_a_reason(rf: RequestFactory, rita: User) -> None:
    request = rf.get("/")
    request.user = rita
    answer = errors.forbidden(request, PermissionDenied("Only its owner may do that."))
    assert answer.status_code == 403
    assert b"Only its owner may do that." in answer.content


def test_a_fault_is_told_without_database_session_or_file_list(
    client: Client, django_assert_num_queries: Callable
) -> None:
    with django_assert_num_queries(0):
        answer = errors.server_error(HttpRequest())
    assert answer.status_code == 500
    assert b"was not saved" in answer.content


def test_a_fault_shows_no_trace(rita: User) -> None:
    client = Client(raise_request_exception=False)
    client.force_login(rita)
    with patch("crm.search.search", side_effect=ZeroDivisionError("inner secret")):
        answer = client.get("/search/?q=a")
    assert answer.status_code == 500
    assert b"inner secret" not in answer.content


def test_a_form_that_came_too_late_keeps_what_was_typed(rita: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(rita)
    form = {"name": 'Long "text" <b>', "new_password1": "secret", "csrfmiddlewaretoken": "stale"}
    answer = client.post("/contacts/new/", form, headers={"Origin": "http://testserver"})
    page = answer.content.decode()
    assert answer.status_code == 403
    assert "secret" not in page
    answer = client.post("/contacts/new/", {"name": 'Long "text" <b>'}, headers={"Origin": "http://testserver"})
    page = answer.content.decode()
    assert '<textarea name="name" hidden>Long &quot;text&quot; &lt;b&gt;</textarea>' in page
    assert "Send it again" in page


def test_a_form_of_another_site_is_not_offered_again(rita: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(rita)
    answer = client.post("/contacts/new/", {"name": "Bait"}, headers={"Origin": "https://evil.example"})
    assert answer.status_code == 403
    assert b"Bait" not in answer.content


def test_administration_is_offered_to_admins_alone(client: Client) -> None:
    for role, offered in (("rep", False), ("manager", False), ("admin", True)):
        client.force_login(user(role))
        assert (b'href="/admin/"' in client.get("/profile/").content) is offered


def test_no_page_carries_script_or_style_of_its_own(client: Client, rita: User) -> None:
    page = client.get("/profile/").content.decode()
    assert "<style" not in page
    assert " style=" not in page
    assert "<script>" not in page


def test_the_profile_takes_few_queries(client: Client, rita: User, django_assert_max_num_queries: Callable) -> None:
    client.get("/profile/")
    with django_assert_max_num_queries(2):
        client.get("/profile/")


def test_every_icon_that_a_template_draws_is_in_the_sprite() -> None:
    root = Path(settings.BASE_DIR)
    listed = set((root / "static" / "icons.txt").read_text().split())
    templates = [*root.glob("templates/**/*.html"), *root.glob("*/templates/**/*.html")]
    drawn = {name for each in templates for name in re.findall(r'{% icon "([^"]+)"', each.read_text())}
    assert drawn
    assert drawn - listed == set()
