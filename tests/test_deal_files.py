"""Files on a deal: who adds and gets them, what is refused, versions, limits, and bytes that nobody names."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest
from django.conf import LazySettings
from django.core.exceptions import ValidationError
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from pipeline import deal_files, files, in_force, jobs
from pipeline.models import Commitment, DealFile
from tests import factories as make
from tests import sample_files as sample
from tests.deal_world import World
from tests.traces import no_trace

pytestmark = pytest.mark.django_db


@pytest.fixture
def world(settings: LazySettings, tmp_path: Path) -> World:
    settings.MEDIA_ROOT = tmp_path
    return World()


def add(world: World, name: str = "Offer.pdf", content: bytes = sample.PDF, **more: Any) -> DealFile:
    return files.add(world.deal.pk, files.check(sample.upload(name, content), **more), by=world.rep)


def send(world: World, *sent: Any, part: bool = False, **more: Any) -> Any:
    return world.post("deal-files", part=part, file=list(sent), **more)


def kept() -> set[str]:
    root = Path(files.settings.MEDIA_ROOT)
    return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}


def test_a_file_is_added_by_a_plain_form_and_shown_with_what_it_is(world: World) -> None:
    answer = send(world, sample.upload("Contract.pdf", sample.PDF), type="contract", signed="on")
    assert answer.status_code == 302
    row = DealFile.objects.get()
    assert (row.name, row.type, row.signed, row.version, row.size) == (
        "Contract.pdf",
        "contract",
        True,
        1,
        len(sample.PDF),
    )
    text = world.page()
    assert "Contract.pdf" in text and "Contract · " in text and "signed" in text
    assert "Rita Rep added a file" in text


def test_the_bytes_lie_under_a_random_name_for_nobody_else_to_read(world: World) -> None:
    send(world, sample.upload("../../x.pdf", sample.PDF))
    row = DealFile.objects.get()
    assert row.name == "x.pdf" and kept() == {row.stored_as} and "x.pdf" not in row.stored_as
    path = Path(files.settings.MEDIA_ROOT) / row.stored_as
    assert path.read_bytes() == sample.PDF and path.stat().st_mode & 0o777 == 0o600


def test_it_is_handed_out_as_a_download_that_runs_nowhere(world: World) -> None:
    row = add(world, "Angebot „Größe“.pdf")
    answer = world.get("deal-file", row.pk)
    assert answer.getvalue() == sample.PDF
    assert answer.headers["Content-Disposition"].startswith("attachment; filename*=utf-8''Angebot%20")
    assert answer.headers["Content-Type"] == "application/pdf"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert answer.headers["Cache-Control"] == "no-store"


def test_who_sees_the_deal_gets_the_file_and_nobody_else(world: World) -> None:
    row, elsewhere = add(world), make.deal(world.first, world.stranger)
    assert world.get("deal-file", row.pk, user=world.colleague).status_code == 404
    world.let_team_read()
    assert world.get("deal-file", row.pk, user=world.colleague).getvalue() == sample.PDF
    assert world.client(world.stranger).get(f"/deals/{elsewhere.pk}/files/{row.pk}/").status_code == 404
    world.denied("deal-files", file=[sample.upload("a.pdf", sample.PDF)])
    world.denied("deal-file-remove", row.pk)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("logo.svg", sample.SVG), ("photo.png", sample.HTML), ("photo.png", sample.png(30_000, 30_000)), ("notes.html", b"hello"),
        ("plan.docx", sample.bomb()),
    ],
)  # fmt: skip
def test_what_could_run_or_burst_is_refused_by_content_within_a_second(world: World, name: str, content: bytes) -> None:
    client, started = world.client(part=True), time.perf_counter()
    with no_trace(name):
        answer = client.post(world.url("deal-files"), {"file": sample.upload(name, content, "image/png")})
    assert answer.status_code == 422 and time.perf_counter() - started < 1
    assert f"“{name}”: " in answer.content.decode() and kept() == set()


def test_of_several_files_the_good_ones_are_kept_and_the_others_named(world: World) -> None:
    sent = [
        sample.upload("a.pdf", sample.PDF),
        sample.upload("b.svg", sample.SVG),
        sample.upload("c.png", sample.png()),
    ]
    text = send(world, *sent, part=True).content.decode()
    assert set(DealFile.objects.values_list("name", flat=True)) == {"a.pdf", "c.png"}
    assert "2 files are on the deal." in text and "“b.svg”: Pages and drawings" in text


def test_a_second_file_of_the_same_name_is_its_second_version(world: World) -> None:
    first, second = add(world), add(world, content=sample.PDF + b"\n")
    assert (first.version, second.version) == (1, 2) and first.digest != second.digest
    [shown] = deal_files.of(world.deal)
    assert shown.newest == second and shown.earlier == [first]
    text = world.page()
    assert "version 2" in text and "1 earlier version" in text and "Rita Rep added version 2 of a file" in text


def test_a_name_is_shown_escaped(world: World) -> None:
    add(world, "<img src=x onerror=alert(1)>.pdf")
    text = world.page()
    assert "<img src=x" not in text and "&lt;img src=x onerror=alert(1)&gt;.pdf" in text


def test_a_name_of_several_lines_becomes_one() -> None:
    assert files.check(sample.upload("a\r\nSet-Cookie: b.pdf", sample.PDF)).name == "a Set-Cookie: b.pdf"


@pytest.mark.parametrize("name", ["gpj.\u202efdp.pdf", "a" * 500 + ".pdf", "a\r\nb.pdf", "..\\..\\x.pdf"])
def test_a_strange_name_is_tamed_or_refused(world: World, name: str) -> None:
    assert send(world, sample.upload(name, sample.PDF)).status_code in (302, 422)
    for row in DealFile.objects.all():
        assert len(row.name) <= 255 and row.name.isprintable() and not {"/", "\\"} & set(row.name)


def test_a_file_over_the_limit_is_refused_in_words_and_not_kept(world: World, settings: LazySettings) -> None:
    settings.LARGEST_FILE = 100_000
    answer = send(world, sample.upload("large.pdf", sample.PDF + b"x" * 300_000), part=True)
    assert answer.status_code == 422 and "larger than" in answer.content.decode() and kept() == set()


def test_a_request_over_the_limit_is_answered_in_words(world: World, settings: LazySettings) -> None:
    settings.LARGEST_UPLOAD = 100_000
    answer = send(world, sample.upload("large.pdf", sample.PDF + b"x" * 300_000))
    assert answer.status_code == 413 and "That was too much at once" in answer.content.decode()
    many = [sample.upload(f"{n}.pdf", sample.PDF) for n in range(11)]
    assert "at most 10 files" in send(world, *many).content.decode() and kept() == set()


def test_a_form_without_a_file_says_so(world: World) -> None:
    assert "Choose a file." in world.post("deal-files", part=True, type="offer").content.decode()


def test_who_has_not_signed_in_writes_nothing_to_the_disk(world: World) -> None:
    with no_trace():
        answer = Client().post(world.url("deal-files"), {"file": sample.upload("a.pdf", sample.PDF)})
    assert answer.status_code == 302 and kept() == set()
    assert not (Path(files.settings.MEDIA_ROOT) / "incoming").exists()


def test_a_deal_keeps_two_hundred_files(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MOST_OF_A_DEAL", 1)
    add(world)
    text = send(world, sample.upload("b.pdf", sample.PDF), part=True).content.decode()
    assert "at most 1 files" in text and DealFile.objects.count() == 1


def test_what_a_file_is_can_be_corrected_and_is_told(world: World) -> None:
    row = add(world)
    assert world.post("deal-file-change", row.pk, type="contract", signed="on").status_code == 302
    row.refresh_from_db()
    assert (row.type, row.signed) == ("contract", True)
    assert "Rita Rep noted “Offer.pdf” as: contract, signed" in world.page()


def test_a_deleted_file_is_no_longer_shown_or_handed_out_and_its_story_stays(world: World) -> None:
    row = add(world)
    assert world.post("deal-file-remove", row.pk).status_code == 302
    assert world.get("deal-file", row.pk).status_code == 404
    text = world.page()
    assert "Rita Rep added “Offer.pdf”" in text and "Rita Rep deleted “Offer.pdf”" in text and "No files yet." in text
    assert DealFile.objects.get().deleted_by == world.rep


def test_a_file_that_proves_something_is_not_deleted(world: World) -> None:
    row, condition = add(world), make.condition(world.second, label="Signed the order")
    Commitment.objects.create(
        deal=world.deal, condition=condition, happened_at=world.began, evidence_file=row, recorded_by=world.rep, recorded_at=world.began
    )  # fmt: skip
    with pytest.raises(ValidationError, match="proves “Signed the order”"):
        files.remove(world.deal.pk, row.pk, by=world.rep)
    assert "Withdraw that first" in world.post("deal-file-remove", row.pk, part=True).content.decode()


def test_bytes_that_no_row_names_go_after_a_day_and_others_stay(world: World) -> None:
    row, root = add(world), Path(files.settings.MEDIA_ROOT)
    stray, young, died = root / "deals/ab/stray", root / "deals/ab/young", root / "incoming/died.upload"
    for path in (stray, young, died):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    for path in (stray, died, root / row.stored_as):
        os.utime(path, (1, 1))
    assert jobs.remove_stray_files() == 2
    assert kept() == {row.stored_as, "deals/ab/young"} and jobs.remove_stray_files() == 0


def test_the_page_reads_as_much_for_many_files_as_for_one(world: World) -> None:
    add(world)
    in_force.read(world.pipeline.pk)
    counts = []
    for _round in range(2):
        with CaptureQueriesContext(
            connection,
        ) as queries:
            world.page()
        counts.append(len(queries))
        for number in range(5):
            add(world, f"{number}.pdf")
            add(world, f"{number}.pdf")
    assert counts[0] == counts[1]
