"""How deals, and what belongs to them, are shown and sent."""

from __future__ import annotations

import datetime
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from crm import access
from crm.api.shapes import (
    BIGGEST_ID,
    Choice,
    Day,
    Moment,
    Part,
    Reference,
    References,
    Shape,
    Text,
    Whole,
    Yes,
    declared,
    read_id,
    wrong,
)
from crm.models import User
from leads.activities import LONGEST
from leads.models import ActivityType, Contact, Direction, Organization, Source
from pipeline import calendar, followups, merging
from pipeline.fields import DEAL_FIELDS  # noqa: F401  (declares them, as followups does for tasks)
from pipeline.followups import FIELDS  # noqa: F401
from pipeline.models import Deal, Kind, Product, Tag, Task, TaskKind
from pipeline.open_deals import OpenDeal


class Texts(Part):
    """Short texts that are shown and cannot be set."""

    kind = {"type": "array", "items": {"type": "string"}}


class Id(Part):
    """Of something that the rule looks for."""

    kind = {"type": "integer", "minimum": 1, "maximum": BIGGEST_ID}

    def to_internal_value(self, data: Any) -> int:
        return read_id(data)


class NameOf(Text):
    """The name of what the record refers to, as a text. The row is read with the record."""

    def get_attribute(self, instance: Any) -> Any:
        found = getattr(instance, str(self.source))
        return None if found is None else str(found)


def seen_organizations(user: User) -> QuerySet[Any]:
    return Organization.objects.visible_to(user)


def edited_organizations(user: User) -> QuerySet[Any]:
    return Organization.objects.editable_by(user)


def seen_contacts(user: User) -> QuerySet[Any]:
    return Contact.objects.visible_to(user)


def edited_deals(user: User) -> QuerySet[Any]:
    return Deal.objects.editable_by(user)


class _DealFields(Shape):
    id = Whole(read_only=True)
    version = Whole(read_only=True)
    title = declared("deal", "title")
    organization = declared("deal", "organization", seen_organizations)
    value = declared("deal", "value")
    currency = declared("deal", "currency", required=False)
    expected_close = declared("deal", "expected_close")
    owner = declared("deal", "owner", access.assignable_users, required=False)
    source = declared("deal", "source", lambda user: Source.objects.in_use())
    product = declared("deal", "product", lambda user: Product.objects.in_use())
    tags = declared("deal", "tags", lambda user: Tag.objects.all())


class BriefDealShape(_DealFields):
    pipeline = Reference(read_only=True)
    stage = Reference(read_only=True, says=_("Changed by moving the deal."))
    status = Choice(Kind.values, read_only=True)
    started_at = Moment(read_only=True)
    stage_entered_at = Moment(read_only=True)
    next_task_due_at = Moment(read_only=True, allow_null=True)
    last_worked_at = Moment(read_only=True)
    paused_until = Moment(read_only=True, allow_null=True)
    pause_reason = Text(read_only=True)
    closed_at = Moment(read_only=True, allow_null=True)
    close_reason = NameOf(read_only=True, allow_null=True)
    close_note = Text(read_only=True)
    credited_owner = Reference(read_only=True, allow_null=True)
    created_at = Moment(read_only=True)
    updated_at = Moment(read_only=True)
    example = {"value": "14500.00", "expected_close": "2027-03-31"}


class DealShape(BriefDealShape):
    """As a deal is read by itself or in a list: with how often somebody was in touch."""

    touches = Whole(read_only=True, says=_("Calls, messages, meetings, presentations and events that were logged."))
    touches_in_stage = Whole(read_only=True, says=_("Those since it entered its present stage."))
    last_touch_at = Moment(read_only=True, allow_null=True)
    example = BriefDealShape.example


class _OpenDeals(Part):
    """Others with the same organization. Of one that the asker does not see, whose it is and no more."""

    kind = {
        "type": "array",
        "items": {
            "type": "object",
            "properties": {
                "message": {"type": "string"}, "deal": {"type": ["integer", "null"]}, "owner": {"type": "integer"},
            },
            "required": ["message", "deal", "owner"],
        },
    }  # fmt: skip

    def get_attribute(self, instance: Any) -> Any:
        return self.context["others"]

    def to_representation(self, value: list[OpenDeal]) -> list[dict[str, Any]]:
        return [
            {"message": each.sentence, "deal": each.deal and each.deal.pk, "owner": each.owner.pk} for each in value
        ]


