from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class PipelineConfig(AppConfig):
    name = "pipeline"
    verbose_name = _("Sales process and deals")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from crm import access, content, database_rules, demo, handover, importing, search, uses, verification
        from pipeline import access as deals
        from pipeline import invariants
        from pipeline.database_rules import RULES
        from pipeline.definition import load_shipped
        from pipeline.imports import DEALS, STAGE_HISTORY
        from pipeline.leaving import hand_over, waiting_work
        from pipeline.search import find_deals
        from pipeline.uses import conditions_asking_for

        access.link("organization", "see", deals.organizations_of_seen_deals)
        access.link("organization", "edit", deals.organizations_of_owned_deals)
        access.link("contact", "see", deals.contacts_of_seen_deals)
        access.link("contact", "edit", deals.contacts_of_edited_deals)
        database_rules.register(RULES)
        verification.register(invariants.INVARIANTS)
        search.register("deals", _("Deals"), "briefcase", find_deals, order=10)
        handover.register("deals", hand_over, waiting_work)
        content.register("pipelines", load_shipped)
        for object_type in ("activitytype", "source", "tag"):
            uses.register(object_type, conditions_asking_for)
        demo.register("pipeline.demo.story", _("eighteen months of deals"))
        importing.register(DEALS)
        importing.register(STAGE_HISTORY)
