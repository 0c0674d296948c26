"""Pages of the frame that the search finds by name."""

from __future__ import annotations

from django.urls import reverse
from django.utils.translation import gettext as _

from crm.models import User
from crm.search import Hit


def pages(user: User) -> list[Hit]:
    found = [Hit(_("Profile"), "", reverse("profile"), icon="user-circle")]
    if user.is_admin:
        found.append(Hit(_("Administration"), "", reverse("admin:index"), icon="settings"))
    return found
