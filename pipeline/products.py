"""Products by name: the choices of a deal's field."""

from __future__ import annotations

from collections.abc import Iterable

from crm.text import same_name_key
from pipeline.models import Product


def by_name() -> dict[str, Product]:
    """Retired ones too: old deals were about them."""
    return {same_name_key(product.name): product for product in Product.objects.all()}


def add(names: Iterable[str]) -> list[Product]:
    """Raises ValidationError for a name that does not fit."""
    made = [Product(name=name) for name in names]
    for product in made:
        product.full_clean()
        product.save()
    return made
