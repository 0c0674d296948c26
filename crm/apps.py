from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


class CrmConfig(AppConfig):
    name = "crm"
    verbose_name = _("People and company")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from crm import checks, database_rules, demo, invariants, verification  # noqa: F401

        verification.register(invariants.INVARIANTS)
        demo.register("crm.demo.company", _("the company and its people"))
        database_rules.register(database_rules.append_only("crm_change"))
        # The one signal of the house, and Django's own: SQLite loses triggers when a migration rebuilds a table.
        post_migrate.connect(_install_rules, dispatch_uid="database_rules")


class AdministrationConfig(AdminConfig):
    """Stands in INSTALLED_APPS in place of django.contrib.admin."""

    default_site = "crm.admin_site.StagecraftAdminSite"


def _install_rules(sender: AppConfig, using: str, **signal: object) -> None:
    from crm import database_rules

    database_rules.install(using)
