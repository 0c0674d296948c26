"""The last chapter: what reps mean to do in a day and a week, work that comes again, and tasks without a deal."""

from __future__ import annotations

import datetime

from crm import configuration
from crm.demo.company import Staff
from crm.demo.world import World
from crm.models import User
from crm.models.audit import Via
from leads.models import ActivityType, Organization
from pipeline import followups, recurring
from pipeline.models import ActivityGoal, RecurringWork

GOALS = [("call", 8, "day", False), ("email", 25, "week", False), ("meeting", 3, "week", True)]
FOR_ORGANIZATIONS = [
    "Ask who looks after the new sites",
    "Send the calendar for next year",
    "Check the address of the warehouse",
]


def chapter(world: World) -> None:
    admin = world.of(Staff).admin
    _set_goals(admin, world)
    _plan_work(admin, world)
    _plan_for_organizations(world)


def _set_goals(admin: User, world: World) -> None:
    types = {type.key: type for type in ActivityType.objects.all()}
    for key, count, period, first in GOALS:
        goal = ActivityGoal(type=types[key], count=count, period=period, first_only=first, role=User.Role.REP)
        configuration.save(goal, by=admin, now=world.now)


def _plan_work(admin: User, world: World) -> None:
    """Every weekday, so that there is some whichever day it is."""
    work = RecurringWork(
        title="10 new names for the list", kind="research", times=10, role=User.Role.REP, weekdays="0123456",
        starts_on=world.today, instructions="From the trade register and the fair lists. Each with a phone number.",
    )  # fmt: skip
    configuration.save(work, by=admin, now=world.now)
    recurring.plan_due(world.now)


def _plan_for_organizations(world: World) -> None:
    some = Organization.objects.existing().select_related("owner").order_by("pk")[: len(FOR_ORGANIZATIONS) * 4]
    for place, organization in enumerate(some):
        day = world.today + datetime.timedelta(days=place % 6)
        title = FOR_ORGANIZATIONS[place % len(FOR_ORGANIZATIONS)]
        followups.add_for(organization.pk, title, day, by=organization.owner, via=Via.PAGE, now=world.now)
