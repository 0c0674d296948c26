"""What a file is, by its content and not by its name: a short list of kinds, none of which runs in a browser.

Reads heads and directories only. An image is never decoded and an archive never expanded: how large both would become
stands in their first bytes, and a file that would become too large is refused by that.
"""

from __future__ import annotations

import codecs
import re
import struct
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import IO

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

HEAD = 64 * 1024
CHUNK = 64 * 1024
LARGEST_SIDE, LARGEST_AREA = 20_000, 100_000_000
LARGEST_EXPANDED = 300 * 1024 * 1024
MOST_PARTS, LARGEST_DIRECTORY = 5_000, 1024 * 1024


@dataclass(frozen=True)
class Kind:
    """The first of `endings` is added to a name that has none."""

    content_type: str
    endings: tuple[str, ...]
    icon: str = "file-text"


_OFFICE = "application/vnd.openxmlformats-officedocument."
_OPEN = "application/vnd.oasis.opendocument."
PDF = Kind("application/pdf", (".pdf",))
PNG = Kind("image/png", (".png",), "photo")
JPEG = Kind("image/jpeg", (".jpg", ".jpeg"), "photo")
GIF = Kind("image/gif", (".gif",), "photo")
WEBP = Kind("image/webp", (".webp",), "photo")
TEXT = Kind("text/plain", (".txt", ".csv"))
IN_OFFICE = {
    "word/": Kind(f"{_OFFICE}wordprocessingml.document", (".docx",)),
    "xl/": Kind(f"{_OFFICE}spreadsheetml.sheet", (".xlsx",)),
    "ppt/": Kind(f"{_OFFICE}presentationml.presentation", (".pptx",), "presentation"),
}
IN_OPEN = {
    "text": Kind(f"{_OPEN}text", (".odt",)),
    "spreadsheet": Kind(f"{_OPEN}spreadsheet", (".ods",)),
    "presentation": Kind(f"{_OPEN}presentation", (".odp",), "presentation"),
}
KINDS = {kind.content_type: kind for kind in (PDF, PNG, JPEG, GIF, WEBP, TEXT, *IN_OFFICE.values(), *IN_OPEN.values())}
ENDINGS = tuple(ending for kind in KINDS.values() for ending in kind.endings)


def icon_of(content_type: str) -> str:
    kind = KINDS.get(content_type)
    return kind.icon if kind else "file-text"


def fitting(name: str, kind: Kind) -> str:
    """The name, with an ending where it has none. ValidationError for one that says something else than the content."""
    stem, dot, ending = name.rpartition(".")
    if not (stem and dot):
        return name[: 255 - len(kind.endings[0])] + kind.endings[0]
    if f".{ending.lower()}" not in kind.endings:
        shown = {"ending": f".{ending[:20]}", "endings": ", ".join(kind.endings)}
        raise ValidationError(
            _("The name ends in %(ending)s, but the content is that of a file that ends in %(endings)s.") % shown, code="name"
        )  # fmt: skip
    return name


def recognize(file: IO[bytes]) -> Kind:
    """ValidationError in words for everything that is not on the list. Leaves the file at its beginning."""
    file.seek(0)
    head = file.read(HEAD)
    found = next((kind for starts, kind in _KINDS_BY_START if re.match(starts, head, re.DOTALL)), None)
    if not head:
        raise ValidationError(_("The file is empty."), code="empty")
    if head.startswith(b"PK\x03\x04"):
        found = _in_archive(file)
    elif found is None:
        found = _text(file)
    elif found in _SIZES:
        _check_size(*_SIZES[found](file, head))
    file.seek(0)
    return found


_KINDS_BY_START = [
    (rb"%PDF-\d", PDF), (rb"\x89PNG\r\n\x1a\n", PNG), (rb"\xff\xd8\xff", JPEG), (rb"GIF8[79]a", GIF), (rb"RIFF....WEBPVP8", WEBP),
]  # fmt: skip


def _unknown() -> ValidationError:
    return ValidationError(
        _("Only PDF, Word, Excel, PowerPoint, OpenDocument, plain text, CSV and pictures (PNG, JPEG, WebP, GIF) are taken."),
        code="kind",
    )  # fmt: skip


def _damaged() -> ValidationError:
    return ValidationError(_("The file is damaged, or is not what it begins like."), code="damaged")


# --- Pictures: width and height as their heads say them


def _check_size(width: int, height: int) -> None:
    if not (width > 0 and height > 0):
        raise _damaged()
    if max(width, height) > LARGEST_SIDE or width * height > LARGEST_AREA:
        shown = {"width": width, "height": height}
        raise ValidationError(_("The picture is too large: %(width)s × %(height)s dots.") % shown, code="dimensions")


def _unpack(layout: str, data: bytes, at: int) -> tuple[int, ...]:
    try:
        return struct.unpack_from(layout, data, at)
    except struct.error:
        raise _damaged() from None


def _png_size(file: IO[bytes], head: bytes) -> tuple[int, int]:
    if head[12:16] != b"IHDR":
        raise _damaged()
    width, height = _unpack(">II", head, 16)
    return width, height


