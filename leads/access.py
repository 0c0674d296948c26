"""Organizations are read by everyone who signed in (a setting narrows it); contacts by those who have to do with them."""

from __future__ import annotations

from django.db.models import Q

from crm import access
from crm.models import Company, User


def organizations_visible_to(user: User) -> Q:
    if access.reach(user).everyone or Company.current().everyone_sees_organizations:
        return Q()
    return access.owned_within_reach(user) | access.linked("organization", "see", user)


def organizations_editable_by(user: User) -> Q:
    return _owned_or_linked("organization", "edit", user)


def contacts_visible_to(user: User) -> Q:
    return _owned_or_linked("contact", "see", user)


def contacts_editable_by(user: User) -> Q:
    return _owned_or_linked("contact", "edit", user)


def _owned_or_linked(object_type: str, right: str, user: User) -> Q:
    if access.reach(user).everyone:
        return Q()
    return access.owned_within_reach(user) | access.linked(object_type, right, user)
