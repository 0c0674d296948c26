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
    if user.is_manager:
        teams = teams_below(_teams(user, now))
        return Reach(False, frozenset(teams), _members(teams, now), frozenset())
    mates = _members(_teams(user, now), now) if company(user).reps_see_team_deals else frozenset()
    return Reach(False, frozenset(), frozenset(), mates)


def company(user: User) -> Company:
    """What holds for everybody. Read once a request, like the user's reach."""
    known: Company | None = getattr(user, "_company", None)
    if known is None:
        known = user._company = Company.current()  # type: ignore[attr-defined]
    return known


def _teams(user: User, now: datetime) -> set[int]:
    return set(Membership.objects.current(now).filter(user=user).values_list("team_id", flat=True))


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


def teams_above(team_ids: set[int]) -> set[int]:
    """These teams and all that they are part of."""
    parents = dict(Team.objects.values_list("pk", "parent_id"))
    found: set[int] = set()
    waiting: list[int | None] = list(team_ids)
    while waiting:
        team = waiting.pop()
        if team is not None and team not in found:
            found.add(team)
            waiting.append(parents.get(team))
    return found


def managers_of(user: User, now: datetime | None = None) -> QuerySet[User]:
    """The managers of the user's teams and of the teams above."""
    now = now or timezone.now()
    own = set(Membership.objects.current(now).filter(user=user).values_list("team_id", flat=True))
    return User.objects.active().in_teams(teams_above(own), now).filter(role=User.Role.MANAGER)


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


def known_users(user: User, now: datetime | None = None) -> QuerySet[User]:
    """Whom this user knows by name: an admin everybody, others themselves, their teams and whom they manage."""
    bounds = reach(user)
    if bounds.everyone:
        return User.objects.all()
    now = now or timezone.now()
    own = set(Membership.objects.current(now).filter(user=user).values_list("team_id", flat=True))
    mates = _members(own, now) if own else frozenset()
    return User.objects.filter(pk__in={user.pk, *mates, *bounds.managed_users, *bounds.team_mates})
