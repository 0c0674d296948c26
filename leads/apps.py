from functools import partial

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class LeadsConfig(AppConfig):
    name = "leads"
    verbose_name = _("Organizations and contacts")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from crm import database_rules, demo, handover, importing, search, uses
        from crm.webhooks import kinds
        from leads import contacts, organizations, writing
        from leads import search as found
        from leads.database_rules import RULES
        from leads.imports import CONTACTS, ORGANIZATIONS
        from leads.models import Contact, Organization

        search.register(
            "organizations", _("Organizations"), "building", found.find_organizations, order=20, kind="organization",
            show=found.show_organizations,
        )  # fmt: skip
        search.register(
            "contacts", _("Contacts"), "users", found.find_contacts, order=30, kind="contact", show=found.show_contacts
        )
        search.offer("pages", found.pages, order=20)
        search.offer("actions", found.actions, order=20)
        database_rules.register(RULES)
        handover.register("organizations", partial(writing.hand_over, Organization), organizations.waiting)
        handover.register("contacts", partial(writing.hand_over, Contact), contacts.waiting)
        uses.register("organization", organizations.belonging)
        demo.register("leads.demo.customers", _("shops and warehouses"))
        importing.register(ORGANIZATIONS)
        importing.register(CONTACTS)
        kinds.register("organization", "leads.api", "ORGANIZATION_EVENTS", order=40)
        kinds.register("contact", "leads.api", "CONTACT_EVENTS", order=50)
