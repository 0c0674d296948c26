"""The product's own worker and ticker, who know the kind of reminder that these scripts make besides."""

import django

from crm.celery import app
from tests import dying_workers as dying

django.setup()

from crm import reminders  # noqa: E402  (needs the models)

reminders.register(dying.KIND, "Tried", dying.check)

__all__ = ["app"]
