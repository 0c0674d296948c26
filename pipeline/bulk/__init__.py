"""Changing many deals or tasks: each by the ordinary rules in a transaction of its own, in ascending order of their ids.

The mark how far a run is moves in the transaction that changes a deal, so whoever dies in between leaves nothing half done.
"""

from pipeline.bulk.beginning import AT_ONCE, MOST, NotYours, TooMany, editable, start, start_tasks
from pipeline.bulk.working import TAKE_BACK_FOR, take_back, work, work_all

__all__ = [
    "AT_ONCE",
    "MOST",
    "TAKE_BACK_FOR",
    "NotYours",
    "TooMany",
    "editable",
    "start",
    "start_tasks",
    "take_back",
    "work",
    "work_all",
]
