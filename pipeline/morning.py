"""What of somebody's tasks and deals belongs in the digest of the morning."""

from __future__ import annotations

import datetime

from django.db.models import Count, Q
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from crm import access, days
from crm.digest import LINES, Line, Section
from crm.models import User
from pipeline import calendar
from pipeline.models import Deal, Task
from pipeline.models.tasks import TaskQuerySet
from pipeline.task_reminders import address_of


def sections(user: User, now: datetime.datetime) -> list[Section]:
    today = calendar.day_of(now, user)
    mine = Task.objects.open().filter(Q(deal__isnull=True) | Q(deal__deleted_at__isnull=True), owner=user)
    ends = calendar.end_of_day(today, user)
    found = [_overdue(mine.filter(due_at__lt=now), user, today), _today(mine.filter(due_at__gte=now, due_at__lte=ends))]
    if user.is_manager:
        found += _of_the_team(user, now)
    return found


def _overdue(tasks: TaskQuerySet, user: User, today: datetime.date) -> Section:
    rows, count = _some(tasks)
    lines = [_line(task, _("since %(day)s") % {"day": _day(task, user, today)}) for task in rows]
    return Section(
        _("Overdue"), _("%(count)d overdue") % {"count": count} if count else "", lines, count, reverse("home")
    )


def _today(tasks: TaskQuerySet) -> Section:
    rows, count = _some(tasks)
    lines = [_line(task, f"{task.due_at.astimezone(task.owner.zone):%H:%M}" if task.has_time else "") for task in rows]
    return Section(_("Today"), _("%(count)d today") % {"count": count} if count else "", lines, count, reverse("home"))


def _some(tasks: TaskQuerySet) -> tuple[list[Task], int]:
    rows = list(tasks.select_related("deal", "owner").order_by("due_at", "pk")[: LINES + 1])
    return rows[:LINES], len(rows) if len(rows) <= LINES else tasks.count()


def _line(task: Task, when: str) -> Line:
    detail = " · ".join(each for each in (task.deal.title if task.deal else "", when) if each)
    return Line(task.title, detail, address_of(task))


def _day(task: Task, user: User, today: datetime.date) -> str:
    return days.short(calendar.day_of(task.due_at, user), today, None)


def _of_the_team(user: User, now: datetime.datetime) -> list[Section]:
    """One line a person with overdue work, and how many deals nobody has planned a next step for."""
    bounds = access.reach(user)
    others = User.objects.active().exclude(pk=user.pk)
    people = others if bounds.everyone else others.filter(pk__in=bounds.managed_users)
    overdue = Task.objects.overdue(now).filter(Q(deal__isnull=True) | Q(deal__deleted_at__isnull=True))
    counts = dict(
        overdue.filter(owner__in=people).order_by().values_list("owner").annotate(count=Count("pk")).order_by("-count")
    )
    names = User.objects.in_bulk(counts)
    lines = [_of_one(names[pk], count) for pk, count in counts.items()]
    stuck = Deal.objects.managed_by(user).existing().without_next_step(now).count()
    return [
        Section(_("Overdue in your teams"), "", lines[:LINES], len(lines), reverse("home")),
        Section(_("Deals without a next step"), "", [_without_next_step(stuck)] if stuck else [], min(stuck, 1), reverse("home")),
    ]  # fmt: skip


def _of_one(person: User, count: int) -> Line:
    words = ngettext("%(count)d task overdue", "%(count)d tasks overdue", count) % {"count": count}
    return Line(person.name, words, f"{reverse('board-default')}?owner={person.pk}")


def _without_next_step(count: int) -> Line:
    words = ngettext("%(count)d open deal", "%(count)d open deals", count) % {"count": count}
    return Line(words, _("in your teams"), f"{reverse('board-default')}?no_next=1")
