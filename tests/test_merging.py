"""Two deals that are one: what the survivor keeps and gets, what the other keeps, and what is refused without a trace."""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import Any

import pytest
from django.test import RequestFactory

from crm import opened, verification
from crm.importing import known
from crm.models import Change, Notice, Opened
from crm.models.audit import Via
from leads.activities import NewActivity
from pipeline import commitments, deals, files, followups, logbook, merging, moves, people, talk
from pipeline.merging import Merged, Newer, NotMerged, merge
from pipeline.models import ColumnTotal, Commitment, Deal, DealFile, MoveAttempt, Product, StageVisit, Tag, Task
from pipeline.views.outcomes import stale_sentence
from tests import factories as make
from tests import sample_files
from tests.api_world import Program
from tests.deal_world import World, digest

pytestmark = pytest.mark.django_db
DAY = datetime.timedelta(days=1)


class Two(World):
    """Rita's deal in First, and Bea's of the same shop in Second. Max manages both."""

    def __init__(self) -> None:
        super().__init__()
        self.bea = make.user(team=self.manager.memberships.get().team, name="Bea Berg")
        self.said = make.condition(self.second)
        self.other = make.deal(self.first, self.bea, now=self.began + DAY, value=Decimal(700), title="Meters, again")
        commitments.record(self.other, self.said.pk, by=self.bea, evidence="Mail of 3 March")
        moves.move_deal(self.other.pk, self.second.pk, by=self.bea, via=Via.BOARD)

    def merge(self, **options: Any) -> Any:
        return merge(self.deal.pk, self.other.pk, **{"by": self.manager, "via": Via.PAGE, **options})

    def there(self) -> Deal:
        return Deal.objects.get(pk=self.other.pk)


@pytest.fixture
def two() -> Two:
    return Two()


def sound() -> bool:
    return [f"{each.invariant} {each.examples}" for each in verification.run() if each.breaks] == []


def test_the_survivor_keeps_what_it_has_and_the_other_leaves_with_its_history(two: Two) -> None:
    history = list(StageVisit.objects.filter(deal=two.other).values())
    tries = MoveAttempt.objects.filter(deal=two.other).count()
    outcome = two.merge()
    assert isinstance(outcome, Merged)
    deal, other = two.fresh(), two.there()
    assert (deal.title, deal.value, deal.stage, deal.owner) == (two.deal.title, Decimal(1000), two.first, two.rep)
    assert (other.merged_into, other.deleted_by, other.stage) == (deal, two.manager, two.second)
    assert list(StageVisit.objects.filter(deal=two.other).values()) == history
    assert MoveAttempt.objects.filter(deal=two.other).count() == tries
    assert StageVisit.objects.filter(deal=deal).count() == 1 and sound()


def test_the_totals_count_one_deal(two: Two) -> None:
    two.merge()
    assert {(t.stage_id, t.deals, t.value) for t in ColumnTotal.objects.filter(deals__gt=0)} == {
        (two.first.pk, 1, Decimal(1000))
    }


def test_what_is_empty_here_comes_from_the_other_and_nothing_is_added(two: Two) -> None:
    acme, gold = make.organization(two.bea), Product.objects.create(name="Gold")
    deals.edit(two.other.pk, {"organization": acme, "product": gold}, version=None, by=two.bea, via=Via.PAGE)
    two.merge()
    assert (two.fresh().organization, two.fresh().product, two.fresh().value) == (acme, gold, Decimal(1000))


def test_a_value_is_taken_with_its_currency(two: Two) -> None:
    deals.edit(two.other.pk, {"currency": "USD"}, version=None, by=two.bea, via=Via.PAGE)
    two.merge(take=["value", "title"])
    assert (two.fresh().value, two.fresh().currency, two.fresh().title) == (Decimal(700), "USD", "Meters, again")
    assert sound()


def test_tags_of_both_are_there(two: Two) -> None:
    tags = [Tag.objects.create(name=name) for name in ("VIP", "Berlin")]
    for deal, tag in zip((two.deal, two.other), tags, strict=True):
        deals.edit(deal.pk, {"tags": [tag]}, version=None, by=two.manager, via=Via.PAGE)
    two.merge()
    assert set(two.fresh().tags.all()) == set(tags)


