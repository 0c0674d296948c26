"""Who is at the door: their time zone, what happens when their session has ended, and which addresses are no addresses."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlencode, urlsplit

from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse
from django.shortcuts import resolve_url
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django_htmx.middleware import HtmxDetails

from crm import problems
from crm.models import User
from crm.problems import Told


class Request(HttpRequest):
    """What a page gets that is not public: somebody has signed in. Views say so in their signature."""

    user: User
    htmx: HtmxDetails


Page = Callable[[HttpRequest], HttpResponse]


def readable_address(get_response: Page) -> Page:
    """A NUL in an address reaches no query: PostgreSQL would refuse it, SQLite store it."""

    def page(request: HttpRequest) -> HttpResponse:
        if "%00" in request.META.get("QUERY_STRING", "") or "\x00" in request.path_info:
            why = _("The address contains a NUL character, which nothing here is called by.")
            if problems.for_the_api(request):
                return problems.answer(Told(400, "request", why), request)
            raise BadRequest(why)
        return get_response(request)

    return page


def own_time(get_response: Page) -> Page:
    """Days and hours are those of the reader."""

    def page(request: HttpRequest) -> HttpResponse:
        if request.user.is_authenticated:
            with timezone.override(request.user.zone):
                return get_response(request)
        return get_response(request)

    return page


def sign_in_again(get_response: Page) -> Page:
    """A part of a page cannot show the sign-in: 401, and htmx takes the whole page there, and back afterwards."""

    def page(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        if response.status_code == 302 and request.headers.get("HX-Request") == "true":
            sign_in = resolve_url("sign-in")
            if response.headers["Location"].startswith(sign_in):
                target = f"{sign_in}?{urlencode({'next': _page_of(request)})}"
                return HttpResponse(status=401, headers={"HX-Redirect": target})
        return response

    return page


def _page_of(request: HttpRequest) -> str:
    """The page that asked for the part, if it is one of ours."""
    current = request.headers.get("HX-Current-URL", "")
    if not url_has_allowed_host_and_scheme(current, {request.get_host()}, require_https=request.is_secure()):
        return resolve_url("home")
    parts = urlsplit(current)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path
