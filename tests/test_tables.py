"""Files as other programs write them: what is read, and what is refused with a sentence that helps."""

from __future__ import annotations

import datetime
import io
import zipfile
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from crm import cells, tables
from crm.tables import Row, Table, Unreadable, open_table

Read = Callable[..., Table]
BERLIN = ZoneInfo("Europe/Berlin")


@pytest.fixture
def table(tmp_path: Path) -> Read:
    def made(content: str | bytes, **options: str) -> Table:
        path = tmp_path / "file.csv"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return open_table(path, **options)

    return made


def read(table: Table) -> list[tuple[str, ...]]:
    return [row.cells for row in table.rows()]


def fault_of(row: Row) -> str:
    assert row.fault is not None
    return row.fault.reason


@pytest.mark.parametrize("content", ["", "\n\n", "   ", ",,\n"])
def test_an_empty_file_has_no_rows(table: Read, content: str) -> None:
    with pytest.raises(Unreadable, match="no rows"):
        table(content)


def test_a_header_alone_is_a_table_without_rows(table: Read) -> None:
    assert read(table("name,city\n")) == []


def test_a_header_that_names_a_column_twice_is_refused_with_the_pair(table: Read) -> None:
    with pytest.raises(Unreadable, match=r"“name” \(1, 3\)"):
        table("name,city,Name\n")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252"])
def test_encodings_are_recognised_and_every_letter_survives(table: Read, encoding: str) -> None:
    found = table("name,city\nMüller & Söhne,Zürich\n".encode(encoding))
    assert (found.header, read(found)) == (("name", "city"), [("Müller & Söhne", "Zürich")])


def test_mixed_encodings_are_refused_with_the_place(table: Read) -> None:
    with pytest.raises(Unreadable, match="line 3, byte 18"):
        table("name\nMüller AG\nM".encode() + b"\xfcller\n")


def test_bytes_of_no_known_encoding_are_refused(table: Read) -> None:
    with pytest.raises(Unreadable, match="not known.*Windows-1252 work"):
        table(b"name\nM\x81ller\n")


def test_a_nul_character_refuses_its_row_and_names_its_column(table: Read) -> None:
    first, second = table("name,city\nA\0cme,Rome\nBolt,Oslo\n").rows()
    assert first.fault and (first.line, first.fault.column) == (2, "name")
    assert "NUL" in first.fault.reason
    assert second.cells == ("Bolt", "Oslo")


def test_a_quote_that_never_closes_refuses_the_file_and_says_where(table: Read) -> None:
    with pytest.raises(Unreadable, match="quote opened in line 3 never closes"):
        read(table('name,city\nAcme,Rome\n"Bolt,Oslo\nCord,Bonn\nDyne,Bern\n'))


def test_a_quote_closed_by_the_next_one_further_down_refuses_the_file_too(table: Read) -> None:
    with pytest.raises(Unreadable, match="line 2 never closes"):
        read(table('name,city\n"Acme,Rome\nBolt,"Oslo"\n'))


def test_text_after_a_closing_quote_refuses_its_row_alone(table: Read) -> None:
    first, second = table('name,city\n"Ac"me,Rome\nBolt,Oslo\n').rows()
    assert "after a closing quote" in fault_of(first)
    assert second.cells == ("Bolt", "Oslo")


def test_a_cell_beyond_the_limit_refuses_its_row_alone(table: Read) -> None:
    first, second = table(f"name,city\n{'x' * (tables.CELL_LIMIT + 1)},Rome\nBolt,Oslo\n").rows()
    assert "more than 131072 characters" in fault_of(first)
    assert second.number == 2


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_separator_is_recognised_also_beside_commas_in_the_text(table: Read, delimiter: str) -> None:
    rows = [["name", "city"], ["Acme, Inc.", "Rome"], ["Bolt, Ltd.", "Oslo"]]
    lines = [delimiter.join(f'"{cell}"' if delimiter in cell else cell for cell in row) for row in rows]
    found = table("\n".join(lines))
    assert (found.delimiter, read(found)) == (delimiter, [tuple(rows[1]), tuple(rows[2])])


