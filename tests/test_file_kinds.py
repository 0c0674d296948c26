"""What a file is by its content: what is taken, what is refused, and that a refusal takes no second."""

from __future__ import annotations

import io
import struct
import time

import pytest
from django.core.exceptions import ValidationError

from crm import file_kinds
from tests import sample_files as sample

TAKEN = [
    (".pdf", sample.PDF),
    (".png", sample.png()),
    (".jpg", sample.jpeg()),
    (".gif", sample.GIF),
    (".webp", sample.webp()),
    (".docx", sample.office("word")),
    (".xlsx", sample.office("xl")),
    (".pptx", sample.office("ppt")),
    (".odt", sample.archive(mimetype=b"application/vnd.oasis.opendocument.text")),
    (".ods", sample.archive(mimetype=b"application/vnd.oasis.opendocument.spreadsheet")),
    (".txt", "Grüße, 5 < 6".encode()),
    (".txt", "Größe;Preis\r\n".encode("cp1252")),
    (".txt", "Größe\tPreis".encode("utf-16")),
]
REFUSED = [
    ("empty", b""),
    ("markup", sample.SVG),
    ("markup", sample.HTML),
    ("markup", b"\xef\xbb\xbf  \n<?xml version='1.0'?><a/>"),
    ("markup", "<svg onload=alert(1)>".encode("utf-16")),
    ("markup", b"a harmless beginning <ScRiPt src=x></script>"),
    ("kind", b"\x7fELF\x02\x01\x01\x00"),
    ("kind", b"MZ\x90\x00\x03"),
    ("kind", sample.archive(**{"evil.exe": b"MZ"})),
    ("kind", sample.archive(mimetype=b"application/epub+zip")),
    ("macros", sample.office("xl", {"xl/vbaProject.bin": b"x"})),
    ("dimensions", sample.png(30_000, 30_000)),
    ("dimensions", sample.jpeg(30_000, 30_000)),
    ("dimensions", sample.webp(30_000, 30_000)),
    ("dimensions", sample.png(15_000, 15_000)),
    ("damaged", sample.png(0, 5)),
    ("damaged", sample.png()[:20]),
    ("damaged", sample.jpeg()[:500]),
    ("damaged", sample.office()[:-30]),
    ("damaged", b"PK\x03\x04" + b"\x00" * 100),
    ("parts", sample.archive(**{f"{n}": b"" for n in range(6_000)})),
]


def kind(content: bytes) -> file_kinds.Kind:
    return file_kinds.recognize(io.BytesIO(content))


@pytest.mark.parametrize(("ending", "content"), TAKEN, ids=[ending for ending, _content in TAKEN])
def test_what_is_on_the_list_is_known_by_its_content(ending: str, content: bytes) -> None:
    assert ending in kind(content).endings


@pytest.mark.parametrize(("code", "content"), REFUSED, ids=[code for code, _content in REFUSED])
def test_what_is_not_on_the_list_is_refused_in_words(code: str, content: bytes) -> None:
    with pytest.raises(ValidationError) as refusal:
        kind(content)
    assert refusal.value.code == code and refusal.value.messages[0].endswith(".")


def test_a_bomb_is_refused_without_unpacking_it() -> None:
    content = sample.bomb()
    started = time.perf_counter()
    with pytest.raises(ValidationError) as refusal:
        kind(content)
    assert refusal.value.code == "expanded"
    assert len(content) < 1_000_000 and time.perf_counter() - started < 0.2


def test_a_list_of_parts_that_lies_about_itself_is_refused_at_once() -> None:
    whole = sample.archive(**{"[Content_Types].xml": b"", "word/a": b""})
    at = whole.rindex(b"PK\x05\x06")
    for parts, length, begins in [(1, 2**31, 0), (1, 100, 2**32 - 1), (0xFFFF, 10, 0)]:
        lying = whole[: at + 10] + struct.pack("<HII", parts, length, begins) + whole[at + 20 :]
        with pytest.raises(ValidationError):
            kind(lying)


def test_twenty_megabytes_of_text_take_less_than_a_second() -> None:
    content = "Grüße und Küsse\n".encode() * 1_200_000
    started = time.perf_counter()
    assert kind(content[: 20 * 1024 * 1024 - 2]) == file_kinds.TEXT
    assert time.perf_counter() - started < 1


@pytest.mark.parametrize(
    ("name", "content", "kept"),
    [("offer.PDF", sample.PDF, "offer.PDF"), ("offer", sample.PDF, "offer.pdf"), ("a.b.jpeg", sample.jpeg(), "a.b.jpeg")],
)  # fmt: skip
def test_a_name_keeps_its_ending_or_gets_one(name: str, content: bytes, kept: str) -> None:
    assert file_kinds.fitting(name, kind(content)) == kept


@pytest.mark.parametrize(
    ("name", "content"), [("page.html", b"hello"), ("photo.png", b"hello"), ("run.exe", sample.PDF)]
)
def test_a_name_that_says_something_else_than_the_content_is_refused(name: str, content: bytes) -> None:
    with pytest.raises(ValidationError):
        file_kinds.fitting(name, kind(content))
