"""Files and comments at the same moment: each version once, no more than there is room for, everybody told once."""

from __future__ import annotations

import secrets
from pathlib import Path

import pytest
from django.conf import LazySettings

from crm import notice_choices
from crm.models import Notice, OutgoingMail
from crm.notice_choices import Channels
from pipeline import commitments, files, followups, talk
from pipeline.models import Comment, Commitment, DealFile
from tests import factories as make
from tests import sample_files as sample
from tests.deal_world import World
from tests.test_races import at_once, nothing_broken

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def world(settings: LazySettings, tmp_path: Path) -> World:
    settings.MEDIA_ROOT = tmp_path
    return World()


def add(world: World) -> DealFile:
    """Each with bytes of its own."""
    content = sample.PDF + secrets.token_bytes(8)
    return files.add(world.deal.pk, files.check(sample.upload("Offer.pdf", content)), by=world.rep)


def test_six_files_of_one_name_are_six_versions(world: World) -> None:
    at_once(*[lambda: add(world)] * 6)
    assert sorted(DealFile.objects.values_list("version", flat=True)) == [1, 2, 3, 4, 5, 6] and nothing_broken()


def test_one_file_sent_six_times_at_once_is_one_version(world: World) -> None:
    at_once(*[lambda: files.add(world.deal.pk, files.check(sample.upload("Offer.pdf", sample.PDF)), by=world.rep)] * 6)
    assert DealFile.objects.get().version == 1 and nothing_broken()


def test_the_last_places_are_given_away_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MOST_OF_A_DEAL", 3)
    results = at_once(*[lambda: add(world)] * 6)
    assert sum(isinstance(each, DealFile) for each in results) == DealFile.objects.count() == 3


def test_a_form_sent_six_times_at_once_is_one_comment_one_notice_one_mail(world: World) -> None:
    both = {"mentioned": Channels(bell=True, email=True)}
    notice_choices.choose(world.manager, both, by=world.manager, via="page")
    at_once(*[lambda: talk.comment(world.deal.pk, "@Max look", by=world.rep, once_key="same")] * 6)
    assert (Comment.objects.count(), Notice.objects.count(), OutgoingMail.objects.count()) == (1, 1, 1)


def test_a_file_is_deleted_or_becomes_a_proof_and_never_both(world: World) -> None:
    asked = make.condition(world.second, needs_evidence=True)
    for _round in range(10):
        file = add(world)

        def prove(file: DealFile = file) -> None:
            with followups.holding(world.deal.pk) as locked:
                commitments.record(locked, asked.pk, by=world.rep, proof=file)

        def delete(file: DealFile = file) -> None:
            files.remove(world.deal.pk, file.pk, by=world.rep)

        at_once(prove, delete)
        kept = DealFile.objects.existing().filter(pk=file.pk).exists()
        assert kept == Commitment.objects.filter(evidence_file=file).exists()
    assert nothing_broken()
