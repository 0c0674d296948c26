"""Setting up a company: its one row, its holidays, its teams and who belongs to them since when."""

from __future__ import annotations

import datetime
from collections.abc import Iterable

from crm.models import Company, Holiday, Membership, Team, User


def found(name: str, time_zone: str, currency: str, holidays: Iterable[tuple[datetime.date, str]] = ()) -> Company:
    """Raises ValidationError for a time zone that does not exist. What was set up before keeps its other settings."""
    company = Company.current()
    company.name, company.time_zone, company.base_currency = name, time_zone, currency
    company.full_clean()
    company.save()
    Holiday.objects.bulk_create([Holiday(day=day, name=called) for day, called in holidays], ignore_conflicts=True)
    return company


def add_team(name: str, parent: Team | None = None) -> Team:
    team = Team(name=name, parent=parent)
    team.full_clean()
    team.save()
    return team


def join(team: Team, user: User, since: datetime.datetime) -> Membership:
    """For a manager, membership names a team that they manage."""
    return Membership.objects.create(team=team, user=user, started_at=since)
