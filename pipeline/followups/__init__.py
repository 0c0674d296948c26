"""Tasks: the one writer of Task, of a deal's next due time, of when it was last worked on, and of its pause.

What the process plans and cancels in a move has no change rows of its own: the stay it belongs to says who and when.
"""

from pipeline.followups.answers import go_on_unanswered, stop_answered, stopped_by
from pipeline.followups.by_hand import (
    add,
    add_for,
    cancel,
    complete,
    count,
    edit,
    pause,
    put_back,
    reopen,
    reschedule,
    resume,
    skip,
)
from pipeline.followups.past import keep_past, recount
from pipeline.followups.plan import lacks_next_step, next_of_stage, plan_next, plan_regular, plan_stage
from pipeline.followups.rows import FIELDS, Due, hold, holding, lock, next_due, worked
from pipeline.followups.with_deals import cancel_left_stage, carry_over, hand_over, restore_cancelled, take_over

__all__ = [
    "FIELDS",
    "Due",
    "add",
    "add_for",
    "cancel",
    "cancel_left_stage",
    "carry_over",
    "complete",
    "count",
    "edit",
    "go_on_unanswered",
    "hand_over",
    "hold",
    "holding",
    "keep_past",
    "lacks_next_step",
    "lock",
    "next_due",
    "next_of_stage",
    "pause",
    "plan_next",
    "plan_regular",
    "plan_stage",
    "put_back",
    "recount",
    "reopen",
    "reschedule",
    "restore_cancelled",
    "resume",
    "skip",
    "stop_answered",
    "stopped_by",
    "take_over",
    "worked",
]
