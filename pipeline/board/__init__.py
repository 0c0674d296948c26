"""The board as it is read: columns with their totals, cards in the order of what to do next.

A fixed number of queries, whatever the number of deals and stages.
"""

from pipeline.board.cards import Card
from pipeline.board.filters import FACTS, ORDERS, Filters
from pipeline.board.listing import COLUMNS, SORTS, Listing
from pipeline.board.page import PAGE, Board, Column, read

__all__ = ["COLUMNS", "FACTS", "ORDERS", "PAGE", "SORTS", "Board", "Card", "Column", "Filters", "Listing", "read"]
