"""The board as it is read: columns with their totals, cards in the order of what to do next.

A fixed number of queries, whatever the number of deals and stages.
"""

from pipeline.board.cards import Card
from pipeline.board.filters import ORDERS, Filters
from pipeline.board.page import PAGE, Board, Column, read

__all__ = ["ORDERS", "PAGE", "Board", "Card", "Column", "Filters", "read"]
