"""A file as the evidence of a commitment: chosen or sent along, on the page, in a log entry, in the dialog of a move."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.conf import LazySettings
from django.core.exceptions import ValidationError
from django.http import QueryDict
from django.utils.datastructures import MultiValueDict

from pipeline import commitments, files, followups, moves
from pipeline.conditions import Verdict
from pipeline.forms.gate import GateForm
from pipeline.models import Commitment, DealFile, EntryCondition
from pipeline.moves import Fill, Moved, Refused
from pipeline.moves.outcomes import NewCommitment
from tests import factories as make
from tests import sample_files as sample
from tests.deal_world import World

pytestmark = pytest.mark.django_db


@pytest.fixture
def world(settings: LazySettings, tmp_path: Path) -> World:
    settings.MEDIA_ROOT = tmp_path
    return World()


@pytest.fixture
def asked(world: World) -> EntryCondition:
    return make.condition(world.second, label="Signed the order", needs_evidence=True)


def stored(world: World) -> DealFile:
    return files.add(world.deal.pk, files.check(sample.upload("Order.pdf", sample.PDF)), by=world.rep)


def test_a_new_file_proves_it_right_there(world: World, asked: EntryCondition) -> None:
    world.post("deal-commit", condition=asked.pk, upload=sample.upload("Order.pdf", sample.PDF))
    said, file = Commitment.objects.get(), DealFile.objects.get()
    assert (said.evidence_file, said.evidence) == (file, "Order.pdf")
    text = world.page()
    assert "Nothing is missing to move to Second" in text
    address = world.url("deal-file", file.pk)
    assert text.count(f'href="{address}"') == 4  # its row, what it proves, and twice in the timeline


def test_a_file_of_the_deal_proves_it(world: World, asked: EntryCondition) -> None:
    file = stored(world)
    assert "Order.pdf" in world.get("deal-commit", condition=asked.pk, part=True).content.decode()
    world.post("deal-commit", condition=asked.pk, file=file.pk, evidence="Page 3")
    said = Commitment.objects.get()
    assert (said.evidence_file, said.evidence) == (file, "Page 3")


def test_without_word_or_file_it_is_refused_in_words(world: World, asked: EntryCondition) -> None:
    answer = world.post("deal-commit", condition=asked.pk, part=True)
    assert answer.status_code == 422 and "Add a link, a note or a file" in answer.content.decode()


def test_a_file_that_is_not_taken_proves_nothing(world: World, asked: EntryCondition) -> None:
    answer = world.post("deal-commit", condition=asked.pk, part=True, upload=sample.upload("a.svg", sample.SVG))
    assert answer.status_code == 422 and "Pages and drawings" in answer.content.decode()
    assert not Commitment.objects.exists() and not DealFile.objects.exists()


def test_a_file_of_another_deal_proves_nothing_here(world: World, asked: EntryCondition) -> None:
    other = make.deal(world.first, world.rep)
    file = files.add(other.pk, files.check(sample.upload("Order.pdf", sample.PDF)), by=world.rep)
    assert world.post("deal-commit", condition=asked.pk, part=True, file=file.pk).status_code == 422
    with pytest.raises(ValidationError), followups.holding(world.deal.pk) as locked:
        commitments.record(locked, asked.pk, by=world.rep, proof=file)
    assert not Commitment.objects.exists()


def test_one_file_proves_all_that_they_agreed_to_in_a_call(world: World, asked: EntryCondition) -> None:
    again, call = make.condition(world.second, needs_evidence=True), make.activity_type("call")
    answer = world.post(
        "deal-log", type=call.pk, agreed=[asked.pk, again.pk], upload=sample.upload("Mail.txt", b"We agree"), once_key="k"
    )  # fmt: skip
    assert answer.status_code == 302
    assert set(Commitment.objects.values_list("evidence_file", flat=True)) == {DealFile.objects.get().pk}


# --- In the dialog of a move


def dialog(world: World, asked: EntryCondition, content: bytes = sample.PDF) -> GateForm:
    return GateForm(
        QueryDict(f"c{asked.pk}=on"), files=MultiValueDict({f"c{asked.pk}_upload": [sample.upload("Order.pdf", content)]}),
        target=world.second, user=world.rep, verdicts=[Verdict(asked, "missing")], deal=world.deal,
    )  # fmt: skip


def test_the_dialog_takes_a_file_and_moves(world: World, asked: EntryCondition) -> None:
    form = dialog(world, asked)
    assert form.is_multipart() and form.is_valid()
    outcome = moves.move_deal(world.deal.pk, world.second.pk, by=world.rep, via="page", fill=form.fill())
    assert isinstance(outcome, Moved)
    assert Commitment.objects.get().evidence_file == DealFile.objects.get()


def test_the_dialog_refuses_a_file_by_its_content(world: World, asked: EntryCondition) -> None:
    form = dialog(world, asked, sample.HTML)
    assert not form.is_valid() and "Pages and drawings" in str(form.errors)


def test_the_dialog_offers_the_files_of_the_deal(world: World, asked: EntryCondition) -> None:
    file = stored(world)
    form = GateForm(
        QueryDict(f"c{asked.pk}=on&c{asked.pk}_file={file.pk}"),
        target=world.second, user=world.rep, verdicts=[Verdict(asked, "missing")], deal=world.deal,
    )  # fmt: skip
    assert form.is_valid() and form.fill().commitments == [NewCommitment(asked.pk, "", file)]


def test_a_dialog_that_comes_back_asks_for_the_file_again(world: World, asked: EntryCondition) -> None:
    form, missing = dialog(world, asked), make.condition(world.second, "field", field="product", operator="filled")
    assert form.is_valid()
    form.tell(Refused(world.deal, world.second, "conditions", "", [Verdict(missing, "missing")]))
    assert form.errors[f"c{asked.pk}_upload"] == ["Choose the file again: nothing was saved yet."]


def test_a_refused_move_leaves_no_file_and_its_bytes_go_with_the_tidying_up(
    world: World, asked: EntryCondition, tmp_path: Path
) -> None:
    make.condition(world.second, "field", field="product", operator="filled")
    new = files.check(sample.upload("Order.pdf", sample.PDF))
    fill = Fill(commitments=[NewCommitment(asked.pk, "", new)])
    outcome = moves.move_deal(world.deal.pk, world.second.pk, by=world.rep, via="page", fill=fill)
    assert isinstance(outcome, Refused)
    assert not DealFile.objects.exists() and not Commitment.objects.exists()
    [left] = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert files.remove_strays(now=left.stat().st_mtime + files.STRAY_AFTER + 1) == 1 and not left.exists()


def test_the_dialog_of_a_move_takes_a_new_file(world: World, asked: EntryCondition) -> None:
    sent = {"to": world.second.pk, "version": world.fresh().version, "asked": str(asked.pk), f"c{asked.pk}": "on"}
    sent[f"c{asked.pk}_upload"] = sample.upload("Order.pdf", sample.PDF)
    assert world.client().post(world.url("deal-move"), sent).status_code == 302
    assert world.fresh().stage == world.second
    assert Commitment.objects.get().evidence_file == DealFile.objects.get()
