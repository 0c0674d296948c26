"""What people are told of deals and tasks: what they were given, what they are asked to approve, what was answered."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Sequence
from itertools import groupby

from django.urls import reverse

from crm import absences, notices
from crm.models import User
from crm.models.audit import Via
from crm.notices import News
from pipeline import access, gates
from pipeline.models import Approval, Deal, Task
from pipeline.task_reminders import address_of


def task_given(task: Task, *, by: User | None, now: datetime.datetime) -> None:
    """To whom somebody else gave it; nobody is told of what they took themselves."""
    if by is None or task.owner_id == by.pk:
        return
    about = ("deal", task.deal_id) if task.deal_id else ("task", task.pk)
    text = task.deal.title if task.deal else ""
    key = f"assigned task {task.pk} {task.version}"
    notices.tell([task.owner], News(key, "task_given", by, task.title, text, address_of(task), *about), now)


def tasks_given(planned: Sequence[Task], deal: Deal, *, by: User | None, now: datetime.datetime) -> None:
    """What the process planned for somebody else than whoever moved the deal: one notice a person."""
    others = [task for task in planned if by is not None and task.owner_id != by.pk]
    for _owner, group in groupby(sorted(others, key=lambda task: task.owner_id), key=lambda task: task.owner_id):
        tasks = list(group)
        first = tasks[0]
        text, address = ", ".join(task.title for task in tasks), reverse("deal", args=[deal.pk])
        news = News(_key_of_given(first.pk), "tasks_given", by, deal.title, text, address, "deal", deal.pk)
        notices.tell([first.owner], news, now)


def tasks_taken_back(tasks: Iterable[int]) -> None:
    """The move that planned them was undone: nobody was given anything."""
    notices.take_back(*map(_key_of_given, tasks))


def _key_of_given(first_task: int) -> str:
    return f"assigned tasks {first_task}"


def deal_given(deal: Deal, *, by: User | None, via: str, now: datetime.datetime) -> None:
    """Of many at once it is told once, and of what an import brought not at all."""
    if by is None or deal.owner_id == by.pk or via == Via.IMPORT:
        return
    if via in (Via.BULK, Via.ADMIN):
        key, kind, about = f"assigned deals {by.pk} {now:%Y-%m-%dT%H}", "deals_given", ""
        address = f"{reverse('board-default')}?owner={deal.owner_id}"
    else:
        key, kind, about = f"assigned deal {deal.pk} {deal.version}", "deal_given", deal.title
        address = reverse("deal", args=[deal.pk])
    notices.tell([deal.owner], News(key, kind, by, about, "", address, "deal", deal.pk), now)


def approval_asked(approval: Approval, now: datetime.datetime) -> None:
    """The owner's managers, and for those who are away whoever stands in, as far as they see the deal."""
    deal = approval.deal
    asked = gates.approvers(deal.owner, now)
    people = _who_see(deal, absences.with_deputies(asked, now), now)
    text = " – ".join(each for each in (approval.condition.label, approval.why) if each)
    news = News(
        asked_key(approval),
        "approval_asked",
        approval.asked_by,
        deal.title,
        text,
        reverse("approvals"),
        "deal",
        deal.pk,
    )
    notices.tell([person for person in people if person.pk != approval.asked_by_id], news, now)


def approval_answered(approval: Approval, now: datetime.datetime) -> None:
    """Nobody else need answer any more; whoever asked knows."""
    notices.take_back(asked_key(approval))
    if approval.decided_by_id == approval.asked_by_id:
        return
    kind = "approval_given" if approval.decision == Approval.Decision.APPROVED else "approval_declined"
    text = " – ".join(each for each in (approval.condition.label, approval.reason) if each)
    address = reverse("deal", args=[approval.deal_id])
    news = News(
        f"answered {approval.pk}",
        kind,
        approval.decided_by,
        approval.deal.title,
        text,
        address,
        "deal",
        approval.deal_id,
    )
    notices.tell(_who_see(approval.deal, [approval.asked_by], now), news, now)


def asked_key(approval: Approval) -> str:
    return f"approval {approval.pk} {approval.asked_at:%Y-%m-%dT%H:%M:%S.%f}"


def _who_see(deal: Deal, people: Iterable[User], now: datetime.datetime) -> list[User]:
    people = list(people)
    return list(access.readers_of(deal, now).filter(pk__in=[person.pk for person in people]))
