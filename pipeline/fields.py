"""The fields of a deal, declared once. `in_conditions` marks those that an entry condition may ask for."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from crm import fields
from crm.fields import Field, FieldKind

DEAL_FIELDS = [
    Field("title", _("Title"), FieldKind.TEXT, required=True),
    Field("organization", _("Organization"), FieldKind.REFERENCE, reference="leads.Organization", in_conditions=True),
    Field("value", _("Value"), FieldKind.MONEY, in_conditions=True),
    Field("currency", _("Currency"), FieldKind.CURRENCY, required=True),
    Field("expected_close", _("Expected close"), FieldKind.DATE, in_conditions=True),
    Field("owner", _("Owner"), FieldKind.REFERENCE, required=True, reference="crm.User"),
    Field("source", _("Source"), FieldKind.REFERENCE, reference="leads.Source", in_conditions=True),
    Field("product", _("Product"), FieldKind.REFERENCE, reference="pipeline.Product", in_conditions=True),
    Field("tags", _("Tags"), FieldKind.TAGS, reference="pipeline.Tag"),
]

fields.declare("deal", DEAL_FIELDS)
