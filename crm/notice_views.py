"""The bell: how many notices are unread, the list of them, and going where one leads."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_POST

from crm import notices
from crm.paging import page_of
from crm.visitors import Request


@require_GET
def page(request: Request) -> HttpResponse:
    shown = page_of(request, notices.of(request.user))
    rows = [
        {"notice": notice, "words": notices.words(notice), "icon": notices.icon(notice)} for notice in shown.object_list
    ]
    context = {"page": shown, "rows": rows, "unread": notices.unread(request.user)}
    return render(request, "notices.html", context)


@require_GET
def count(request: Request) -> HttpResponse:
    return render(request, "_notices_count.html", {"count": notices.unread(request.user)})


@require_POST
def follow_link(request: Request, pk: int) -> HttpResponse:
    """Read, and on to what it tells of."""
    notice = get_object_or_404(notices.of(request.user), pk=pk)
    notices.read(request.user, notice)
    return redirect(notice.address)


@require_POST
def read_all(request: Request) -> HttpResponse:
    notices.read_all(request.user)
    return redirect("notices")
