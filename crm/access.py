"""Who reaches whose records. Every queryset of the product begins with one of the Qs made here.

A lower app does not know the apps above it: they say by `link` through which of their records a user
reaches an organization or a contact.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet
from django.utils import timezone

from crm.models.people import Company, Membership, Team, User

Linked = Callable[[User], "QuerySet[Any] | None"]
_links: dict[tuple[str, str], list[Linked]] = {}


@dataclass(frozen=True)
class Reach:
    """The teams and people whose records a user works with. `everyone` makes the sets irrelevant."""

    everyone: bool
    managed_teams: frozenset[int]
    managed_users: frozenset[int]
    team_mates: frozenset[int]


def reach(user: User, now: datetime | None = None) -> Reach:
    """Computed once a request: the user object lives as long as the request does."""
    known: Reach | None = getattr(user, "_reach", None)
    if known is None:
        known = user._reach = _compute_reach(user, now or timezone.now())  # type: ignore[attr-defined]
    return known


def _compute_reach(user: User, now: datetime) -> Reach:
    if user.is_admin:
        return Reach(True, frozenset(), frozenset(), frozenset())
    own = set(Membership.objects.current(now).filter(user=user).values_list("team_id", flat=True))
    if user.is_manager:
        teams = teams_below(own)
        return Reach(False, frozenset(teams), _members(teams, now), frozenset())
    mates = _members(own, now) if own and Company.current().reps_see_team_deals else frozenset()
    return Reach(False, frozenset(), frozenset(), mates)


def teams_below(team_ids: set[int]) -> set[int]:
    """These teams and all that are part of them, at any depth."""
    children: dict[int, list[int]] = {}
    for pk, parent in Team.objects.filter(parent__isnull=False).values_list("pk", "parent_id"):
        children.setdefault(parent, []).append(pk)
    found, waiting = set(team_ids), list(team_ids)
    while waiting:
        for child in children.get(waiting.pop(), []):
            if child not in found:
                found.add(child)
                waiting.append(child)
    return found


def _members(teams: set[int], now: datetime) -> frozenset[int]:
    return frozenset(Membership.objects.current(now).filter(team_id__in=teams).values_list("user_id", flat=True))


def owned_within_reach(user: User, field: str = "owner") -> Q:
    """Records that the user owns, or that people of the managed teams own."""
    bounds = reach(user)
    if bounds.everyone:
        return Q()
    return Q(**{f"{field}__in": {user.pk, *bounds.managed_users}})


def assignable_users(user: User) -> QuerySet[User]:
    """Whom this user may make the owner of a record: an admin anyone, a manager their people, a rep only themselves."""
    active = User.objects.active()
    bounds = reach(user)
    return active if bounds.everyone else active.filter(pk__in={user.pk, *bounds.managed_users})


def link(object_type: str, right: str, through: Linked) -> None:
    """`through(user)` gives the ids of `object_type` that the user may "see" or "edit" because of a linked record."""
    _links.setdefault((object_type, right), []).append(through)


def linked(object_type: str, right: str, user: User) -> Q:
    found = Q()
    for through in _links.get((object_type, right), []):
        ids = through(user)
        if ids is not None:
            found |= Q(pk__in=ids)
    return found
