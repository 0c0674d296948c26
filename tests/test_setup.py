"""The first day of an installation."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from crm.models import Company, User
from leads.models import ActivityType
from pipeline.models import Pipeline

pytestmark = pytest.mark.django_db


def setup(*arguments: str) -> str:
    out = StringIO()
    call_command("setup", *arguments, stdout=out)
    return out.getvalue()


def test_an_empty_database_gets_all_that_a_company_starts_with() -> None:
    setup("ada@example.com", "--name", "Ada Lovelace", "--company", "Brightwater", "--time-zone", "Europe/Berlin")
    admin = User.objects.get()
    assert (admin.email, admin.name, admin.role, admin.time_zone) == (
        "ada@example.com",
        "Ada Lovelace",
        "admin",
        "Europe/Berlin",
    )
    assert Company.objects.get().name == "Brightwater"
    assert list(Pipeline.objects.values_list("name", flat=True)) == ["New business", "Short B2B", "Renewals"]
    assert ActivityType.objects.count() == 12
    assert set(Pipeline.objects.values_list("versions__by", flat=True)) == {admin.pk}


def test_the_link_lets_the_first_administrator_choose_a_password_once(client: Client) -> None:
    link = setup("ada@example.com").splitlines()[-1]
    path = link[link.index("/password/") :]
    page = client.get(path, follow=True)
    passwords = {"new_password1": "correct horse battery", "new_password2": "correct horse battery"}
    client.post(page.redirect_chain[-1][0], passwords)
    assert User.objects.get().check_password("correct horse battery")
    assert "new_password1" not in Client().get(path, follow=True).content.decode()


def test_it_refuses_where_somebody_is_already() -> None:
    setup("ada@example.com")
    with pytest.raises(CommandError, match="users already"):
        setup("eve@example.com")
    assert User.objects.count() == 1


@pytest.mark.parametrize("arguments", [["no email"], ["ada@example.com", "--time-zone", "Mars/Base"]])
def test_a_mistake_leaves_the_database_empty(arguments: list[str]) -> None:
    with pytest.raises(CommandError):
        setup(*arguments)
    assert not User.objects.exists()
    assert not Pipeline.objects.exists()
