"""Records through the API: made, read, changed and deleted by the rules of the pages, each change with its row."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from crm.models import Change
from leads.models import Activity, Contact, Organization
from pipeline import followups, people
from pipeline.models import Deal, Tag, Task
from tests import factories as make
from tests.api_world import ApiWorld, Program

pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> ApiWorld:
    return ApiWorld()


@pytest.fixture
def rita(world: ApiWorld) -> Program:
    return Program(world.rep)


def test_a_deal_is_made_whole(world: ApiWorld, rita: Program) -> None:
    tag, source = Tag.objects.create(name="Pilot"), make.source()
    body = {
        "title": " Meters ", "stage": world.first.pk, "organization": world.organization.pk, "value": "12500.50",
        "expected_close": "2027-03-31", "source": source.pk, "tags": [tag.pk, tag.pk],
    }  # fmt: skip
    answer = rita.post("deals/", body)
    told = answer.json()
    deal = Deal.objects.get(pk=told["id"])
    assert (answer.status_code, answer.headers["ETag"]) == (201, '"1"')
    assert answer.headers["Location"].endswith(f"/api/v1/deals/{deal.pk}/")
    assert (deal.title, deal.value, deal.currency, deal.owner, list(deal.tags.all())) == (
        "Meters", Decimal("12500.5"), "EUR", world.rep, [tag],
    )  # fmt: skip
    assert (told["value"], told["tags"], told["expected_close"]) == ("12500.50", [tag.pk], "2027-03-31")
    assert set(Change.objects.filter(object_type="deal", object_id=deal.pk).values_list("via", flat=True)) == {"api"}
    assert [each["deal"] for each in told.pop("open_deals")] == [world.deal.pk]
    assert rita.get(f"deals/{deal.pk}/").json() == told


@pytest.mark.parametrize("value", ["12500.5", 12500.5, "12500.50"])
def test_an_amount_is_read_exactly_as_text_or_number(world: ApiWorld, rita: Program, value: Any) -> None:
    told = rita.patch(f"deals/{world.deal.pk}/", {"value": value}).json()
    assert told["value"] == "12500.50" and world.fresh().value == Decimal("12500.5")


def test_a_deal_without_what_it_needs_is_told_all_of_it(world: ApiWorld, rita: Program) -> None:
    faults = rita.post("deals/", {"value": "x"}).json()["errors"]
    assert {(fault["field"], fault["code"]) for fault in faults} == {
        ("title", "required"),
        ("stage", "required"),
        ("value", "type"),
    }


@pytest.mark.parametrize("stage", [987_654, 2**63, 10**30])
def test_a_deal_begins_in_a_stage_that_is_there(rita: Program, stage: int) -> None:
    answer = rita.post("deals/", {"title": "New", "stage": stage})
    assert answer.status_code == 400 and answer.json()["errors"][0]["code"] == "does_not_exist"


def test_a_change_is_written_with_its_way_and_raises_the_version(world: ApiWorld, rita: Program) -> None:
    answer = rita.patch(f"deals/{world.deal.pk}/", {"title": "Renamed", "value": None}, '"1"')
    assert (answer.status_code, answer.headers["ETag"], answer.json()["version"]) == (200, '"2"', 2)
    rows = Change.objects.filter(object_type="deal", object_id=world.deal.pk, version=2)
    assert {(row.field, row.new, row.by, row.via) for row in rows} == {
        ("title", "Renamed", world.rep, "api"), ("value", None, world.rep, "api"),
    }  # fmt: skip


def test_who_read_an_older_version_is_told_and_changes_nothing(world: ApiWorld, rita: Program) -> None:
    rita.patch(f"deals/{world.deal.pk}/", {"title": "Mine"}, '"1"')
    answer = Program(world.manager).patch(f"deals/{world.deal.pk}/", {"title": "Yours"}, '"1"')
    assert (answer.status_code, answer.headers["ETag"], answer.json()["version"]) == (412, '"2"', 2)
    assert world.fresh().title == "Mine"
    assert Program(world.manager).patch(f"deals/{world.deal.pk}/", {"title": "Yours"}, '"1", "2"').status_code == 200


def test_a_record_is_given_away_only_with_the_widest_scope(world: ApiWorld) -> None:
    url, body = f"deals/{world.deal.pk}/", {"owner": world.colleague.pk}
    assert Program(world.manager).patch(url, body).json()["code"] == "scope"
    assert Program(world.rep, "admin").patch(url, body).json()["errors"][0]["code"] == "does_not_exist"
    assert Program(world.manager, "admin").patch(url, body).json()["owner"] == world.colleague.pk


def test_a_member_does_not_take_the_deal_over(world: ApiWorld) -> None:
    people.set_member(world.deal, world.stranger, "specialist", by=world.rep, via="page", now=timezone.now())
    answer = Program(world.stranger, "admin").patch(f"deals/{world.deal.pk}/", {"owner": world.stranger.pk})
    assert answer.status_code == 400 and world.fresh().owner == world.rep


def test_what_a_deal_has_already_may_stay_though_it_could_not_be_chosen(world: ApiWorld, rita: Program) -> None:
    source = make.source("Old")
    Deal.objects.filter(pk=world.deal.pk).update(source=source)
    type(source).objects.update(retired_at=timezone.now())
    assert rita.patch(f"deals/{world.deal.pk}/", {"source": source.pk, "title": "New"}).status_code == 200
    other = make.source("Older")
    type(source).objects.filter(pk=other.pk).update(retired_at=timezone.now())
    assert rita.patch(f"deals/{world.deal.pk}/", {"source": other.pk}).status_code == 400


def test_a_deleted_deal_leaves_the_lists_and_keeps_its_row(world: ApiWorld) -> None:
    boss = Program(world.manager, "admin")
    assert boss.ask("DELETE", f"deals/{world.deal.pk}/", If_Match='"1"').status_code == 204
    assert boss.get(f"deals/{world.deal.pk}/").status_code == 404
    assert world.fresh().deleted_by == world.manager


@pytest.mark.parametrize(("path", "model"), [("organizations/", Organization), ("contacts/", Contact)])
def test_who_we_talk_to_is_made_and_changed(rita: Program, world: ApiWorld, path: str, model: Any) -> None:
    made = rita.post(path, {"name": "  Ünal  ", "phone": "+49 1"})
    told = made.json()
    assert (made.status_code, told["name"], told["owner"], told["version"]) == (201, "Ünal", world.rep.pk, 1)
    url = f"{path}{told['id']}/"
    assert rita.patch(url, {"phone": ""}, '"1"').json()["phone"] == ""
    assert rita.patch(url, {"phone": "1"}, '"1"').status_code == 412
    row = model.objects.get(pk=told["id"])
    assert (row.name_key, row.version, row.updated_by) == ("ünal", 2, world.rep)


@pytest.mark.parametrize(
    ("path", "body"),
    [("organizations/", {"website": "javascript:alert(1)"}), ("organizations/", {"employees": -1}),
     ("organizations/", {"employees": "5"}), ("organizations/", {"employees": 2**31}), ("contacts/", {"email": "a@b\r\nBcc: x@y.z"}),
     ("contacts/", {"email": "nobody"}), ("contacts/", {"phone": "1" * 41})],
)  # fmt: skip
def test_what_cannot_be_stored_is_refused_by_its_field(rita: Program, path: str, body: dict[str, Any]) -> None:
    answer = rita.post(path, {"name": "New", **body})
    assert answer.status_code == 400 and [fault["field"] for fault in answer.json()["errors"]] == list(body)


def test_an_organization_is_not_part_of_itself(rita: Program, world: ApiWorld) -> None:
    part = rita.post("organizations/", {"name": "Part", "parent": world.organization.pk}).json()["id"]
    answer = rita.patch(f"organizations/{world.organization.pk}/", {"parent": part})
    assert answer.status_code == 400 and answer.json()["errors"][0]["field"] == "parent"


def test_a_task_is_planned_postponed_finished_and_opened_again(world: ApiWorld, rita: Program) -> None:
    told = rita.post("tasks/", {"deal": world.deal.pk, "title": "Call", "due_on": "2999-01-01", "kind": "call"}).json()
    url = f"tasks/{told['id']}/"
    assert (told["due_on"], told["state"], told["kind"], told["owner"]) == ("2999-01-01", "open", "call", world.rep.pk)
    assert world.fresh().next_task_due_at is not None
    assert rita.patch(url, {"due_on": "2999-02-01"}, '"1"').json()["due_on"] == "2999-02-01"
    assert rita.patch(url, {"state": "done"}, '"1"').status_code == 412
    done = rita.patch(url, {"state": "done"}, '"2"').json()
    assert done["state"] == "done" and done["closed_at"] and world.fresh().next_task_due_at is None
    assert rita.patch(url, {"state": "skipped"}).json()["errors"][0]["code"] == "closed"
    assert rita.patch(url, {"due_on": "2999-03-01"}).json()["errors"][0]["field"] == "due_on"
    assert rita.patch(url, {"state": "open", "due_on": "2999-03-01"}).json()["due_on"] == "2999-03-01"


def test_a_task_gets_another_name_and_another_owner(world: ApiWorld, rita: Program) -> None:
    told = rita.post("tasks/", {"deal": world.deal.pk, "title": "Call", "due_on": "2999-01-01"}).json()
    url, body = f"tasks/{told['id']}/", {"title": "Write", "owner": world.colleague.pk, "state": "done"}
    assert (
        rita.patch(url, body).json()["errors"][0] | {"field": "owner", "code": "does_not_exist"}
        == rita.patch(url, body).json()["errors"][0]
    )
    after = Program(world.manager).patch(url, body, '"1"').json()
    assert (after["title"], after["owner"], after["state"], after["version"]) == (
        "Write",
        world.colleague.pk,
        "done",
        3,
    )
    assert rita.patch(url, {"title": " "}).status_code == rita.patch(url, {"title": 5}).status_code == 400


def test_a_required_task_is_not_skipped(world: ApiWorld, rita: Program) -> None:
    task = followups.add(world.deal.pk, "Call", timezone.now().date() + timedelta(days=1), by=world.rep)
    assert task
    Task.objects.filter(pk=task.pk).update(required=True)
    assert rita.patch(f"tasks/{task.pk}/", {"state": "skipped"}).status_code == 400
    assert Task.objects.get(pk=task.pk).state == "open"


def test_a_day_ends_in_the_time_zone_of_the_tasks_owner(world: ApiWorld, rita: Program) -> None:
    world.rep.time_zone = "Pacific/Auckland"
    world.rep.save()
    told = rita.post("tasks/", {"deal": world.deal.pk, "title": "Call", "due_on": "2027-07-01"}).json()
    assert (told["due_on"], told["due_at"][:16]) == ("2027-07-01", "2027-07-01T11:59")


def test_what_was_said_is_logged_on_the_deal(world: ApiWorld, rita: Program) -> None:
    call, ina = make.activity_type("call"), make.contact(world.rep)
    call.outcomes.create(name="Reached")
    body = {
        "deal": world.deal.pk,
        "type": "call",
        "direction": "in",
        "outcome": "reached",
        "text": "Yes",
        "contacts": [ina.pk],
    }
    told = rita.post("activities/", body).json()
    expected = {
        "type": "call",
        "outcome": "Reached",
        "deals": [world.deal.pk],
        "contacts": [ina.pk],
        "by": world.rep.pk,
    }
    assert told | expected == told
    assert rita.get(f"activities/?deal={world.deal.pk}").json()["results"] == [told]
    assert Program(world.stranger).get("activities/").json()["results"] == []
    assert Program(world.manager).get(f"activities/{told['id']}/").status_code == 200


@pytest.mark.parametrize(
    ("field", "value"),
    [("type", "telepathy"), ("type", 5), ("outcome", "Maybe"), ("direction", "up"), ("happened_at", "2999-01-01T00:00:00Z"),
     ("happened_at", "2026-01-01"), ("happened_at", "0001-01-01T00:00:00+14:00"), ("contacts", [1] * 101), ("text", "x" * 20_001)],
)  # fmt: skip
def test_what_was_not_said_is_not_logged(world: ApiWorld, rita: Program, field: str, value: Any) -> None:
    make.activity_type("call")
    answer = rita.post("activities/", {"deal": world.deal.pk, "type": "call", field: value})
    assert answer.status_code == 400 and answer.json()["errors"][0]["field"] == field
    assert not Activity.objects.exists()


def test_only_the_fields_that_were_asked_for_are_shown(world: ApiWorld, rita: Program) -> None:
    assert rita.get(f"deals/{world.deal.pk}/?fields=id,title").json() == {"id": world.deal.pk, "title": "Meters"}
    assert rita.get("deals/?fields=value").json()["results"] == [{"value": "1000.00"}]


def test_every_single_thing_has_a_tag(world: ApiWorld, rita: Program) -> None:
    for path in (
        f"stages/{world.first.pk}/",
        f"pipelines/{world.pipeline.pk}/",
        f"users/{world.rep.pk}/",
        f"deals/{world.deal.pk}/gate/",
    ):
        first, again = rita.get(path), rita.get(path)
        assert first.headers["ETag"].startswith('"') and first.headers["ETag"] == again.headers["ETag"]


def test_what_may_be_chosen_is_listed(world: ApiWorld, rita: Program) -> None:
    make.lost_reason(name="No budget")
    make.activity_type("call").outcomes.create(name="Reached")
    told = rita.get("choices/").json()
    assert told["close_reasons"][0]["name"] == "No budget"
    assert told["activity_types"] == [{"key": "call", "name": "Call", "directed": True, "outcomes": ["Reached"]}]
