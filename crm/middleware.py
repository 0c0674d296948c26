"""What happens around every page: a log line, headers that keep pages private, sessions that end."""

import logging
import time
import uuid
from collections.abc import Callable
from datetime import datetime

from django.conf import settings
from django.contrib.auth import logout
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, HttpResponseNotFound
from django.utils import timezone
from django.utils.cache import patch_vary_headers

from crm import opened, search
from crm.errors import not_found

Page = Callable[[HttpRequest], HttpResponse]

logger = logging.getLogger("crm.request")
# How stale the time of the last visit may be: a write a page would take SQLite's only write lock for nothing.
LAST_SEEN_STEP = 5 * 60
NOT_OPENED = ("HX-Request", "Sec-Purpose")
# A board that is open on an empty desk is no visit.
ASKED_BY_SCRIPTS = ("/stream/", "/changes/", "/cards/")


def request_line(get_response: Page) -> Page:
    """One line a request. The route is logged, never the path with its ids and search words; the user is a number."""

    def page(request: HttpRequest) -> HttpResponse:
        started = time.perf_counter()
        request_id = uuid.uuid4().hex
        request.META["stagecraft.request_id"] = request_id
        response = get_response(request)
        if request.path_info.startswith(settings.STATIC_URL):
            return response
        response.headers.setdefault("X-Request-ID", request_id)
        match = request.resolver_match
        logger.info(
            "request",
            extra={
                "fields": {
                    "method": request.method,
                    "route": f"/{match.route}" if match else "(none)",
                    "status": response.status_code,
                    "ms": round((time.perf_counter() - started) * 1000, 1),
                    "user": _user_id(request),
                    "request": request_id,
                }
            },
        )
        return response

    return page


def own_page_not_found(get_response: Page) -> Page:
    """With DEBUG Django answers by listing every address there is: not what somebody who tries the product should meet."""

    def page(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        return not_found(request) if settings.DEBUG and type(response) is HttpResponseNotFound else response

    return page


def _user_id(request: HttpRequest) -> int | None:
    # Only when a page has asked who is there already: a log line is not worth a query.
    user = getattr(request, "_cached_user", None)
    return user.pk if user is not None else None


def private_pages(get_response: Page) -> Page:
    """No page stays in a cache, unless its view says how; a fragment for htmx is never taken for the whole page."""

    def page(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        response.headers.setdefault("Cache-Control", "no-store")
        response.headers.setdefault("Permissions-Policy", settings.PERMISSIONS_POLICY)
        patch_vary_headers(response, ["HX-Request"])
        return response

    return page


def session_age(get_response: Page) -> Page:
    """Ends a session after 12 hours without a visit, and after 14 days in any case."""

    def page(request: HttpRequest) -> HttpResponse:
        # Asking for the key does not load the session, and a visitor without one needs no query.
        if request.session.session_key and request.user.is_authenticated:
            now = timezone.now()
            started = _time(request, "started") or now
            seen = _time(request, "seen") or now
            if now - seen > settings.SESSION_IDLE or now - started > settings.SESSION_ABSOLUTE:
                logout(request)
            elif not request.path_info.endswith(ASKED_BY_SCRIPTS) and (
                "seen" not in request.session or (now - seen).total_seconds() > LAST_SEEN_STEP
            ):
                request.session["started"] = started.isoformat()
                request.session["seen"] = now.isoformat()
        return get_response(request)

    return page


def opened_last(get_response: Page) -> Page:
    """Notes which record somebody opened; a part of a page, or a page fetched ahead of a click, is no opening."""

    def page(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        match = request.resolver_match
        kind = match.url_name if match else None
        whole = request.method == "GET" and not any(name in request.headers for name in NOT_OPENED)
        if match and kind in search.kinds() and whole and response.status_code == 200:
            _note_opened(request, str(kind), match.kwargs["pk"])
        return response

    return page


def _note_opened(request: HttpRequest, kind: str, pk: int) -> None:
    try:
        opened.note(request.user, kind, pk)  # type: ignore[arg-type]
    except DatabaseError:  # a page that can be read is worth more than the note that it was
        logger.warning("An opening could not be noted.", exc_info=True)


def _time(request: HttpRequest, key: str) -> datetime | None:
    value = request.session.get(key)
    return datetime.fromisoformat(value) if value else None
