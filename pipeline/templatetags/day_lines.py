"""Lines of My day, drawn by Jinja2 within a page of Django's templates."""

from __future__ import annotations

from collections.abc import Sequence

from django import template
from django.template import engines
from django.urls import reverse
from django.utils.translation import gettext as _
from markupsafe import Markup

from crm.templatetags.ui import icon
from pipeline.my_day import Line

register = template.Library()

TINTS = {
    "woke": "is-accent", "none": "is-overdue", "ready": "is-met", "over": "is-over", "idle": "is-idle",
    "late": "is-overdue", "paused": "is-idle",
}  # fmt: skip


class _Icons(dict[str, Markup]):
    """Each drawn once for all lines."""

    def __missing__(self, name: str) -> Markup:
        self[name] = Markup(icon(name))  # noqa: S704  (from our own template)
        return self[name]


@register.simple_tag
def day_line(line: Line, deals_at: str, tasks_at: str, here: str, csrf_token: str) -> Markup:
    return day_lines([line], deals_at, tasks_at, here, csrf_token)


@register.simple_tag
def day_lines(lines: Sequence[Line], deals_at: str, tasks_at: str, here: str, csrf_token: str) -> Markup:
    context = {
        "lines": lines, "deals_at": deals_at, "tasks_at": tasks_at, "here": here, "organizations_at": reverse("organizations"),
        "csrf_token": csrf_token,
        "words": _words(), "tints": TINTS, "icon": _Icons().__getitem__,
    }  # fmt: skip
    # What Jinja2 returns has every value escaped.
    return Markup(engines["jinja2"].get_template("pipeline/day_lines.html").render(context))  # noqa: S704


def _words() -> dict[str, str]:
    return {
        "done": _("Done"),
        "overdue": _("Overdue"),
        "required": _("required"),
        "rest": _("more to do on this deal"),
        "nothing": _("Nothing to do"),
        "chance": _("Chance to win in this stage"),
        "no_deal": _("Of no deal that you see"),
        "move": _("Move to"),
        "plan": _("Plan the next step"),
        "log": _("Log"),
        "snooze": _("Snooze"),
        "skip": _("Skip"),
    }
