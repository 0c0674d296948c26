"""What a text may contain, whichever way it comes in."""

from __future__ import annotations

import unicodedata

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

# Controls that turn the direction of what follows: a name with one of them can pass itself off as another.
_BIDI = {chr(code) for code in (*range(0x202A, 0x202F), *range(0x2066, 0x206A))}


def clean_text(value: str) -> str:
    """The text in NFC without surrounding space. Raises ValidationError in words for what cannot be stored or seen."""
    if "\x00" in value:
        raise ValidationError(_("This contains a NUL character, which cannot be stored."), code="nul")
    if any(0xD800 <= ord(char) <= 0xDFFF for char in value):
        raise ValidationError(_("This contains half a character (a lone surrogate)."), code="surrogate")
    if _BIDI.intersection(value):
        raise ValidationError(
            _("This contains a hidden character that reverses the direction of writing."), code="bidi"
        )
    value = unicodedata.normalize("NFC", value).strip()
    return value if any(unicodedata.category(char) not in ("Cf", "Cc", "Zs", "Zl", "Zp") for char in value) else ""


def same_name_key(value: str) -> str:
    """Two names with the same key are taken for the same: compatibility forms, case and spacing do not count."""
    return " ".join(unicodedata.normalize("NFKC", value).casefold().split())
