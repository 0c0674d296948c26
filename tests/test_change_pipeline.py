"""Into another pipeline: its gate asks in the same dialog as any other, and nothing is lost on the way."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import ValidationError

from pipeline import commitments, followups, moves
from pipeline.models import Commitment, MoveAttempt, StageVisit, Task
from tests import factories as make
from tests.deal_world import World, digest

pytestmark = pytest.mark.django_db


class Elsewhere(World):
    """Beside Rita's pipeline one with Alpha and Beta. Beta asks for a word of the buyer and for a close date."""

    def __init__(self) -> None:
        super().__init__()
        self.other = make.pipeline("Alpha", "Beta", name="Renewals")
        self.alpha, self.beta = make.stage(self.other, "Alpha"), make.stage(self.other, "Beta")
        self.wants = make.condition(self.beta, label="Wants Beta")
        self.dated = make.condition(self.beta, "field", field="expected_close", label="The close date is filled")

        self.answers: dict[str, Any] = {f"c{self.wants.pk}": "on", "f_expected_close": "2027-01-31"}

    def go(self, *, part: bool = True, **data: Any) -> Any:
        return self.post("deal-pipeline", user=self.manager, part=part, **{"version": self.fresh().version, **data})

    def answer(self, *, part: bool = True, **data: Any) -> Any:
        asked = f"{self.wants.pk},{self.dated.pk}"
        return self.go(part=part, to=self.beta.pk, asked=asked, **data)


@pytest.fixture
def world() -> Elsewhere:
    return Elsewhere()


def test_the_form_offers_the_open_stages_of_other_pipelines(world: Elsewhere) -> None:
    text = world.get("deal-pipeline", user=world.manager, part=True).content.decode()
    assert "Renewals" in text and "Beta" in text and "Nothing is lost" in text
    assert "Won" not in text and "Third" not in text


def test_what_is_missing_there_is_asked_in_the_dialog_of_the_gate(world: Elsewhere) -> None:
    answer = world.go(stage=world.beta.pk)
    text = answer.content.decode()
    assert (answer.status_code, answer["HX-Retarget"]) == (422, "#dialog-body")
    assert f'hx-post="{world.url("deal-pipeline")}"' in text and f'name="c{world.wants.pk}"' in text
    assert 'name="f_expected_close"' in text and "happened_at" not in text


def test_what_was_filled_in_and_the_change_are_saved_together(world: Elsewhere) -> None:
    answer = world.answer(**world.answers)
    deal = world.fresh()
    assert answer["HX-Redirect"] == world.url("deal")
    assert (deal.stage, deal.pipeline, str(deal.expected_close)) == (world.beta, world.other, "2027-01-31")
    assert Commitment.objects.get(deal=deal).condition == world.wants
    assert StageVisit.objects.current().get(deal=deal).let_in == "conditions"


def test_what_is_filled_in_by_half_is_not_saved_and_stays_typed(world: Elsewhere) -> None:
    answer = world.answer(f_expected_close="2027-01-31")
    assert answer.status_code == 422 and "2027-01-31" in answer.content.decode()
    assert "without it the deal cannot enter" in answer.content.decode()
    assert world.fresh().expected_close is None and world.fresh().stage == world.first
    assert MoveAttempt.objects.filter(deal=world.deal, outcome="refused", to_stage=world.beta).count() == 1


def test_a_manager_lets_it_in_with_a_reason(world: Elsewhere) -> None:
    world.answer(override="Sold as Beta")
    assert world.fresh().stage == world.beta
    assert StageVisit.objects.current().get(deal=world.deal).reason == "Sold as Beta"


def test_without_scripts_the_dialog_is_a_page_and_leads_back(world: Elsewhere) -> None:
    page = world.go(part=False, stage=world.beta.pk)
    assert page.status_code == 422 and "<html" in page.content.decode()
    done = world.answer(part=False, **world.answers)
    assert (done.status_code, done["Location"]) == (302, world.url("deal"))
    assert world.fresh().stage == world.beta


def test_nothing_is_lost_on_the_way(world: Elsewhere) -> None:
    said = make.condition(world.second)
    commitments.record(world.deal, said.pk, by=world.rep, evidence="Mail of 3 March")
    followups.add(world.deal.pk, "Call them", (world.began).date(), by=world.rep)
    world.go(stage=world.alpha.pk)
    deal = world.fresh()
    assert (deal.pipeline, deal.value) == (world.other, Decimal(1000))
    assert Task.objects.open().get(deal=deal).title == "Call them" and "Mail of 3 March" in world.page()
    assert [visit.stage for visit in deal.visits.order_by("seq")] == [world.first, world.alpha]


def test_an_approval_is_not_asked_for_where_the_deal_is_not_yet(world: Elsewhere) -> None:
    make.condition(world.beta, "approval", label="The boss agrees")
    text = world.go(stage=world.beta.pk).content.decode()
    assert "once the deal is in this pipeline" in text and 'name="ask"' not in text


def test_a_stage_that_is_gone_or_of_the_same_pipeline_is_refused(world: Elsewhere) -> None:
    assert world.go(stage=world.second.pk).status_code == 422
    answer = world.go(to=world.second.pk, asked="")
    assert answer["HX-Redirect"] == world.url("deal") and world.fresh().stage == world.first


def test_whoever_was_too_late_is_told(world: Elsewhere) -> None:
    client, sent = world.client(world.manager), {"stage": world.alpha.pk, "version": world.fresh().version}
    moves.move_deal(world.deal.pk, world.second.pk, by=world.rep, via="board")
    page = client.post(world.url("deal-pipeline"), sent, follow=True).content.decode()
    assert "Rita Rep moved “Meters for 14 shops” to Second" in page and world.fresh().stage == world.second


def test_a_rep_does_not_change_the_pipeline_not_even_with_the_answers(world: Elsewhere) -> None:
    before = digest()
    sent = {"to": world.beta.pk, "asked": str(world.wants.pk), f"c{world.wants.pk}": "on", "version": 1}
    assert world.client().post(world.url("deal-pipeline"), sent).status_code == 403
    assert digest() == before


def test_commitments_are_still_of_the_pipeline_that_the_deal_is_in(world: Elsewhere) -> None:
    with pytest.raises(ValidationError, match="no longer asked for"):
        commitments.record(world.deal, world.wants.pk, by=world.rep)
