from functools import partial

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class LeadsConfig(AppConfig):
    name = "leads"
    verbose_name = _("Organizations and contacts")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from crm import demo, handover, importing, search
        from leads import search as found
        from leads import writing
        from leads.imports import CONTACTS, ORGANIZATIONS
        from leads.models import Contact, Organization

        search.register("organizations", _("Organizations"), "building", found.find_organizations, order=20)
        search.register("contacts", _("Contacts"), "users", found.find_contacts, order=30)
        handover.register(
            "organizations", partial(writing.hand_over, Organization), partial(writing.owned_by, Organization)
        )
        handover.register("contacts", partial(writing.hand_over, Contact), partial(writing.owned_by, Contact))
        demo.register("leads.demo.customers", _("shops and warehouses"))
        importing.register(ORGANIZATIONS)
        importing.register(CONTACTS)
