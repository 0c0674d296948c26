"""The doors to views that are kept by name: their menu in the head, opening one, keeping, renaming, deleting."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import BadRequest, PermissionDenied, ValidationError
from django.http import HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_POST

from crm.visitors import Request
from pipeline import bookmarks
from pipeline.forms.bookmarks import KeepForm, ViewForm, reader_of, still_there
from pipeline.forms.filters import read_filters
from pipeline.models import Pipeline, SavedView
from pipeline.views.answers import words_of

Shown = SavedView.Shown


@require_GET
def views_menu(request: Request, pipeline_id: int) -> HttpResponse:
    """For the menu in the head of a board or list, or as a page: the views, and a form to keep what is shown now."""
    pipeline = get_object_or_404(Pipeline.objects.in_use(), pk=pipeline_id)
    shown, query = _shown(request.GET), _query(request, request.GET)
    views = list(SavedView.objects.visible_to(request.user).usable().select_related("by", "pipeline"))
    context = {
        "pipeline": pipeline, "shown": shown, "address": query, "views": views, "first": bookmarks.first_of(request.user),
        "current": next((v.pk for v in views if (v.pipeline, v.shown, v.query) == (pipeline, shown, query)), 0),
        "form": KeepForm(user=request.user, slot="keep"),
    }  # fmt: skip
    return render(request, "pipeline/views/_menu.html" if request.htmx else "pipeline/views/menu.html", context)


@require_POST
def view_new(request: Request, pipeline_id: int) -> HttpResponse:
    pipeline = get_object_or_404(Pipeline.objects.in_use(), pk=pipeline_id)
    shown, query = _shown(request.POST), _query(request, QueryDict(request.POST.get("query", "")), request.POST)
    form = KeepForm(request.POST, user=request.user)
    back = address_of(pipeline.pk, shown, query)
    if not form.is_valid():
        messages.error(request, words_of(form))
        return redirect(back)
    try:
        view = bookmarks.keep(
            pipeline, shown, query, form.cleaned_data["name"], shared=form.cleaned_data.get("shared", False),
            by=request.user,
        )  # fmt: skip
    except ValidationError as refusal:
        messages.error(request, " ".join(refusal.messages))
        return redirect(back)
    if form.cleaned_data["first"]:
        bookmarks.open_first(view, by=request.user)
    messages.success(request, _("The view “%(name)s” is kept.") % {"name": view.name})
    return redirect(back)


@require_GET
def view_open(request: Request, pk: int) -> HttpResponse:
    """Its board or list. What one may not see any more is dropped, and that is said."""
    view = get_object_or_404(SavedView.objects.visible_to(request.user).select_related("pipeline"), pk=pk)
    if view.pipeline.retired_at is not None:
        messages.error(request, _("The pipeline of “%(name)s” is no longer in use.") % {"name": view.name})
        return redirect("views")
    query, dropped = still_there(view, request.user)
    if dropped:
        words = ngettext(
            "“%(name)s” asks for something that is gone or out of your sight; this filter was left out: %(filters)s.",
            "“%(name)s” asks for something that is gone or out of your sight; these filters were left out: %(filters)s.",
            len(dropped),
        )
        messages.warning(request, words % {"name": view.name, "filters": ", ".join(dropped)})
    return redirect(address_of(view.pipeline_id, view.shown, query))


@require_GET
def views(request: Request) -> HttpResponse:
    rows = list(SavedView.objects.visible_to(request.user).select_related("by", "pipeline"))
    mine = set(SavedView.objects.editable_by(request.user).values_list("pk", flat=True))
    first = bookmarks.first_of(request.user)
    shown = [(view, _form_of(request, view) if view.pk in mine else None, view == first) for view in rows]
    return render(request, "pipeline/views/page.html", {"rows": shown})


@require_POST
def view_edit(request: Request, pk: int) -> HttpResponse:
    view = _to_edit(request, pk)
    form = ViewForm(request.POST, user=request.user)
    if not form.is_valid():
        messages.error(request, words_of(form))
        return redirect("views")
    try:
        bookmarks.rename(
            view.pk, form.cleaned_data["name"], shared=form.cleaned_data.get("shared", False), by=request.user
        )
    except ValidationError as refusal:
        messages.error(request, " ".join(refusal.messages))
    else:
        messages.success(request, _("Saved."))
    return redirect("views")


@require_POST
def view_delete(request: Request, pk: int) -> HttpResponse:
    view = _to_edit(request, pk)
    bookmarks.delete(view.pk)
    messages.success(request, _("The view “%(name)s” is deleted.") % {"name": view.name})
    return redirect("views")


@require_POST
def view_first(request: Request, pk: int) -> HttpResponse:
    """The board opens with it; with “off” no longer."""
    view = get_object_or_404(SavedView.objects.visible_to(request.user), pk=pk)
    bookmarks.open_first(None if request.POST.get("off") else view, by=request.user)
    return redirect("views")


# --- Inside


def address_of(pipeline_id: int, shown: str, query: str) -> str:
    name = "deal-list" if shown == Shown.LIST else "board"
    return reverse(name, args=[pipeline_id]) + (f"?{query}" if query else "")


def _to_edit(request: Request, pk: int) -> SavedView:
    view = SavedView.objects.editable_by(request.user).filter(pk=pk).first()
    if view is None:
        get_object_or_404(SavedView.objects.visible_to(request.user), pk=pk)
        raise PermissionDenied
    return view


def _form_of(request: Request, view: SavedView) -> ViewForm:
    initial: dict[str, Any] = {"name": view.name, "shared": view.shared}
    return ViewForm(user=request.user, slot=f"view-{view.pk}", initial=initial)


def _shown(data: QueryDict) -> str:
    shown = data.get("shown", Shown.BOARD)
    if shown not in Shown.values:
        raise BadRequest(_("A view is a board or a list."))
    return shown


def _query(request: Request, data: QueryDict, named: QueryDict | None = None) -> str:
    """The filters as the board or list itself would write them into its address. BadRequest for others."""
    form_class = reader_of(_shown(named if named is not None else data))
    return read_filters(data, request.user, also=("shown",), form_class=form_class).query