def test_what_was_said_and_written_goes_over(two: Two) -> None:
    call = NewActivity(type=make.activity_type("call"), text="They want both shops")
    logbook.log(two.other.pk, call, by=two.bea, via=Via.PAGE)
    talk.comment(two.other.pk, f"@{two.colleague.name} look", by=two.bea)
    two.let_team_read()
    talk.comment(two.other.pk, f"@{two.rep.name} look", by=two.bea)
    two.merge()
    page = two.page()
    assert "They want both shops" in page and f"@{two.rep.name} look" in page
    notice = Notice.objects.get(user=two.rep)
    assert notice.object_id == two.deal.pk and notice.address.startswith(two.url("deal"))


def test_tasks_go_over_and_the_next_due_time_is_right(two: Two) -> None:
    soon = (two.began + 5 * DAY).date()
    followups.add(two.other.pk, "Send the offer", soon, by=two.bea)
    two.merge()
    assert Task.objects.open().get(deal=two.deal).title == "Send the offer"
    assert two.fresh().next_task_due_at is not None and two.there().next_task_due_at is None and sound()


def test_a_task_of_a_stage_that_the_deal_is_not_in_becomes_one_by_hand(two: Two) -> None:
    make.stage_task(two.third, "Draft the contract", required=True)
    make.stage_task(two.third, "Have it signed", after_previous=True)
    moves.move_deal(two.other.pk, two.third.pk, by=two.bea, via=Via.BOARD)
    two.merge()
    task = Task.objects.open().get(deal=two.deal)
    assert (task.title, task.stage_task, task.visit, task.required) == ("Draft the contract", None, None, False)
    assert followups.complete(task.pk, by=two.rep) == []


def test_a_finished_task_of_the_other_plans_nothing_when_it_is_opened_and_finished_again(two: Two) -> None:
    make.stage_task(two.third, "Draft the contract")
    make.stage_task(two.third, "Have it signed", after_previous=True)
    moves.move_deal(two.other.pk, two.third.pk, by=two.bea, via=Via.BOARD)
    task = Task.objects.open().get(title="Draft the contract")
    followups.complete(task.pk, by=two.bea)
    two.merge()
    followups.reopen(task.pk, by=two.rep)
    assert followups.complete(task.pk, by=two.rep) == [] and sound()


def test_a_task_that_both_have_stays_once(two: Two) -> None:
    make.stage_task(two.second, "Draft the offer")
    make.condition(two.second, "by_hand", blocks=False)
    commitments.record(two.deal, two.said.pk, by=two.rep)
    moves.move_deal(two.deal.pk, two.second.pk, by=two.rep, via=Via.BOARD)
    moves.move_deal(two.other.pk, two.first.pk, by=two.bea, via=Via.BOARD)
    moves.move_deal(two.other.pk, two.second.pk, by=two.bea, via=Via.BOARD)
    two.merge()
    kept = Task.objects.open().get(deal=two.deal)
    assert kept.stage_task is not None and kept.required == kept.stage_task.required


def test_what_the_buyer_agreed_to_counts_at_the_survivors_gate(two: Two) -> None:
    two.merge()
    assert isinstance(moves.move_deal(two.deal.pk, two.second.pk, by=two.rep, via=Via.BOARD), moves.Moved)


def test_what_was_taken_back_here_is_not_brought_to_life_again(two: Two) -> None:
    commitments.record(two.deal, two.said.pk, by=two.rep)
    commitments.withdraw(two.deal, two.said.pk, by=two.rep)
    two.merge()
    assert not Commitment.objects.standing().filter(deal=two.deal).exists()
    assert isinstance(moves.move_deal(two.deal.pk, two.second.pk, by=two.rep, via=Via.BOARD), moves.Refused)


def add_file(deal: Deal, name: str, by: Any, content: bytes = sample_files.PDF) -> DealFile:
    return files.add(deal.pk, files.check(sample_files.upload(name, content)), by=by)


