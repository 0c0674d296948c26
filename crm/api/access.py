"""Who asks: a bearer token, nothing else; what its scope lets it do; and how often it may ask."""

from __future__ import annotations

import math
import time
from typing import Any, cast

from django.conf import settings
from django.core.cache import cache
from django.utils.translation import gettext as _
from rest_framework.authentication import BaseAuthentication
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

from crm import tokens
from crm.models import ApiToken, User
from crm.problems import Problem

SAFE = {"GET", "HEAD"}
WINDOW = 60
"""Seconds."""


class Bearer(BaseAuthentication):
    """From the header alone: an address is written into logs and histories, a session is for people."""

    def authenticate(self, request: Request) -> tuple[User, ApiToken]:
        kind, _space, value = request.headers.get("Authorization", "").partition(" ")
        if kind.lower() != "bearer" or not value.strip():
            raise _unknown(_("Send a token: “Authorization: Bearer sc_…”. You make one on your profile."))
        token = tokens.authenticate(value.strip())
        if token is None:
            raise _unknown(_("This token is not known, or no longer in use."), 'error="invalid_token"')
        # The line in the log names the user, as it does for pages.
        request._request._cached_user = token.user  # type: ignore[attr-defined]
        return token.user, token


def _unknown(detail: str, why: str = "") -> Problem:
    challenge = 'Bearer realm="Stagecraft"' + (f", {why}" if why else "")
    return Problem(401, "unauthenticated", detail, headers={"WWW-Authenticate": challenge})


class ScopeFits(BasePermission):
    def has_permission(self, request: Request, view: APIView) -> bool:
        offered = request.method in view.allowed_methods  # what is not offered is answered with 405
        if offered and request.method not in SAFE and token_of(request).scope == ApiToken.Scope.READ:
            raise too_narrow(_("This token may only read; make one with the scope “write”."), "write")
        return True


def token_of(request: Request) -> ApiToken:
    return cast(ApiToken, request.auth)


def too_narrow(detail: str, needed: str) -> Problem:
    return Problem(403, "scope", detail, scope_needed=needed)


def require_admin_scope(request: Request, detail: str) -> None:
    if token_of(request).scope != ApiToken.Scope.ADMIN:
        raise too_narrow(detail, "admin")


class PerToken(BaseThrottle):
    """Requests of one token in one minute, counted in the cache by one atomic step.

    Not in the database: there each request that only reads would be a write, on SQLite under its one write lock.
    Without Redis the cache is each web process's own, so that several of them let through as many times more. When
    Redis is away nobody is held up, and for half a minute nobody asks it again.
    """

    away_until = 0.0

    def allow_request(self, request: Request, view: APIView) -> bool:
        limit, now = settings.API_REQUESTS_PER_MINUTE, time.time()
        if not limit or not request.auth:
            return True
        self.wait_for = WINDOW - now % WINDOW
        used = self._count(f"api:{request.auth.pk}:{int(now // WINDOW)}")
        request._request.META["stagecraft.rate"] = (limit, max(0, limit - used), math.ceil(self.wait_for))
        return used <= limit

    def _count(self, key: str) -> int:
        if time.monotonic() < PerToken.away_until:
            return 0
        try:
            cache.add(key, 0, 2 * WINDOW)
            return cache.incr(key)
        except ValueError:  # thrown out between the two
            return 1
        except Exception:
            PerToken.away_until = time.monotonic() + WINDOW / 2
            return 0

    def wait(self) -> float:
        return self.wait_for


def rate_headers(request: Any) -> dict[str, str]:
    rate = request.META.get("stagecraft.rate")
    names = ("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")
    return dict(zip(names, map(str, rate), strict=True)) if rate else {}