class MadeDealShape(DealShape):
    open_deals = _OpenDeals(
        read_only=True, says=_("A warning: open deals that there are already with its organization.")
    )


class NewDealShape(_DealFields):
    stage = Id(says=_("Where it begins; it passes the conditions up to there."))
    override_reason = Text(required=False, longest=500, says=_("Of a manager, to let it in without its conditions."))
    example = {"title": "Meters for 14 shops", "stage": 1, "value": "12500.50", "expected_close": "2027-03-31"}


class StageShape(Shape):
    id = Whole(read_only=True)
    pipeline = Reference(read_only=True)
    name = Text(read_only=True)
    kind = Choice(Kind.values, read_only=True)
    order = Whole(read_only=True)
    probability = Whole(read_only=True, says=_("In per cent."))
    target_days = Whole(read_only=True, allow_null=True)
    idle_days = Whole(read_only=True, allow_null=True)
    retired = Yes(read_only=True, source="is_retired")


class PipelineShape(Shape):
    id = Whole(read_only=True)
    name = Text(read_only=True)
    currency = Text(read_only=True)
    description = Text(read_only=True)


class _DueOn(Day):
    """The day in the time zone of the task's owner."""

    def get_attribute(self, instance: Task) -> datetime.date:
        return calendar.day_of(instance.due_at, instance.owner)

    def to_representation(self, value: datetime.date) -> str:
        return value.isoformat()


class _NextStepMissing(Yes):
    def get_attribute(self, instance: Task) -> bool:
        return instance.deal is not None and followups.lacks_next_step(instance.deal, timezone.now())


class TaskShape(Shape):
    id = Whole(read_only=True)
    version = Whole(read_only=True)
    deal = Reference(read_only=True, allow_null=True, says=_("None: it is for an organization, or regular work."))
    organization = Reference(read_only=True, allow_null=True, says=_("Of a task for the organization itself."))
    title = declared("task", "title")
    kind = Choice(TaskKind.values, read_only=True)
    owner = declared("task", "owner", access.assignable_users)
    required = Yes(read_only=True, says=_("It cannot be skipped."))  # type: ignore[assignment]
    wanted = Whole(read_only=True, allow_null=True, says=_("Of work that is counted: how many in all."))
    counted = Whole(required=False, allow_null=True, says=_("How many are done; with the last one the task is done."))
    due_on = _DueOn(required=False, says=_("In the time zone of its owner."))
    due_at = Moment(read_only=True)
    has_time = Yes(read_only=True, says=_("Due at that moment, and not only on that day."))
    next_step_missing = _NextStepMissing(
        read_only=True, says=_("The deal is open, not paused, and nothing is left to do on it.")
    )
    state = Choice(
        Task.State.values,
        required=False,
        says=_("cancelled is what somebody called off, of a task by hand, or what the process took back."),
    )
    closed_at = Moment(read_only=True, allow_null=True)
    created_at = Moment(read_only=True)
    updated_at = Moment(read_only=True)
    example = {"state": "done"}


class NewTaskShape(Shape):
    deal = Reference(edited_deals, required=False)
    organization = Reference(edited_organizations, required=False, says=_("Instead of a deal."))
    title = declared("task", "title")
    due_on = Day()
    kind = Choice(TaskKind.values, required=False)
    owner = Reference(access.assignable_users, required=False)
    example = {"deal": 1, "title": "Call Ina about the contract", "due_on": "2027-03-31", "kind": "call"}


class _TypeKey(Part):
    kind = {"type": "string"}

    def get_attribute(self, instance: Any) -> Any:
        return instance.type.key

    def to_internal_value(self, data: Any) -> ActivityType:
        found = ActivityType.objects.in_use().filter(key=data).first() if isinstance(data, str) else None
        if found is None:
            known = ", ".join(ActivityType.objects.in_use().values_list("key", flat=True))
            raise wrong(_("One of these is expected: %(known)s.") % {"known": known}, "choice")
        return found


class _Deals(References):
    def get_attribute(self, instance: Any) -> Any:
        return instance.deal_links

    def to_representation(self, value: Any) -> list[int]:
        return sorted(link.deal_id for link in value.all())


class ActivityShape(Shape):
    id = Whole(read_only=True)
    version = Whole(read_only=True)
    type = _TypeKey(read_only=True)
    direction = Choice(Direction.values, read_only=True)
    outcome = NameOf(read_only=True, allow_null=True)
    minutes = Whole(read_only=True, allow_null=True, says=_("How long it took."))
    text = Text(read_only=True)
    happened_at = Moment(read_only=True)
    by = Reference(read_only=True)
    organization = Reference(read_only=True, allow_null=True)
    contacts = References(read_only=True)
    deals = _Deals(read_only=True, says=_("Those that you see."))
    created_at = Moment(read_only=True)


