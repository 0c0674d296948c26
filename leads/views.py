"""The doors to organizations and contacts: lists, pages, forms."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from django_htmx.http import HttpResponseClientRedirect

from crm import fields, once, uses
from crm.models.audit import Via
from crm.paging import page_of, query_of
from crm.records import Clash
from crm.visitors import Request
from leads import contacts, organizations, search, touches
from leads.forms import ContactForm, OrganizationForm
from leads.models import Contact, Organization
from leads.writing import Conflict

# How many people the page of an organization shows; the list of contacts has them all.
PEOPLE_SHOWN = 50


@require_GET
def organization_list(request: Request) -> HttpResponse:
    query = query_of(request)
    rows = Organization.objects.visible_to(request.user).select_related("owner")
    found = search.organizations_matching(rows, query) if query else rows
    return render(request, "leads/organizations.html", {"page": page_of(request, found), "q": query})


@require_GET
def organization_page(request: Request, pk: int) -> HttpResponse:
    found = Organization.objects.visible_to(request.user).select_related("owner", "parent")
    organization = found.filter(pk=pk).first()
    if organization is None:
        return _show_gone(request, Organization, pk)
    people = Contact.objects.visible_to(request.user).of(organization).select_related("owner")
    context = {
        "organization": organization,
        "people": people[:PEOPLE_SHOWN],
        "touches": touches.of(organization, request.user),
        "may_edit": Organization.objects.editable_by(request.user).filter(pk=pk).exists(),
        "may_delete": Organization.objects.deletable_by(request.user).filter(pk=pk).exists(),
    }
    return render(request, "leads/organization.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def organization_new(request: Request) -> HttpResponse:
    initial = {"name": request.GET.get("name", "")[:200]}
    return _new(request, OrganizationForm, organizations, initial, _("New organization"))


@require_http_methods(["GET", "HEAD", "POST"])
def organization_edit(request: Request, pk: int) -> HttpResponse:
    return _edit(request, OrganizationForm, organizations, pk)


@require_http_methods(["GET", "HEAD", "POST"])
def organization_delete(request: Request, pk: int) -> HttpResponse:
    return _delete(request, Organization, organizations, pk)


@require_POST
def organization_restore(request: Request, pk: int) -> HttpResponse:
    return _restore(request, Organization, organizations, pk)


@require_GET
def contact_list(request: Request) -> HttpResponse:
    query = query_of(request)
    rows = Contact.objects.visible_to(request.user).select_related("owner", "organization")
    found = search.contacts_matching(rows, query) if query else rows
    return render(request, "leads/contacts.html", {"page": page_of(request, found), "q": query})


@require_GET
def contact_page(request: Request, pk: int) -> HttpResponse:
    found = Contact.objects.visible_to(request.user).select_related("owner", "organization")
    contact = found.filter(pk=pk).first()
    if contact is None:
        return _show_gone(request, Contact, pk)
    context = {
        "contact": contact,
        "organization": Organization.objects.visible_to(request.user).filter(pk=contact.organization_id or 0).first(),
        "may_edit": Contact.objects.editable_by(request.user).filter(pk=pk).exists(),
        "may_delete": Contact.objects.deletable_by(request.user).filter(pk=pk).exists(),
    }
    return render(request, "leads/contact.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def contact_new(request: Request) -> HttpResponse:
    wanted = request.GET.get("organization", "")
    initial = {"name": request.GET.get("name", "")[:200], "organization": wanted if wanted.isascii() else ""}
    return _new(request, ContactForm, contacts, initial, _("New contact"))


@require_http_methods(["GET", "HEAD", "POST"])
def contact_edit(request: Request, pk: int) -> HttpResponse:
    return _edit(request, ContactForm, contacts, pk)


@require_http_methods(["GET", "HEAD", "POST"])
def contact_delete(request: Request, pk: int) -> HttpResponse:
    return _delete(request, Contact, contacts, pk)


@require_POST
def contact_restore(request: Request, pk: int) -> HttpResponse:
    return _restore(request, Contact, contacts, pk)


# --- What both kinds have in common. `rules` is the module that writes them.


@dataclass(frozen=True)
class Known:
    """A record that seems to be the same. Of one that the reader does not see, only whose it is."""

    name: str
    owner: str
    record: Organization | Contact | None


def _new(request: Request, form_class: Any, rules: Any, initial: dict[str, Any], heading: str) -> HttpResponse:
    kind = form_class.Meta.model._meta.model_name
    form = form_class(request.POST or None, user=request.user, initial={**initial, "once_key": secrets.token_hex(16)})
    known: list[Known] = []
    if form.is_valid():
        sent_before = once.result(request.user, form.cleaned_data["once_key"]) is not None
        known = [] if "anyway" in request.POST or sent_before else _known(request, rules.same(form.cleaned_data))
        made = None if known else _create(request, form, rules)
        if made is not None:
            messages.success(request, _("“%(name)s” is there now.") % {"name": made.name})
            return redirect(kind, made.pk)
    context = {"form": form, "kind": kind, "known": known, "heading": heading}
    return render(request, "leads/record_form.html", context, status=409 if known else 422 if form.is_bound else 200)


def _create(request: Request, form: Any, rules: Any) -> Organization | Contact | None:
    try:
        made: Organization | Contact = rules.create(
            form.values(), by=request.user, via=Via.PAGE, once_key=form.cleaned_data["once_key"]
        )
        return made
    except ValidationError as refusal:
        form.take(refusal)
        return None


def _known(request: Request, same: list[Any]) -> list[Known]:
    if not same:
        return []
    seen = set(
        type(same[0]).objects.visible_to(request.user).filter(pk__in=[r.pk for r in same]).values_list("pk", flat=True)
    )
    return [Known(record.name, record.owner.name, record if record.pk in seen else None) for record in same]


def _edit(request: Request, form_class: Any, rules: Any, pk: int) -> HttpResponse:
    model = form_class.Meta.model
    record = get_object_or_404(model.objects.visible_to(request.user), pk=pk)
    if not model.objects.editable_by(request.user).filter(pk=pk).exists():
        raise PermissionDenied
    form, clashes = form_class(request.POST or None, instance=record, user=request.user), []
    kind = model._meta.model_name
    if form.is_valid():
        try:
            version = form.cleaned_data["version"]
            outcome = rules.edit(pk, form.values(), version=version, by=request.user, via=Via.PAGE)
        except ValidationError as refusal:
            form.take(refusal)
        else:
            if not isinstance(outcome, Conflict):
                messages.success(request, _("Saved."))
                return redirect(kind, pk)
            clashes = _told(outcome)
            # Whoever saves again has read what the other one wrote.
            form.data = {**form.data.dict(), "version": outcome.record.version}
    context = {"form": form, "kind": kind, "record": record, "clashes": clashes, "heading": record.name}
    return render(request, "leads/record_form.html", context, status=409 if clashes else 422 if form.is_bound else 200)


def _told(conflict: Conflict[Any]) -> list[tuple[str, Clash]]:
    """Each field that somebody else changed, by its name on the page."""
    known = fields.of(conflict.record._meta.model_name)
    return [(str(known[clash.field].label), clash) for clash in conflict.clashes]


def _delete(request: Request, model: Any, rules: Any, pk: int) -> HttpResponse:
    """A second click finds it deleted, which is what it wanted."""
    record, kind = _to_restore(request, model, pk), model._meta.model_name
    if request.method != "POST":
        if record.deleted_at is not None:
            return redirect(kind, pk)
        context = {"record": record, "kind": kind, "places": uses.places_of(record)}
        return render(request, "leads/delete.html", context)
    try:
        rules.delete(pk, by=request.user, via=Via.PAGE)
    except ValidationError as refusal:
        messages.error(request, " ".join(refusal.messages))
        return redirect(kind, pk)
    said = _("“%(name)s” was deleted.") % {"name": record.name}
    messages.success(request, said, extra_tags=reverse(f"{kind}-restore", args=[pk]))
    return redirect(f"{kind}s")


def _restore(request: Request, model: Any, rules: Any, pk: int) -> HttpResponse:
    record, kind = _to_restore(request, model, pk), model._meta.model_name
    try:
        rules.restore(pk, by=request.user, via=Via.PAGE)
    except ValidationError as refusal:
        messages.error(request, " ".join(refusal.messages))
    else:
        messages.success(request, _("“%(name)s” is back.") % {"name": record.name})
    page = reverse(kind, args=[pk])
    return HttpResponseClientRedirect(page) if request.htmx else redirect(page)


def _to_restore(request: Request, model: Any, pk: int) -> Organization | Contact:
    """One of theirs, deleted or not: 403 for whoever only sees it, or would if it were there."""
    record: Organization | Contact | None = model.objects.restorable_by(request.user).filter(pk=pk).first()
    if record is None:
        get_object_or_404(model.objects.known_to(request.user), pk=pk)
        raise PermissionDenied
    return record


def _show_gone(request: Request, model: Any, pk: int) -> HttpResponse:
    deleted = model.objects.deleted_and_known_to(request.user).select_related("deleted_by")
    record = get_object_or_404(deleted, pk=pk)
    may_restore = model.objects.restorable_by(request.user).filter(pk=pk).exists()
    context = {"record": record, "kind": model._meta.model_name, "may_restore": may_restore}
    return render(request, "leads/gone.html", context, status=410)
