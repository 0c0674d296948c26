"""One line of My day, drawn again from the database after something was done on it."""

from __future__ import annotations

from urllib.parse import urlsplit

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django_htmx.http import reswap, retarget, trigger_client_event

from crm.visitors import Request
from pipeline import my_day
from pipeline.board.order import Moment
from pipeline.models import Task
from pipeline.my_day import LOOK, ORDER, TODAY, Line
from pipeline.views.boards import deals_at


def asked_from(request: Request) -> bool:
    """Whether the page on the screen is My day."""
    return bool(request.htmx) and urlsplit(request.headers.get("HX-Current-URL", "")).path == reverse("my-day")


def section_of(request: Request, task: Task) -> str:
    """Where the line of this task stands: ask before it is changed."""
    return my_day.section_of(task.due_at, Moment.of(request.user, timezone.now()))


def show(
    request: Request, deal_id: int | None, *, task_id: int = 0, said: str = "", was: str = ""
) -> HttpResponse:  # fmt: skip
    """`was` is the section it stood in; without, it stays where it can be worked on.

    What is left for a later section has done its work here: it says so, and stays until the page is opened again.
    """
    day = my_day.read(request.user, touched=[deal_id] if deal_id else [], team=False)
    key = f"deal-{deal_id}" if f"deal-{deal_id}" in day.lines else f"task-{task_id}"
    line = day.lines.get(key)
    settled = line is None or _is_settled(line, was)
    context = {
        "day": day, "line": line, "key": key, "settled": settled, "said": said, "deals_at": deals_at(),
        "tasks_at": reverse("tasks"), "here": reverse("my-day"),
    }  # fmt: skip
    answer = render(request, "pipeline/day/line.html", context)
    answer = trigger_client_event(answer, "day:drawn", {"key": key, "settled": settled}, after="swap")
    return reswap(retarget(answer, f"#day-{key}"), "outerHTML")


def _is_settled(line: Line, was: str) -> bool:
    if line.lacks_step:
        return False
    if not was or was == LOOK:
        return line.task is None and not line.reasons
    return ORDER.index(line.section) > max(ORDER.index(was), ORDER.index(TODAY))
