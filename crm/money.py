"""Amounts with their currency: how many decimals it has, and how people write it."""

from __future__ import annotations

from decimal import Decimal
from functools import lru_cache

from babel.core import get_global
from babel.numbers import format_currency, get_currency_precision
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

LIMIT = Decimal(10) ** 13


@lru_cache
def known_currencies() -> frozenset[str]:
    """Codes of ISO 4217."""
    return frozenset(get_global("all_currencies"))


@lru_cache(maxsize=256)
def decimals(currency: str) -> int:
    """Decimals of the currency's own: 2 for EUR, 0 for JPY, 3 for KWD."""
    return get_currency_precision(currency)


def check_currency(currency: str) -> str:
    if currency not in known_currencies():
        raise ValidationError(
            _("“%(code)s” is not a currency; use a code such as EUR.") % {"code": currency[:10]}, code="currency"
        )
    return currency


def check_amount(value: Decimal, currency: str) -> Decimal:
    """The amount, or ValidationError: not a number, negative, too large, or with more decimals than the currency has."""
    if not value.is_finite():
        raise ValidationError(_("Enter a number such as 12500.50."), code="invalid")
    if value < 0:
        raise ValidationError(_("A value cannot be negative."), code="negative")
    if value >= LIMIT:
        raise ValidationError(_("At most 13 digits before the point."), code="too_large")
    exact = value.quantize(Decimal(1).scaleb(-decimals(currency)))
    if exact != value:
        raise ValidationError(
            _("%(currency)s has %(count)d decimals.") % {"currency": currency, "count": decimals(currency)},
            code="decimals",
        )
    return exact + 0  # not -0


def format_money(value: Decimal | None, currency: str, locale: str = "en") -> str:
    """“€12,500” or “€12,500.50”: no needless decimals; “–” when unknown."""
    if value is None:
        return "–"
    if value == value.to_integral_value() and 0 <= value < LIMIT:
        # Babel takes 0.1 ms an amount, which a board of 200 cards would notice: only what stands around it is asked for.
        before, group, after = _around(currency, locale)
        return (
            f"{before}{int(value):,}{after}".replace(",", group) if group != "," else f"{before}{int(value):,}{after}"
        )
    whole = value == value.to_integral_value()
    return format_currency(
        value, currency, format="¤#,##0" if whole else None, locale=locale, currency_digits=not whole
    )


@lru_cache(maxsize=1024)
def _around(currency: str, locale: str) -> tuple[str, str, str]:
    """What stands before a whole amount, between its thousands and after it."""
    written = format_currency(Decimal(1111), currency, format="¤#,##0", locale=locale, currency_digits=False)
    first, last = written.index("1"), written.rindex("111")
    return written[:first], written[first + 1 : last], written[last + 3 :]
