"""The cards of a column, drawn by Jinja2 within a page of Django's templates."""

from __future__ import annotations

from django import template
from django.template import engines
from django.templatetags.static import static
from django.utils.translation import gettext as _
from markupsafe import Markup

from pipeline.board import Column

register = template.Library()


@register.simple_tag
def cards(column: Column, deals_at: str) -> Markup:
    """What Jinja2 returns has every value escaped."""
    words = {
        "overdue": _("Overdue"),
        "no_next_step": _("No next step"),
        "over_target": _("Over target"),
        "move_to": _("Move to…"),
    }
    context = {"column": column, "deals_at": deals_at, "icons": static("icons.svg"), "words": words}
    return Markup(engines["jinja2"].get_template("pipeline/cards.html").render(context))  # noqa: S704
