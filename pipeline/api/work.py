"""The doors of programs to what is done on deals: tasks, and activities."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Prefetch, Q, QuerySet
from django.utils.translation import gettext as _
from rest_framework.request import Request
from rest_framework.response import Response

from crm.api.asking import MOMENT, TEXT, Filter, between, choice, read_moment, same, since, words
from crm.api.description import Described
from crm.api.resources import DeletableView, EditableView, ListView, RestoreView
from crm.models import User
from crm.models.audit import Via
from leads.activities import NewActivity
from leads.models import Activity, ActivityOutcome, ActivityType, Direction
from pipeline import followups, logbook
from pipeline.api.deals import read_body
from pipeline.api.shapes import ActivityShape, NewActivityShape, NewTaskShape, TaskShape
from pipeline.models import Deal, DealActivity, Task


def seen_tasks(user: User) -> QuerySet[Any]:
    return Task.objects.visible_to(user).select_related("owner", "deal")


class TaskList(ListView):
    shape = TaskShape
    filters = {
        "deal": same("deal"),
        "organization": same("organization"),
        "owner": same("owner"),
        "state": choice("state", *Task.State.values),
        **between("due_at", read_moment, MOMENT, ("from", "to")),
        "updated_since": since("updated_at"),
    }
    orders = ("id", "due_at", "title", "created_at", "updated_at")
    order = "due_at"
    described = {
        "get": Described("List tasks", gives=TaskShape, many=True),
        "post": Described(
            "Add a task to a deal or an organization", takes=NewTaskShape, gives=TaskShape, status=201,
            says=_("Name one of the two. The tasks of an organization are not those of its deals."),
        ),
    }  # fmt: skip

    def rows(self) -> QuerySet[Any]:
        return seen_tasks(self.user)

    def post(self, request: Request) -> Response:
        return self.once(self._post)

    def _post(self) -> Response:
        values = read_body(self, NewTaskShape)
        deal, organization = values.pop("deal", None), values.pop("organization", None)
        if (deal is None) == (organization is None):
            one = _("Say on which deal or for which organization, one of the two.")
            raise ValidationError({"deal": ValidationError(one, code="one_of_two")})
        add = followups.add if deal is not None else followups.add_for
        pk = (deal or organization).pk
        made = add(pk, values.pop("title"), values.pop("due_on"), by=self.user, via=Via.API, **values)
        assert made is not None  # noqa: S101  (only a form that was sent before gives none)
        return self.made(made, TaskShape(made))


class TaskObject(EditableView, DeletableView):
    admin_scope = False  # nothing goes: it stays as cancelled, and may be opened again
    shape = TaskShape
    described = {
        "get": Described("Read a task", gives=TaskShape),
        "patch": Described(
            "Change, finish, skip, reopen or postpone a task", takes=TaskShape, gives=TaskShape, versioned=True,
            says=_("What the process plans after it is planned in the same step. Only a task by hand can be cancelled."),
        ),
        "delete": Described(
            "Cancel a task", status=204, versioned=True,
            says=_("Tasks are never deleted: one by hand is cancelled and stays in the history. One that the process planned is"
                   " refused with 409; finish it, or skip it."),
        ),
    }  # fmt: skip

    def visible(self) -> QuerySet[Any]:
        return seen_tasks(self.user)

    def editable(self) -> QuerySet[Any]:
        return Task.objects.editable_by(self.user)

    def deletable(self) -> QuerySet[Any]:
        return self.editable()

    def remove(self, record: Any) -> None:
        followups.cancel(record.pk, by=self.user, via=Via.API)

    def hold(self, record: Any) -> Any:
        """The deal's lock holds its tasks too: every writer of a task takes it first."""
        return followups.hold(record.pk)

    def change(self, record: Any, values: dict[str, Any]) -> None:
        due_on, state = values.pop("due_on", None), values.pop("state", record.state)
        counted = values.pop("counted", None)
        if values:
            followups.edit(record.pk, values, by=self.user, via=Via.API)
        if counted is not None:
            record = followups.count(record.pk, counted, by=self.user, via=Via.API)
            state = record.state if state == Task.State.OPEN else state
        if state != record.state:
            self._set_state(record, state)
        if due_on is not None:
            if state != Task.State.OPEN:
                closed = _("Only an open task has another day.")
                raise ValidationError({"due_on": ValidationError(closed, code="closed")})
            followups.reschedule(record.pk, due_on, by=self.user, via=Via.API)

    def _set_state(self, task: Task, state: str) -> None:
        rules = {
            Task.State.DONE: followups.complete,
            Task.State.SKIPPED: followups.skip,
            Task.State.CANCELLED: followups.cancel,
            Task.State.OPEN: followups.reopen,
        }
        if state == Task.State.OPEN and not task.may_reopen:
            gone = _("The process took this task back; it cannot be opened again.")
            raise ValidationError({"state": ValidationError(gone, code="cancelled")})
        if state != Task.State.OPEN and task.state != Task.State.OPEN:
            raise ValidationError({"state": ValidationError(_("Only an open task can be finished."), code="closed")})
        try:
            rules[Task.State(state)](task.pk, by=self.user, via=Via.API)
        except ValidationError as error:
            raise ValidationError({"state": error}) from error


