"""Small files of each kind, and those that are not what they say. Made here, byte by byte."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from dataclasses import dataclass

from django.core.files.uploadedfile import SimpleUploadedFile

PDF = b"%PDF-1.7\n1 0 obj\n<< >>\nendobj\n%%EOF\n"
GIF = b"GIF89a" + struct.pack("<HH", 40, 30) + b"\x00\x00\x00;"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
HTML = b"<!doctype html><script>alert(1)</script>"


def png(width: int = 40, height: int = 30) -> bytes:
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunk = b"IHDR" + head
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))


def jpeg(width: int = 40, height: int = 30) -> bytes:
    """With a large segment before the frame, as cameras write it."""
    about = b"\xff\xe1" + struct.pack(">H", 60_000) + b"\x00" * 59_998
    return b"\xff\xd8" + about + about + b"\xff\xc0" + struct.pack(">HBHH", 17, 8, height, width) + b"\x00" * 10


def webp(width: int = 40, height: int = 30) -> bytes:
    size = struct.pack("<I", width - 1)[:3] + struct.pack("<I", height - 1)[:3]
    return b"RIFF" + struct.pack("<I", 22) + b"WEBPVP8X" + struct.pack("<I", 10) + b"\x00" * 4 + size


def archive(**parts: bytes) -> bytes:
    found = io.BytesIO()
    with zipfile.ZipFile(found, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in parts.items():
            stored = zipfile.ZIP_STORED if name == "mimetype" else zipfile.ZIP_DEFLATED
            made.writestr(name, content, compress_type=stored)
    return found.getvalue()


def office(folder: str = "word", more: dict[str, bytes] | None = None) -> bytes:
    return archive(**{"[Content_Types].xml": b"<Types/>", f"{folder}/document.xml": b"<w/>", **(more or {})})


def bomb(megabytes: int = 400) -> bytes:
    """A document of half a megabyte that would unpack to hundreds."""
    return office(more={"word/media/zeros.bin": b"\x00" * (megabytes * 1024 * 1024)})


def upload(name: str, content: bytes, content_type: str = "application/pdf") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content, content_type)


@dataclass(frozen=True)
class Sent:
    """A file that is sent more than once: each request reads it from its beginning."""

    name: str
    content: bytes

    def again(self) -> SimpleUploadedFile:
        return upload(self.name, self.content)
