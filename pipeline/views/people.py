"""Who takes part in a deal: contacts with role and stance, colleagues with a role."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from crm import clock, once
from crm.models.audit import Via
from crm.paging import query_of
from crm.visitors import Request
from leads import contacts, search
from leads.models import Contact
from pipeline import followups, people
from pipeline.doors import deal_to_edit
from pipeline.forms.people import KnownPersonForm, MemberForm, NewPersonForm, PersonForm
from pipeline.models import Deal, DealContact, DealMember
from pipeline.views.answers import ask, show, words_of

PARTS = ("people", "gate", "timeline")
FOUND = 8


@require_http_methods(["GET", "HEAD", "POST"])
def add_contact(request: Request, pk: int) -> HttpResponse:
    """Somebody known by a search (`contact`), or somebody new (`name`)."""
    deal = deal_to_edit(request, pk)
    if request.method != "POST":
        return _ask(request, deal, NewPersonForm(initial={"name": query_of(request)}))
    if "contact" in request.POST:
        return _add_known(request, deal)
    form = NewPersonForm(request.POST)
    if not form.is_valid():
        return _ask(request, deal, form, status=422)
    values = {name: form.cleaned_data[name] for name in ("name", "email", "phone")}
    values |= {"organization": deal.organization, "owner": request.user}
    sent_before = once.result(request.user, form.cleaned_data["once_key"]) is not None
    same = [] if "anyway" in request.POST or sent_before else contacts.same(values)
    if same:
        return _ask(request, deal, form, status=409, same=_as_seen(request, same))
    try:
        contact = contacts.create(values, by=request.user, via=Via.PAGE, once_key=form.cleaned_data["once_key"])
    except ValidationError as refusal:
        form.take(refusal)
        return _ask(request, deal, form, status=422)
    return _join(request, deal, contact, form.cleaned_data["role"])


def _add_known(request: Request, deal: Deal) -> HttpResponse:
    form = KnownPersonForm(request.POST, reader=request.user)
    if not form.is_valid():
        new = NewPersonForm()
        return _ask(request, deal, new, status=422, errors=[words_of(form)])
    return _join(request, deal, form.cleaned_data["contact"], form.cleaned_data["role"])


def _join(request: Request, deal: Deal, contact: Contact, role: str) -> HttpResponse:
    with followups.holding(deal.pk) as locked:
        people.set_contact(locked, contact, by=request.user, via=Via.PAGE, role=role or None, now=clock.now())
    return show(request, deal.pk, *PARTS, said=_("%(name)s is on the deal.") % {"name": contact.name})


def _ask(request: Request, deal: Deal, form: NewPersonForm, status: int = 200, **context: Any) -> HttpResponse:
    query = query_of(request)
    there = (
        Contact.objects.visible_to(request.user).not_on(deal.people.values("contact_id")).select_related("organization")
    )
    if query:
        found = search.contacts_matching(there, query)[:FOUND]
    else:
        found = there.of(deal.organization).order_by("name", "pk")[:FOUND] if deal.organization else there.none()
    roles = form.fields["role"].choices  # type: ignore[attr-defined]
    context = {"form": form, "query": query, "found": found, "roles": roles, **context}
    return ask(request, deal, "contact_form.html", _("Add a contact"), context, status)


def _as_seen(request: Request, same: list[Contact]) -> list[dict[str, Any]]:
    """Of somebody whom the reader does not see, only whose contact it is."""
    seen = set(Contact.objects.visible_to(request.user).among([each.pk for each in same]).values_list("pk", flat=True))
    return [{"contact": each if each.pk in seen else None, "owner": each.owner} for each in same]


@require_http_methods(["GET", "HEAD", "POST"])
def change_contact(request: Request, pk: int, contact_pk: int) -> HttpResponse:
    deal = deal_to_edit(request, pk)
    person = get_object_or_404(DealContact.objects.select_related("contact"), deal=deal, contact=contact_pk)
    sent = request.POST if request.method == "POST" else None
    form = PersonForm(sent, person=person)
    if sent is None or not form.is_valid():
        context = {"form": form, "person": person}
        return ask(request, deal, "person_form.html", person.contact.name, context, 422 if sent else 200)
    with followups.holding(deal.pk) as locked:
        people.set_contact(
            locked, person.contact, by=request.user, via=Via.PAGE, now=clock.now(), role=form.cleaned_data["role"],
            stance=form.cleaned_data["stance"], is_primary=form.cleaned_data.get("is_primary"),
        )  # fmt: skip
    return show(request, deal.pk, *PARTS, said=_("Saved."))


@require_POST
def remove_contact(request: Request, pk: int, contact_pk: int) -> HttpResponse:
    deal = deal_to_edit(request, pk)
    with followups.holding(deal.pk) as locked:
        people.remove_contact(locked, contact_pk, by=request.user, via=Via.PAGE, now=clock.now())
    return show(request, deal.pk, *PARTS, said=_("Removed from the deal. The contact itself is still there."))


@require_http_methods(["GET", "HEAD", "POST"])
def add_member(request: Request, pk: int) -> HttpResponse:
    deal = deal_to_edit(request, pk)
    sent = request.POST if request.method == "POST" else None
    form = MemberForm(sent, initial={"role": request.GET.get("role", "")})
    if sent is None or not form.is_valid():
        return ask(request, deal, "member_form.html", _("Add a colleague"), {"form": form}, 422 if sent else 200)
    colleague, role = form.cleaned_data["user"], form.cleaned_data["role"]
    with followups.holding(deal.pk) as locked:
        people.set_member(locked, colleague, role, by=request.user, via=Via.PAGE, now=clock.now())
    return show(request, deal.pk, *PARTS, said=_("%(name)s works on the deal too.") % {"name": colleague.name})


@require_POST
def remove_member(request: Request, pk: int, member_pk: int) -> HttpResponse:
    """A member who removes themselves may not see the deal any longer."""
    deal = deal_to_edit(request, pk)
    member = get_object_or_404(DealMember.objects.select_related("user"), deal=deal, pk=member_pk)
    with followups.holding(deal.pk) as locked:
        people.remove_member(locked, member.pk, by=request.user, via=Via.PAGE, now=clock.now())
    return show(request, deal.pk, *PARTS, said=_("%(name)s no longer works on the deal.") % {"name": member.user.name})
