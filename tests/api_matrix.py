"""Who may do what through the API: one row a route, run over every method with every kind of asker."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

READ, WRITE, ADMIN = "read", "write", "admin"
ALL = {"owner", "mate", "member", "stranger", "boss", "other_boss", "admin", "left"}
SEE = {"owner", "member", "boss", "admin"}
MANAGE = {"boss", "admin"}


@dataclass(frozen=True)
class Way:
    """`may` act; those who only `see` get 403, all others 404. `scope` is the narrowest that does."""

    may: set[str]
    see: set[str] = field(default_factory=set)
    scope: str = WRITE
    body: dict[str, Any] | None = None
    status: tuple[int, ...] = (200, 201, 204)


def read(may: set[str] = ALL) -> Way:
    return Way(may, scope=READ, status=(200,))


def write(body: dict[str, Any], may: set[str] = ALL, see: set[str] = frozenset(), **more: Any) -> Way:  # type: ignore[assignment]
    return Way(may, set(see), body=body, **more)


@dataclass(frozen=True)
class Route:
    """`about` names what stands in the address; in bodies, names of the world stand for their ids."""

    name: str
    about: str = ""
    query: str = ""
    ways: dict[str, Way] = field(default_factory=dict)


KEPT = (409,)
"""An open deal needs it, which is told to those who may delete it and to nobody else."""
A_WEBHOOK = {"name": "Books", "url": "https://example.com/hook", "events": ["deal.won"]}
ADMINS_LIST = Way({"admin"}, ALL, ADMIN)
ON_DEAL = {"may": SEE}
ROUTES = [
    Route("api-users", ways={"get": read()}),
    Route("api-user", "owner", ways={"get": read({"owner", "mate", "boss", "admin"})}),
    Route("api-webhooks", ways={"get": ADMINS_LIST, "post": Way({"admin"}, ALL, ADMIN, A_WEBHOOK)}),
    Route("api-webhook", "hook", ways={
        "get": Way({"admin"}, scope=ADMIN), "patch": Way({"admin"}, scope=ADMIN, body={"name": "Other books"}),
    }),
    Route("api-webhook-pause", "hook", ways={"post": Way({"admin"}, scope=ADMIN, body={})}),
    Route("api-webhook-resume", "hook", ways={"post": Way({"admin"}, scope=ADMIN, body={})}),
    Route("api-webhook-secret", "hook", ways={"post": Way({"admin"}, scope=ADMIN, body={})}),
    Route("api-webhook-resend", "hook", ways={"post": Way({"admin"}, scope=ADMIN, body={})}),
    Route("api-deliveries", ways={"get": ADMINS_LIST}),
    Route("api-delivery", "delivery", ways={"get": Way({"admin"}, scope=ADMIN)}),
    Route("api-delivery-resend", "delivery", ways={"post": Way({"admin"}, scope=ADMIN, body={})}),
    Route("api-pipelines", ways={"get": read()}),
    Route("api-pipeline", "pipeline", ways={"get": read()}),
    Route("api-stages", ways={"get": read()}),
    Route("api-stage", "first", ways={"get": read()}),
    Route("api-choices", ways={"get": read()}),
    Route("api-board", query="pipeline=pipeline", ways={"get": read()}),
    Route("api-organizations", ways={"get": read(), "post": write({"name": "New Ltd"})}),
    Route("api-organization", "organization", ways={
        "get": read(), "patch": write({"city": "Bremen"}, {"owner", "boss", "admin"}, ALL),
        "delete": Way({"owner", "boss", "admin"}, ALL, ADMIN, status=KEPT),
    }),
    Route("api-organization-restore", "gone_organization", ways={"post": Way({"owner", "boss", "admin"}, ALL, ADMIN, {})}),
    Route("api-contacts", ways={"get": read(), "post": write({"name": "New Person"})}),
    Route("api-contact", "contact", ways={
        "get": read(SEE),
        "patch": write({"title": "Chief"}, SEE),
        "delete": Way({"owner", "boss", "admin"}, SEE, ADMIN, status=KEPT),
    }),
    Route("api-contact-restore", "gone_contact", ways={"post": Way({"owner", "boss", "admin"}, scope=ADMIN, body={})}),
    Route("api-deals", ways={"get": read(), "post": write({"title": "New", "stage": "first"})}),
    Route("api-deal", "deal", ways={
        "get": read(SEE),
        "patch": write({"title": "Renamed"}, SEE),
        "delete": Way(MANAGE, SEE, ADMIN),
    }),
    Route("api-deal-restore", "gone", ways={"post": Way(MANAGE, {"owner"}, ADMIN, {})}),
    Route("api-deal-move", "deal", ways={"post": write({"stage": "second", "version": 9}, **ON_DEAL, status=(422,))}),
    Route("api-deal-win", "deal", ways={"post": write({"version": 9}, **ON_DEAL, status=(422,))}),
    Route("api-deal-lose", "deal", ways={"post": write({"version": 9, "reason": "No budget"}, **ON_DEAL)}),
    Route("api-deal-reopen", "deal", ways={"post": write({"version": 9}, **ON_DEAL)}),
    Route("api-deal-undo", "deal", ways={"post": write({"visit": "visit"}, **ON_DEAL, status=(422,))}),
    Route("api-deal-merge", "deal", ways={"post": write({"other": "twin", "version": "deal_version"}, **ON_DEAL)}),
    Route("api-deal-commitments", "deal", ways={"get": read(SEE), "post": write({"condition": "said"}, **ON_DEAL)}),
    Route("api-deal-visits", "deal", ways={"get": read(SEE)}),
    Route("api-deal-gate", "deal", ways={"get": read(SEE)}),
    Route("api-tasks", ways={"get": read(), "post": write({"deal": "deal", "title": "Call", "due_on": "2999-01-01"}, SEE)}),
    Route("api-task", "task", ways={"get": read(SEE), "patch": write({"state": "done"}, SEE), "delete": Way(SEE)}),
    Route("api-activities", ways={"get": read(), "post": write({"deal": "deal", "type": "call"}, SEE)}),
    Route("api-activity", "activity", ways={"get": read(SEE), "delete": Way({"owner", "boss", "admin"}, SEE, ADMIN)}),
    Route("api-activity-restore", "gone_activity", ways={"post": Way({"owner", "boss", "admin"}, SEE, ADMIN, {})}),
]  # fmt: skip
# What may be chosen is judged with the body: 400 that says the same as of what does not exist.
CHOSEN_IN_BODY = {("api-tasks", "post"), ("api-activities", "post")}
NAMES = {route.name for route in ROUTES}
METHODS = ["get", "post", "put", "patch", "delete", "options"]
