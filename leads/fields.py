"""The fields of organizations and contacts, declared once."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from crm import fields
from crm.fields import Field, FieldKind

ORGANIZATION_FIELDS = [
    Field("name", _("Name"), FieldKind.TEXT, required=True),
    Field("website", _("Website"), FieldKind.URL),
    Field("phone", _("Phone"), FieldKind.PHONE, max_length=40),
    Field("industry", _("Industry"), FieldKind.TEXT, max_length=80),
    Field("employees", _("Employees"), FieldKind.INTEGER),
    Field("street", _("Street"), FieldKind.TEXT),
    Field("postal_code", _("Postal code"), FieldKind.TEXT, max_length=20),
    Field("city", _("City"), FieldKind.TEXT, max_length=100),
    Field("country", _("Country"), FieldKind.TEXT, max_length=60),
    Field("parent", _("Part of"), FieldKind.REFERENCE, reference="leads.Organization"),
    Field("owner", _("Owner"), FieldKind.REFERENCE, required=True, reference="crm.User"),
]

CONTACT_FIELDS = [
    Field("name", _("Name"), FieldKind.TEXT, required=True),
    Field("title", _("Job title"), FieldKind.TEXT, max_length=120),
    Field("email", _("Email"), FieldKind.EMAIL, max_length=254),
    Field("phone", _("Phone"), FieldKind.PHONE, max_length=40),
    Field("organization", _("Organization"), FieldKind.REFERENCE, reference="leads.Organization"),
    Field("owner", _("Owner"), FieldKind.REFERENCE, required=True, reference="crm.User"),
]

fields.declare("organization", ORGANIZATION_FIELDS)
fields.declare("contact", CONTACT_FIELDS)
