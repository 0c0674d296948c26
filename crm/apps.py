from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


class CrmConfig(AppConfig):
    name = "crm"
    verbose_name = _("People and company")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from crm import (
            checks,  # noqa: F401
            database_rules,
            demo,
            digest,
            invariants,
            notice_choices,
            notices,
            places,
            reminders,
            search,
            verification,
        )
        from crm.models import Reminder, User, Webhook

        verification.register(invariants.INVARIANTS)
        demo.register("crm.demo.company", _("the company and its people"))
        database_rules.register(database_rules.append_only("crm_change"))
        notices.register("webhook", _("Events for %(about)s could not be delivered"), "alert-triangle")
        notices.show_while_seen("webhook", lambda user: Webhook.objects.seen_by(user).values("pk"))
        notices.register("undelivered", _("A reminder could not be delivered: %(about)s"), "alert-triangle")
        notices.register("digest", _("Your day: %(about)s"), "sun", choice="digest")
        notices.show_while_seen("reminder", lambda user: Reminder.objects.filter(user=user).values("pk"))
        notices.show_while_seen("user", lambda user: User.objects.filter(pk=user.pk).values("pk"))
        reminders.register(digest.KIND, _("Your day in the morning"), digest.check, digest.again)
        choose = notice_choices.register
        choose("assigned", _("Given to you"), _("Somebody gives you a task or a deal."), bell=True, order=10)
        choose("mentioned", _("Named"), _("Somebody names you with @ in a comment."), bell=True, order=20)
        choose(
            "approval",
            _("Approvals"),
            _("You are asked to approve, or your question is answered."),
            bell=True,
            email=True,
            order=30,
        )
        choose("due", _("Reminders"), _("A task at its time, or so long before as you asked for."), bell=True, order=40)
        choose(
            "digest",
            _("Your day"),
            _("At eight in the morning: what is overdue and what is due. Nothing where there is nothing."),
            email=True,
            order=50,
        )
        choose(
            "overdue",
            _("Overdue in your teams"),
            _("A task of your people has been overdue for long."),
            bell=True,
            order=60,
        )
        choose("process", _("By the process"), _("It tells you of a deal, or gives you one."), bell=True, order=70)
        search.offer("pages", places.pages, order=90)
        # The one signal of the house, and Django's own: SQLite loses triggers when a migration rebuilds a table.
        post_migrate.connect(_install_rules, dispatch_uid="database_rules")


class AdministrationConfig(AdminConfig):
    """Stands in INSTALLED_APPS in place of django.contrib.admin."""

    default_site = "crm.admin_site.StagecraftAdminSite"


def _install_rules(sender: AppConfig, using: str, **signal: object) -> None:
    from crm import database_rules

    database_rules.install(using)
