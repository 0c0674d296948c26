"""The door to one's own calendar address. It is shown once, in the answer that made it."""

from __future__ import annotations

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from crm import feeds
from crm.models.audit import Via
from crm.visitors import Request


@require_http_methods(["GET", "HEAD", "POST"])
def calendar_address(request: Request) -> HttpResponse:
    address = ""
    if request.method == "POST":
        secret = feeds.make(request.user, by=request.user, via=Via.PAGE)
        address = f"{settings.SITE_URL}{reverse('calendar-feed', args=[secret])}"
    return render(request, "account/calendar.html", {"address": address, "feed": feeds.of(request.user)})


@require_POST
def calendar_revoke(request: Request) -> HttpResponse:
    feeds.revoke(request.user, by=request.user, via=Via.PAGE)
    messages.success(request, _("The address no longer works."))
    return redirect("calendar-address")
