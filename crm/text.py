"""What a text may contain, whichever way it comes in."""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import quote

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


def initials(name: str) -> str:
    """“LH” of “Lena Maria Hartmann”."""
    words = name.split()
    return (words[0][:1] + (words[-1][:1] if len(words) > 1 else "")).upper() if words else ""


_EXTENSION = re.compile(r"(?:ext\.?|x|durchwahl|app\.?)\s*(\d{1,8})\s*$", re.IGNORECASE)


def tel_link(phone: str) -> str:
    """The address that a telephone dials: “+49 (0)30 12 34 ext. 5” → “tel:+49301234;ext=5”. Empty for no number."""
    digits = unicodedata.normalize("NFKC", phone)
    extension = _EXTENSION.search(digits)
    digits = digits[: extension.start()] if extension else digits
    abroad = "+" if digits.lstrip(" (").startswith("+") else ""
    if abroad:  # the zero that is dialled only at home
        digits = digits.replace("(0)", "")
    called = "".join(char for char in digits if char in "0123456789*#")
    if len(called) < 3:
        return ""
    return f"tel:{abroad}{quote(called, safe='*')}" + (f";ext={extension[1]}" if extension else "")


def mail_link(email: str) -> str:
    """The address that a mail program opens; nothing in it adds a subject or another recipient."""
    return f"mailto:{quote(email, safe='@')}" if "@" in email else ""


def same_name_key(value: str) -> str:
    """Two names with the same key are taken for the same: compatibility forms, case and spacing do not count."""
    return " ".join(unicodedata.normalize("NFKC", value).casefold().split())
