from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class PipelineConfig(AppConfig):
    name = "pipeline"
    verbose_name = _("Sales process and deals")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from crm import (
            access,
            content,
            database_rules,
            demo,
            digest,
            handover,
            importing,
            names,
            notices,
            reminders,
            search,
            uses,
            verification,
        )
        from crm.webhooks import kinds
        from pipeline import access as deals
        from pipeline import invariants, marking, morning, task_reminders
        from pipeline import search as found
        from pipeline.database_rules import RULES
        from pipeline.definition import load_shipped
        from pipeline.imports import DEALS, STAGE_HISTORY
        from pipeline.leaving import hand_over, waiting_work
        from pipeline.models import Pipeline
        from pipeline.uses import agreed_in, conditions_asking_for, open_deals_with, open_tasks_for

        access.link("organization", "see", deals.organizations_of_seen_deals)
        access.link("organization", "edit", deals.organizations_of_owned_deals)
        access.link("contact", "see", deals.contacts_of_seen_deals)
        access.link("contact", "edit", deals.contacts_of_edited_deals)
        access.link("activity", "see", deals.activities_of_seen_deals)
        database_rules.register(RULES)
        verification.register(invariants.INVARIANTS)
        search.register(
            "deals", _("Deals"), "briefcase", found.find_deals, order=10, kind="deal", show=found.show_deals
        )
        search.register("people", _("People"), "user", found.find_people, order=40)
        search.offer("pages", found.pages, order=10)
        search.offer("actions", found.actions, order=10)
        notices.register("mention", _("%(who)s named you on %(about)s"), "at", choice="mentioned")
        notices.register("process", _("By the process: %(about)s"), "settings", choice="process")
        notices.register("comment", _("%(who)s wrote on %(about)s"), "message")
        notices.register("task_given", _("%(who)s gave you the task %(about)s"), "circle-check", choice="assigned")
        notices.register("tasks_given", _("%(who)s gave you tasks on %(about)s"), "circle-check", choice="assigned")
        notices.register("deal_given", _("%(who)s gave you %(about)s"), "briefcase", choice="assigned")
        notices.register("deals_given", _("%(who)s gave you deals"), "briefcase", choice="assigned")
        notices.register(
            "approval_asked", _("%(who)s asks you to approve %(about)s"), "shield-check", choice="approval"
        )
        notices.register("approval_given", _("%(who)s approved %(about)s"), "shield-check", choice="approval")
        notices.register("approval_declined", _("%(who)s declined %(about)s"), "ban", choice="approval")
        notices.register("due", _("Due: %(about)s"), "clock", choice="due")
        notices.register("due_for", _("%(who)s is away. Due: %(about)s"), "clock", choice="due")
        notices.register("overdue", _("%(who)s is overdue with %(about)s"), "alert-triangle", choice="overdue")
        notices.show_while_seen("deal", deals.seen_deals)
        notices.show_while_seen("task", deals.seen_tasks)
        reminders.register(task_reminders.KIND, _("A task that is due"), task_reminders.check)
        digest.register(morning.sections)
        names.register("organization", marking.organization_renamed)
        handover.register("deals", hand_over, waiting_work)
        content.register("pipelines", load_shipped)
        for object_type in ("activitytype", "source", "tag"):
            uses.register(object_type, conditions_asking_for)
        for order, object_type in ((10, "deal"), (20, "task"), (30, "activity")):
            kinds.register(object_type, "pipeline.api.events", object_type.upper(), order=order)
        kinds.offer_pipelines(lambda: list(Pipeline.objects.order_by("name").values_list("pk", "name")))
        uses.register("organization", open_deals_with)
        uses.register("organization", open_tasks_for)
        uses.register("contact", open_deals_with)
        uses.register("activity", agreed_in)
        demo.register("pipeline.demo.story", _("eighteen months of deals"))
        demo.register("pipeline.demo.habits", _("goals and regular work"))
        importing.register(DEALS)
        importing.register(STAGE_HISTORY)
