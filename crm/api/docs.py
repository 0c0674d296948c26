"""The description of the API: for programs at /api/schema/, for people at /api/docs/."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET

from crm import problems
from crm.api.schema import document
from crm.problems import Told


@login_not_required
@csrf_exempt
def schema(request: HttpRequest) -> HttpResponse:
    if request.method not in ("GET", "HEAD"):
        told = Told(
            405, "method", _("Only %(methods)s can be done here.") % {"methods": "GET"}, headers={"Allow": "GET, HEAD"}
        )
        return problems.answer(told, request)
    return JsonResponse(document(), json_dumps_params={"ensure_ascii": False, "default": str})


@login_not_required
@csrf_exempt
def not_here(request: HttpRequest) -> HttpResponse:
    detail = _("There is nothing at this address. Those of the API begin with /api/v1/ and end with a slash.")
    return problems.answer(Told(404, "not_found", detail), request)


@dataclass(frozen=True)
class Command:
    """One thing that can be done, as it is shown to people."""

    anchor: str
    method: str
    address: str
    summary: str
    says: str
    parameters: list[dict[str, Any]]
    fields: list[tuple[str, str, bool, str]]
    """Name, kind, whether it is required, what it means."""
    example: str
    statuses: list[tuple[str, str]]


def refusals() -> list[tuple[str, str, str]]:
    """Code, status, meaning. Each problem's type leads to its line."""
    return [
        ("not_json", "400", _("The body is not JSON that can be stored; “detail” says where.")),
        ("object_expected", "400", _("The body is empty, or not an object.")),
        ("invalid", "400", _("Fields are wrong, unknown or not to be set; each is named in “errors”.")),
        ("parameters", "400", _("Parameters are wrong or unknown; each is named in “errors”.")),
        ("request", "400", _("The request cannot be understood at all.")),
        ("if_match", "400", _("If-Match is no ETag in its quotes.")),
        ("key", "400", _("The Idempotency-Key has no, too many or unprintable characters.")),
        ("unauthenticated", "401", _("There is no token, or one that no longer works.")),
        ("scope", "403", _("The token's scope is too narrow; “scope_needed” is the one it needs.")),
        ("forbidden", "403", _("You see this and may not change it.")),
        ("not_allowed", "403", _("Only a manager of the deal may do this.")),
        ("not_found", "404", _("It is not there, or you do not see it.")),
        ("method", "405", _("This cannot be done here; “Allow” says what can.")),
        ("not_acceptable", "406", _("Answers are JSON only.")),
        ("stale", "409", _("Somebody moved or changed the deal since; “deal” is as it is now.")),
        ("gone", "409", _("One of the two deals was deleted or merged meanwhile.")),
        ("closed", "409", _("The deal is won or lost; reopen it to go on.")),
        ("full", "409", _("The stage holds as many deals as it may.")),
        ("stage_gone", "409", _("The stage is not one of the deal's pipeline; “stages” are those.")),
        ("kept", "409", _("It is not deleted: something needs it, or it is kept for good; “detail” says which.")),
        ("part", "409", _("It stays deleted while what it is part of is deleted; bring that back first.")),
        ("running", "409", _("The first request with this Idempotency-Key is still being answered.")),
        ("merged", "410", _("The deal is part of another one now, which “merged_into” names.")),
        ("precondition_failed", "412", _("It was changed since you read it; “ETag” is the present one.")),
        ("too_large", "413", _("The body is too large.")),
        ("address_too_long", "414", _("The address is too long.")),
        ("media_type", "415", _("The body is not sent as JSON in UTF-8.")),
        ("refused", "422", _("The gate stays closed; “unmet” are the conditions, each with what to do.")),
        ("key_reused", "422", _("The Idempotency-Key was used for another request.")),
        ("precondition_required", "428", _("If-Match is missing.")),
        ("too_many", "429", _("Too many requests in a minute; “Retry-After” says when to go on.")),
        ("server_error", "500", _("A fault of ours, which is written down.")),
    ]


@require_GET
def docs(request: HttpRequest) -> HttpResponse:
    groups: dict[str, list[Command]] = {}
    for address, methods in document()["paths"].items():
        for method, operation in methods.items():
            groups.setdefault(operation["tags"][0], []).append(_command(address, method, operation))
    return render(request, "api/docs.html", {"groups": groups, "begin": _begin(), "refusals": refusals()})


def _begin() -> str:
    address = f"{settings.SITE_URL.rstrip('/')}/api/v1/deals/?status=open&fields=id,title,value&count=1"
    return f"export TOKEN=sc_…\ncurl -H \"Authorization: Bearer $TOKEN\" '{address}'"


def _command(address: str, method: str, operation: dict[str, Any]) -> Command:
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    wanted = body.get("schema", {})
    fields = [
        (name, _kind(each), name in wanted.get("required", ()), each.get("description", ""))
        for name, each in wanted.get("properties", {}).items()
    ]
    parameters = [{**each, "kind": _kind(each["schema"])} for each in operation["parameters"]]
    statuses = [(status, each["description"]) for status, each in operation["responses"].items()]
    return Command(
        operation["operationId"], method.upper(), address, operation["summary"], operation.get("description", ""),
        parameters, fields, _example(address, method, operation, body), statuses,
    )  # fmt: skip


def _kind(schema: dict[str, Any]) -> str:
    if "enum" in schema and len(schema["enum"]) <= 12:
        return " · ".join(str(each) for each in schema["enum"] if each not in (None, ""))
    kinds = schema.get("type", "") or " · ".join(str(each.get("type", "")) for each in schema.get("anyOf", ()))
    text = " · ".join(kinds) if isinstance(kinds, list) else str(kinds)
    return f"{text} ({schema['format']})" if "format" in schema else text


def _example(address: str, method: str, operation: dict[str, Any], body: dict[str, Any]) -> str:
    """A command that works when it is pasted, with the token in TOKEN and ids of one's own."""
    url = settings.SITE_URL.rstrip("/") + address.replace("{id}", "1").replace("{pk}", "1")
    required = [f"{each['name']}=1" for each in operation["parameters"] if each["in"] == "query" and each["required"]]
    url += f"?{'&'.join(required)}" if required else ""
    lines = ['curl -H "Authorization: Bearer $TOKEN"']
    if method != "get":
        lines[0] += f" -X {method.upper()}"
    if any(each["name"] == "If-Match" for each in operation["parameters"]):
        lines.append("  -H 'If-Match: *'")
    if body:
        text = json.dumps(body.get("example", {}), ensure_ascii=False, default=str).replace("'", "’")
        lines += ["  -H 'Content-Type: application/json'", f"  -d '{text}'"]
    return " \\\n".join([*lines, f"  '{url}'"])