def test_the_separator_can_be_said(table: Read) -> None:
    assert table("a;b,c\n", delimiter=";").header == ("a", "b,c")
    assert table("sep=;\na,b;c\n").header == ("a,b", "c")


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_ends_of_all_systems(table: Read, end: str) -> None:
    assert read(table(end.join(["name,city", "Acme,Rome", "Bolt,Oslo", ""]))) == [("Acme", "Rome"), ("Bolt", "Oslo")]


def test_a_line_break_in_quotes_is_text_and_lines_and_records_are_both_counted(table: Read) -> None:
    rows = list(table('name,note\nAcme,"one\ntwo"\nBolt,x\n').rows())
    assert [(row.number, row.line, row.cells[1]) for row in rows] == [(1, 2, "one\ntwo"), (2, 4, "x")]


def test_rows_of_another_length_are_refused_alone(table: Read) -> None:
    short, long, right = table("a,b,c\n1,2\n1,2,3,4\n1,2,3\n").rows()
    assert fault_of(short) == "3 columns expected, 2 found."
    assert fault_of(long) == "3 columns expected, 4 found."
    assert right.cells == ("1", "2", "3")


def test_blank_lines_and_trailing_separators_are_skipped_and_counted(table: Read) -> None:
    found = table("\nname,city,,\nAcme,Rome,,\n\n,,\nBolt,Oslo,,,,\n")
    assert read(found) == [("Acme", "Rome"), ("Bolt", "Oslo")]
    assert (found.blank, found.header) == (2, ("name", "city"))


def test_too_many_rows_are_refused_with_the_limit(table: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "ROW_LIMIT", 3)
    with pytest.raises(Unreadable, match="more than 3 rows"):
        read(table("name\n1\n2\n3\n4\n"))


def test_a_line_without_an_end_is_not_read_into_memory(table: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "LINE_LIMIT", 1000)
    with pytest.raises(Unreadable, match="more than 1000 characters"):
        read(table("name\n" + "x" * 5000))


def workbook(member: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(member, "<x/>")
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (workbook("xl/workbook.xml"), "Excel file"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 100, "Excel file"),
        (workbook("notes.txt"), "ZIP archive"),
        (b"%PDF-1.7\n", "PDF"),
        (b"\x89PNG\r\n\x1a\n", "image"),
        (b"<!DOCTYPE html><html>", "web page"),
        (b'{"deals": []}', "JSON"),
    ],
)
def test_other_kinds_of_files_are_told_by_their_content(table: Read, content: bytes, words: str) -> None:
    with pytest.raises(Unreadable, match=words):
        table(content)


def test_a_file_that_is_not_there() -> None:
    with pytest.raises(Unreadable, match="no file"):
        open_table(Path("/nowhere/../x.csv"))


def test_a_value_in_a_message_is_short_and_harmless() -> None:
    assert tables.shortened("a\x1b[31m\n\u202eb" + "c" * 80) == "a�[31m �b" + "c" * 30 + "…"


def test_an_encoding_that_was_said_wrongly_is_told(table: Read) -> None:
    for encoding in ("utf-8", "klingon"):
        with pytest.raises(Unreadable, match=f"cannot be read as {encoding}"):
            table(b"M\xfcller,x\n", encoding=encoding)


# --- Numbers


@pytest.mark.parametrize(
    ("text", "style", "value"),
    [
        ("1234.5", "", "1234.5"), ("0", "", "0"), ("1,234.50", cells.POINT, "1234.50"), ("1 234.5", cells.POINT, "1234.5"),
        ("1.234,50", cells.COMMA, "1234.50"), ("1\u00a0234,50", cells.COMMA, "1234.50"), ("1234,5", cells.COMMA, "1234.5"),
    ],
)  # fmt: skip
def test_numbers_are_read_in_the_chosen_way(text: str, style: str, value: str) -> None:
    assert cells.number(text, style) == Decimal(value)


