"""Lists in pages of one size, and page numbers that are none."""

from __future__ import annotations

from typing import Any, Protocol, cast

from django.core.exceptions import BadRequest
from django.core.paginator import EmptyPage, Page, PageNotAnInteger, Paginator
from django.db.models import QuerySet
from django.http import Http404, HttpRequest
from django.utils.translation import gettext as _

from crm.search import LONGEST

SIZE = 50


class Listed(Protocol):
    """What is not one query, and can be counted and cut all the same."""

    def count(self) -> int: ...
    def __getitem__(self, part: slice, /) -> Any: ...


Rows = QuerySet[Any] | Listed


def page_of(request: HttpRequest, rows: Rows, size: int = SIZE) -> Page[Any]:
    """The page that `?page=` names. 404 for a number without a page, or for no number."""
    number = request.GET.get("page", "1")
    if len(number) > 9:
        raise Http404
    try:
        return Paginator(cast(Any, rows), size).page(number)
    except (EmptyPage, PageNotAnInteger) as error:
        raise Http404 from error


def query_of(request: HttpRequest) -> str:
    """The search words in `?q=`, refused when they are too long to mean anything."""
    query = request.GET.get("q", "").strip()
    if len(query) > LONGEST:
        raise BadRequest(_("A search takes at most %(limit)d characters.") % {"limit": LONGEST})
    return query
