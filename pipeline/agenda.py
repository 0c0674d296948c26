"""Somebody's open tasks and meetings as a calendar (RFC 5545), for the programs in which people keep their days."""

from __future__ import annotations

import datetime
from urllib.parse import urlsplit

from django.conf import settings
from django.utils.translation import gettext as _
from icalendar import Calendar, Event

from crm.models import User
from pipeline import calendar
from pipeline.models import Task, TaskKind
from pipeline.task_reminders import address_of

MOST = 1000
MEETINGS = {TaskKind.MEETING, TaskKind.DEMO, TaskKind.PRESENTATION, TaskKind.ASSESSMENT}
LENGTHS = {True: datetime.timedelta(hours=1), False: datetime.timedelta(minutes=15)}
"""Of a meeting, and of any other task at a time of day: tasks do not say how long they take."""


def of(user: User) -> bytes:
    """The same bytes as long as nothing changed. All as events: few programs show the to-dos of a calendar they follow."""
    made = Calendar()
    made.add("prodid", "-//Stagecraft//Tasks//EN")
    made.add("version", "2.0")
    made.add("method", "PUBLISH")
    made.add("x-wr-calname", _("Stagecraft: %(name)s") % {"name": user.name})
    made.add("refresh-interval", datetime.timedelta(minutes=30), parameters={"value": "DURATION"})
    tasks = Task.objects.open().visible_to(user).filter(owner=user).select_related("deal")
    for task in tasks.order_by("due_at", "pk")[:MOST]:
        made.add_component(_event(task, user))
    return made.to_ical()


def _event(task: Task, user: User) -> Event:
    event, meeting = Event(), task.kind in MEETINGS
    event.add("uid", f"task-{task.pk}@{urlsplit(settings.SITE_URL).hostname}")
    event.add("dtstamp", task.updated_at.astimezone(datetime.UTC))
    event.add("sequence", task.version)
    event.add("summary", f"{task.title} – {task.deal.title}" if task.deal else task.title)
    event.add("url", f"{settings.SITE_URL}{address_of(task)}")
    if task.instructions:
        event.add("description", task.instructions)
    if task.has_time:
        # An instant, in UTC: right in every program, whatever it knows of time zones and their changes.
        begins = task.due_at.astimezone(datetime.UTC)
        event.add("dtstart", begins)
        event.add("dtend", begins + LENGTHS[meeting])
    else:
        day = calendar.day_of(task.due_at, user)
        event.add("dtstart", day)
        event.add("dtend", day + datetime.timedelta(days=1))
    event.add("transp", "OPAQUE" if meeting and task.has_time else "TRANSPARENT")
    return event
