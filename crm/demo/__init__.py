"""A company to look around in: each app registers a chapter of the same story, told from one seed.

Chapters decide what happened and call the rules that write it; they write nothing themselves.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

    from crm.demo.world import World

_chapters: dict[str, StrOrPromise] = {}


def register(module: str, title: StrOrPromise) -> None:
    """The module has a function `chapter(world)`. By name, so that only who tells the story reads its data files."""
    _chapters[module] = title


def tell(world: World, say: Callable[[str], object] = len) -> None:
    """In the order in which the apps are installed: a later chapter builds on what the earlier ones kept.

    `say` hears the title of each chapter before it begins.
    """
    for module, title in _chapters.items():
        say(str(title))
        import_module(module).chapter(world)
