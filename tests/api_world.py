"""A program that asks: the real client with a token, and what belongs to a deal."""

from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.test import Client
from django.utils import timezone

from crm import tokens
from crm.models import User
from pipeline.models import Deal
from tests import factories as make

V1 = "/api/v1/"


class Program:
    """Acts with a token of `user`. Bodies are sent as JSON unless they are bytes."""

    def __init__(self, user: User | None, scope: str = "write") -> None:
        self.client = Client()
        self.token = tokens.make(user, "Test", scope)[1] if user else ""

    def ask(self, method: str, path: str, body: Any = None, /, **headers: str) -> Any:
        sent = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.token and "Authorization" not in given:
            given["Authorization"] = f"Bearer {self.token}"
        kind = given.pop("Content-Type", "application/json")
        url = path if path.startswith("/") else V1 + path
        return self.client.generic(method, url, sent, content_type=kind, headers=given)

    def get(self, path: str, **headers: str) -> Any:
        return self.ask("GET", path, **headers)

    def post(self, path: str, body: Any = None, **headers: str) -> Any:
        return self.ask("POST", path, {} if body is None else body, **headers)

    def patch(self, path: str, body: Any, tag: str = "*", **headers: str) -> Any:
        return self.ask("PATCH", path, body, If_Match=tag, **headers)


class ApiWorld:
    """Rita's deal in First, of First, Second, Third, Won, Lost, worth 1,000 euros; a team, a stranger, an admin."""

    def __init__(self) -> None:
        self.team, self.other_team = make.team(), make.team()
        self.rep = make.user(team=self.team, name="Rita Rep")
        self.colleague = make.user(team=self.team, name="Cleo Colleague")
        self.manager = make.user("manager", team=self.team, name="Max Manager")
        self.stranger = make.user(team=self.other_team, name="Stan Stranger")
        self.admin = make.user("admin", name="Ada Admin")
        self.pipeline = make.pipeline()
        self.first, self.second, self.third, self.won, self.lost = self.pipeline.stages.all()
        self.began = timezone.now() - timedelta(days=3)
        self.organization = make.organization(self.rep, name="Northern Light")
        self.deal = self.new_deal(self.rep, title="Meters", value=Decimal(1000), organization=self.organization)

    def new_deal(self, owner: User, **fields: Any) -> Deal:
        return make.deal(self.first, owner, now=self.began, **fields)

    def fresh(self) -> Deal:
        return Deal.objects.get(pk=self.deal.pk)
