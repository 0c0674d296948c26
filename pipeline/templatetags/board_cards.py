"""Columns with their cards, and the rows of a list, drawn by Jinja2 within a page of Django's templates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import template
from django.template import engines
from django.utils.translation import gettext as _
from markupsafe import Markup

from pipeline.board import Card, Column

register = template.Library()


@register.simple_tag
def cards(cards: Sequence[Card], deals_at: str) -> Markup:
    return _draw("cards", cards=cards, deals_at=deals_at, words=_words())


@register.simple_tag
def columns(columns: Sequence[Column], deals_at: str, board_at: str, query: str) -> Markup:
    """Heads and cards; where there are more cards, they come from the board at `board_at` with this query."""
    context = {"columns": columns, "deals_at": deals_at, "board_at": board_at, "query": query}
    return _draw("columns", **context, words=_words())


@register.simple_tag
def heads(columns: Sequence[Column], deals_at: str) -> Markup:
    """Each takes the place of the one on the page."""
    drawn = {"deals_at": deals_at, "oob": True, "words": _words()}
    return Markup("").join(_draw("column_head", column=column, **drawn) for column in columns)


@register.simple_tag
def further_cards(column: Column, deals_at: str, board_at: str, query: str, offset: int) -> Markup:
    context = {"column": column, "deals_at": deals_at, "board_at": board_at, "query": query, "offset": offset}
    return _draw("column_cards", **context, words=_words())


@register.simple_tag
def deal_rows(cards: Sequence[Card], columns: Sequence[str], deals_at: str, here: str, csrf_token: str) -> Markup:
    """The same deals as rows of a table with these columns."""
    steps = [
        ("week", _("+1 week"), _("Close a week later")),
        ("month", _("+1 month"), _("Close a month later")),
        ("quarter", _("Quarter"), _("Close at the end of the quarter")),
    ]
    words = {
        **_marks(),
        "late": _("In the past"),
        "put_off": _("Put off the close date"),
        "steps": steps,
        "choose": _("Choose"),
        "change": {
            "title": _("Change the title (F2)"),
            "value": _("Change the value"),
            "expected_close": _("Change the close date"),
            "owner": _("Give it to somebody else"),
        },
    }
    context = {
        "cards": cards, "columns": columns, "deals_at": deals_at, "words": words, "here": here, "csrf_token": csrf_token
    }  # fmt: skip
    return _draw("rows", **context)


def _draw(template: str, **context: Any) -> Markup:
    """What Jinja2 returns has every value escaped."""
    return Markup(engines["jinja2"].get_template(f"pipeline/{template}.html").render(context))  # noqa: S704


def _marks() -> dict[str, str]:
    return {"overdue": _("Overdue"), "no_next_step": _("No next step"), "over_target": _("Over target")}


def _words() -> dict[str, str]:
    return {
        **_marks(),
        "move_to": _("Move to…"),
        "fold_stage": _("Fold %(stage)s"),
        "new_in": _("New deal in %(stage)s"),
        "over": _("over target"),
        "more": _("More deals"),
        "empty": _("No deal here. Drag one in, or add one with +."),
        "none_yet": _("None yet."),
    }
