"""The door to the list of all tasks."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from crm.paging import page_of
from crm.visitors import Request
from pipeline.forms import task_filters
from pipeline.forms.bulk_tasks import kinds
from pipeline.task_list import COLUMNS, TaskFilters, TaskListing
from pipeline.views.bulk_messages import tell_finished
from pipeline.views.deal_list import changed


@require_GET
def page(request: Request) -> HttpResponse:
    form = task_filters.read(request.GET, request.user)
    filters = form.filters()
    tell_finished(request)
    shown = page_of(request, TaskListing(request.user, filters, timezone.now()))
    context = {
        "form": form, "filters": filters, "page": shown, "heads": _heads(request, filters), "here": request.get_full_path(),
        "kinds": kinds(request.user),
    }  # fmt: skip
    return render(request, "pipeline/task_list/page.html", context)


@dataclass(frozen=True)
class Head:
    """A column's head: where a click leads, and which way it is sorted now, in the words of `aria-sort`."""

    name: str
    label: str
    query: str
    now: str


def _heads(request: Request, filters: TaskFilters) -> list[Head]:
    query = changed(request.GET.urlencode(), page="")
    return [
        Head(
            name,
            str(label),
            changed(query, sort=f"-{name}" if filters.sort == name else name),
            {name: "ascending", f"-{name}": "descending"}.get(filters.sort, ""),
        )
        for name, label in COLUMNS.items()
    ]
