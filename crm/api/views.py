"""The frame of every view of the API: how a request is read, when it may act, and how each error is told."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any, cast

from django.core.exceptions import (
    BadRequest,
    PermissionDenied,
    RequestDataTooBig,
    SuspiciousOperation,
    TooManyFieldsSent,
    ValidationError,
)
from django.db import transaction
from django.http import Http404
from django.utils import timezone
from django.utils.translation import gettext as _
from rest_framework import exceptions
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from crm import answers, problems
from crm.api import reader
from crm.api.access import Bearer, PerToken, ScopeFits, rate_headers
from crm.api.asking import LONGEST_ADDRESS, Asked, Filter, read_address
from crm.api.description import Described
from crm.api.shapes import BIGGEST_ID, Shape, shown_amount, shown_moment
from crm.models import User
from crm.problems import Problem, Told

KEY = re.compile(r"[\x21-\x7e]{1,200}")
TAG = re.compile(r'(W/)?"[\x21\x23-\x7e]*"')


def plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return shown_moment(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return shown_amount(value)
    return str(value)  # a text that waits for its language


class Json(BaseRenderer):
    media_type = "application/json"
    format = "json"
    charset = None

    def render(self, data: Any, accepted_media_type: str | None = None, renderer_context: Any = None) -> bytes:
        return b"" if data is None else json.dumps(data, default=plain, ensure_ascii=False).encode()


class ApiView(APIView):
    authentication_classes = [Bearer]
    permission_classes = [ScopeFits]
    throttle_classes = [PerToken]
    renderer_classes = [Json]
    parser_classes = []
    http_method_names = ["get", "head", "post", "patch", "delete"]
    described: dict[str, Described] = {}
    """By method: what the documentation says."""

    @property
    def user(self) -> User:
        return cast(User, self.request.user)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        if len(request.META.get("QUERY_STRING", "")) > LONGEST_ADDRESS:
            detail = _("An address has at most %(count)d characters.") % {"count": LONGEST_ADDRESS}
            raise Problem(414, "address_too_long", detail)
        super().initial(request, *args, **kwargs)
        if any(isinstance(value, int) and value > BIGGEST_ID for value in kwargs.values()):
            raise Http404
        timezone.activate(self.user.zone)  # days in sentences are those of the token's owner

    def dispatch(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().dispatch(request, *args, **kwargs)
        finally:
            timezone.deactivate()

    def finalize_response(self, request: Any, response: Any, *args: Any, **kwargs: Any) -> Any:
        for name, value in rate_headers(request).items():
            response.headers[name] = value
        return super().finalize_response(request, response, *args, **kwargs)

    # --- What was sent

    def body(self) -> dict[str, Any]:
        """The object in the body. Raises Problem 400, 413 or 415."""
        kind, *parameters = [part.strip().lower() for part in self.request.META.get("CONTENT_TYPE", "").split(";")]
        charsets = [each.partition("=")[2].strip('"') for each in parameters if each.startswith("charset")]
        raw = self.sent()
        if len(raw) > reader.LARGEST:
            raise RequestDataTooBig
        if raw.strip() and (
            kind != "application/json" or any(charset not in ("utf-8", "utf8") for charset in charsets)
        ):
            raise Problem(415, "media_type", _("Send JSON in UTF-8: “Content-Type: application/json”."))
        return reader.read_object(raw)

    def no_body(self) -> None:
        """The address says it all: nothing is sent, or an object without fields."""
        if self.sent().strip():
            Shape().values(self.body())

    def sent(self) -> bytes:
        body: bytes = self.request._request.body
        return body

    def asked(self, filters: Mapping[str, Filter] | None = None, **options: Any) -> Asked:
        return read_address(self.request._request.GET, filters=filters or {}, **options)

    # --- Acting once, and on what was read

    def once(self, act: Callable[[], Response], secret: str = "") -> Response:
        """With an Idempotency-Key, a request that was answered is answered the same again and does nothing more.

        What was refused before anything was written (4xx by exception) is judged anew. `secret` names what is shown a
        single time and kept nowhere: the second answer has null there.
        """
        key = self.request.headers.get("Idempotency-Key")
        if key is None:
            return act()
        if not KEY.fullmatch(key):
            raise Problem(400, "key", _("An Idempotency-Key has 1 to 200 printable characters without space."))
        with transaction.atomic():
            try:
                row, new = answers.claim(self.user, key, self._fingerprint())
            except answers.Running as running:
                detail = _("The first request with this key is not answered yet.")
                raise Problem(409, "running", detail, headers={"Retry-After": "1"}) from running
            if not new:
                return self._again(row)
            response = act()
            kept = {name: response.headers[name] for name in ("ETag", "Location") if name in response.headers}
            told = {**response.data, secret: None} if secret and response.status_code < 300 else response.data
            answers.keep(row, response.status_code, kept, json.dumps(told, default=plain))
            return response

    def _fingerprint(self) -> str:
        head = f"{self.request.method} {self.request.get_full_path()}\n"
        return hashlib.sha256(head.encode() + self.sent()).hexdigest()

    def _again(self, row: Any) -> Response:
        if row.asked != self._fingerprint():
            raise Problem(422, "key_reused", _("This Idempotency-Key was used for another request."))
        headers = {**row.headers, "Idempotency-Replayed": "true"}
        kind = problems.CONTENT_TYPE if row.status >= 400 else None
        return Response(json.loads(row.body), status=row.status, headers=headers, content_type=kind)

    def precondition(self) -> set[str] | None:
        """The tags that If-Match names; None for “*”, whatever version there is."""
        given = self.request.headers.get("If-Match")
        if given is None:
            detail = _("Say which version you change: send the ETag that you read as If-Match, or “*” for any.")
            raise Problem(428, "precondition_required", detail)
        if given.strip() == "*":
            return None
        tags = [each.strip() for each in given.split(",")]
        if not all(TAG.fullmatch(each) for each in tags):
            raise Problem(400, "if_match", _('If-Match is an ETag in its quotes, such as "3", or “*”.'))
        return set(tags)

    def tell(self, status: int, code: str, detail: str, **more: Any) -> Response:
        """An outcome that is no exception: what led to it stays written."""
        told = Told(status, code, detail, more=more)
        return Response(problems.body(told, self.request), status=status, content_type=problems.CONTENT_TYPE)

    # --- Errors

    def handle_exception(self, exc: Exception) -> Response:
        told = told_of(exc, self)
        if told is None:
            raise exc
        response = Response(
            problems.body(told, self.request), status=told.status, headers=dict(told.headers),
            content_type=problems.CONTENT_TYPE,
        )  # fmt: skip
        response.exception = True
        return response


def tag_of(version: int) -> str:
    return f'"{version}"'


def tag_of_content(data: Any) -> str:
    """Of what has no version of its own."""
    return f'"{hashlib.sha256(json.dumps(data, default=plain).encode()).hexdigest()[:16]}"'


def told_of(error: Exception, view: ApiView) -> Told | None:
    """None for what nobody foresaw."""
    if isinstance(error, Problem):
        return error.told
    if isinstance(error, ValidationError):
        detail = _("Something in what was sent is wrong; each fault is named.")
        return Told(400, "invalid", detail, problems.faults_of(error))
    if isinstance(error, Http404):
        return Told(404, "not_found", _("There is nothing here that you may see."))
    if isinstance(error, PermissionDenied | exceptions.PermissionDenied):
        return Told(403, "forbidden", _("You may see this, and not do that."))
    if isinstance(error, RequestDataTooBig):
        return Told(413, "too_large", _("A body has at most %(count)d bytes.") % {"count": reader.LARGEST})
    if isinstance(error, exceptions.MethodNotAllowed):
        allowed = ", ".join(view.allowed_methods)
        return Told(
            405, "method", _("Only %(methods)s can be done here.") % {"methods": allowed}, headers={"Allow": allowed}
        )
    if isinstance(error, exceptions.NotAcceptable):
        return Told(406, "not_acceptable", _("Answers are JSON: “Accept: application/json”."))
    if isinstance(error, exceptions.Throttled):
        wait = str(max(1, round(getattr(error, "wait", None) or 1)))
        return Told(429, "too_many", _("Too many requests of this token in a minute."), headers={"Retry-After": wait})
    if isinstance(error, BadRequest):  # raised by our own code, in words
        return Told(400, "parameters", str(error))
    if isinstance(error, TooManyFieldsSent | SuspiciousOperation | exceptions.ParseError):
        return Told(400, "request", _("This request cannot be understood."))
    return None
