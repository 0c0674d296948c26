"""Editing a deal in place: one fact at a time, against the version that was on the screen."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from crm import access
from crm.models.audit import Via
from crm.paging import query_of
from crm.records import Clash
from crm.visitors import Request
from leads import search
from leads.models import Organization
from pipeline import change_words, deals, open_deals
from pipeline.doors import deal_to_edit, manages
from pipeline.fields import DEAL_FIELDS
from pipeline.forms.deal_fields import FORMS, FieldForm
from pipeline.models import Deal
from pipeline.views import rows
from pipeline.views.answers import ask, number, show
from pipeline.views.outcomes import say_others

FOUND = 8
_LABELS = {field.name: field.label for field in DEAL_FIELDS}


@require_http_methods(["GET", "HEAD", "POST"])
def edit_field(request: Request, pk: int, name: str) -> HttpResponse:
    """`?in=gate`: the form stands in the checklist and not among the facts; `?in=list`: in a cell of the list."""
    if name not in FORMS:
        raise Http404
    deal = deal_to_edit(request, pk)
    if name == "owner" and not _may_hand_over(request, deal):
        raise PermissionDenied
    slot = request.GET.get("in", "")
    slot = slot if slot == "gate" or (slot == "list" and name in rows.CELLS and request.htmx) else "fact"
    form = FORMS[name](request.POST if request.method == "POST" else None, deal=deal, reader=request.user, slot=slot)
    if request.method != "POST":
        return _ask(request, deal, name, form, slot)
    version = number(request.POST.get("version", ""))
    if not form.is_valid():
        return _ask(request, deal, name, form, slot, status=422, version=version)
    return _write(request, deal, name, form, slot, version)


def _write(request: Request, deal: Deal, name: str, form: FieldForm, slot: str, version: int) -> HttpResponse:
    try:
        along = not form.cleaned_data.get("tasks_stay")
        outcome = deals.edit(
            deal.pk, form.changes(), version=version, by=request.user, via=Via.PAGE, tasks_along=along
        )  # fmt: skip
    except ValidationError as refusal:
        form.take(refusal)
        return _ask(request, deal, name, form, slot, status=422, version=version)
    if isinstance(outcome, deals.Conflict):
        theirs = [in_words(clash, outcome.deal) for clash in outcome.clashes]
        return _ask(request, outcome.deal, name, form, slot, status=409, version=outcome.deal.version, theirs=theirs)
    if slot == "list":
        said = rows.saved_words(outcome.deal, name) if outcome.changed else ""
        return rows.show_row(request, outcome.deal, name, said)
    said = _("Saved.") if outcome.changed else ""
    if "organization" in outcome.changed:
        say_others(request, outcome.deal)
    # A new owner stands among the people, and the open tasks are theirs.
    more = ("people", "tasks") if "owner" in outcome.changed else ()
    return show(request, deal.pk, "head", "facts", "way", "gate", *more, "timeline", said=said)


def _ask(
    request: Request, deal: Deal, name: str, form: FieldForm, slot: str, status: int = 200, **context: Any
) -> HttpResponse:
    context = {"form": form, "name": name, "label": _LABELS[name], "slot": slot, "version": deal.version, **context}
    if name == "organization":
        query = query_of(request)
        rows = Organization.objects.visible_to(request.user)
        found = list(search.organizations_matching(rows, query)[:FOUND]) if query else []
        others = open_deals.of_each(found, request.user, deal.pk)
        context |= {"query": query, "found": [(each, others.get(each.pk, [])) for each in found]}
    fragment = "cell_form.html" if slot == "list" else "field_form.html"
    return ask(request, deal, fragment, _("Change: %(field)s") % {"field": _LABELS[name]}, context, status)


def _may_hand_over(request: Request, deal: Deal) -> bool:
    """Reps give nothing away; a manager hands over among the people they manage, and takes nothing from others."""
    others = access.assignable_users(request.user).exclude(pk=request.user.pk)
    return manages(request.user, deal) and others.exists()


def in_words(clash: Clash, deal: Deal) -> dict[str, Any]:
    """What somebody else wrote meanwhile, in words."""
    return {
        "label": _LABELS[clash.field],
        "value": change_words.value_words(clash.field, clash.theirs, deal),
        "by": clash.by,
        "at": clash.at,
    }