def test_files_go_over_with_their_versions_and_their_proofs(two: Two) -> None:
    add_file(two.other, "Offer.pdf", two.bea)
    proof = add_file(two.other, "Offer.pdf", two.bea, sample_files.PDF + b"2")
    commitments.record(two.other, two.said.pk, by=two.bea, proof=proof)
    two.merge()
    assert list(DealFile.objects.filter(deal=two.deal).order_by("version").values_list("name", "version")) == [
        ("Offer.pdf", 1), ("Offer.pdf", 2),
    ]  # fmt: skip
    assert Commitment.objects.filter(deal=two.deal, evidence_file=proof).exists() and sound()


def test_a_file_of_the_same_name_is_named_after_its_deal_and_hides_none(two: Two) -> None:
    add_file(two.deal, "Offer.pdf", two.rep)
    add_file(two.other, "Offer.pdf", two.bea)
    two.merge()
    assert set(DealFile.objects.filter(deal=two.deal).values_list("name", "version")) == {
        ("Offer.pdf", 1), ("Offer (Meters, again).pdf", 1),
    }  # fmt: skip


def test_people_go_over_and_a_known_role_stays(two: Two) -> None:
    anna, bob = make.contact(two.bea), make.contact(two.bea)
    now = two.began + 2 * DAY
    people.set_contact(two.deal, anna, by=two.rep, via=Via.PAGE, now=now, role="champion")
    people.set_contact(two.other, anna, by=two.bea, via=Via.PAGE, now=now, role="blocker", stance="for")
    people.set_contact(two.other, bob, by=two.bea, via=Via.PAGE, now=now, role="user", is_primary=True)
    two.merge()
    rows = two.deal.people.order_by("pk").values_list("contact", "role", "stance", "is_primary")
    assert list(rows) == [(anna.pk, "champion", "for", True), (bob.pk, "user", "unknown", False)]


def test_nobody_who_worked_on_the_other_loses_sight_of_it(two: Two) -> None:
    people.set_member(two.other, two.stranger, "legal", by=two.bea, via=Via.PAGE, now=two.began + 2 * DAY)
    two.merge()
    for person in (two.bea, two.stranger):
        assert Deal.objects.editable_by(person).filter(pk=two.deal.pk).exists()


def test_an_import_of_the_others_id_means_the_survivor(two: Two) -> None:
    known.note("old", "deal", [("A-17", two.other.pk)])
    two.merge()
    assert known.find("old", "deal", ["A-17"]) == {"A-17": two.deal.pk}


def test_who_had_the_other_open_last_finds_the_survivor(two: Two) -> None:
    opened.note(two.bea, "deal", two.other.pk)
    opened.note(two.rep, "deal", two.deal.pk)
    opened.note(two.rep, "deal", two.other.pk)
    two.merge()
    assert sorted(Opened.objects.values_list("user", "object_id")) == sorted(
        [(two.bea.pk, two.deal.pk), (two.rep.pk, two.deal.pk)]
    )


def test_the_merge_is_one_change_on_each(two: Two) -> None:
    two.merge()
    row = Change.objects.get(object_type="deal", object_id=two.deal.pk, field="merged")
    assert (row.new, row.by) == (two.other.pk, two.manager)
    row = Change.objects.get(object_type="deal", object_id=two.other.pk, field="merged_into")
    assert (row.new, row.version) == (two.deal.pk, two.there().version)


@pytest.mark.parametrize("which", ["deal", "other"])
def test_what_was_changed_since_is_told_and_nothing_is_merged(two: Two, which: str) -> None:
    versions = two.deal.version, two.there().version
    deals.edit(getattr(two, which).pk, {"title": "Renamed"}, version=None, by=two.rep, via=Via.PAGE)
    before = digest()
    assert isinstance(two.merge(versions=versions), Newer)
    assert digest() == before


def test_a_deal_is_not_merged_with_itself_with_a_deleted_one_or_twice(two: Two) -> None:
    again = make.deal(two.first, two.rep)
    assert isinstance(merge(two.deal.pk, two.deal.pk, by=two.rep, via=Via.PAGE), NotMerged)
    two.merge()
    before = digest()
    for pair in ((again.pk, two.other.pk), (two.other.pk, again.pk)):
        outcome = merge(*pair, by=two.manager, via=Via.PAGE)
        assert isinstance(outcome, NotMerged) and outcome.code == "gone" and two.manager.name in outcome.message
    deals.delete(again.pk, by=two.manager, via=Via.PAGE)
    before = digest()
    assert isinstance(merge(two.deal.pk, again.pk, by=two.manager, via=Via.PAGE), NotMerged)
    assert digest() == before