@pytest.mark.parametrize(
    "text",
    ["(100)", "$5", "\u22125", "-5", "NaN", "Infinity", "-0", "1e3", "1_000", "\u0661\u0662", "58.8k", "1,2,3", ".", "", "+5"],
)  # fmt: skip
@pytest.mark.parametrize("style", ["", *cells.NUMBER_STYLES])
def test_what_only_looks_like_a_number_is_refused_with_an_example(text: str, style: str) -> None:
    with pytest.raises(cells.BadCell) as bad:
        cells.number(text, style)
    assert "such as 12" in bad.value.remedy


def test_a_number_of_another_style_says_how_to_choose() -> None:
    for text in ("1,234.50", "1.234,50", "1 234,50"):
        with pytest.raises(cells.BadCell) as bad:
            cells.number(text)
        assert "--numbers" in bad.value.remedy


def test_a_negative_number_says_so() -> None:
    for text in ("-5", "\u22125", "(100)"):
        with pytest.raises(cells.BadCell, match="cannot be negative"):
            cells.number(text)


# --- Days and times


@pytest.mark.parametrize(
    ("text", "order", "day"),
    [
        ("2026-03-04", "", (2026, 3, 4)), ("2026/3/4", "", (2026, 3, 4)), ("03/04/2026", "dmy", (2026, 4, 3)),
        ("03/04/2026", "mdy", (2026, 3, 4)), ("4.3.26", "dmy", (2026, 3, 4)), ("02/23/26 08:55 PM", "mdy", (2026, 2, 23)),
        ("26-03-04", "ymd", (2026, 3, 4)),
    ],
)  # fmt: skip
def test_days_are_read_in_the_chosen_order(text: str, order: str, day: tuple[int, int, int]) -> None:
    assert cells.day(text, order) == datetime.date(*day)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("03/04/2026", "two ways"), ("2026-02-30", "no such day"), ("0000-00-00", "no such day"), ("20260-01-01", "not a date"),
        ("46000", r"as Excel counts it \(2025-12-09\)"), ("TBD", "not a date"), ("3026-01-01", "between 1900 and 2999"),
        ("2026-13-01", "no such day"), ("\u0662\u0660\u0662\u0666-01-01", "not a date"),
    ],
)  # fmt: skip
def test_days_that_are_none_are_refused(text: str, words: str) -> None:
    with pytest.raises(cells.BadCell, match=words):
        cells.day(text)


@pytest.mark.parametrize(
    ("text", "utc", "precision"),
    [
        ("2011-10-01T00:38:44.546+02:00", "2011-09-30T22:38:44.546000", "exact"),
        ("2026-07-01", "2026-06-30T22:00:00", "day"),
        ("2026-01-01 11:37", "2026-01-01T10:37:00", "exact"),
        ("2026-01-01 11:37:01 pm", "2026-01-01T22:37:01", "exact"),
        ("2026-01-01 12:00 AM", "2025-12-31T23:00:00", "exact"),
        ("2026-01-01T11:37:00Z", "2026-01-01T11:37:00", "exact"),
        ("2026-10-25 02:30", "2026-10-25T00:30:00", "exact"),  # comes twice: the first one
    ],
)
def test_times_know_their_zone_and_how_exact_they_are(text: str, utc: str, precision: str) -> None:
    found = cells.moment(text, "", BERLIN)
    assert (found.at.replace(tzinfo=None).isoformat(), found.precision) == (utc, precision)


def test_a_time_that_the_clocks_left_out_names_the_next_one() -> None:
    with pytest.raises(cells.BadCell, match="put forward") as bad:
        cells.moment("2026-03-29 02:30", "", BERLIN)
    assert "2026-03-29 03:00" in bad.value.remedy


@pytest.mark.parametrize(
    "text", ["2026-01-01 25:00", "2026-01-01 13:00 pm", "2026-01-01 11:60", "2026-01-01T10:00+20:00"]
)
def test_times_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(cells.BadCell, match="no such time"):
        cells.moment(text, "", BERLIN)
