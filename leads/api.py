"""The doors of programs to organizations and contacts."""

from __future__ import annotations

from typing import Any

from django.db.models import Q, QuerySet
from django.urls import path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy
from rest_framework.request import Request
from rest_framework.response import Response

from crm import access
from crm.api.access import require_admin_scope
from crm.api.asking import TEXT, Filter, declared_filters, declared_orders, words
from crm.api.description import Described
from crm.api.resources import DeletableView, EditableView, ListView, RestoreView, one_as_shown
from crm.api.shapes import Moment, Shape, Whole, declared
from crm.models import User
from crm.models.audit import Via
from crm.webhooks.kinds import Kind
from leads import contacts, organizations, writing
from leads.models import Contact, Organization


def _seen_organizations(user: User) -> QuerySet[Any]:
    return Organization.objects.visible_to(user)


class OrganizationShape(Shape):
    id = Whole(read_only=True)
    version = Whole(read_only=True)
    name = declared("organization", "name")
    website = declared("organization", "website")
    phone = declared("organization", "phone")
    industry = declared("organization", "industry")
    employees = declared("organization", "employees")
    street = declared("organization", "street")
    postal_code = declared("organization", "postal_code")
    city = declared("organization", "city")
    country = declared("organization", "country")
    parent = declared("organization", "parent", _seen_organizations)
    owner = declared("organization", "owner", access.assignable_users, required=False)
    created_at = Moment(read_only=True)
    updated_at = Moment(read_only=True)
    example = {"name": "Northern Light Ltd", "city": "Bremen", "website": "https://example.com"}


class ContactShape(Shape):
    id = Whole(read_only=True)
    version = Whole(read_only=True)
    name = declared("contact", "name")
    title = declared("contact", "title")
    email = declared("contact", "email")
    phone = declared("contact", "phone")
    organization = declared("contact", "organization", _seen_organizations)
    owner = declared("contact", "owner", access.assignable_users, required=False)
    created_at = Moment(read_only=True)
    updated_at = Moment(read_only=True)
    example = {"name": "Ina Berg", "email": "ina.berg@example.com", "title": "Head of purchasing"}


class _List(ListView):
    """`rules` is the module that writes this kind."""

    model: Any
    rules: Any

    def rows(self) -> QuerySet[Any]:
        found: QuerySet[Any] = self.model.objects.visible_to(self.user)
        return found

    def post(self, request: Request) -> Response:
        return self.once(self._post)

    def _post(self) -> Response:
        self.asked()
        values = self.shape(context=self.context()).values(self.body())
        made = self.rules.create({"owner": self.user, **values}, by=self.user, via=Via.API)
        return self.made(made, self.shape(made, context=self.context()))


class _Object(EditableView, DeletableView):
    model: Any
    rules: Any

    def visible(self) -> QuerySet[Any]:
        found: QuerySet[Any] = self.model.objects.visible_to(self.user)
        return found

    def editable(self) -> QuerySet[Any]:
        found: QuerySet[Any] = self.model.objects.editable_by(self.user)
        return found

    def deletable(self) -> QuerySet[Any]:
        found: QuerySet[Any] = self.model.objects.deletable_by(self.user)
        return found

    def remove(self, record: Any) -> None:
        self.rules.delete(record.pk, by=self.user, via=Via.API)

    def hold(self, record: Any) -> Any:
        return writing.lock(self.model, record.pk)

    def change(self, record: Any, values: dict[str, Any]) -> None:
        if values.get("owner", record.owner) != record.owner:
            require_admin_scope(self.request, _("To give it to somebody else, a token needs the scope “admin”."))
        self.rules.edit(record.pk, values, version=record.version, by=self.user, via=Via.API)


def _containing(says: str) -> Filter:
    def match(query: str) -> Q:
        return Q(name_key__contains=writing.name_key(query)) | Q(name__icontains=query)

    return Filter(words, match, TEXT, says)


class OrganizationList(_List):
    model, rules, shape = Organization, organizations, OrganizationShape
    filters = declared_filters("organization") | {"q": _containing(_("Part of the name."))}
    orders = declared_orders("organization")
    described = {
        "get": Described("List organizations", gives=OrganizationShape, many=True),
        "post": Described("Add an organization", takes=OrganizationShape, gives=OrganizationShape, status=201),
    }