def test_a_merged_deal_is_not_brought_back_moved_or_undone(two: Two) -> None:
    visit = StageVisit.objects.current().get(deal=two.other)
    two.merge()
    before = digest()
    deals.restore(two.other.pk, by=two.admin, via=Via.ADMIN)
    outcome = moves.undo_move(two.other.pk, visit.pk, by=two.bea, via=Via.BOARD)
    assert isinstance(outcome, moves.Stale) and digest() == before
    assert isinstance(moves.move_deal(two.other.pk, two.first.pk, by=two.bea, via=Via.BOARD), moves.Stale)


def test_a_survivor_that_is_merged_itself_leads_to_the_last_one(two: Two) -> None:
    last = make.deal(two.first, two.rep)
    two.merge()
    merge(last.pk, two.deal.pk, by=two.manager, via=Via.PAGE)
    assert merging.survivor(two.there()) == last and sound()


# --- The pages


def look(two: Two, **query: Any) -> Any:
    return two.get("deal-merge", user=two.manager, other=two.other.pk, **query)


def send(two: Two, user: Any = None, **data: Any) -> Any:
    sent = {
        "other": two.other.pk, "version": two.fresh().version, "other_version": two.there().version,
        "title": "mine", "value": "mine",
    }  # fmt: skip
    return two.post("deal-merge", user=user or two.manager, **{**sent, **data})


def test_the_search_finds_deals_of_the_same_organization_first(two: Two) -> None:
    acme = make.organization(two.rep, name="Acme")
    for deal in (two.deal, two.other):
        deals.edit(deal.pk, {"organization": acme}, version=None, by=two.manager, via=Via.PAGE)
    make.deal(two.first, two.rep, title="Meters for a bakery")
    found = two.get("deal-merge", user=two.manager).content.decode()
    assert "Meters, again" in found and "bakery" not in found
    found = two.get("deal-merge", user=two.manager, q="meters").content.decode()
    assert found.index("Meters, again") < found.index("bakery")
    assert "Meters, again" not in two.get("deal-merge", q="meters").content.decode()


def test_both_stand_side_by_side_before_anything_happens(two: Two) -> None:
    add_file(two.other, "Offer.pdf", two.bea)
    before = digest()
    text = look(two).content.decode()
    assert "€700" in text and "1 file, 1 commitment of the buyer" in text and "cannot be taken back" in text
    assert "Bea Berg works on it too" in text and digest() == before


def test_merging_leads_to_the_survivor_with_what_was_chosen(two: Two) -> None:
    answer = send(two, value="theirs")
    assert (answer.status_code, answer["Location"]) == (302, two.url("deal"))
    assert (two.fresh().value, two.fresh().title) == (Decimal(700), "Meters for 14 shops")
    page = two.page()
    assert "Max Manager merged “Meters, again” into this deal" in page and f"/deals/{two.other.pk}/" in page


def test_the_page_of_the_merged_deal_tells_its_history_to_who_sees_the_survivor(two: Two) -> None:
    send(two)
    answer = two.client().get(f"/deals/{two.other.pk}/")
    text = answer.content.decode()
    assert answer.status_code == 410 and two.url("deal") in text and "by Max Manager" in text.replace("\n", " ")
    assert "Bea Berg moved it from First to Second" in text and "Max Manager merged it into" in text
    assert "<form" not in text.split('id="deal"')[1].split("</article>")[0]
    assert two.client().get(f"/deals/{two.other.pk}/timeline/").status_code == 200
    assert two.client(two.stranger).get(f"/deals/{two.other.pk}/").status_code == 404


def test_a_link_in_an_old_mail_finds_the_comment_on_the_survivor(two: Two) -> None:
    comment = talk.comment(two.other.pk, "Look at this", by=two.bea)
    assert comment is not None
    send(two)
    answer = two.client().get(f"/deals/{two.other.pk}/", {"entry": f"comment-{comment.pk}"})
    assert (answer.status_code, answer["Location"]) == (
        302, f"{two.url('deal')}?entry=comment-{comment.pk}#entry-comment-{comment.pk}",
    )  # fmt: skip
    assert two.client(two.stranger).get(f"/deals/{two.other.pk}/", {"entry": "comment-1"}).status_code == 404


