"""Importing deals, and the histories of their stages. Doors: what is written is written by `moves` and `deals`."""

from pipeline.imports.deals import DEALS
from pipeline.imports.history import STAGE_HISTORY

__all__ = ["DEALS", "STAGE_HISTORY"]
