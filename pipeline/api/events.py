"""What other programs are told of deals, tasks and activities: each as the API shows it to the webhook's owner.

Tasks that the process plans or takes back in a move have no events of their own: the event of the move stands for them.
"""

from __future__ import annotations

from collections.abc import Sequence

from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from crm.api.resources import one_as_shown
from crm.webhooks.kinds import Happened, Kind, plainly
from leads.models import Activity
from pipeline.api.deals import whole_deals
from pipeline.api.shapes import ActivityShape, DealShape, TaskShape
from pipeline.api.work import seen_activities, seen_tasks
from pipeline.models import Deal, StageVisit, Task
from pipeline.models import Kind as Outcome


def deal_names(all_that: Sequence[Happened]) -> list[str]:
    """One event for each writing, the most telling one: a deal that is won is not also told as moved."""
    moved = [each for each in all_that if "stage" in each.fields and each.version > 1]
    # A stay is taken back at the time that the rows of change carry; corrected dates take back all of them.
    taken_back = StageVisit.objects.filter(
        deal__in={each.object_id for each in moved}, undone_at__in={each.at for each in moved}
    )
    undone = set(taken_back.values_list("deal_id", "undone_at")) if moved else set()
    return [_deal_name(each, (each.object_id, each.at) in undone) for each in all_that]


def _deal_name(happened: Happened, undone: bool) -> str:
    plain, fields = plainly(happened), happened.fields
    if plain != "changed" or not {"stage", "status"} & fields.keys():
        return plain
    if undone:
        return "undone"
    if "status" not in fields:
        return "moved"
    closed = {Outcome.WON: "won", Outcome.LOST: "lost"}
    return closed.get(fields["status"][1], "reopened")


def task_names(all_that: Sequence[Happened]) -> list[str]:
    return [_task_name(each) for each in all_that]


def _task_name(happened: Happened) -> str:
    if "state" not in happened.fields:
        return plainly(happened)
    states = {Task.State.OPEN: "reopened", Task.State.DONE: "done", Task.State.SKIPPED: "skipped"}
    return states.get(happened.fields["state"][1], "cancelled")


DEAL = Kind(
    events={
        "created": _("A deal is added"), "changed": _("A deal is changed"), "moved": _("A deal moves to another stage"),
        "won": _("A deal is won"), "lost": _("A deal is lost"), "reopened": _("A closed deal is reopened"),
        "undone": _("A move is taken back"), "deleted": _("A deal is deleted"), "restored": _("A deleted deal is back"),
    },
    rows=Deal.objects.known_to,
    shown=one_as_shown(DealShape, whole_deals),
    names=deal_names,
    within=lambda pipeline: Q(pipeline=pipeline),
)  # fmt: skip
TASK = Kind(
    events={
        "created": _("A task is added by hand"), "changed": _("A task is changed or postponed"), "done": _("A task is done"),
        "skipped": _("A task is skipped"), "reopened": _("A task is open again"),
        "cancelled": _("A task is taken back because the one before it is open again"),
    },
    rows=Task.objects.known_to,
    shown=one_as_shown(TaskShape, seen_tasks),
    names=task_names,
    within=lambda pipeline: Q(deal__pipeline=pipeline),  # a task without a deal is in no pipeline
)  # fmt: skip
ACTIVITY = Kind(
    events={"created": _("Something said or done is noted")},
    rows=Activity.objects.known_to,
    shown=one_as_shown(ActivityShape, seen_activities),
    within=lambda pipeline: Q(deal_links__deal__pipeline=pipeline),
    owner="by",
)  # fmt: skip
