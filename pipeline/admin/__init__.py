"""The administration of the sales process, its lists, and what happened to deals."""

from pipeline.admin import history, lists, process, stages, work

__all__ = ["history", "lists", "process", "stages", "work"]
