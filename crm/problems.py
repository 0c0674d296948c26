"""What went wrong, as a program is told it: problem details of RFC 9457, the same shape for every refusal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.http import HttpRequest, JsonResponse

CONTENT_TYPE = "application/problem+json"
API = "/api/"
DOCS = "/api/docs/"


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong with what was sent. `field` is empty for the whole."""

    field: str
    code: str
    message: str

    def shown(self) -> dict[str, str]:
        return {"field": self.field, "code": self.code, "message": self.message}


@dataclass(frozen=True)
class Told:
    """`more` are further members, such as the record as it is now."""

    status: int
    code: str
    detail: str
    faults: tuple[Fault, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    more: Mapping[str, Any] = field(default_factory=dict)


class Problem(Exception):
    """Ends a request with this answer; nothing that it wrote stays."""

    def __init__(self, status: int, code: str, detail: str, *faults: Fault, **more: Any) -> None:
        super().__init__(detail)
        headers: Mapping[str, str] = more.pop("headers", {})
        self.told = Told(status, code, detail, faults, headers, more)


def for_the_api(request: HttpRequest) -> bool:
    return request.path_info.startswith(API) and request.path_info != DOCS


def body(told: Told, request: HttpRequest) -> dict[str, Any]:
    return {
        "type": f"{DOCS}#{told.code}",
        "title": HTTPStatus(told.status).phrase,
        "status": told.status,
        "code": told.code,
        "detail": told.detail,
        "errors": [fault.shown() for fault in told.faults],
        "request_id": request.META.get("stagecraft.request_id", ""),
        **told.more,
    }


def answer(told: Told, request: HttpRequest) -> JsonResponse:
    """For what fails before or outside of a view of the API."""
    return JsonResponse(
        body(told, request), status=told.status, content_type=CONTENT_TYPE, headers=dict(told.headers),
        json_dumps_params={"ensure_ascii": False},
    )  # fmt: skip


def faults_of(error: ValidationError, under: str = "") -> tuple[Fault, ...]:
    """What a rule refused, field by field."""
    if not hasattr(error, "error_dict"):
        return tuple(Fault(under, each.code or "invalid", " ".join(each.messages)) for each in error.error_list)
    found: list[Fault] = []
    for name, errors in error.error_dict.items():
        where = under if name == NON_FIELD_ERRORS else name
        found += [Fault(where, each.code or "invalid", " ".join(each.messages)) for each in errors]
    return tuple(found)
