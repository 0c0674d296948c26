"""The only writer of a deal's stage and of what closing sets. Every door calls these: board, page, admin, import, job."""

from pipeline.moves.create import create_deal, open_linked
from pipeline.moves.history import create_with_history, rewrite_history
from pipeline.moves.move import change_pipeline, move_deal, move_retired
from pipeline.moves.outcomes import Close, Fill, Moved, NewCommitment, NewPerson, Outcome, Refused, Stale, Stay
from pipeline.moves.past import Past, PastMove, PastRefusal, create_with_past
from pipeline.moves.undo import undo_move

__all__ = [
    "Close",
    "Fill",
    "Moved",
    "NewCommitment",
    "NewPerson",
    "Outcome",
    "Past",
    "PastMove",
    "PastRefusal",
    "Refused",
    "Stale",
    "Stay",
    "change_pipeline",
    "create_deal",
    "create_with_history",
    "create_with_past",
    "move_deal",
    "move_retired",
    "open_linked",
    "rewrite_history",
    "undo_move",
]
