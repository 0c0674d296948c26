"""What a new company starts with. Each app registers how it loads its own lists and processes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from crm.models import User

# Idempotent: what is there already stays as it is.
Loader = Callable[[User | None, datetime], None]

_registered: dict[str, Loader] = {}


def register(name: str, loader: Loader) -> None:
    _registered[name] = loader


def load_all(*, by: User | None, now: datetime) -> list[str]:
    """The names of what was loaded, in the order in which the apps stand."""
    for loader in _registered.values():
        loader(by, now)
    return list(_registered)
