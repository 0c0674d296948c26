"""The description of the API in OpenAPI 3.1, made from the views themselves: what they take is what it says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from http import HTTPStatus
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver
from django.utils.translation import gettext as _

from crm.api.asking import LARGEST_PAGE, PAGE
from crm.api.description import Described
from crm.api.resources import ListView, ObjectView
from crm.api.shapes import Shape
from crm.api.views import ApiView
from crm.problems import CONTENT_TYPE

BASE = "api/v1/"
ALWAYS = (400, 401, 403, 406, 414, 429)
KEYED = (409, 413, 415, 422)
JSON = "application/json"
IF_MATCH = r'^(\*|(W/)?"[!#-~]*"(, (W/)?"[!#-~]*")*)$'


@cache
def document() -> dict[str, Any]:
    shapes: dict[str, Any] = {}
    paths: dict[str, Any] = {}
    for route, view in sorted(routes(), key=lambda pair: pair[0]):
        address = "/" + re.sub(r"<int:(\w+)>", lambda found: "{" + _argument(found[1]) + "}", route)
        methods = {
            method: _operation(method, address, view, described, shapes) for method, described in view.described.items()
        }
        paths[address] = methods
    return {
        "openapi": "3.1.0",
        "info": {"title": "Stagecraft", "version": "1", "description": _introduction()},
        "servers": [{"url": "/"}],
        "security": [{"bearer": []}],
        "paths": paths,
        "components": {
            "schemas": {**dict(sorted(shapes.items())), "Problem": _problem()},
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        },
    }


def _introduction() -> str:
    return _(
        "Everything that the pages do, through the same rules: a deal enters a stage only through its conditions."
        " Send a token as “Authorization: Bearer …”; make one on your profile or with “manage.py token”."
    )


def routes(patterns: Any = None, prefix: str = "") -> Iterator[tuple[str, type[ApiView]]]:
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver) and (BASE.startswith(route) or route.startswith(BASE)):
            yield from routes(pattern.url_patterns, route)
        elif isinstance(pattern, URLPattern) and route.startswith(BASE):
            view = getattr(pattern.callback, "view_class", None) or getattr(pattern.callback, "cls", None)
            if view is not None:
                yield route, view


def _argument(name: str) -> str:
    return "id" if name == "pk" else name


def _operation(
    method: str, address: str, view: type[ApiView], described: Described, shapes: dict[str, Any]
) -> dict[str, Any]:  # fmt: skip
    resource = address.removeprefix(f"/{BASE}").split("/")[0]
    writes = method != "get"
    found: dict[str, Any] = {
        "operationId": f"{method}_{re.sub(r'[^a-z]+', '_', address.removeprefix(f'/{BASE}')).strip('_')}",
        "summary": described.summary,
        "tags": [resource],
        "parameters": _parameters(address, view, described, writes),
        "responses": _responses(address, described, writes, shapes),
    }
    if described.says:
        found["description"] = described.says
    if described.takes is not None:
        example = described.changes or described.takes.example
        content = {"schema": _taken(described.takes, partial=method == "patch"), "example": example}
        found["requestBody"] = {"required": True, "content": {JSON: content}}
    return found


def _parameters(address: str, view: type[ApiView], described: Described, writes: bool) -> list[dict[str, Any]]:
    found = [
        _parameter(name, "path", {"type": "integer", "minimum": 1}, required=True)
        for name in re.findall(r"{(\w+)}", address)
    ]
    shape = getattr(view, "shape", None)
    if described.many and issubclass(view, ListView):
        found += [_parameter(name, "query", each.schema, each.says) for name, each in view.filters.items()]
        found += _paging(view)
    if not writes and shape is not None and issubclass(view, ListView | ObjectView):
        known = "|".join(shape.parts())
        pattern = f"^({known})(,({known}))*$"
        found.append(_parameter("fields", "query", {"type": "string", "pattern": pattern}, _("Show these only.")))
    for name, (schema, says) in described.parameters.items():
        found.append(_parameter(name, "query", schema, says, required=name in described.required))
    if described.versioned:
        says = _("The ETag that you read, or * for whatever version.")
        found.append(_parameter("If-Match", "header", {"type": "string", "pattern": IF_MATCH}, says, required=True))
    if writes:
        says = _("Sent again with the same key, the request acts once and is answered the same, for 7 days.")
        key = {"type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[!-~]+$"}
        found.append(_parameter("Idempotency-Key", "header", key, says))
    return found


def _paging(view: type[ListView]) -> list[dict[str, Any]]:
    orders = [*view.orders, *(f"-{each}" for each in view.orders)]
    size = {"type": "integer", "minimum": 1, "default": PAGE}
    most = _("Rows of a page; at most %(count)d are given.") % {"count": LARGEST_PAGE}
    return [
        _parameter("ordering", "query", {"type": "string", "enum": orders, "default": view.order}),
        _parameter("cursor", "query", {"type": "string"}, _("From “next” or “previous”.")),
        _parameter("page_size", "query", size, most),
        _parameter("limit", "query", size, _("The same as page_size.")),
        _parameter("count", "query", {"type": "string", "enum": ["0", "1"]}, _("1 adds how many rows there are.")),
    ]


def _parameter(
    name: str, place: str, schema: dict[str, Any], says: str = "", required: bool = False
) -> dict[str, Any]:  # fmt: skip
    found = {"name": name, "in": place, "required": required, "schema": schema}
    return found | {"description": str(says)} if says else found


def _responses(address: str, described: Described, writes: bool, shapes: dict[str, Any]) -> dict[str, Any]:
    content = {} if described.status == 204 else {"content": {JSON: {"schema": _given(described, shapes)}}}
    found: dict[str, Any] = {str(described.status): {"description": HTTPStatus(described.status).phrase, **content}}
    if writes and described.versioned and described.status != 204:
        found["204"] = {"description": _("Done; you no longer see it.")}
    statuses = {*ALWAYS, *described.also, *((404,) if "{" in address else ()), *(KEYED if writes else ())}
    statuses |= {412, 428} if described.versioned else set()
    for status in sorted(statuses):
        problem = {"schema": {"$ref": "#/components/schemas/Problem"}}
        found[str(status)] = {"description": HTTPStatus(status).phrase, "content": {CONTENT_TYPE: problem}}
    # A first line of more than 8,190 characters is refused by the web server, before we see it.
    found["414"]["content"]["text/html"] = {"schema": {"type": "string"}}
    return found


def _given(described: Described, shapes: dict[str, Any]) -> dict[str, Any]:
    gives = described.gives
    if isinstance(gives, dict):
        return gives
    if gives is None:
        return {}
    reference = shown(gives, shapes)
    if not described.many:
        return reference
    cursor = {"type": ["string", "null"], "format": "uri"}
    properties = {"next": cursor, "previous": cursor, "results": {"type": "array", "items": reference}}
    return {
        "type": "object",
        "properties": {**properties, "count": {"type": "integer"}},
        "required": list(properties),
    }


def shown(shape: type[Shape], shapes: dict[str, Any]) -> dict[str, Any]:
    """A reference to how this shape is shown; with `fields=` some of it is left out."""
    name = shape.__name__.removesuffix("Shape")
    if name not in shapes:
        parts = {key: part for key, part in shape.parts().items() if not part.write_only}
        properties = {key: part.shown() for key, part in parts.items()}
        shapes[name] = {"type": "object", "properties": properties}
    return {"$ref": f"#/components/schemas/{name}"}


def _taken(shape: type[Shape], *, partial: bool) -> dict[str, Any]:
    parts = {name: part for name, part in shape.parts().items() if not part.read_only}
    required = [] if partial else [name for name, part in parts.items() if part.required]
    found = {
        "type": "object",
        "properties": {name: part.schema() for name, part in parts.items()},
        "additionalProperties": False,
    }
    return found | {"required": required} if required else found


def _problem() -> dict[str, Any]:
    texts = {name: {"type": "string"} for name in ("type", "title", "code", "detail", "request_id")}
    fault = {name: {"type": "string"} for name in ("field", "code", "message")}
    errors = {"type": "array", "items": {"type": "object", "properties": fault, "required": list(fault)}}
    properties = {**texts, "status": {"type": "integer"}, "errors": errors}
    return {"type": "object", "properties": properties, "required": list(properties)}
