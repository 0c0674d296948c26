"""The door of a move: plain forms and parts of the page, three outcomes, and what a denial leaves as it was."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from crm.models import Company, User
from leads.models import Activity, Contact
from pipeline import deals, in_force, moves
from pipeline.models import Approval, Commitment, Deal, DealContact, DealMember, MoveAttempt, Stage, StageVisit, Task
from tests import factories as make

pytestmark = pytest.mark.django_db


Answers = Mapping[str, object]


class World:
    """A pipeline First, Second, Third with a rep, her manager, a stranger, and one deal of hers in First."""

    def __init__(self) -> None:
        team = make.team()
        self.rep, self.manager = (
            make.user(team=team, name="Rita Rep"),
            make.user("manager", team=team, name="Max Manager"),
        )
        self.stranger = make.user(team=make.team(), name="Stan Stranger")
        self.pipeline = make.pipeline()
        self.first, self.second, self.third, self.won, self.lost = self.pipeline.stages.all()
        self.deal = make.deal(self.first, self.rep, now=timezone.now() - timedelta(days=3), value=Decimal(1000))

    def client(self, user: User | None = None, part: bool = False) -> Client:
        headers = {"HX-Request": "true", "HX-Current-URL": f"http://testserver{self.board}"} if part else {}
        client = Client(headers=headers)
        client.force_login(user or self.rep)
        return client

    @property
    def board(self) -> str:
        return reverse("board", args=[self.pipeline.pk])

    def post(
        self, to: Stage, *, user: User | None = None, part: bool = False, answers: Answers | None = None, **data: Any
    ) -> Any:
        """`answers` are fields of the dialog, whose names hold numbers; `data` all other fields."""
        sent = {"to": to.pk, "version": self.deal.version, **data, **(answers or {})}
        return self.client(user, part).post(reverse("deal-move", args=[self.deal.pk]), sent)

    def stage(self) -> Stage:
        return Deal.objects.get(pk=self.deal.pk).stage


@pytest.fixture
def world() -> World:
    return World()


def traces() -> tuple[int, int, int, int]:
    return StageVisit.objects.count(), MoveAttempt.objects.count(), Commitment.objects.count(), Task.objects.count()


def test_a_plain_form_moves_and_goes_back_to_the_board(world: World) -> None:
    answer = world.post(world.second, next=f"{world.board}?order=value")
    assert (answer.status_code, answer["Location"]) == (302, f"{world.board}?order=value")
    assert world.stage() == world.second


def test_a_part_answers_with_the_card_and_both_heads_from_the_database(world: World) -> None:
    answer = world.post(world.second, part=True)
    text = answer.content.decode()
    assert answer.status_code == 200
    assert f'id="top-{world.first.pk}"' in text and f'id="top-{world.second.pk}"' in text
    assert f'id="top-{world.third.pk}"' not in text and text.count("<li id=deal-") == 1
    assert f'<ul data-stage="{world.second.pk}" data-order="{world.deal.pk}"' in text


def test_a_refused_drop_asks_only_for_what_is_missing(world: World) -> None:
    asked = make.condition(world.second, label="Agrees to a demo")
    make.condition(world.second, "field", field="value", operator="filled", label="Value is filled")
    answer = world.post(world.second, part=True)
    text = answer.content.decode()
    assert answer.status_code == 422 and f'name="c{asked.pk}"' in text and "Agrees to a demo" in text
    assert 'name="f_value"' not in text and f'id="top-{world.second.pk}"' in text
    assert world.stage() == world.first


def test_the_dialog_saves_and_moves_together(world: World) -> None:
    said = make.condition(world.second, label="Agrees to a demo")
    value = make.condition(
        world.second, "field", field="value", operator="at_least", compared_with="5000", label="Value"
    )
    asked = {"asked": f"{said.pk},{value.pk}", f"c{said.pk}": "on", "f_value": "7500"}
    assert world.post(world.second, answers=asked).status_code == 302
    assert world.stage() == world.second and Deal.objects.get(pk=world.deal.pk).value == 7500
    assert Commitment.objects.get(deal=world.deal).condition == said


def test_what_was_typed_stays_when_something_still_lacks(world: World) -> None:
    said, other = make.condition(world.second, label="Agrees"), make.condition(world.second, label="Budget named")
    value = make.condition(
        world.second, "field", field="value", operator="at_least", compared_with="5000", label="Value"
    )
    asked = {"asked": f"{said.pk},{other.pk},{value.pk}", f"c{said.pk}": "on", "f_value": "7500"}
    answer = world.post(world.second, answers=asked)
    text = answer.content.decode()
    assert (
        answer.status_code == 422 and 'value="7500"' in text and "checked" in text and "Tick this if it is so" in text
    )
    assert not Commitment.objects.exists() and Deal.objects.get(pk=world.deal.pk).value == 1000


def test_evidence_is_asked_for_under_its_field(world: World) -> None:
    said = make.condition(world.second, label="Signed", needs_evidence=True)
    answer = world.post(world.second, asked=said.pk, answers={f"c{said.pk}": "on"})
    assert answer.status_code == 422 and "Add a link, a note or a file that proves it." in answer.content.decode()
    world.post(world.second, asked=said.pk, answers={f"c{said.pk}": "on", f"c{said.pk}_evidence": "contract.pdf"})
    assert Commitment.objects.get().evidence == "contract.pdf"


def test_a_new_contact_takes_the_role_in_the_same_move_or_not_at_all(world: World) -> None:
    role = make.condition(world.second, "contact_role", contact_role="decision_maker", label="Decision maker")
    other = make.condition(world.second, label="Agrees")
    typed = {"asked": f"{role.pk},{other.pk}", f"c{role.pk}_name": "Dora Decides", f"c{role.pk}_phone": "+49 30 1"}
    assert world.post(world.second, answers=typed).status_code == 422 and not Contact.objects.exists()
    assert world.post(world.second, answers={**typed, f"c{other.pk}": "on"}).status_code == 302
    person = DealContact.objects.select_related("contact").get(deal=world.deal)
    assert (person.role, person.contact.name, person.contact.phone) == ("decision_maker", "Dora Decides", "+49 30 1")


def test_a_contact_of_the_organization_can_be_chosen_and_a_strange_one_cannot(world: World) -> None:
    organization = make.organization(world.rep)
    Deal.objects.filter(pk=world.deal.pk).update(organization=organization)
    known, foreign = make.contact(world.rep, organization=organization), make.contact(world.stranger)
    role = make.condition(world.second, "contact_role", contact_role="champion", label="Champion")
    refused = world.post(world.second, asked=role.pk, answers={f"c{role.pk}_contact": foreign.pk})
    assert refused.status_code == 422 and not DealContact.objects.exists()
    world.post(world.second, asked=role.pk, answers={f"c{role.pk}_contact": known.pk})
    assert DealContact.objects.get(deal=world.deal).contact == known


def test_a_phone_can_be_added_to_the_contact_that_lacks_it(world: World) -> None:
    contact = make.contact(world.rep, phone="", email="")
    DealContact.objects.create(deal=world.deal, contact=contact, role="champion", is_primary=True)
    asked = make.condition(world.second, "contact_reachable", label="Can be reached")
    world.post(
        world.second, asked=asked.pk, answers={f"c{asked.pk}_contact": contact.pk, f"c{asked.pk}_phone": "+44 1"}
    )
    assert world.stage() == world.second and Contact.objects.get().phone == "+44 1"
    assert DealContact.objects.get().role == "champion"


def test_everyone_agrees_by_their_stance(world: World) -> None:
    contact = make.contact(world.rep)
    DealContact.objects.create(deal=world.deal, contact=contact, role="champion", is_primary=True)
    asked = make.condition(world.second, "everyone_agrees", label="All for it")
    stance = f"c{asked.pk}_s{contact.pk}"
    assert world.post(world.second, asked=asked.pk, answers={stance: "neutral"}).status_code == 422
    assert world.post(world.second, asked=asked.pk, answers={stance: "for"}).status_code == 302


def test_an_activity_is_logged_with_the_move(world: World) -> None:
    kind = make.activity_type("presentation")
    asked = make.condition(world.second, "activity", activity_type=kind, label="Presentation held")
    answer = world.post(world.second, asked=asked.pk, answers={f"c{asked.pk}": "on", f"c{asked.pk}_text": "Went well"})
    assert answer.status_code == 302 and world.stage() == world.second
    assert Activity.objects.get().text == "Went well"


def test_a_colleague_takes_a_role_and_required_tasks_are_ticked(world: World) -> None:
    success = make.user(name="Sue Success")
    make.stage_task(world.second, "Send the offer", required=True)
    moves.move_deal(world.deal.pk, world.second.pk, by=world.rep, via="board")
    world.deal.refresh_from_db()
    done = make.condition(world.third, "tasks_done", label="Required tasks")
    role = make.condition(world.third, "member_role", member_role="success", label="Success named")
    task = Task.objects.open().get(deal=world.deal)
    answer = world.post(
        world.third, asked=f"{done.pk},{role.pk}", answers={f"t_{task.pk}": "on", f"c{role.pk}_user": success.pk}
    )
    assert answer.status_code == 302 and DealMember.objects.get().user == success
    assert Task.objects.get(pk=task.pk).state == "done"


def test_asking_for_approval_commits_alone_and_says_who_was_asked(world: World) -> None:
    asked = make.condition(world.second, "approval", label="A manager approves")
    answer = world.post(world.second, part=True, asked=asked.pk, ask=asked.pk)
    text = answer.content.decode()
    assert answer.status_code == 200 and "Max Manager" in text and "Waiting for" in text
    assert Approval.objects.get(deal=world.deal).asked_by == world.rep and world.stage() == world.first


def test_a_manager_lets_it_in_anyway_with_a_reason_and_a_rep_is_not_offered_it(world: World) -> None:
    asked = make.condition(world.second, label="Agrees")
    assert 'name="override"' not in world.post(world.second, part=True).content.decode()
    assert 'name="override"' in world.post(world.second, part=True, user=world.manager).content.decode()
    assert world.post(world.second, asked=asked.pk, override="please").status_code == 422
    world.post(world.second, asked=asked.pk, override="Agreed by phone", user=world.manager)
    assert StageVisit.objects.current().get(deal=world.deal).reason == "Agreed by phone"


def test_losing_asks_for_a_reason_and_what_the_reason_asks(world: World) -> None:
    plain, rival = (
        make.lost_reason(name="No budget"),
        make.lost_reason(name="Competitor", asks_note="Which competitor?"),
    )
    assert "No budget" in world.post(world.lost, part=True).content.decode()
    refused = world.post(world.lost, asked="", reason=rival.pk)
    assert refused.status_code == 422 and "Which competitor?" in refused.content.decode()
    assert world.post(world.lost, asked="", reason=plain.pk).status_code == 302
    assert Deal.objects.get(pk=world.deal.pk).close_reason == plain


def test_the_slower_of_two_is_told_who_moved_it_and_where(world: World) -> None:
    moves.move_deal(world.deal.pk, world.third.pk, by=world.manager, via="board")
    answer = world.post(world.second, part=True, answers={"from": world.first.pk})
    text = answer.content.decode()
    assert (
        answer.status_code == 409 and "Max Manager moved" in text and f'data-show-card="deal-{world.deal.pk}"' in text
    )
    assert all(f'id="top-{stage.pk}"' in text for stage in (world.first, world.second, world.third))
    plain = world.post(world.second)
    assert plain.status_code == 409 and "Max Manager moved" in plain.content.decode() and world.stage() == world.third


def test_a_closed_deal_offers_to_be_reopened(world: World) -> None:
    moves.move_deal(world.deal.pk, world.won.pk, by=world.rep, via="board")
    world.deal.refresh_from_db()
    answer = world.post(world.first, part=True)
    assert answer.status_code == 409 and "Reopen in First" in answer.content.decode()
    assert world.post(world.first, asked="", reopen="1").status_code == 302 and world.stage() == world.first


def test_a_stage_that_is_gone_brings_all_columns_again(world: World) -> None:
    Stage.objects.filter(pk=world.third.pk).update(retired_at=timezone.now())
    answer = world.post(world.third, part=True)
    assert answer.status_code == 409 and 'id="columns"' in answer.content.decode()
    assert world.post(make.stage(make.pipeline(), "First")).status_code == 409


@pytest.mark.parametrize("version", ["", "abc", "-1", str(2**70), None])
def test_a_version_that_is_none_is_refused(world: World, version: str | None) -> None:
    data = {"to": world.second.pk, **({} if version is None else {"version": version})}
    before = traces()
    answer = world.client().post(reverse("deal-move", args=[world.deal.pk]), data)
    assert answer.status_code == 400 and traces() == before


def test_a_move_to_where_it_is_writes_nothing(world: World) -> None:
    before = traces()
    assert world.post(world.first, part=True).status_code == 200 and traces() == before


def test_the_same_move_sent_twice_is_one(world: World) -> None:
    sent = {"to": world.second.pk, "version": world.deal.version}
    client, address = world.client(part=True), reverse("deal-move", args=[world.deal.pk])
    assert [client.post(address, sent).status_code for _ in range(2)] == [200, 200]
    assert StageVisit.objects.filter(deal=world.deal).count() == 2


def test_a_strangers_deal_is_not_there_and_a_seen_one_is_not_for_moving(world: World) -> None:
    before = traces()
    assert world.post(world.second, user=world.stranger).status_code == 404
    assert world.client(world.stranger).get(reverse("deal-move", args=[world.deal.pk])).status_code == 404
    moves.move_deal(world.deal.pk, world.won.pk, by=world.rep, via="board")
    Deal.objects.filter(pk=world.deal.pk).update(owner=make.user())
    after = traces()
    assert before != after and world.post(world.second).status_code == 403  # credited to her: read only
    assert traces() == after


def test_a_deleted_deal_is_gone_for_those_who_saw_it_and_unknown_to_others(world: World) -> None:
    deals.delete(world.deal.pk, by=world.manager, via="page")
    before = traces()
    assert world.post(world.second, part=True).status_code == 410
    assert world.post(world.second, user=world.stranger).status_code == 404 and traces() == before


def test_nobody_moves_without_signing_in(world: World) -> None:
    address = reverse("deal-move", args=[world.deal.pk])
    assert Client().post(address, {"to": world.second.pk}).status_code == 302
    part = Client(headers={"HX-Request": "true"}).post(address, {"to": world.second.pk})
    assert part.status_code == 401 and "HX-Redirect" in part.headers


def test_the_form_works_without_script_from_the_card_to_the_gate(world: World) -> None:
    asked = make.condition(world.second, label="Agrees to a demo")
    page = world.client().get(reverse("deal-move", args=[world.deal.pk])).content.decode()
    assert "Second" in page and "<html" in page and f'value="{world.second.pk}"' in page
    gate = world.client().get(reverse("deal-move", args=[world.deal.pk]), {"to": world.second.pk})
    assert gate.status_code == 200 and f'name="c{asked.pk}"' in gate.content.decode()


# --- A new deal


def new(world: World, **data: Any) -> Any:
    sent = {"to": world.first.pk, "title": "Meters for the depot", "once_key": "k1", **data}
    return world.client(part=data.pop("part", False)).post(reverse("deal-new"), sent)


def test_a_name_and_enter_make_a_deal_in_the_column(world: World) -> None:
    assert new(world).status_code == 302
    made = Deal.objects.get(title="Meters for the depot")
    assert (made.stage, made.owner, made.currency) == (world.first, world.rep, "EUR")


def test_a_double_submit_makes_one_deal(world: World) -> None:
    new(world), new(world)
    assert Deal.objects.filter(title="Meters for the depot").count() == 1


def test_a_new_deal_passes_the_same_gate(world: World) -> None:
    asked = make.condition(world.second, label="Agrees")
    refused = new(world, to=world.second.pk)
    assert refused.status_code == 422 and f'name="c{asked.pk}"' in refused.content.decode()
    assert 'value="Meters for the depot"' in refused.content.decode()
    assert new(world, to=world.second.pk, asked=asked.pk, **{f"c{asked.pk}": "on"}).status_code == 302
    assert Deal.objects.get(title="Meters for the depot").stage == world.second


def test_a_deal_without_a_name_is_asked_for_one(world: World) -> None:
    assert new(world, title="   ").status_code == 422 and Deal.objects.count() == 1


def test_a_manager_who_only_takes_part_lets_nothing_in(world: World) -> None:
    friend = make.user("manager", team=make.team())
    DealMember.objects.create(deal=world.deal, user=friend, role="seller")
    said = make.condition(world.second, label="Agrees")
    answer = world.post(world.second, user=friend, asked=said.pk, override="For a friend")
    assert answer.status_code == 422 and world.stage() == world.first
    outcome = moves.move_deal(world.deal.pk, world.second.pk, by=friend, via="api", override="For a friend")
    assert isinstance(outcome, moves.Refused) and outcome.code == "not_allowed"


def test_a_full_column_says_so(world: World) -> None:
    Stage.objects.filter(pk=world.second.pk).update(most_deals=1)
    make.deal(world.second, world.manager)
    answer = world.post(world.second, part=True)
    assert answer.status_code == 409 and "takes at most 1 deal." in answer.content.decode()
    lifted = world.client(part=True).get(reverse("deal-gates", args=[world.deal.pk])).content.decode()
    assert f'id="lift-{world.second.pk}" class="column-lift is-shut"' in lifted


def test_a_lifted_card_is_answered_in_as_many_queries_whatever_is_asked(
    world: World, django_assert_max_num_queries: Any
) -> None:
    for stage in (world.second, world.third, world.won):
        for number in range(3):
            make.condition(stage, label=f"Agrees to {number}")
    client = world.client(part=True)
    Company.objects.create(pk=1)
    in_force.read(world.pipeline.pk)
    with django_assert_max_num_queries(11):
        text = client.get(reverse("deal-gates", args=[world.deal.pk])).content.decode()
    assert text.count("column-lift") == 4 and "Agrees to 0; Agrees to 1 and 4 more" in text


# --- Undo


def undo_address(text: str) -> str:
    found = re.search(r'hx-post="(/moves/\d+/undo/)"', text)
    assert found is not None
    return found[1]


def test_a_move_offers_to_be_taken_back_and_is(world: World) -> None:
    address = undo_address(world.post(world.second, part=True).content.decode())
    answer = world.client(part=True).post(address)
    assert answer.status_code == 200 and "Taken back" in answer.content.decode() and world.stage() == world.first
    assert "/undo/" not in answer.content.decode()


def test_a_plain_undo_goes_back_to_the_board_that_is_on_the_screen(world: World) -> None:
    text = world.post(world.second, part=True).content.decode()
    assert f'name="next" value="{world.board}"' in text


def test_without_scripts_the_board_offers_it_too(world: World) -> None:
    client = world.client()
    client.post(reverse("deal-move", args=[world.deal.pk]), {"to": world.second.pk, "version": 1, "next": world.board})
    address = undo_address(client.get(world.board).content.decode())
    assert client.post(address, {"next": world.board})["Location"] == world.board and world.stage() == world.first


def test_what_somebody_has_moved_on_is_not_taken_back(world: World) -> None:
    address = undo_address(world.post(world.second, part=True).content.decode())
    moves.move_deal(world.deal.pk, world.third.pk, by=world.manager, via="board")
    answer = world.client(part=True).post(address)
    assert answer.status_code == 409 and "Max Manager moved" in answer.content.decode() and world.stage() == world.third