class NewActivityShape(Shape):
    deal = Reference(edited_deals)
    type = _TypeKey(says=_("The key of a type, such as call; see /api/v1/choices/."))
    direction = Choice(Direction.values, required=False)
    outcome = Text(required=False, longest=60, says=_("The name of one of the type's outcomes."))
    text = Text(required=False, longest=20_000)
    minutes = Whole(required=False, least=1, most=LONGEST, says=_("How long it took."))
    happened_at = Moment(required=False, says=_("Now, if it is left out."))
    contacts = References(seen_contacts, required=False)
    example = {"deal": 1, "type": "call", "direction": "out", "text": "Wants an offer by Friday."}


class CommitmentShape(Shape):
    id = Whole(read_only=True)
    condition = Reference(read_only=True)
    label = NameOf(read_only=True, source="condition")  # type: ignore[assignment]
    contact = Reference(read_only=True, allow_null=True)
    evidence = Text(read_only=True)
    happened_at = Moment(read_only=True)
    recorded_by = Reference(read_only=True)
    recorded_at = Moment(read_only=True)


class NewCommitmentShape(Shape):
    condition = Id(says=_("The id of the condition, from the gate or a refusal."))
    evidence = Text(required=False, longest=500)
    contact = Reference(seen_contacts, required=False, allow_null=True, says=_("The deal's main contact, if left out."))
    happened_at = Moment(required=False)
    example = {"condition": 1, "evidence": "Mail of 3 March: “yes, send the contract”"}


class MoveShape(Shape):
    stage = Id()
    version = Whole(least=1, says=_("The version of the deal that you read."))
    reason = Text(required=False, longest=500, says=_("Why it is moved; into a lost stage, the name of a reason."))
    note = Text(required=False, longest=500, says=_("What the reason asks also, such as which competitor."))
    come_back_on = Day(required=False, says=_("When to come back to a lost deal."))
    override_reason = Text(
        required=False, longest=500, says=_("Of a manager with scope admin, to let it in without its conditions.")
    )
    example = {"stage": 2, "version": 1}


class WinShape(Shape):
    version = Whole(least=1)
    stage = Id(required=False, says=_("The first won stage, if left out."))
    reason = Text(required=False, says=_("The name of a reason; see /api/v1/choices/."))
    note = Text(required=False, longest=500)
    override_reason = Text(required=False, longest=500)
    example = {"version": 1}


class LoseShape(Shape):
    version = Whole(least=1)
    stage = Id(required=False, says=_("The first lost stage, if left out."))
    reason = Text(says=_("The name of a reason; see /api/v1/choices/."))
    note = Text(required=False, longest=500, says=_("What the reason asks also, such as which competitor."))
    come_back_on = Day(required=False)
    example = {"version": 1, "reason": "No budget"}


class ReopenShape(Shape):
    version = Whole(least=1)
    stage = Id(required=False, says=_("Where it was closed, if left out."))
    override_reason = Text(required=False, longest=500)
    example = {"version": 2}


class UndoShape(Shape):
    visit = Id(says=_("From the answer to the move."))
    example = {"visit": 1}


class _Fields(Part):
    """Names of fields, each once."""

    kind = {"type": "array", "items": {"type": "string", "enum": list(merging.FIELDS)}, "maxItems": len(merging.FIELDS)}

    def to_internal_value(self, data: Any) -> list[str]:
        if not isinstance(data, list) or not all(each in merging.FIELDS for each in data):
            raise wrong(_("A list of these is expected: %(known)s.") % {"known": ", ".join(merging.FIELDS)}, "choice")
        return data


class MergeShape(Shape):
    other = Reference(edited_deals, says=_("The deal that becomes part of this one."))
    version = Whole(least=1, says=_("The version of the deal that you read."))
    other_version = Whole(least=1, required=False, says=_("The version of the other, if you read it."))
    take = _Fields(
        required=False, says=_("The fields that the other gives; those that are empty here, if it is left out.")
    )
    example = {"other": 2, "version": 1}


class CardShape(BriefDealShape):
    """What a card of the board is made of."""

    over_target = Yes(read_only=True)
    marks = Texts(read_only=True)
    movable = Yes(read_only=True)
