"""The description of the API says what the API does, is shown under the strict policy, and its examples work."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from crm.api.docs import refusals
from crm.api.schema import document, routes
from crm.webhooks import keeping
from pipeline.models import Pipeline
from tests import api_matrix
from tests import factories as make
from tests.api_world import ApiWorld, Program

pytestmark = pytest.mark.django_db


def test_the_schema_is_open_api_3_1_and_public() -> None:
    answer = Client().get("/api/schema/")
    told = answer.json()
    assert answer.status_code == 200 and told["openapi"].startswith("3.1")
    assert told["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"


def test_each_route_and_method_is_described_and_nothing_else() -> None:
    ways = {route.name: set(route.ways) for route in api_matrix.ROUTES}
    paths = {re.sub(r"\d+", "{id}", reverse(name, args=[1] if route.about else []).replace("v1", "v#")).replace("v#", "v1"): ways[name]
             for route in api_matrix.ROUTES for name in [route.name]}  # fmt: skip
    assert {path: set(methods) for path, methods in document()["paths"].items()} == paths
    for _route, view in routes():
        offered = {method.lower() for method in view().allowed_methods} - {"head"}
        assert offered == set(view.described), view.__name__


def test_operations_have_names_of_their_own_and_references_lead_somewhere() -> None:
    told = document()
    names = [each["operationId"] for methods in told["paths"].values() for each in methods.values()]
    assert len(names) == len(set(names))
    for reference in re.findall(r'"\$ref": "#/components/schemas/(\w+)"', json.dumps(told, default=str)):
        assert reference in told["components"]["schemas"]


# --- Each answer is as it is described: enough of JSON Schema to say so


def misfits(value: Any, schema: dict[str, Any], where: str = "") -> list[str]:
    if "$ref" in schema:
        return misfits(value, document()["components"]["schemas"][schema["$ref"].rpartition("/")[2]], where)
    if "anyOf" in schema:
        tries = [misfits(value, each, where) for each in schema["anyOf"]]
        return [] if [] in tries else tries[0]
    kinds = schema.get("type", [])
    kinds = kinds if isinstance(kinds, list) else [kinds]
    if kinds and not any(_is(value, kind) for kind in kinds):
        return [f"{where}: {value!r} is no {kinds}"]
    if "enum" in schema and value not in schema["enum"]:
        return [f"{where}: {value!r} is none of {schema['enum']}"]
    found: list[str] = []
    if isinstance(value, dict):
        known = schema.get("properties", {})
        found += [f"{where}: no {name}" for name in schema.get("required", ()) if name not in value]
        found += [f"{where}: {name} is not described" for name in value if known and name not in known]
        for name, each in value.items():
            found += misfits(each, known.get(name, {}), f"{where}.{name}")
    elif isinstance(value, list):
        for each in value:
            found += misfits(each, schema.get("items", {}), f"{where}[]")
    return found


def _is(value: Any, kind: str) -> bool:
    types: dict[str, Any] = {
        "string": str,
        "integer": int,
        "number": (int, float),
        "boolean": bool,
        "array": list,
        "object": dict,
    }
    if kind == "null" or value is None:
        return kind == "null" and value is None
    return isinstance(value, types[kind]) and not (isinstance(value, bool) and kind != "boolean")


@pytest.fixture
def world() -> ApiWorld:
    """Where each id of the examples is there: the first of each kind is number one."""
    world = ApiWorld()
    make.lost_reason(name="No budget")
    make.activity_type("call").outcomes.create(name="Reached")
    return world


def of(world: ApiWorld, address: str) -> str:
    return address.replace("{id}", str(world.deal.pk))


def test_what_is_shown_is_as_it_is_described(world: ApiWorld) -> None:
    program, told = Program(world.admin, "admin"), document()
    hook = keeping.make(api_matrix.A_WEBHOOK, by=world.admin)[0]
    asked = make.condition(world.second)
    made = {
        "deals": world.deal.pk, "organizations": world.organization.pk, "stages": world.first.pk, "users": world.rep.pk,
        "pipelines": Pipeline.objects.get().pk, "contacts": make.contact(world.rep).pk,
        "tasks": program.post("tasks/", {"deal": world.deal.pk, "title": "Call", "due_on": "2999-01-01"}).json()["id"],
        "activities": program.post("activities/", {"deal": world.deal.pk, "type": "call", "outcome": "Reached"}).json()["id"],
        "webhooks": hook.pk, "deliveries": keeping.queue_test(hook.pk).pk,
    }  # fmt: skip
    program.post(f"deals/{world.deal.pk}/commitments/", {"condition": asked.pk})
    for path, methods in told["paths"].items():
        if "get" in methods:
            kind = path.split("/")[3]
            url = path.replace("{id}", str(made.get(kind, 0)))
            answer = program.get(url + (f"?pipeline={world.pipeline.pk}" if kind == "board" else ""))
            schema = methods["get"]["responses"]["200"]["content"]["application/json"]["schema"]
            assert answer.status_code == 200 and misfits(answer.json(), schema, path) == []


def test_moves_and_refusals_are_as_they_are_described(world: ApiWorld) -> None:
    program, problem = Program(world.rep), document()["components"]["schemas"]["Problem"]
    schema = document()["paths"]["/api/v1/deals/{id}/move/"]["post"]["responses"]["200"]["content"]["application/json"][
        "schema"
    ]
    url = f"deals/{world.deal.pk}/move/"
    assert misfits(program.post(url, {"stage": world.second.pk, "version": 1}).json(), schema) == []
    make.condition(world.third)
    for answer in (
        program.post(url, {"stage": world.third.pk, "version": 2}),
        program.post(url, {"stage": world.first.pk, "version": 1}),
    ):
        told = answer.json()
        assert answer.status_code in (409, 422)
        assert misfits({name: told[name] for name in problem["properties"]}, problem) == []


def test_the_examples_of_the_documentation_work_when_they_are_pasted(world: ApiWorld) -> None:
    client, program, admins = Client(), Program(world.rep), Program(world.admin, "admin")
    client.force_login(world.rep)
    page = client.get("/api/docs/")
    commands = [each for group in page.context["groups"].values() for each in group]
    tried = 0
    for command in commands:
        if (
            command.method in ("POST", "PATCH")
            and "/deals/{id}/" not in command.address
            and "{id}" not in command.address
        ):
            body = json.loads(re.search(r"-d '(.*)'", command.example)[1])  # type: ignore[index]
            ids = {"deal": world.deal.pk, "stage": world.first.pk}
            asker = admins if command.address == "/api/v1/webhooks/" else program
            answer = asker.post(command.address, {name: ids.get(name, value) for name, value in body.items()})
            assert answer.status_code == 201, f"{command.address}: {answer.content.decode()}"
            tried += 1
    assert tried >= 5


def test_every_example_of_a_body_is_one_that_its_schema_takes(world: ApiWorld) -> None:
    for path, methods in document()["paths"].items():
        for method, operation in methods.items():
            for content in operation.get("requestBody", {}).get("content", {}).values():
                assert content["example"] and misfits(content["example"], content["schema"], f"{method} {path}") == []


def test_the_documentation_needs_no_script_and_asks_who_is_there() -> None:
    client = Client()
    assert client.get("/api/docs/").status_code == 302
    client.force_login(make.user())
    page = client.get("/api/docs/")
    text = page.content.decode()
    assert page.status_code == 200 and "unsafe" not in page.headers["Content-Security-Policy"]
    assert "/api/v1/deals/{id}/move/" in text and not re.search(r"<script(?![^>]*src=)|\sstyle=|\son\w+=", text)


CODE = re.compile(
    r'(?:Problem|Told|self\.tell|view\.tell)\(\s*\d{3},\s*"(\w+)"|code: str = "(not_json)"|code="(object_expected)"'
)


def test_every_problem_is_explained_where_its_type_points_to(world: ApiWorld) -> None:
    root = Path(__file__).resolve().parent.parent
    sources = [path.read_text() for app in ("crm", "leads", "pipeline") for path in (root / app).rglob("*.py")]
    used = {code for text in sources for found in CODE.findall(text) for code in found if code} | {
        "closed",
        "full",
        "not_allowed",
        "refused",
        "stage_gone",
    }
    client = Client()
    client.force_login(world.rep)
    page = client.get("/api/docs/").content.decode()
    assert used == {code for code, _status, _meaning in refusals()}
    assert all(f'id="{code}"' in page for code in used)
    assert Program(world.rep).get("deals/?ownr=1").json()["type"] == "/api/docs/#parameters"
