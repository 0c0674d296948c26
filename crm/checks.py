"""System checks of our own: what `crm.environment` cannot know from one variable alone."""

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.db import connection

OLDEST_POSTGRESQL = 15


@register(Tags.security, deploy=True)
def proxy_is_named(app_configs: Any, **_: Any) -> list[CheckMessage]:
    """gunicorn speaks http; behind a proxy that is not named, each page would redirect to itself for ever."""
    if settings.SECURE_SSL_REDIRECT and not settings.TRUSTED_PROXY:
        return [
            Warning(
                "SITE_URL is https, but no proxy is named that could have spoken https.",
                hint="Set TRUSTED_PROXY to the number of proxies in front of the web process, usually 1.",
                id="crm.W001",
            )
        ]
    return []


@register(Tags.security)
def policy_is_strict(app_configs: Any, **_: Any) -> list[CheckMessage]:
    directives = settings.CONTENT_SECURITY_POLICY["DIRECTIVES"]
    loose = [name for name, values in directives.items() if any("unsafe" in str(value) for value in values)]
    if loose:
        return [Error(f"The content policy is weakened in {', '.join(loose)}.", id="crm.E001")]
    return []


@register(Tags.security)
def webhooks_stay_outside(app_configs: Any, **_: Any) -> list[CheckMessage]:
    if settings.WEBHOOKS_TO_LOOPBACK and not settings.DEBUG:
        return [Error("Webhooks may reach this machine itself, outside of development.", id="crm.E003")]
    return []


@register(Tags.database)
def database_is_recent(app_configs: Any, databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    if not databases or connection.vendor != "postgresql":
        return []
    connection.ensure_connection()
    version = connection.get_database_version()[0]
    if version < OLDEST_POSTGRESQL:
        return [Error(f"PostgreSQL {version} is too old, {OLDEST_POSTGRESQL} or newer is needed.", id="crm.E002")]
    return []
