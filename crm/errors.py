"""The pages for what cannot be shown: each says what happened and what to do next."""

from __future__ import annotations

from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import BadRequest, RequestDataTooBig, TooManyFilesSent
from django.http import HttpRequest, HttpResponse, HttpResponseServerError
from django.shortcuts import render
from django.template import loader
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _
from django.views.decorators.csrf import requires_csrf_token

from crm import problems
from crm.problems import Told

# Of a form that came too late, at most this many characters are handed back.
LONGEST_TEXT = 100_000


@requires_csrf_token
def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    if problems.for_the_api(request):
        return problems.answer(Told(400, "request", _("This request cannot be understood.")), request)
    # BadRequest is raised by our own pages, in words; what Django itself found suspicious is not told.
    words = str(exception) if isinstance(exception, BadRequest) else ""
    too_much = isinstance(exception, RequestDataTooBig | TooManyFilesSent)
    if too_much:
        limits = {"files": settings.DATA_UPLOAD_MAX_NUMBER_FILES, "size": filesizeformat(settings.LARGEST_FILE)}
        words = _("That was too much at once. Send at most %(files)s files, each of up to %(size)s.") % limits
    return render(request, "400.html", {"words": words}, status=413 if too_much else 400)


@requires_csrf_token
def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    if problems.for_the_api(request):
        return problems.answer(Told(403, "forbidden", _("You may see this, and not do that.")), request)
    return render(request, "403.html", {"words": str(exception or "")}, status=403)


@requires_csrf_token
def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    if problems.for_the_api(request):
        return problems.answer(Told(404, "not_found", _("There is nothing here that you may see.")), request)
    return render(request, "404.html", status=404)


@requires_csrf_token
def server_error(request: HttpRequest) -> HttpResponse:
    if problems.for_the_api(request):
        return problems.answer(Told(500, "server_error", _("Something went wrong here; it is written down.")), request)
    # Without context processors: the database may be what is broken.
    return HttpResponseServerError(loader.render_to_string("500.html"))


@requires_csrf_token
def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """A form without a valid token: older than the session, or not ours. Only a form of ours is offered again."""
    text = [(name, value) for name in request.POST for value in request.POST.getlist(name)]
    kept = [(name, value) for name, value in text if name != "csrfmiddlewaretoken" and "password" not in name]
    small = sum(len(value) for _name, value in kept) <= LONGEST_TEXT
    again = (
        _is_ours(request)
        and small
        and not request.FILES
        and len(kept) == len(text) - ("csrfmiddlewaretoken" in request.POST)
    )
    context = {"kept": kept if again else [], "again": again, "title": _("This page was open for too long")}
    return render(request, "403_csrf.html", context, status=403)


def _is_ours(request: HttpRequest) -> bool:
    """Whether the form stood on a page of this site. A stranger's form must not become one click."""
    origin = request.headers.get("Origin") or request.headers.get("Referer", "")
    parts = urlsplit(origin)
    return parts.netloc == request.get_host() and parts.scheme == ("https" if request.is_secure() else "http")
