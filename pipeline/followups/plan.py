"""What is planned: by a stage on entry, after a task that was finished, as the next step, as regular work."""

from __future__ import annotations

import datetime
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet

from crm import clock, once, records
from crm.models import Company, User
from crm.models.audit import Via
from leads.models import Direction
from pipeline import calendar, news, task_reminders
from pipeline.followups.rows import Due, lock, moment_of, refresh_deal
from pipeline.in_force import Process
from pipeline.models import (
    Deal,
    Kind,
    PlannedWork,
    RecurringWork,
    StageTask,
    StageVisit,
    Task,
)


def plan_stage(deal: Deal, visit: StageVisit, process: Process, by: User | None, now: datetime.datetime) -> list[Task]:
    """The stage's tasks that start on entry. Those "after the task before" wait for it."""
    templates = [task for task in process.tasks(visit.stage) if not task.after_previous]
    return _plan(templates, deal, visit, process.company, by, now)


def plan_after(task: Task, deal: Deal, now: datetime.datetime) -> list[Task]:
    """After a task of the process: its next repetition if one is due, else the tasks that waited for it."""
    visit = task.visit
    if task.stage_task is None or visit is None or visit.left_at is not None or visit.undone_at is not None:
        return []
    if visit.deal_id != deal.pk:  # finished on a deal that was merged into this one
        return []
    company = Company.current()
    template = task.stage_task
    if template.repeat_days and task.repetition < template.repeat_limit and not is_answered(template, visit):
        return _plan([template], deal, visit, company, task.closed_by, now, repetition=task.repetition + 1)
    if template.repeat_days:
        return []
    # What a reopening cancelled is planned again.
    planned = Task.objects.filter(visit=visit, stage_task__isnull=False).exclude(state=Task.State.CANCELLED)
    following = StageTask.objects.in_use().filter(stage=visit.stage_id).exclude(pk__in=planned.values("stage_task"))
    waiting = []
    for each in following.filter(Q(order__gt=template.order) | Q(order=template.order, pk__gt=template.pk)).order_by(
        "order", "pk"
    ):
        if not each.after_previous:
            break
        waiting.append(each)
        break
    return _plan(waiting, deal, visit, company, task.closed_by, now)


def plan_regular(work: RecurringWork, user: User, day: datetime.date, now: datetime.datetime) -> Task | None:
    """The work of that day for that person. None: it was planned before, and perhaps just now by somebody else."""
    with transaction.atomic():
        row, is_new = PlannedWork.objects.get_or_create(work=work, user=user, day=day)
        if not is_new:
            return None
        counts = work.times > 1
        task = Task(
            title=work.title, kind=work.kind, instructions=work.instructions, owner=user, due_at=calendar.end_of_day(day, user),
            wanted=work.times if counts else None, counted=0 if counts else None,
        )  # fmt: skip
        records.create(task, by=None, via=Via.PROCESS, now=now)
        row.task = task
        row.save(update_fields=["task"])
        return task


def lacks_next_step(deal: Deal, now: datetime.datetime) -> bool:
    """Open, not paused, and nothing to do."""
    paused = deal.paused_until is not None and deal.paused_until > now
    return deal.status == Kind.OPEN and not paused and deal.next_task_due_at is None


def next_of_stage(deal: Deal, now: datetime.datetime) -> tuple[StageTask, datetime.datetime] | None:
    """What the stage asks for and was not planned in this stay, the first of it, and when it would be due."""
    visit = StageVisit.objects.standing().filter(deal=deal, left_at__isnull=True).first()
    template = _unplanned(visit).first() if visit is not None else None
    if template is None:
        return None
    working = calendar.WorkingDays.of(Company.current(), now.date() - datetime.timedelta(days=2))
    return template, _due(template, 1, deal.owner, working, now)


def plan_next(
    deal_id: int, stage_task_id: int, due_on: Due, *, by: User, once_key: str = "",
    now: datetime.datetime | None = None,
) -> Task | None:  # fmt: skip
    """What the stage asks for, on another day than its own. None: it is planned already, or the form was saved."""
    with transaction.atomic():
        deal = lock(deal_id)
        now = now or clock.now()
        if once_key and once.claim(by, once_key, now) is None:
            return None
        visit = StageVisit.objects.standing().filter(deal=deal, left_at__isnull=True).first()
        template = _unplanned(visit).filter(pk=stage_task_id).first() if visit is not None else None
        if template is None or visit is None:
            return None
        (task,) = _plan([template], deal, visit, Company.current(), by, now, due_on=due_on)
        refresh_deal(deal)
        return task


def _unplanned(visit: StageVisit) -> QuerySet[StageTask]:
    """What was called off may be planned again, but not what the buyer's answer made needless."""
    called_off = Q(state=Task.State.CANCELLED, cancelled_by_activity__isnull=True)
    planned = Task.objects.filter(visit=visit, stage_task__isnull=False).exclude(called_off)
    rows = StageTask.objects.in_use().filter(stage=visit.stage_id).exclude(pk__in=planned.values("stage_task"))
    return rows.order_by("order", "pk")


def is_answered(template: StageTask, visit: StageVisit) -> bool:
    if template.repeat_until != StageTask.Answer.ANSWER:
        return False
    said = visit.deal.activity_links.filter(activity__direction=Direction.IN, activity__deleted_at__isnull=True)
    return said.filter(activity__happened_at__gte=visit.entered_at).exists()


def _plan(
    templates: list[StageTask], deal: Deal, visit: StageVisit, company: Company, by: User | None, now: datetime.datetime,
    repetition: int = 1, due_on: Due | None = None,
) -> list[Task]:  # fmt: skip
    """Due when the process says so, or on `due_on`."""
    if not templates:
        return []
    working = calendar.WorkingDays.of(company, now.date() - datetime.timedelta(days=2))
    roles = _holders(deal) if any(template.owner_role for template in templates) else {}
    owner = by if by is not None and by.pk == deal.owner_id else deal.owner
    planned = []
    for template in templates:
        who = roles.get(template.owner_role, owner)
        due_at, timed = moment_of(due_on, who) if due_on else (_due(template, repetition, who, working, now), False)
        task = Task(
            deal=deal, title=template.title, kind=template.kind, instructions=template.instructions, required=template.required,
            owner=who, stage_task=template, visit=visit, due_at=due_at, has_time=timed,
            repetition=repetition if template.repeat_days else 0,
            created_at=now, created_by=by, updated_at=now, updated_by=by,
        )  # fmt: skip
        planned.append(task)
    made = Task.objects.bulk_create(planned)
    for task in made:
        task_reminders.planned(task, now)
    news.tasks_given(made, deal, by=by, now=now)
    return made


def _holders(deal: Deal) -> dict[str, User]:
    return {member.role: member.user for member in deal.members.select_related("user").order_by("-pk")}


def _due(
    template: StageTask, repetition: int, owner: User, working: calendar.WorkingDays, now: datetime.datetime
) -> datetime.datetime:
    days = template.offset_days
    if template.repeat_days:
        steps: list[Any] = template.repeat_days.split(",")
        days = int(steps[min(repetition, len(steps)) - 1])
    today = calendar.day_of(now, owner)
    day = working.after(today, days) if template.working_days else today + datetime.timedelta(days=days)
    return calendar.end_of_day(day, owner)