class OrganizationObject(_Object):
    model, rules, shape = Organization, organizations, OrganizationShape
    described = {
        "get": Described("Read an organization", gives=OrganizationShape),
        "patch": Described(
            "Change an organization", takes=OrganizationShape, gives=OrganizationShape, versioned=True, changes={"city": "Hamburg"}
        ),
        "delete": Described(
            "Delete an organization", status=204, versioned=True,
            says=_("Of its owner or their manager, with scope “admin”. Refused with 409 while open deals, contacts or parts belong to it."),
        ),
    }  # fmt: skip


class ContactList(_List):
    model, rules, shape = Contact, contacts, ContactShape
    filters = declared_filters("contact") | {"q": _containing(_("Part of the name."))}
    orders = declared_orders("contact")
    described = {
        "get": Described("List contacts", gives=ContactShape, many=True),
        "post": Described("Add a contact", takes=ContactShape, gives=ContactShape, status=201),
    }


class ContactObject(_Object):
    model, rules, shape = Contact, contacts, ContactShape
    described = {
        "get": Described("Read a contact", gives=ContactShape),
        "patch": Described(
            "Change a contact", takes=ContactShape, gives=ContactShape, versioned=True, changes={"phone": "+49 421 555 010"}
        ),
        "delete": Described(
            "Delete a contact", status=204, versioned=True,
            says=_("Of its owner or their manager, with scope “admin”. Refused with 409 while it takes part in open deals."),
        ),
    }  # fmt: skip


class _Restore(RestoreView):
    model: Any
    rules: Any

    def visible(self) -> QuerySet[Any]:
        found: QuerySet[Any] = self.model.objects.visible_to(self.user)
        return found

    def deleted(self) -> QuerySet[Any]:
        found: QuerySet[Any] = self.model.objects.deleted_and_known_to(self.user)
        return found

    def restorable(self) -> QuerySet[Any]:
        found: QuerySet[Any] = self.model.objects.restorable_by(self.user)
        return found

    def bring_back(self, record: Any) -> None:
        self.rules.restore(record.pk, by=self.user, via=Via.API)


class OrganizationRestore(_Restore):
    model, rules, shape = Organization, organizations, OrganizationShape
    described = {
        "post": Described(
            "Bring back a deleted organization", gives=OrganizationShape,
            says=_("Of its owner or their manager, with scope “admin”. Refused with 409 while the one that it is part of is deleted."),
        )
    }  # fmt: skip


class ContactRestore(_Restore):
    model, rules, shape = Contact, contacts, ContactShape
    described = {
        "post": Described(
            "Bring back a deleted contact", gives=ContactShape,
            says=_("Of its owner or their manager, with scope “admin”. Refused with 409 while its organization is deleted."),
        )
    }  # fmt: skip


ORGANIZATION_EVENTS = Kind(
    events={
        "created": _lazy("An organization is added"), "changed": _lazy("An organization is changed"),
        "deleted": _lazy("An organization is deleted"), "restored": _lazy("A deleted organization is back"),
    },
    rows=Organization.objects.known_to,
    shown=one_as_shown(OrganizationShape, Organization.objects.visible_to),
)  # fmt: skip
CONTACT_EVENTS = Kind(
    events={
        "created": _lazy("A contact is added"), "changed": _lazy("A contact is changed"),
        "deleted": _lazy("A contact is deleted"), "restored": _lazy("A deleted contact is back"),
    },
    rows=Contact.objects.known_to,
    shown=one_as_shown(ContactShape, Contact.objects.visible_to),
)  # fmt: skip

urlpatterns = [
    path("organizations/", OrganizationList.as_view(), name="api-organizations"),
    path("organizations/<int:pk>/", OrganizationObject.as_view(), name="api-organization"),
    path("organizations/<int:pk>/restore/", OrganizationRestore.as_view(), name="api-organization-restore"),
    path("contacts/", ContactList.as_view(), name="api-contacts"),
    path("contacts/<int:pk>/", ContactObject.as_view(), name="api-contact"),
    path("contacts/<int:pk>/restore/", ContactRestore.as_view(), name="api-contact-restore"),
]
