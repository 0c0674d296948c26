"""Somebody works with this organization already: who is told what, where it is shown, and that it never stops anybody."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse

from crm.models import Company
from pipeline import deals, moves, open_deals
from pipeline.models import Deal
from tests import factories as make
from tests.deal_world import World

pytestmark = pytest.mark.django_db
SEEN = "Acme has an open deal already: “Meters for 14 shops”, First, owned by Rita Rep."
UNSEEN = "Acme has an open deal already, owned by Rita Rep."


class Acme(World):
    def __init__(self) -> None:
        super().__init__()
        self.acme = make.organization(self.rep, name="Acme")
        deals.edit(self.deal.pk, {"organization": self.acme}, version=None, by=self.rep, via="page")

    def told(self, user: Any, but: int | None = None) -> list[str]:
        return [each.sentence for each in open_deals.of(self.acme, user, but)]

    def below(self, user: Any = None, **query: Any) -> str:
        text: str = self.client(user, part=True).get(reverse("deal-others"), query).content.decode()
        return text


@pytest.fixture
def world() -> Acme:
    return Acme()


def test_who_sees_the_deal_is_told_all_and_others_only_whose_it_is(world: Acme) -> None:
    assert world.told(world.rep) == [SEEN] and world.told(world.manager) == [SEEN]
    assert world.told(world.stranger) == [UNSEEN]


def test_how_many_deals_somebody_has_is_not_told_to_others(world: Acme) -> None:
    make.deal(world.second, world.rep, organization=world.acme, title="Secret")
    assert world.told(world.stranger) == [UNSEEN] and len(world.told(world.rep)) == 2


def test_closed_deleted_and_the_deal_itself_are_not_told(world: Acme) -> None:
    assert world.told(world.rep, but=world.deal.pk) == []
    moves.move_deal(world.deal.pk, world.won.pk, by=world.rep, via="page")
    assert world.told(world.rep) == []
    other = make.deal(world.first, world.rep, organization=world.acme)
    deals.delete(other.pk, by=world.manager, via="page")
    assert world.told(world.rep) == []


def test_own_deals_come_before_those_of_others(world: Acme) -> None:
    make.deal(world.first, world.stranger, organization=world.acme, title="Mine")
    assert ["Mine" in each for each in world.told(world.stranger)] == [True, False]


def test_below_the_field_it_is_said_as_soon_as_the_name_is_typed(world: Acme) -> None:
    text = world.below(organization="acme")
    assert SEEN in text and world.url("deal") in text
    text = world.below(world.stranger, f_organization="Acme")
    assert UNSEEN in text and "Meters" not in text and "<a " not in text
    for nothing in (
        {},
        {"organization": ""},
        {"organization": "No such"},
        {"organization": "Acme", "but": world.deal.pk},
    ):
        assert "open deal" not in world.below(**nothing)


def test_an_organization_that_one_may_not_see_gives_nothing_away(world: Acme) -> None:
    Company.objects.create(pk=1, everyone_sees_organizations=False)
    assert world.below(world.stranger, organization="Acme").strip() == ""


def new(world: Acme, user: Any = None, **data: Any) -> Any:
    sent = {"to": world.first.pk, "title": "Again", "once_key": "k1", "organization": "Acme", **data}
    return world.client(user).post(reverse("deal-new"), sent, follow=True)


def test_a_new_deal_with_such_an_organization_is_made_and_says_so(world: Acme) -> None:
    text = new(world).content.decode()
    assert SEEN in text and Deal.objects.get(title="Again").organization == world.acme
    text = new(world, world.stranger, once_key="k2").content.decode()
    assert UNSEEN in text and "Meters for 14" not in text


def test_the_page_of_a_new_deal_asks_for_the_organization_and_says_when_there_is_none(world: Acme) -> None:
    page = world.client().get(reverse("deal-new"), {"to": world.first.pk}).content.decode()
    assert 'name="organization"' in page and reverse("deal-others") in page
    answer = new(world, organization="Acmee")
    assert answer.status_code == 422 and "no organization “Acmee” yet" in answer.content.decode()
    assert not Deal.objects.filter(title="Again").exists()


def test_the_organization_that_was_typed_comes_through_the_gate(world: Acme) -> None:
    said = make.condition(world.second)
    gate = new(world, to=world.second.pk).content.decode()
    assert 'name="organization" value="Acme"' in gate
    new(world, to=world.second.pk, asked=said.pk, **{f"c{said.pk}": "on"})
    assert Deal.objects.get(title="Again").organization == world.acme


def test_the_gate_that_asks_for_the_organization_warns_there(world: Acme) -> None:
    make.condition(world.second, "field", field="organization", label="The organization is known")
    deal = make.deal(world.first, world.rep)
    gate = world.client().get(reverse("deal-move", args=[deal.pk]), {"to": world.second.pk}).content.decode()
    assert f'hx-get="{reverse("deal-others")}?but={deal.pk}"' in gate and 'id="open-deals"' in gate


def test_choosing_the_organization_of_a_deal_warns_before_and_after(world: Acme) -> None:
    other = make.deal(world.first, world.rep)
    address = reverse("deal-field", args=[other.pk, "organization"])
    assert SEEN in world.client(part=True).get(address, {"q": "acm"}).content.decode()
    sent = {"organization": world.acme.pk, "version": other.version}
    assert SEEN in world.client(part=True).post(address, sent).content.decode()
    other.refresh_from_db()
    assert other.organization == world.acme


def test_the_page_of_a_deal_names_the_other_one(world: Acme) -> None:
    assert "Also open" not in world.page()
    other = make.deal(world.second, world.rep, organization=world.acme, title="Chargers")
    page = world.page()
    assert "Also open" in page and f"/deals/{other.pk}/" in page
    make.deal(world.second, world.stranger, organization=world.acme, title="Secret")
    page = world.page()
    assert "a deal owned by Stan Stranger" in page and "Secret" not in page