def seen_activities(user: User) -> QuerySet[Any]:
    seen = DealActivity.objects.filter(deal__in=Deal.objects.visible_to(user))
    rows = Activity.objects.visible_to(user).select_related("type", "outcome")
    return rows.prefetch_related("contacts", Prefetch("deal_links", queryset=seen))


class ActivityList(ListView):
    shape = ActivityShape
    filters = {
        "deal": same("deal_links__deal"),
        "organization": same("organization"),
        "contact": same("contacts"),
        "by": same("by"),
        "type": Filter(words, lambda value: Q(type__key=value), TEXT, _("The key of a type.")),
        "direction": choice("direction", Direction.OUT, Direction.IN),
        **between("happened_at", read_moment, MOMENT, ("from", "to")),
        "updated_since": since("updated_at"),
    }
    orders = ("id", "happened_at", "created_at")
    order = "-happened_at"
    described = {
        "get": Described("List activities", gives=ActivityShape, many=True),
        "post": Described(
            "Log what was said or done on a deal", takes=NewActivityShape, gives=ActivityShape, status=201,
            says=_("What was logged stays as it is."),
        ),
    }  # fmt: skip

    def rows(self) -> QuerySet[Any]:
        return seen_activities(self.user)

    def post(self, request: Request) -> Response:
        return self.once(self._post)

    def _post(self) -> Response:
        values = read_body(self, NewActivityShape)
        deal = values.pop("deal")
        outcome = self._outcome(values["type"], values.pop("outcome", ""))
        entry = NewActivity(outcome=outcome, contacts=tuple(values.pop("contacts", ())), **values)
        made = logbook.log(deal.pk, entry, by=self.user, via=Via.API)
        assert made is not None  # noqa: S101  (only a form that was sent before gives none)
        return self.made(made, ActivityShape(seen_activities(self.user).filter(pk=made.pk).get()))

    def _outcome(self, type: ActivityType, name: str) -> ActivityOutcome | None:
        if not name:
            return None
        known = {each.name.casefold(): each for each in type.outcomes.all()}
        if name.casefold() not in known:
            wrong = _("One of these is expected: %(known)s.") % {
                "known": ", ".join(each.name for each in known.values())
            }
            raise ValidationError({"outcome": ValidationError(wrong, code="choice")})
        return known[name.casefold()]


class ActivityObject(DeletableView):
    shape = ActivityShape
    described = {
        "get": Described("Read an activity", gives=ActivityShape),
        "delete": Described(
            "Delete an activity", status=204, versioned=True,
            says=_("Of whoever logged it or their manager, with scope “admin”. Refused with 409 while a commitment rests on it."),
        ),
    }  # fmt: skip

    def visible(self) -> QuerySet[Any]:
        return seen_activities(self.user)

    def deletable(self) -> QuerySet[Any]:
        return Activity.objects.deletable_by(self.user)

    def hold(self, record: Any) -> Activity:
        return logbook.lock(record.pk)

    def remove(self, record: Any) -> None:
        logbook.delete(record.pk, by=self.user, via=Via.API)


class ActivityRestore(RestoreView):
    shape = ActivityShape
    described = {
        "post": Described(
            "Bring back a deleted activity", gives=ActivityShape,
            says=_("Of whoever logged it or their manager, with scope “admin”."),
        )
    }  # fmt: skip

    def visible(self) -> QuerySet[Any]:
        return seen_activities(self.user)

    def deleted(self) -> QuerySet[Any]:
        return Activity.objects.deleted_and_known_to(self.user)

    def restorable(self) -> QuerySet[Any]:
        return Activity.objects.restorable_by(self.user)

    def bring_back(self, record: Any) -> None:
        logbook.restore(record.pk, by=self.user, via=Via.API)
