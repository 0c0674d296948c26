"""What kind of file this is and how its letters are written. Nothing is guessed so that a letter could turn into another."""

from __future__ import annotations

import codecs
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

from django.utils.translation import gettext as _

_CHUNK = 1 << 20
_BAD = re.compile("[\udc80-\udcff]")
_BEYOND_ASCII = re.compile("[\x80-\ud7ff\ue000-\U0010ffff]")
_UNDEFINED_IN_1252 = re.compile("[\udc81\udc8d\udc8f\udc90\udc9d]")
_BOMS = [
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
]


class Unreadable(Exception):
    """The file as a whole is refused; the message says why and what would help."""


def find_encoding(path: Path) -> str:
    """utf-8, utf-8-sig, utf-16, utf-32 or cp1252. Raises Unreadable for another kind of file and for mixed encodings."""
    with path.open("rb") as file:
        head = file.read(4096)
    if not head.strip():
        raise Unreadable(_("The file has no rows."))
    _refuse_other_kinds(path, head)
    for mark, encoding in _BOMS:
        if head.startswith(mark):
            return encoding
    return _without_mark(head) or _utf8_or_1252(path)


def in_words(encoding: str) -> str:
    names = {"utf-8": "UTF-8", "utf-8-sig": "UTF-8", "cp1252": "Windows-1252", "utf-32": "UTF-32"}
    return names.get(encoding, "UTF-16" if encoding.startswith("utf-16") else encoding)


def _refuse_other_kinds(path: Path, head: bytes) -> None:
    begin = head.lstrip(b"\xef\xbb\xbf \t\r\n")[:100].lower()
    excel = _("This is an Excel file. Save it there as “CSV UTF-8” and import that.")
    if head.startswith(b"PK\x03\x04"):
        raise Unreadable(excel if _is_workbook(path) else _kind(_("a ZIP archive")))
    if head.startswith(b"\xd0\xcf\x11\xe0"):
        raise Unreadable(excel)
    kinds = [
        (b"%pdf", _("a PDF document")), (b"\x89png", _("an image")), (b"gif8", _("an image")), (b"\xff\xd8\xff", _("an image")),
        (b"<!doctype html", _("a web page")), (b"<html", _("a web page")), (b"<?xml", _("an XML file")),
        (b"\x1f\x8b", _("a compressed file")), (b"{", _("a JSON file")), (b"[{", _("a JSON file")),
    ]  # fmt: skip
    for mark, words in kinds:
        if begin.startswith(mark):
            raise Unreadable(_kind(words))


def _kind(words: str) -> str:
    return _("This is %(kind)s, not a CSV file.") % {"kind": words}


def _is_workbook(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            return any(name.startswith("xl/") for name in archive.namelist())
    except zipfile.BadZipFile:
        return False


def _without_mark(head: bytes) -> str:
    """UTF-16 without a mark shows by its zero bytes: every other one of a text in western letters."""
    even, odd = head[::2].count(0), head[1::2].count(0)
    most, least = max(even, odd), min(even, odd)
    if most * 4 < len(head) or least * 8 > most:
        return ""
    return "utf-16-be" if even > odd else "utf-16-le"


def _utf8_or_1252(path: Path) -> str:
    """Bytes that are not UTF-8 make the file Windows-1252, unless other bytes of it can only be UTF-8."""
    place, line, valid, undefined = "", 1, False, False
    offset = 0
    for text in _decoded(path):
        found = _BAD.search(text)
        if found and not place:
            before = text[: found.start()]
            at = offset + len(before.encode("utf-8", "surrogateescape")) + 1
            place = _("line %(line)d, byte %(byte)d of the file") % {"line": line + before.count("\n"), "byte": at}
        valid = valid or _BEYOND_ASCII.search(text) is not None
        undefined = undefined or _UNDEFINED_IN_1252.search(text) is not None
        offset += len(text.encode("utf-8", "surrogateescape"))
        line += text.count("\n")
    if not place:
        return "utf-8"
    if valid:
        raise Unreadable(
            _("The file mixes encodings: it is UTF-8, but not at %(place)s. Save it again as UTF-8.") % {"place": place}
        )
    if undefined:
        raise Unreadable(
            _("The encoding is not known, see %(place)s. UTF-8, UTF-16 and Windows-1252 work.") % {"place": place}
        )
    return "cp1252"


def _decoded(path: Path) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            yield decoder.decode(chunk)
    yield decoder.decode(b"", final=True)
