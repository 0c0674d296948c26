"""Who sees and edits which deals and tasks, and which organizations and contacts come into sight through them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.db.models import Q, QuerySet
from django.utils import timezone

from crm import access
from crm.models import Company, Membership, User

if TYPE_CHECKING:
    from pipeline.models import Deal, Stage


def _memberships(user: User) -> list[int]:
    """Deals the user is a member of, by id: PostgreSQL uses its indexes for a list of ids, not for a subquery in an OR.

    Read once a request, like the user's reach.
    """
    known: list[int] | None = getattr(user, "_member_of", None)
    if known is None:
        rows = apps.get_model("pipeline", "DealMember").objects.filter(user=user)
        known = user._member_of = list(rows.values_list("deal_id", flat=True).distinct())  # type: ignore[attr-defined]
    return known


def membership_changed(user: User) -> None:
    """For whoever just changed who works on a deal: perhaps it was they themselves."""
    if hasattr(user, "_member_of"):
        del user._member_of


def manages_owner(user: User, owner_id: int) -> bool:
    """The say over somebody's deals: approving, letting in without conditions. Taking part in a deal does not give it."""
    bounds = access.reach(user)
    return user.is_manager and (bounds.everyone or owner_id == user.pk or owner_id in bounds.managed_users)


def deals_editable_by(user: User) -> Q:
    """The present owner, the deal's members, and the managers of the owner."""
    if access.reach(user).everyone:
        return Q()
    return access.owned_within_reach(user) | Q(pk__in=_memberships(user))


def edits_deal(user: User, pk: int, owner_id: int) -> bool:
    """The same of a deal at hand."""
    bounds = access.reach(user)
    return bounds.everyone or owner_id == user.pk or owner_id in bounds.managed_users or pk in _memberships(user)


def deals_visible_to(user: User) -> Q:
    """What one edits, what was credited to oneself or one's teams, and, by a setting, the team's deals."""
    bounds = access.reach(user)
    if bounds.everyone:
        return Q()
    seen = deals_editable_by(user) | Q(credited_owner=user)
    if bounds.managed_teams:
        seen |= Q(credited_team__in=bounds.managed_teams)
    if bounds.team_mates:
        seen |= Q(owner__in=bounds.team_mates)
    return seen


def readers_of(deal: Deal, now: datetime | None = None) -> QuerySet[User]:
    """`deals_visible_to` the other way round: all who see this deal, in a fixed number of queries."""
    now = now or timezone.now()
    active, Role = User.objects.active(), User.Role
    teams = set(Membership.objects.current(now).filter(user=deal.owner_id).values_list("team_id", flat=True))
    members = apps.get_model("pipeline", "DealMember").objects.filter(deal=deal).values("user_id")
    found = Q(pk__in={deal.owner_id, deal.credited_owner_id} - {None}) | Q(pk__in=members) | Q(role=Role.ADMIN)
    credited = {deal.credited_team_id} if deal.credited_team_id else set()
    above = access.teams_above(teams | credited)
    found |= Q(role=Role.MANAGER, pk__in=active.in_teams(above, now).values("pk"))
    if teams and Company.current().reps_see_team_deals:
        found |= Q(role=Role.REP, pk__in=active.in_teams(teams, now).values("pk"))
    return active.filter(found)


def open_deals_visible_to(user: User) -> Q:
    """The same for deals that are known to be open: those are credited to nobody yet."""
    mates = access.reach(user).team_mates
    editable = deals_editable_by(user)
    return editable | Q(owner__in=mates) if mates else editable


def saved_views_visible_to(user: User) -> Q:
    """One's own, and what is shared by admins, by managers of one's teams, and by people whom one manages."""
    shared = Q(shared=True)
    if not access.reach(user).everyone:
        managers = Q(by__in=access.managers_of(user)) | Q(by__in=access.reach(user).managed_users)
        shared &= Q(by__role=User.Role.ADMIN) | (managers & Q(by__role=User.Role.MANAGER))
    return Q(by=user) | shared


def tasks_visible_to(user: User) -> Q:
    return _tasks(deals_visible_to(user), user)


def tasks_editable_by(user: User) -> Q:
    return _tasks(deals_editable_by(user), user)


def _tasks(deals: Q, user: User) -> Q:
    """One's own, those of such a deal, and without a deal one's people's and those of an organization that one edits.

    With the deal or the organization its tasks are gone, also for whom they were planned.
    """
    there = Q(deal__deleted_at__isnull=True, organization__deleted_at__isnull=True)
    if access.reach(user).everyone:
        return there
    return there & (Q(deal__in=_deals().existing().filter(deals)) | Q(owner=user) | _without_a_deal(user))


def _without_a_deal(user: User) -> Q:
    edited = apps.get_model("leads", "Organization").objects.editable_by(user)
    return Q(deal__isnull=True) & (access.owned_within_reach(user) | Q(organization__in=edited))


def longer_than(since: str, days: str, stages: Iterable[Stage], now: datetime) -> Q:
    """In one of these stages since before its limit of days: one bound a stage, so that an index serves each.

    `since` names a time of the deal, `days` a limit of the stage; a stage without that limit has no such deals.
    """
    found = Q(pk__in=[])
    for stage in stages:
        limit = getattr(stage, days)
        if limit is not None and stage.kind == "open":
            found |= Q(stage=stage, **{f"{since}__lt": now - timedelta(days=limit)})
    return found


def seen_deals(user: User) -> QuerySet[Deal]:
    return _deals().visible_to(user).values("pk")


def seen_tasks(user: User) -> QuerySet[Any]:
    return apps.get_model("pipeline", "Task").objects.visible_to(user).values("pk")


def organizations_of_seen_deals(user: User) -> QuerySet[Deal]:
    return _deals().visible_to(user).filter(organization__isnull=False).values("organization_id")


def organizations_of_owned_deals(user: User) -> QuerySet[Deal]:
    """The owner of a deal there edits the organization too."""
    return _deals().existing().filter(owner=user, organization__isnull=False).values("organization_id")


def contacts_of_seen_deals(user: User) -> QuerySet[Any]:
    return (
        apps.get_model("pipeline", "DealContact")
        .objects.filter(deal__in=_deals().visible_to(user))
        .values("contact_id")
    )


def contacts_of_edited_deals(user: User) -> QuerySet[Any]:
    return (
        apps.get_model("pipeline", "DealContact")
        .objects.filter(deal__in=_deals().editable_by(user))
        .values("contact_id")
    )


def activities_of_seen_deals(user: User) -> QuerySet[Any]:
    return (
        apps.get_model("pipeline", "DealActivity")
        .objects.filter(deal__in=_deals().visible_to(user))
        .values("activity_id")
    )


def _deals() -> Any:
    return apps.get_model("pipeline", "Deal").objects
