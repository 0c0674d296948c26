"""Whether what the process is to do by itself can be done: what each action needs, and that no deal goes round in a circle."""

from __future__ import annotations

from collections.abc import Iterator

from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext as _

from pipeline import automation
from pipeline.automation import SETTABLE
from pipeline.models import Kind, MemberRole, Pipeline, ProcessAction

What, When = ProcessAction.What, ProcessAction.When
# Columns of an action that only some kinds read, with what they hold when nobody reads them.
UNUSED = {"role": "", "user": None, "field": "", "value": "", "tag": None, "pipeline": None, "text": ""}
USES: dict[str, tuple[str, ...]] = {
    What.NOTIFY: ("role", "text"),
    What.REASSIGN: ("role", "user"),
    What.FIELD: ("field", "value"),
    What.TAG: ("tag",),
    What.UNTAG: ("tag",),
    What.OPEN: ("pipeline", "text"),
}


def tidy_action(action: ProcessAction) -> None:
    """Empties the columns that it does not read, so that a change of kind leaves nothing behind."""
    for column, empty in UNUSED.items():
        if column not in USES.get(action.what, ()):
            setattr(action, column, empty)


def check_action(action: ProcessAction) -> None:
    """ValidationError by column, when it could never be done."""
    errors = dict(_lacking(action))
    if action.when == When.IDLE and (action.stage.idle_days is None or action.stage.kind != Kind.OPEN):
        errors["when"] = _("This stage has no idle days: set them first.")
    if action.when in (When.WON, When.LOST) and action.stage.kind != Kind.OPEN:
        errors["when"] = _("A deal is won or lost from an open stage. Here, choose that a deal enters.")
    if errors:
        raise ValidationError(errors)


def _lacking(action: ProcessAction) -> Iterator[tuple[str, str]]:
    if action.what == What.NOTIFY:
        if not action.role:
            yield "role", _("Say who is told.")
        if not action.text:
            yield "text", _("Say what they are told.")
    elif action.what == What.REASSIGN:
        if (action.user is None) == (action.role not in MemberRole.values):
            yield "role", _("Choose a role of the deal's members or a person, one of the two.")
    elif action.what == What.FIELD:
        yield from _field_errors(action)
    elif action.what == What.OPEN and action.pipeline is None:
        yield "pipeline", _("Choose the pipeline.")
    elif action.what in (What.TAG, What.UNTAG) and action.tag is None:
        yield "tag", _("Choose the tag.")


def _field_errors(action: ProcessAction) -> Iterator[tuple[str, str]]:
    if action.field not in SETTABLE:
        yield "field", _("Choose a field.")
        return
    try:
        automation.value_of(action, None, timezone.now())
    except ValidationError as error:
        yield "value", " ".join(error.messages)


def messages(pipeline: Pipeline) -> list[tuple[str, bool, int]]:
    """(what is wrong, whether it forbids saving, stage) of all actions in use there."""
    actions = ProcessAction.objects.in_use().filter(stage__retired_at__isnull=True)
    own = actions.filter(stage__pipeline=pipeline).select_related("stage", "tag", "user", "pipeline")
    found = []
    for action in own.order_by("stage__order", "order", "pk"):
        found += [(message, blocks, action.stage_id) for message, blocks in _messages(action)]
    opening = actions.filter(what=What.OPEN, pipeline__isnull=False).select_related("stage", "pipeline")
    way = automation.circle(pipeline, list(opening))
    if way:
        names = " → ".join([pipeline.name, *(each.name for each in way)])
        message = _("Deals would open one another for ever: %(way)s. Take one of these actions away.") % {"way": names}
        found.append((message, True, 0))
    return found


def _messages(action: ProcessAction) -> Iterator[tuple[str, bool]]:
    words = {"stage": action.stage.name, "action": str(action)}
    try:
        check_action(action)
    except ValidationError as error:
        why = {**words, "why": " ".join(error.messages)}
        yield _("%(stage)s: “%(action)s” cannot be done. %(why)s") % why, False
    if action.pipeline is not None and action.pipeline.retired_at is not None:
        gone = {**words, "pipeline": action.pipeline.name}
        yield _("%(stage)s: “%(action)s” cannot be done: “%(pipeline)s” is no longer in use.") % gone, False
    if action.user is not None and not action.user.is_active:
        left = {**words, "name": action.user.name}
        yield _("%(stage)s: “%(action)s” cannot be done: %(name)s no longer works here.") % left, False
