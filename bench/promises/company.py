"""A company that chance made, and who may read what in it: said once more, in other words than the product's."""

from __future__ import annotations

import random
from collections import defaultdict
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.utils import timezone

from bench.promises.stage import make
from crm.models import Company, Membership, Team, User
from leads.activities import NewActivity
from leads.models import Organization
from pipeline import deals, followups, logbook, people
from pipeline.models import Deal, DealMember, Pipeline


class RandomCompany:
    def __init__(self, dice: random.Random) -> None:
        self.dice, now = dice, timezone.now()
        Company.objects.update_or_create(
            pk=1,
            defaults={"reps_see_team_deals": dice.random() < 0.5, "everyone_sees_organizations": dice.random() < 0.5},
        )
        self.company = Company.objects.get(pk=1)
        self.teams: list[Team] = []
        for _number in range(4):
            self.teams.append(make.team(parent=dice.choice([None, *self.teams])))
        self.people: list[User] = [
            make.user(dice.choice(["rep", "rep", "rep", "manager", "admin"])) for _number in range(6)
        ]
        self.of: dict[int, set[int]] = defaultdict(set)
        for user in self.people:
            for team in dice.sample(self.teams, dice.randrange(3)):
                gone = dice.random() < 0.25
                ended = now - timedelta(seconds=1) if gone else None
                Membership.objects.create(team=team, user=user, started_at=now - timedelta(days=9), ended_at=ended)
                if not gone:
                    self.of[user.pk].add(team.pk)
        self.pipeline: Pipeline = make.pipeline()
        self.deals = [self._deal(number) for number in range(12)]

    def _deal(self, number: int) -> Deal:
        dice, stages = self.dice, list(self.pipeline.stages.all())
        owner = dice.choice(self.people)
        organization = (
            make.organization(dice.choice(self.people), name=f"Orga{number}x") if dice.random() < 0.7 else None
        )
        deal = make.deal(
            dice.choice(stages), owner, now=timezone.now() - timedelta(days=dice.randrange(1, 40)), title=f"Deal{number}x",
            organization=organization, value=Decimal(dice.randrange(10**6)), currency=dice.choice(["EUR", "USD"]),
        )  # fmt: skip
        by: dict[str, Any] = {"by": owner, "via": "page", "now": timezone.now()}
        if dice.random() < 0.3:
            people.set_member(deal, dice.choice(self.people), "specialist", **by)
        people.set_contact(deal, make.contact(dice.choice(self.people), name=f"Contact{number}x"), **by)
        followups.add(
            deal.pk,
            f"Task{number}x",
            (timezone.now() + timedelta(days=3)).date(),
            by=owner,
            owner=dice.choice(self.people),
        )
        logbook.log(
            deal.pk, NewActivity(type=make.activity_type("call"), text="Said"), by=dice.choice(self.people), via="page"
        )
        if deal.status == "open" and dice.random() < 0.2:
            deals.delete(deal.pk, by=owner, via="page")
        return Deal.objects.get(pk=deal.pk)

    # --- Who may read what, said once more and in other words: plain loops over the rows

    def above(self, team: int) -> set[int]:
        found, each = set(), Team.objects.get(pk=team)
        while True:
            found.add(each.pk)
            if each.parent is None:
                return found
            each = each.parent

    def manages(self, user: User, other: int) -> bool:
        if user.role == "admin":
            return True
        return user.role == "manager" and any(self.of[user.pk] & self.above(team) for team in self.of[other])

    def edits(self, user: User, deal: Deal) -> bool:
        member = DealMember.objects.filter(deal=deal, user=user).exists()
        return user.pk == deal.owner_id or member or self.manages(user, deal.owner_id)

    def reads(self, user: User, deal: Deal) -> bool:
        if deal.deleted_at is not None:
            return False
        credited_team = (
            deal.credited_team_id
            and user.role == "manager"
            and bool(self.of[user.pk] & self.above(deal.credited_team_id))
        )
        mates = (
            self.company.reps_see_team_deals and user.role == "rep" and bool(self.of[user.pk] & self.of[deal.owner_id])
        )
        return self.edits(user, deal) or deal.credited_owner_id == user.pk or bool(credited_team) or bool(mates)

    def reads_organization(self, user: User, organization: Organization) -> bool:
        mine = user.pk == organization.owner_id or self.manages(user, organization.owner_id)
        through = any(deal.organization_id == organization.pk and self.reads(user, deal) for deal in self.deals)
        return self.company.everyone_sees_organizations or mine or through
