"""Organizations are read by everyone who signed in (a setting narrows it); contacts and activities by those who have to do with them."""

from __future__ import annotations

from django.db.models import Q

from crm import access
from crm.models import User


def organizations_visible_to(user: User) -> Q:
    if access.reach(user).everyone or access.company(user).everyone_sees_organizations:
        return Q()
    return access.owned_within_reach(user) | access.linked("organization", "see", user)


def organizations_editable_by(user: User) -> Q:
    return _owned_or_linked("organization", "edit", user)


def owned_by(user: User) -> Q:
    """Organizations and contacts that one may delete: one's own and one's people's, not those of a linked record."""
    return access.owned_within_reach(user)


def contacts_visible_to(user: User) -> Q:
    return _owned_or_linked("contact", "see", user)


def contacts_editable_by(user: User) -> Q:
    return _owned_or_linked("contact", "edit", user)


def activities_visible_to(user: User) -> Q:
    """One's own and one's people's, and those about a record that one sees."""
    if access.reach(user).everyone:
        return Q()
    return access.owned_within_reach(user, "by") | access.linked("activity", "see", user)


def activities_deletable_by(user: User) -> Q:
    """By whoever logged it, and their managers."""
    return access.owned_within_reach(user, "by")


def deletes_activities_of(user: User, by_id: int) -> bool:
    """The same of one at hand."""
    bounds = access.reach(user)
    return bounds.everyone or by_id == user.pk or by_id in bounds.managed_users


def _owned_or_linked(object_type: str, right: str, user: User) -> Q:
    if access.reach(user).everyone:
        return Q()
    return access.owned_within_reach(user) | access.linked(object_type, right, user)
