"""The door to My day."""

from __future__ import annotations

from django.core.exceptions import BadRequest
from django.http import HttpResponse, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from crm.visitors import Request
from pipeline import my_day
from pipeline.my_day import MOST, ORDER, SHOWN
from pipeline.views.boards import deals_at, number
from pipeline.views.bulk_messages import tell_finished


@require_GET
def page(request: Request) -> HttpResponse:
    """`?overdue=100` shows so many lines of that section."""
    shown = _shown(request.GET)
    tell_finished(request)
    day = my_day.read(request.user, shown=shown)
    context = {
        "day": day, "more": {section.key: _more(shown, section.key) for section in day.sections}, "deals_at": deals_at(),
        "tasks_at": reverse("tasks"), "here": request.get_full_path(),
    }  # fmt: skip
    return render(request, "pipeline/day/page.html", context)


def _shown(data: QueryDict) -> dict[str, int]:
    for name in data:
        if name not in ORDER:
            raise BadRequest(_("My day has no section “%(name)s”.") % {"name": name[:40]})
    return {name: number(data, name, SHOWN, MOST, least=1) for name in data}


def _more(shown: dict[str, int], key: str) -> str:
    """The address with more lines of a section."""
    query = QueryDict(mutable=True)
    for name, lines in {**shown, key: min(MOST, shown.get(key, SHOWN) + SHOWN)}.items():
        query[name] = str(lines)
    return query.urlencode()
