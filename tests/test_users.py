from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError
from django.test import Client

from crm import users
from crm.models import Change, User
from crm.models.audit import Via
from leads.models import Contact, Organization
from pipeline.models import Deal
from tests.factories import contact, deal, organization, pipeline, stage, user

pytestmark = pytest.mark.django_db


def test_the_last_administrator_stays_one() -> None:
    ada = user("admin")
    with pytest.raises(users.LastAdmin, match="last administrator"):
        users.change_role(ada, "rep", by=ada, via=Via.ADMIN)
    with pytest.raises(users.LastAdmin):
        users.deactivate(ada, deals_to=None, by=ada)
    ada.refresh_from_db()
    assert (ada.role, ada.is_active) == ("admin", True)
    assert not Change.objects.exists()


def test_a_deactivated_administrator_does_not_count_as_another_one() -> None:
    ada, _gone = user("admin"), user("admin", is_active=False)
    with pytest.raises(users.LastAdmin):
        users.change_role(ada, "manager", by=ada, via=Via.ADMIN)


def test_one_of_two_administrators_may_go() -> None:
    ada, bea = user("admin"), user("admin")
    users.change_role(ada, "rep", by=bea, via=Via.ADMIN)
    assert User.objects.get(pk=ada.pk).role == "rep"


def test_whoever_leaves_hands_over_deals_organizations_and_contacts(client: Client) -> None:
    rita, max_, ada = user(), user(), user("admin")
    first = stage(pipeline(), "First")
    sold, firm, person = deal(first, rita), organization(rita), contact(rita)
    client.force_login(rita)
    given = users.deactivate(rita, deals_to=max_, by=ada)
    assert given == {"deals": 1, "organizations": 1, "contacts": 1}
    assert Deal.objects.get(pk=sold.pk).owner == max_
    assert Organization.objects.get(pk=firm.pk).owner == max_
    assert Contact.objects.get(pk=person.pk).owner == max_
    assert client.get("/profile/").status_code == 302


def test_nobody_leaves_deals_behind_without_saying_who_takes_them() -> None:
    rita, ada = user(), user("admin")
    sold = deal(stage(pipeline(), "First"), rita)
    for taker in (None, rita, user(is_active=False)):
        with pytest.raises(ValidationError) as refusal:
            users.deactivate(rita, deals_to=taker, by=ada)
        assert "deals_to" in refusal.value.error_dict
    assert User.objects.get(pk=rita.pk).is_active
    assert Deal.objects.get(pk=sold.pk).owner == rita


def test_a_session_from_before_does_not_come_back_with_the_account(client: Client) -> None:
    rita, ada = user(), user("admin")
    client.force_login(rita)
    users.deactivate(rita, deals_to=None, by=ada)
    users.reactivate(rita, by=ada)
    assert client.get("/profile/").status_code == 302
    assert User.objects.get(pk=rita.pk).is_active


def test_a_new_role_asks_to_sign_in_again(client: Client) -> None:
    rita, ada = user(), user("admin")
    client.force_login(rita)
    users.change_role(rita, "manager", by=ada, via=Via.ADMIN)
    assert client.get("/profile/").status_code == 302


def test_a_profile_takes_nothing_but_name_zone_and_theme() -> None:
    rita = user()
    with pytest.raises(ValidationError):
        users.edit_profile(rita, {"role": "admin"}, by=rita, via=Via.PAGE)
    assert User.objects.get(pk=rita.pk).role == "rep"


def test_two_people_cannot_have_one_email() -> None:
    user(email="rita@example.com")
    with pytest.raises(ValidationError):
        users.create("RITA@example.com", "Rita", role="rep", by=None, via=Via.ADMIN)
