"""Small random worlds: what each person sees and edits is what a slow, plain reading of the rules says."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from crm.models import Company, Membership, Team, User
from crm.models.audit import Via
from crm.search import search
from pipeline import board, deals
from pipeline.board import Filters
from pipeline.models import Deal, DealMember
from tests import factories as make

pytestmark = pytest.mark.django_db


class World:
    """Nested teams, people who came and left, deals with members and credit, some deleted."""

    def __init__(self, seed: int) -> None:
        dice, now = random.Random(seed), timezone.now()
        self.open_team = dice.random() < 0.5
        Company.objects.create(pk=1, reps_see_team_deals=self.open_team)
        self.teams: list[Team] = []
        for _ in range(4):
            self.teams.append(make.team(parent=dice.choice([None, *self.teams])))
        self.users = [make.user(role) for role in ("admin", "manager", "manager", "rep", "rep", "rep", "rep")]
        self.memberships: list[Membership] = []
        for user in self.users[1:]:
            for team in dice.sample(self.teams, dice.randint(0, 2)):
                ended = now - timedelta(seconds=1) if dice.random() < 0.3 else None
                started = now - timedelta(days=9)
                self.memberships.append(
                    Membership.objects.create(team=team, user=user, started_at=started, ended_at=ended)
                )
        self.pipeline = make.pipeline()
        stages = list(self.pipeline.stages.all())
        self.deals = [
            make.deal(dice.choice(stages), dice.choice(self.users), now=now - timedelta(days=3), title=f"Meters {n}")
            for n in range(14)
        ]
        self.members = [
            DealMember.objects.create(deal=deal, user=dice.choice(self.users), role="legal") for deal in self.deals[:5]
        ]
        for deal in dice.sample(self.deals, 2):
            deals.delete(deal.pk, by=self.users[0], via=Via.PAGE)
        for deal in Deal.objects.filter(deleted_at=None).order_by("pk")[:5]:
            # The credit of a closed deal stays where it was when its owner hands it on.
            deals.edit(deal.pk, {"owner": dice.choice(self.users)}, version=None, by=self.users[0], via=Via.PAGE)
        self.deals = list(Deal.objects.filter(deleted_at=None))


def teams_of(world: World, user: User) -> set[int]:
    return {m.team_id for m in world.memberships if m.user_id == user.pk and m.ended_at is None}


def below(world: World, teams: set[int]) -> set[int]:
    found = set(teams)
    for _ in world.teams:
        found |= {team.pk for team in world.teams if team.parent_id in found}
    return found


def people_in(world: World, teams: set[int]) -> set[int]:
    return {m.user_id for m in world.memberships if m.team_id in teams and m.ended_at is None}


def may_edit(world: World, user: User, deal: Deal) -> bool:
    if user.role == "admin" or deal.owner_id == user.pk:
        return True
    if any(m.deal_id == deal.pk and m.user_id == user.pk for m in world.members):
        return True
    return user.role == "manager" and deal.owner_id in people_in(world, below(world, teams_of(world, user)))


def may_see(world: World, user: User, deal: Deal) -> bool:
    if may_edit(world, user, deal) or deal.credited_owner_id == user.pk:
        return True
    if user.role == "manager":
        return deal.credited_team_id in below(world, teams_of(world, user))
    return world.open_team and deal.owner_id in people_in(world, teams_of(world, user))


@pytest.mark.parametrize("seed", range(8))
def test_what_one_sees_edits_finds_and_sums_is_one_and_the_same(seed: int) -> None:
    world = World(seed)
    for user in world.users:
        seen = {deal.pk for deal in world.deals if may_see(world, user, deal)}
        edited = {deal.pk for deal in world.deals if may_edit(world, user, deal)}
        fresh = User.objects.get(pk=user.pk)
        assert set(Deal.objects.visible_to(fresh).values_list("pk", flat=True)) == seen
        assert set(Deal.objects.editable_by(fresh).values_list("pk", flat=True)) == edited
        found = {hit.url for group in search(fresh, "Meters", limit=50) for hit in group.hits}
        assert found == {reverse("deal", args=[pk]) for pk in seen}
        shown = board.read(fresh, world.pipeline, Filters())
        assert sum(column.count for column in shown.columns) == len(seen)
        assert {card.pk for column in shown.columns for card in column.cards} == seen
