"""The permission matrix of the API: every route, method and asker; and what no body may smuggle in."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any

import pytest
from django.db import models, transaction
from django.urls import reverse
from django.utils import timezone

from crm.models import ApiToken, Company, User
from crm.webhooks import keeping
from leads.models import Activity, Contact, Organization
from pipeline.models import Commitment, Deal, DealActivity, StageVisit, Task
from tests import factories as make
from tests.api_matrix import A_WEBHOOK, ADMIN, ALL, CHOSEN_IN_BODY, METHODS, READ, ROUTES, WRITE, Route, Way
from tests.api_world import Program
from tests.test_permissions import MISSING, World
from tests.traces import no_trace

pytestmark = pytest.mark.django_db
WIDE = {READ: 0, WRITE: 1, ADMIN: 2}


class ApiWorld(World):
    def __init__(self) -> None:
        super().__init__()
        make.lost_reason(name="No budget")
        self.visit = StageVisit.objects.get(deal=self.deal)
        said = Program(self.owner).post("activities/", {"deal": self.deal.pk, "type": "call", "text": "Hello"})
        self.activity = Activity.objects.get(pk=said.json()["id"])
        self.gone_activity = Activity.objects.create(
            type=self.call, by=self.owner, happened_at=timezone.now(), created_at=timezone.now(), updated_at=timezone.now(),
            deleted_at=timezone.now(), deleted_by=self.owner,
        )  # fmt: skip
        DealActivity.objects.create(deal=self.deal, activity=self.gone_activity)
        self.hook = keeping.make(A_WEBHOOK, by=self.admin)[0]
        self.delivery = keeping.queue_test(self.hook.pk)
        self.programs: dict[tuple[str, str], Program] = {("anonymous", scope): Program(None) for scope in WIDE}
        for actor in [*sorted(ALL), "deactivated"]:
            for scope in WIDE:
                self.programs[actor, scope] = Program(getattr(self, actor), scope)
        User.objects.filter(pk=self.deactivated.pk).update(is_active=False)
        # The day of a token's last use is written with its first request, and is no trace of that.
        ApiToken.objects.update(last_used_on=timezone.now().date())

    def id_of(self, name: Any) -> Any:
        if name == "call":  # types of activities have keys
            return name
        found = getattr(self, str(name), name)
        return getattr(found, "pk", found)

    def address(self, route: Route, about: int | None = None) -> str:
        pk = about if about is not None else self.id_of(route.about)
        url = reverse(route.name, args=[pk] if route.about else [])
        name, _is, value = route.query.partition("=")
        return f"{url}?{name}={self.id_of(value)}" if name else url

    def ask(self, actor: str, scope: str, method: str, route: Route, way: Way | None, about: int | None = None) -> Any:
        body = {name: self.id_of(value) for name, value in way.body.items()} if way and way.body is not None else None
        headers = {"If_Match": "*"} if method in ("patch", "delete") else {}
        return self.programs[actor, scope].ask(method.upper(), self.address(route, about), body, **headers)


@pytest.fixture(scope="module")
def world(django_db_setup: None, django_db_blocker: Any) -> Iterator[ApiWorld]:
    with django_db_blocker.unblock(), transaction.atomic():
        yield ApiWorld()
        transaction.set_rollback(True)


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
def test_the_matrix(route: Route, world: ApiWorld) -> None:
    for method in METHODS:
        way = route.ways.get(method)
        for actor in ["anonymous", "deactivated", *sorted(ALL)] if way else ["anonymous", "admin"]:
            for scope in WIDE:
                with transaction.atomic():
                    one_request(world, route, method, way, actor, scope)
                    transaction.set_rollback(True)


def one_request(world: ApiWorld, route: Route, method: str, way: Way | None, actor: str, scope: str) -> None:
    said = f"{actor} with {scope}: {method} {route.name}"
    wanted = expected(route, method, way, actor, scope)
    if route.name == "api-deal-reopen" and wanted == (200, 201, 204):
        world.ask(
            "admin",
            "admin",
            "post",
            Route("api-deal-lose", "deal"),
            Way(ALL, body={"version": 9, "reason": "No budget"}),
        )
    acts = wanted and wanted[0] < 300 or (way is not None and wanted == way.status)
    # The day of a token's use is written once; a refused move is kept as an attempt.
    with nullcontext() if acts and method != "get" else no_trace(said):
        answer = world.ask(actor, scope, method, route, way)
    assert answer.status_code in wanted, f"{said}: {answer.status_code}, not {wanted}: {answer.content.decode()[:300]}"
    if answer.status_code >= 400:
        assert (
            answer.headers["Content-Type"] == "application/problem+json"
            and answer.json()["status"] == answer.status_code
        )


def expected(route: Route, method: str, way: Way | None, actor: str, scope: str) -> tuple[int, ...]:
    if actor in ("anonymous", "deactivated"):
        return (401,)
    if way is None:
        return (405,)
    if method != "get" and scope == READ:
        return (403,)
    if actor not in way.may:
        return (400,) if (route.name, method) in CHOSEN_IN_BODY else (403,) if actor in way.see else (404,)
    return way.status if WIDE[scope] >= WIDE[way.scope] else (403,)


def words(answer: Any) -> str:
    """Without what differs each time: the id of the request."""
    return re.sub(r'"request_id": "\w+"', "", answer.content.decode())


@pytest.mark.parametrize("route", [route for route in ROUTES if route.about], ids=lambda route: route.name)
def test_what_one_may_not_see_looks_like_what_does_not_exist(route: Route, world: ApiWorld) -> None:
    for method, way in route.ways.items():
        if "stranger" not in way.may | way.see:
            with no_trace(route.name):
                foreign = world.ask("stranger", "admin", method, route, way)
                missing = world.ask("stranger", "admin", method, route, way, MISSING)
            assert foreign.status_code == missing.status_code == 404
            assert words(foreign) == words(missing)


@pytest.mark.parametrize("route", [route for route in ROUTES if route.about == "deal"], ids=lambda route: route.name)
def test_a_team_that_may_read_does_not_write(route: Route, world: ApiWorld) -> None:
    Company.objects.create(pk=1, reps_see_team_deals=True)
    for method, way in route.ways.items():
        with no_trace(route.name):
            assert world.ask("mate", "admin", method, route, way).status_code == (200 if method == "get" else 403)


@pytest.mark.parametrize("route", [route for route in ROUTES if route.about == "deal"], ids=lambda route: route.name)
def test_a_deleted_deal_is_gone(route: Route, world: ApiWorld) -> None:
    for method, way in route.ways.items():
        assert world.ask("admin", "admin", method, route, way, world.gone.pk).status_code == 404


@pytest.mark.parametrize("pk", [10**22, 2**63, 0])
def test_an_id_that_cannot_be_is_not_found(world: ApiWorld, pk: int) -> None:
    for route in ROUTES:
        for method, way in route.ways.items():
            if route.about:
                assert world.ask("admin", "admin", method, route, way, pk).status_code == 404


# --- Ids of others, in every body


REFERENCES = [
    ("POST", "deals/", {"title": "New", "stage": "first"}, "owner", "stranger"),
    ("POST", "deals/", {"title": "New", "stage": "first"}, "organization", "hidden_organization"),
    ("PATCH", "deals/{deal}/", {}, "owner", "stranger"),
    ("PATCH", "deals/{deal}/", {}, "organization", "hidden_organization"),
    ("POST", "organizations/", {"name": "New"}, "owner", "stranger"),
    ("POST", "organizations/", {"name": "New"}, "parent", "hidden_organization"),
    ("PATCH", "organizations/{organization}/", {}, "owner", "stranger"),
    ("PATCH", "organizations/{organization}/", {}, "parent", "hidden_organization"),
    ("POST", "contacts/", {"name": "New"}, "owner", "stranger"),
    ("POST", "contacts/", {"name": "New"}, "organization", "hidden_organization"),
    ("PATCH", "contacts/{contact}/", {}, "owner", "stranger"),
    ("PATCH", "contacts/{contact}/", {}, "organization", "hidden_organization"),
    ("POST", "tasks/", {"title": "New", "due_on": "2999-01-01", "deal": "deal"}, "owner", "stranger"),
    ("POST", "tasks/", {"title": "New", "due_on": "2999-01-01"}, "deal", "foreign_deal"),
    ("PATCH", "tasks/{task}/", {}, "owner", "stranger"),
    ("POST", "activities/", {"type": "call"}, "deal", "foreign_deal"),
    ("POST", "activities/", {"type": "call", "deal": "deal"}, "contacts", ["foreign_contact"]),
    ("POST", "deals/{deal}/commitments/", {"condition": "said"}, "contact", "foreign_contact"),
]  # fmt: skip


@pytest.mark.parametrize(("method", "path", "body", "name", "foreign"), REFERENCES, ids=lambda value: str(value)[:24])
def test_no_id_of_others_is_taken(
    world: ApiWorld, method: str, path: str, body: dict[str, Any], name: str, foreign: Any
) -> None:
    Company.objects.create(pk=1, everyone_sees_organizations=False)
    world.hidden_organization = make.organization(world.stranger)  # type: ignore[attr-defined]
    url = path.format(
        deal=world.deal.pk, organization=world.organization.pk, contact=world.contact.pk, task=world.id_of("task")
    )
    sent = {key: world.id_of(value) for key, value in body.items()}
    taken = [world.id_of(each) for each in foreign] if isinstance(foreign, list) else world.id_of(foreign)
    missing: Any = [MISSING] if isinstance(foreign, list) else MISSING
    program = world.programs["owner", "admin"]
    with no_trace(name):
        answers = [program.ask(method, url, sent | {name: value}, If_Match="*") for value in (taken, missing)]
    assert [answer.status_code for answer in answers] == [400, 400]
    assert words(answers[0]) == words(answers[1])
    assert answers[0].json()["errors"][0] | {"message": ""} == {"field": name, "code": "does_not_exist", "message": ""}


# --- Every column of the model, sent to every door that writes


OF_DEAL = {"title", "organization", "value", "currency", "expected_close", "owner", "source", "product", "tags"}
OF_ORGANIZATION = {
    "name", "website", "phone", "industry", "employees", "street", "postal_code", "city", "country", "parent", "owner",
}  # fmt: skip
OF_CONTACT = {"name", "title", "email", "phone", "organization", "owner"}
OF_ACTIVITY = {"type", "direction", "outcome", "minutes", "happened_at", "text", "contacts"}
MOVES = {"version", "stage"}
NEW_TASK = {"deal": "deal", "title": "New", "due_on": "2999-01-01"}
WRITERS: list[tuple[str, str, type[models.Model], set[str], dict[str, Any]]] = [
    ("POST", "deals/", Deal, OF_DEAL | {"stage"}, {"title": "New", "stage": "first"}),
    ("PATCH", "deals/{deal}/", Deal, OF_DEAL, {}),
    ("POST", "organizations/", Organization, OF_ORGANIZATION, {"name": "New"}),
    ("PATCH", "organizations/{organization}/", Organization, OF_ORGANIZATION, {}),
    ("POST", "contacts/", Contact, OF_CONTACT, {"name": "New"}),
    ("PATCH", "contacts/{contact}/", Contact, OF_CONTACT, {}),
    ("POST", "tasks/", Task, {"deal", "organization", "title", "kind", "owner"}, NEW_TASK),
    ("PATCH", "tasks/{task}/", Task, {"state", "title", "owner", "counted"}, {}),
    ("POST", "activities/", Activity, OF_ACTIVITY, {"deal": "deal", "type": "call"}),
    ("POST", "deals/{deal}/move/", Deal, MOVES, {"stage": "second", "version": 1}),
    ("POST", "deals/{deal}/win/", Deal, MOVES, {"version": 1}),
    ("POST", "deals/{deal}/lose/", Deal, MOVES, {"version": 1, "reason": "No budget"}),
    ("POST", "deals/{deal}/reopen/", Deal, MOVES, {"version": 1}),
    ("POST", "deals/{deal}/merge/", Deal, {"version"}, {"other": "twin", "version": "deal_version"}),
    ("POST", "deals/{deal}/undo/", StageVisit, set(), {"visit": "visit"}),
    (
        "POST",
        "deals/{deal}/commitments/",
        Commitment,
        {"condition", "contact", "evidence", "happened_at"},
        {"condition": "said"},
    ),
]


@pytest.mark.parametrize(
    ("method", "path", "model", "open_ones", "body"),
    WRITERS,
    ids=lambda value: str(sorted(value) if isinstance(value, set) else value)[:30],
)
def test_no_column_is_written_that_is_not_offered(
    world: ApiWorld, method: str, path: str, model: type[models.Model], open_ones: set[str], body: dict[str, Any]
) -> None:
    url = path.format(
        deal=world.deal.pk, organization=world.organization.pk, contact=world.contact.pk, task=world.id_of("task")
    )
    sent = {key: world.id_of(value) for key, value in body.items()}
    columns = {each.name for each in model._meta.get_fields()} | {each.attname for each in model._meta.concrete_fields}
    for name in sorted(columns - open_ones):
        with no_trace(name):
            answer = world.programs["admin", "admin"].ask(method, url, sent | {name: 1}, If_Match="*")
        told = answer.json()
        assert answer.status_code == 400, f"{name}: {answer.status_code}"
        assert [fault["field"] for fault in told["errors"]] == [name], told["errors"]
        assert told["errors"][0]["code"] in ("unknown_field", "read_only"), name
