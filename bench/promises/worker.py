"""The product's own worker and ticker, who know the kind of reminder that these scripts make besides."""

# ruff: noqa: E402  (the models come after the settings)
import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "crm.settings")
django.setup()

from crm import reminders
from crm.celery import app
from tests import dying_workers as dying

reminders.register(dying.KIND, "Tried", dying.check)

__all__ = ["app"]
