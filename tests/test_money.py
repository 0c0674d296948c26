"""How amounts are written: the quick way for whole ones says what Babel says."""

from __future__ import annotations

from decimal import Decimal

import pytest
from babel.numbers import format_currency

from crm.money import format_money


@pytest.mark.parametrize("locale", ["en", "de", "fr", "sv", "pl", "es", "de_CH", "hi_IN", "ar", "ja"])
@pytest.mark.parametrize("currency", ["EUR", "JPY", "KWD", "CHF"])
def test_whole_amounts_are_written_as_babel_writes_them(locale: str, currency: str) -> None:
    for amount in (0, 7, 999, 1_000, 12_500, 1_234_567, 9_999_999_999_999):
        said = format_currency(amount, currency, format="¤#,##0", locale=locale, currency_digits=False)
        assert format_money(Decimal(amount), currency, locale) == said


def test_decimals_are_written_where_there_are_any_and_nothing_known_is_a_dash() -> None:
    assert format_money(Decimal("12500.5000"), "EUR") == "€12,500.50"
    assert format_money(Decimal("12500.0000"), "EUR") == "€12,500"
    assert format_money(None, "EUR") == "–"
