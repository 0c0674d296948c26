"""The people around one deal, for tests of its page: who works on it, who may read it, who knows nothing of it."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.apps import apps
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from crm.models import Company, User
from pipeline.models import Deal, DealMember
from tests import factories as make


class World:
    """A deal of Rita's in First, of First, Second, Third, Won, Lost, three days old, worth €1,000."""

    def __init__(self) -> None:
        team = make.team()
        self.rep = make.user(team=team, name="Rita Rep")
        self.colleague = make.user(team=team, name="Cleo Colleague")
        self.manager = make.user("manager", team=team, name="Max Manager")
        self.stranger = make.user(team=make.team(), name="Stan Stranger")
        self.admin = make.user("admin", name="Ada Admin")
        self.pipeline = make.pipeline()
        self.first, self.second, self.third, self.won, self.lost = self.pipeline.stages.all()
        self.began = timezone.now() - timedelta(days=3)
        self.deal = make.deal(self.first, self.rep, now=self.began, value=Decimal(1000), title="Meters for 14 shops")

    def let_team_read(self) -> None:
        """Now Cleo sees the deal, and may not change it."""
        Company.objects.update_or_create(pk=1, defaults={"reps_see_team_deals": True})

    def join(self, user: User) -> None:
        DealMember.objects.create(deal=self.deal, user=user, role="specialist")

    def client(self, user: User | None = None, part: bool = False) -> Client:
        client = Client(headers={"HX-Request": "true"} if part else {})
        client.force_login(user or self.rep)
        return client

    def url(self, name: str, *args: Any) -> str:
        return reverse(name, args=[self.deal.pk, *args])

    def get(self, name: str, /, *args: Any, user: User | None = None, part: bool = False, **query: Any) -> Any:
        return self.client(user, part).get(self.url(name, *args), query)

    def post(self, name: str, /, *args: Any, user: User | None = None, part: bool = False, **data: Any) -> Any:
        return self.client(user, part).post(self.url(name, *args), data)

    def page(self, user: User | None = None) -> str:
        text: str = self.get("deal", user=user).content.decode()
        return text

    def fresh(self) -> Deal:
        return Deal.objects.get(pk=self.deal.pk)

    def denied(self, name: str, /, *args: Any, **data: Any) -> None:
        """404 for who does not see the deal, 403 for who may only read it, and nothing is written for either."""
        self.let_team_read()
        clients = [self.client(self.stranger), self.client(self.colleague)]
        before = digest()
        answers = [client.post(self.url(name, *args), data).status_code for client in clients]
        assert answers == [404, 403]
        assert digest() == before


def digest() -> str:
    """Of every row of our tables: equal before and after means that nothing was written. Signing in does not count."""
    found = hashlib.sha256()
    for app in ("crm", "leads", "pipeline"):
        for model in apps.get_app_config(app).get_models(include_auto_created=True):
            columns = [field.name for field in model._meta.concrete_fields if field.name != "last_login"]
            for row in model._default_manager.order_by("pk").values_list(*columns):
                found.update(repr((model.__name__, row)).encode())
    return found.hexdigest()
