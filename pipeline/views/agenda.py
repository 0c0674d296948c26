"""A private calendar address: read by programs, which show no session and no name."""

from __future__ import annotations

import hashlib

from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.cache import get_conditional_response
from django.utils.http import quote_etag
from django.views.decorators.http import require_safe

from crm import feeds
from pipeline import agenda


@login_not_required
@require_safe
def feed(request: HttpRequest, secret: str) -> HttpResponse:
    """404 for an address that was never there, was ended, or is of somebody who left: the same answer for all."""
    user = feeds.user_of(secret)
    if user is None:
        raise Http404
    body = agenda.of(user)
    etag = quote_etag(hashlib.sha256(body).hexdigest()[:32])
    response = HttpResponse(body, content_type="text/calendar; charset=utf-8")
    response.headers["ETag"], response.headers["Cache-Control"] = etag, "private, no-cache"
    response.headers["Content-Disposition"] = 'inline; filename="stagecraft.ics"'
    return get_conditional_response(request, etag=etag, response=response) or response
