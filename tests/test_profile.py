from __future__ import annotations

import pytest
from django.test import Client

from crm.models import Change, User
from tests.factories import PASSWORD, user

pytestmark = pytest.mark.django_db
PROFILE = {"name": "Rita Neumann", "time_zone": "Asia/Kathmandu", "theme": "dark"}


@pytest.fixture
def rita(client: Client) -> User:
    made = user(name="Rita Rep", time_zone="UTC")
    client.force_login(made)
    return made


def test_name_time_zone_and_theme_are_saved_with_a_row_each(client: Client, rita: User) -> None:
    assert client.post("/profile/", PROFILE).status_code == 302
    rita.refresh_from_db()
    assert (rita.name, rita.time_zone, rita.theme) == ("Rita Neumann", "Asia/Kathmandu", "dark")
    rows = Change.objects.filter(object_type="user", object_id=rita.pk)
    assert {row.field: (row.old, row.new, row.by) for row in rows} == {
        "name": ("Rita Rep", "Rita Neumann", rita),
        "time_zone": ("UTC", "Asia/Kathmandu", rita),
        "theme": ("auto", "dark", rita),
    }


def test_nobody_raises_their_own_role(client: Client, rita: User) -> None:
    client.post("/profile/", {**PROFILE, "role": "admin", "is_active": "", "email": "x@example.com"})
    after = User.objects.get(pk=rita.pk)
    assert (after.role, after.is_active, after.email) == ("rep", True, rita.email)


@pytest.mark.parametrize(
    "change", [{"time_zone": "Mars/Base"}, {"name": "\u200b"}, {"theme": "pink"}, {"name": "a\u202eb"}]
)
def test_what_does_not_fit_is_said_and_nothing_is_saved(client: Client, rita: User, change: dict[str, str]) -> None:
    answer = client.post("/profile/", {**PROFILE, **change})
    assert answer.status_code == 422
    assert b'class="field-error"' in answer.content
    assert User.objects.get(pk=rita.pk).name == "Rita Rep"
    assert not Change.objects.exists()


@pytest.mark.parametrize(("theme", "shown"), [("dark", "dark"), ("light", "light"), ("auto", "light")])
def test_the_server_sets_the_theme_of_the_page(client: Client, rita: User, theme: str, shown: str) -> None:
    User.objects.filter(pk=rita.pk).update(theme=theme)
    page = client.get("/profile/").content.decode()
    assert f'data-theme="{theme}" data-bs-theme="{shown}"' in page


def test_a_new_password_ends_the_sessions_elsewhere_and_keeps_this_one(client: Client, rita: User) -> None:
    elsewhere = Client()
    elsewhere.force_login(rita)
    key = client.session.session_key
    new = {"old_password": PASSWORD, "new_password1": "another long password", "new_password2": "another long password"}
    assert client.post("/profile/password/", new).status_code == 302
    assert client.get("/profile/").status_code == 200
    assert client.session.session_key != key
    assert elsewhere.get("/profile/").status_code == 302
    assert list(Change.objects.values_list("field", "old", "new")) == [("password", None, None)]


def test_the_old_password_is_asked_for(client: Client, rita: User) -> None:
    new = {"old_password": "wrong", "new_password1": "another long password", "new_password2": "another long password"}
    assert client.post("/profile/password/", new).status_code == 422
    assert User.objects.get(pk=rita.pk).check_password(PASSWORD)


def test_days_are_those_of_the_reader(client: Client, rita: User) -> None:
    from datetime import date

    from crm.templatetags.ui import day_words

    tuesday = date(2026, 9, 15)
    words = [day_words(d, tuesday) for d in (date(2026, 9, 14), tuesday, date(2026, 9, 16), date(2026, 9, 18))]
    assert words == ["yesterday", "today", "tomorrow", "Fri"]
    assert [day_words(d, tuesday) for d in (date(2026, 9, 22), date(2026, 4, 3), date(2025, 4, 3))] == [
        "22 Sep", "3 Apr", "3 Apr 2025",
    ]  # fmt: skip
