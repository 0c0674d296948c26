"""The administration of people and company; `base` is what the pages of all apps have in common."""

from crm.admin import delivery, history, people, webhooks

__all__ = ["delivery", "history", "people", "webhooks"]