def test_whoever_holds_its_card_is_told_where_it_went(two: Two) -> None:
    send(two)
    outcome = moves.move_deal(two.other.pk, two.first.pk, by=two.bea, via=Via.BOARD)
    request: Any = RequestFactory().get("/")
    request.user = two.bea
    assert isinstance(outcome, moves.Stale) and "was merged into another deal" in stale_sentence(request, outcome)


def test_who_saw_the_other_and_not_the_survivor_learns_no_more_than_that_it_was_merged(two: Two) -> None:
    two.let_team_read()
    foreign = make.deal(two.first, two.stranger, title="Secret")
    merge(foreign.pk, two.other.pk, by=two.admin, via=Via.PAGE)
    answer = two.client(two.colleague).get(f"/deals/{two.other.pk}/")
    assert answer.status_code == 410 and "Secret" not in answer.content.decode()


def test_a_stale_page_shows_what_changed_and_asks_again(two: Two) -> None:
    version = two.fresh().version
    moves.move_deal(two.deal.pk, two.third.pk, by=two.rep, via=Via.BOARD, override="x")
    deals.edit(two.deal.pk, {"title": "Renamed"}, version=None, by=two.rep, via=Via.PAGE)
    answer = send(two, version=version)
    assert answer.status_code == 409 and "Rita Rep changed the title" in answer.content.decode()
    assert two.there().merged_into is None
    assert send(two).status_code == 302


def test_a_field_that_came_to_differ_is_shown_before_it_is_lost(two: Two) -> None:
    versions = {"version": two.fresh().version, "other_version": two.there().version}
    deals.edit(two.other.pk, {"product": Product.objects.create(name="Gold")}, version=None, by=two.bea, via=Via.PAGE)
    answer = send(two, **versions)
    assert answer.status_code == 409 and "Gold" in answer.content.decode()


def test_both_deals_must_be_ones_that_one_may_change(two: Two) -> None:
    assert two.get("deal-merge", other=two.other.pk).status_code == 404
    two.let_team_read()
    before = digest()
    assert send(two, two.rep).status_code == 403 and two.get("deal-merge", other=two.other.pk).status_code == 403
    assert digest() == before


def test_a_deal_that_was_merged_meanwhile_is_not_found_any_more(two: Two) -> None:
    sent: dict[str, Any] = {"other": two.other.pk, "version": 1, "other_version": 1}
    merge(two.deal.pk, two.other.pk, by=two.manager, via=Via.PAGE)
    assert two.post("deal-merge", user=two.manager, **sent).status_code == 404
    assert send(two, other=two.deal.pk).status_code == 409


# --- Programs


def ask(two: Two, **body: Any) -> Any:
    sent = {"other": two.other.pk, "version": two.fresh().version, **body}
    return Program(two.manager).post(f"deals/{two.deal.pk}/merge/", sent)


def test_a_program_merges_and_gets_the_deal(two: Two) -> None:
    answer = ask(two, take=["value"])
    assert (answer.status_code, answer.json()["merged"], answer.json()["deal"]["value"]) == (
        200,
        two.other.pk,
        "700.00",
    )
    gone = Program(two.manager).get(f"deals/{two.other.pk}/")
    assert (gone.status_code, gone.json()["code"], gone.json()["merged_into"]) == (410, "merged", two.deal.pk)
    assert Program(two.stranger).get(f"deals/{two.other.pk}/").status_code == 404


def test_a_program_is_told_when_it_was_too_late_or_asked_for_what_cannot_be(two: Two) -> None:
    late = ask(two, other_version=two.there().version + 1)
    assert (late.status_code, late.json()["code"], late.json()["other"]["id"]) == (409, "stale", two.other.pk)
    assert ask(two, take=["owner"]).json()["errors"][0]["field"] == "take"
    assert ask(two, other=two.deal.pk).json()["errors"][0] == {
        "field": "other", "code": "same", "message": "A deal cannot be merged with itself. Choose another one.",
    }  # fmt: skip
    assert two.there().merged_into is None
