"""The administration of people and company; `base` is what the pages of all apps have in common."""

from crm.admin import history, people

__all__ = ["history", "people"]
