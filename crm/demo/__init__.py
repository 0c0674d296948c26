"""A company to look around in: each app registers a chapter of the same story, told from one seed.

Chapters decide what happened and call the rules that write it; they write nothing themselves.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from crm.demo.world import World

_chapters: list[str] = []


def register(module: str) -> None:
    """The module has a function `chapter(world)`. By name, so that only who tells the story reads its data files."""
    if module not in _chapters:
        _chapters.append(module)


def tell(world: World) -> None:
    """In the order in which the apps are installed: a later chapter builds on what the earlier ones kept."""
    for module in _chapters:
        import_module(module).chapter(world)
