"""The one writer of the names that deals are sorted by: tags and products."""

from __future__ import annotations

from collections.abc import Iterable

from pipeline.models import Product, Tag


def add_tags(names: Iterable[str]) -> list[Tag]:
    """Those that are there already stay as they are."""
    return [Tag.objects.get_or_create(name=name)[0] for name in names]


def add_products(names: Iterable[str]) -> list[Product]:
    return [Product.objects.get_or_create(name=name)[0] for name in names]
