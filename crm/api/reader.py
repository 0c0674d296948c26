"""The one reader of JSON: what it lets through is an object of plain values that every engine can store."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, NoReturn

from django.utils.translation import gettext as _

from crm.problems import Fault, Problem

LARGEST = 1_000_000
"""Bytes of a body."""
DEEPEST = 20
LONGEST_NUMBER = 40
# A string that never ends takes the rest with it, so that each character is looked at once.
_BRACKETS = re.compile(r'"(?:[^"\\]|\\.)*+"?|([\[{])|([\]}])', re.DOTALL)


class _Unreadable(ValueError):
    pass


def read_object(raw: bytes) -> dict[str, Any]:
    """Raises Problem 400 in words. Numbers with a point become Decimals."""
    text = _decoded(raw)
    _refuse_depth(text)
    try:
        value = json.loads(
            text, object_pairs_hook=_pairs, parse_constant=_no_number, parse_int=_whole, parse_float=_decimal
        )
    except json.JSONDecodeError as error:
        named = {"line": error.lineno, "column": error.colno, "why": error.msg}
        refuse(_("This is not JSON: line %(line)d, column %(column)d: %(why)s.") % named)
    except _Unreadable as error:
        refuse(str(error))
    if not isinstance(value, dict):
        refuse(_('Send an object, such as {"title": "Meters"}.'), code="object_expected")
    faults = tuple(_bad_texts(value, ""))
    if faults:
        refuse(_("This holds text that cannot be stored."), *faults)
    return value


def refuse(detail: str, *faults: Fault, code: str = "not_json") -> NoReturn:
    raise Problem(400, code, detail, *faults)


def _decoded(raw: bytes) -> str:
    if not raw.strip():
        refuse(_("The body is empty; send an object, such as {}."), code="object_expected")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        refuse(_("The body is not UTF-8: see byte %(byte)d.") % {"byte": error.start})


def _refuse_depth(text: str) -> None:
    depth = 0
    for found in _BRACKETS.finditer(text):
        depth += 1 if found[1] else -1 if found[2] else 0
        if depth > DEEPEST:
            refuse(_("At most %(count)d brackets may stand within each other.") % {"count": DEEPEST})


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _value in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise _Unreadable(_("“%(name)s” stands there more than once.") % {"name": _printable(twice)})
    return found


def _no_number(text: str) -> NoReturn:
    raise _Unreadable(_("%(text)s is not a number that can be stored.") % {"text": text})


def _whole(text: str) -> int:
    if len(text) > LONGEST_NUMBER:
        _no_number(f"{text[:20]}…")
    return int(text)


def _decimal(text: str) -> Decimal:
    value = Decimal(text) if len(text) <= LONGEST_NUMBER else Decimal("NaN")
    if not value.is_finite() or abs(value.adjusted()) > LONGEST_NUMBER:
        _no_number(f"{text[:20]}")
    return value


def _bad_texts(value: Any, path: str) -> Iterator[Fault]:
    if isinstance(value, str):
        why = _unstorable(value)
        if why:
            yield Fault(path, *why)
    elif isinstance(value, dict):
        for name, each in value.items():
            if _unstorable(name):
                yield Fault(path, "text", _("The name of a field holds what cannot be stored."))
            else:
                yield from _bad_texts(each, f"{path}.{name}".lstrip("."))
    elif isinstance(value, list):
        for number, each in enumerate(value):
            yield from _bad_texts(each, f"{path}[{number}]")


def _unstorable(text: str) -> tuple[str, str] | None:
    if "\x00" in text:
        return "nul", _("This contains a NUL character, which cannot be stored.")
    if any(0xD800 <= ord(char) <= 0xDFFF for char in text):
        return "surrogate", _("This contains half a character (a lone surrogate).")
    return None


def _printable(name: str) -> str:
    return name[:40].encode("utf-8", "replace").decode().replace("\x00", "?")