def _gif_size(file: IO[bytes], head: bytes) -> tuple[int, int]:
    width, height = _unpack("<HH", head, 6)
    return width, height


def _webp_size(file: IO[bytes], head: bytes) -> tuple[int, int]:
    if head[12:16] == b"VP8X":
        low_w, high_w, low_h, high_h = _unpack("<HBHB", head, 24)
        return (high_w << 16 | low_w) + 1, (high_h << 16 | low_h) + 1
    if head[12:16] == b"VP8L":
        (bits,) = _unpack("<I", head, 21)
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    width, height = _unpack("<HH", head, 26)
    return width & 0x3FFF, height & 0x3FFF


def _jpeg_size(file: IO[bytes], head: bytes) -> tuple[int, int]:
    """From segment to segment until the frame says its size."""
    at = 2
    for _segment in range(1_000):
        file.seek(at)
        part = file.read(9)
        if len(part) < 9 or part[0] != 0xFF:
            break
        if part[1] == 0xFF:  # a byte that only fills
            at += 1
            continue
        if 0xC0 <= part[1] <= 0xCF and part[1] not in (0xC4, 0xC8, 0xCC):
            height, width = _unpack(">HH", part, 5)
            return width, height
        at += 2 + max(2, _unpack(">H", part, 2)[0])
    raise _damaged()


_SIZES: dict[Kind, Callable[[IO[bytes], bytes], tuple[int, int]]] = {
    PNG: _png_size,
    JPEG: _jpeg_size,
    GIF: _gif_size,
    WEBP: _webp_size,
}


# --- Office documents: archives, of which only the list of parts is read


def _in_archive(file: IO[bytes]) -> Kind:
    _check_directory(file)
    try:
        with zipfile.ZipFile(file) as archive:
            parts = archive.infolist()
            if sum(part.file_size for part in parts) > LARGEST_EXPANDED:
                raise ValidationError(_("The document would be far too large once it is unpacked."), code="expanded")
            return _document(archive, [part.filename for part in parts])
    # A damaged archive makes the library raise these; RuntimeError also where it meets a way of packing it does not know.
    except (zipfile.BadZipFile, RuntimeError, ValueError, OSError, EOFError, struct.error, KeyError, OverflowError):
        raise _damaged() from None


def _document(archive: zipfile.ZipFile, names: list[str]) -> Kind:
    if any(name.lower().endswith(("vbaproject.bin", "vbaprojectsignature.bin")) for name in names):
        raise ValidationError(_("Documents with macros are not taken."), code="macros")
    if "[Content_Types].xml" in names:
        for folder, kind in IN_OFFICE.items():
            if any(name.startswith(folder) for name in names):
                return kind
    if names and names[0] == "mimetype":
        stated = archive.getinfo("mimetype")
        if stated.compress_type == zipfile.ZIP_STORED and stated.file_size < 100:
            kind_of = archive.read(stated).decode("ascii", "replace").strip().removeprefix(_OPEN)
            if kind_of in IN_OPEN:
                return IN_OPEN[kind_of]
    raise _unknown()


def _check_directory(file: IO[bytes]) -> None:
    """Before the library reads the list of parts: it is short, where it says it is, and not of the kind for huge archives."""
    size = file.seek(0, 2)
    start = max(0, size - 22 - 65_535)
    file.seek(start)
    tail = file.read()
    at = tail.rfind(b"PK\x05\x06")
    if at < 0:
        raise _damaged()
    parts, length, begins = _unpack("<HII", tail, at + 10)
    if parts > MOST_PARTS or length > LARGEST_DIRECTORY or tail[max(0, at - 20) : at].startswith(b"PK\x06\x07"):
        raise ValidationError(_("The document has far too many parts."), code="parts")
    if begins + length > start + at:
        raise _damaged()


# --- Text


_MARKUP = re.compile(
    r"^\s*<|<\s*(?:!doctype|html|head|body|script|svg|iframe|object|embed|math|style|link|meta)\b", re.IGNORECASE
)
_UNPRINTED = re.compile(r"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f\x7f]")


def _text(file: IO[bytes]) -> Kind:
    """UTF-8, UTF-16 with its mark, or what Windows writes; without markup, which a browser would show or run."""
    for encoding in _encodings(file):
        try:
            for number, text in enumerate(_decoded(file, encoding)):
                if _UNPRINTED.search(text):
                    raise _unknown()
                if number == 0 and _MARKUP.search(text.lstrip("\ufeff")):
                    raise ValidationError(
                        _("Pages and drawings that a browser runs (HTML, SVG, XML) are not taken."), code="markup"
                    )
        except UnicodeDecodeError:
            continue
        return TEXT
    raise _unknown()


def _encodings(file: IO[bytes]) -> tuple[str, ...]:
    file.seek(0)
    return ("utf-16",) if file.read(2) in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else ("utf-8", "cp1252")


def _decoded(file: IO[bytes], encoding: str) -> Iterator[str]:
    file.seek(0)
    decoder = codecs.getincrementaldecoder(encoding)()
    while chunk := file.read(CHUNK):
        yield decoder.decode(chunk)
    decoder.decode(b"", final=True)
