from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class PipelineConfig(AppConfig):
    name = "pipeline"
    verbose_name = _("Sales process and deals")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from crm import access, database_rules, verification
        from pipeline import access as deals
        from pipeline import invariants
        from pipeline.database_rules import RULES

        access.link("organization", "see", deals.organizations_of_seen_deals)
        access.link("organization", "edit", deals.organizations_of_owned_deals)
        access.link("contact", "see", deals.contacts_of_seen_deals)
        access.link("contact", "edit", deals.contacts_of_edited_deals)
        database_rules.register(RULES)
        verification.register(invariants.INVARIANTS)
