"""Deleting through the API: out of the lists and not out of the history; what somebody needs is kept, and says for what."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from crm.models import Change
from leads.activities import NewActivity
from leads.api import ContactShape, OrganizationShape
from leads.models import Activity, Contact, Organization
from pipeline import followups, logbook, people
from pipeline.api.shapes import BriefDealShape, TaskShape
from pipeline.models import Product, Tag, Task
from tests import factories as make
from tests.api_world import ApiWorld, Program
from tests.test_api_once import together
from tests.traces import no_trace

pytestmark = pytest.mark.django_db


SHAPES = {"organizations": OrganizationShape, "contacts": ContactShape, "deals": BriefDealShape, "tasks": TaskShape}


@pytest.fixture
def world() -> ApiWorld:
    return ApiWorld()


@pytest.fixture
def rita(world: ApiWorld) -> Program:
    program = Program(world.rep, "admin")
    program.get("choices/")  # the day of a token's last use is written with its first request
    return program


def delete(program: Program, path: str, tag: str = "*", **headers: str) -> Any:
    return program.ask("DELETE", path, None, If_Match=tag, **headers)


@pytest.mark.parametrize(("path", "model"), [("organizations/", Organization), ("contacts/", Contact)])
def test_who_we_talked_to_leaves_the_lists_and_keeps_its_row(
    world: ApiWorld, rita: Program, path: str, model: Any
) -> None:
    pk = rita.post(path, {"name": "Mistaken"}).json()["id"]
    url = f"{path}{pk}/"
    assert delete(rita, url, '"1"').status_code == 204
    assert (
        rita.get(url).status_code == delete(rita, url).status_code == rita.patch(url, {"phone": "1"}).status_code == 404
    )
    assert pk not in [row["id"] for row in rita.get(path).json()["results"]]
    row = model.objects.get(pk=pk)
    assert (row.deleted_by, row.version) == (world.rep, 2)
    change = Change.objects.get(object_type=model._meta.model_name, object_id=pk, version=2)
    assert (change.field, change.old, change.by, change.via) == ("deleted_at", None, world.rep, "api")


@pytest.mark.parametrize(
    "path", ["organizations/{organization}/", "contacts/{contact}/", "tasks/{task}/", "activities/{activity}/"]
)
def test_a_deletion_names_the_version_that_was_read(world: ApiWorld, rita: Program, path: str) -> None:
    make.activity_type("call")
    url = path.format(
        organization=make.organization(world.rep).pk, contact=make.contact(world.rep).pk, task=a_task(world, rita),
        activity=rita.post("activities/", {"deal": world.deal.pk, "type": "call"}).json()["id"],
    )  # fmt: skip
    with no_trace():
        assert rita.ask("DELETE", url).status_code == 428
        stale = delete(rita, url, '"7"')
    assert (stale.status_code, stale.headers["ETag"]) == (412, '"1"')
    assert delete(rita, url, rita.get(url).headers["ETag"]).status_code == 204


def test_an_organization_is_kept_while_an_open_deal_a_contact_or_a_part_belongs_to_it(
    world: ApiWorld, rita: Program
) -> None:
    url = f"organizations/{world.organization.pk}/"
    make.contact(world.rep, organization=world.organization)
    part = make.organization(world.rep, parent=world.organization)
    with no_trace():
        told = delete(rita, url).json()
    assert (told["status"], told["code"]) == (409, "kept")
    assert all(words in told["detail"] for words in ("1 open deal", "1 contact", "1 organization that is part of it"))
    Contact.objects.update(organization=None)
    Organization.objects.filter(pk=part.pk).update(parent=None)
    assert delete(rita, url).json()["detail"] == "“Northern Light” is still needed by 1 open deal."
    rita.post(f"deals/{world.deal.pk}/lose/", {"version": 1, "reason": make.lost_reason().name})
    assert delete(rita, url).status_code == 204
    assert world.fresh().organization == world.organization


def test_a_contact_is_kept_while_it_takes_part_in_an_open_deal(world: ApiWorld, rita: Program) -> None:
    ina = make.contact(world.rep)
    people.set_contact(world.deal, ina, by=world.rep, via="page", now=timezone.now())
    assert delete(rita, f"contacts/{ina.pk}/").json()["code"] == "kept"
    people.remove_contact(world.fresh(), ina.pk, by=world.rep, via="page", now=timezone.now())
    assert delete(rita, f"contacts/{ina.pk}/").status_code == 204


def test_whoever_may_only_edit_does_not_delete(world: ApiWorld) -> None:
    """The owner of a deal edits its organization, also one of somebody else."""
    theirs = make.organization(world.colleague)
    world.new_deal(world.rep, organization=theirs)
    program = Program(world.rep, "admin")
    assert program.patch(f"organizations/{theirs.pk}/", {"city": "Bremen"}).status_code == 200
    assert delete(program, f"organizations/{theirs.pk}/").status_code == 403


@pytest.mark.parametrize("path", ["organizations/{organization}/", "contacts/{contact}/", "activities/{activity}/"])
def test_a_token_that_writes_does_not_delete(world: ApiWorld, rita: Program, path: str) -> None:
    make.activity_type("call")
    url = path.format(
        organization=make.organization(world.rep).pk, contact=make.contact(world.rep).pk,
        activity=rita.post("activities/", {"deal": world.deal.pk, "type": "call"}).json()["id"],
    )  # fmt: skip
    narrow = Program(world.rep)
    narrow.get("choices/")
    with no_trace():
        refused = delete(narrow, url)
    assert (refused.status_code, refused.json()["scope_needed"]) == (403, "admin")


# --- Tasks are cancelled


def a_task(world: ApiWorld, program: Program) -> int:
    body = {"deal": world.deal.pk, "title": "Call", "due_on": "2999-01-01"}
    pk: int = program.post("tasks/", body).json()["id"]
    return pk


def test_a_task_by_hand_is_cancelled_and_stays(world: ApiWorld, rita: Program) -> None:
    url = f"tasks/{a_task(world, rita)}/"
    assert delete(Program(world.rep), url, '"1"').status_code == 204
    told = rita.get(url).json()
    assert (told["state"], told["version"], world.fresh().next_task_due_at) == ("cancelled", 2, None)
    assert delete(rita, url).status_code == 204 and rita.get(url).json() == told
    assert rita.patch(url, {"state": "done"}).json()["errors"][0]["code"] == "closed"
    assert rita.patch(url, {"state": "open"}).json()["state"] == "open"
    assert rita.patch(url, {"state": "cancelled"}).json()["state"] == "cancelled"


def test_what_the_process_planned_is_skipped_and_not_cancelled(world: ApiWorld, rita: Program) -> None:
    make.stage_task(world.second, "Pitch")
    rita.post(f"deals/{world.deal.pk}/move/", {"stage": world.second.pk, "version": 1})
    url = f"tasks/{Task.objects.get(title='Pitch').pk}/"
    with no_trace():
        refused = [delete(rita, url), rita.patch(url, {"state": "cancelled"})]
    assert [answer.status_code for answer in refused] == [409, 400]
    assert "skip it" in refused[0].json()["detail"] and refused[1].json()["errors"][0]["code"] == "planned"
    assert rita.patch(url, {"state": "skipped"}).json()["state"] == "skipped"


def test_what_was_done_is_not_cancelled(world: ApiWorld, rita: Program) -> None:
    pk = a_task(world, rita)
    followups.complete(pk, by=world.rep)
    with no_trace():
        assert delete(rita, f"tasks/{pk}/").json()["code"] == "kept"


def test_what_losing_a_deal_took_back_is_not_opened_again(world: ApiWorld, rita: Program) -> None:
    pk = a_task(world, rita)
    rita.post(f"deals/{world.deal.pk}/lose/", {"version": 1, "reason": make.lost_reason().name})
    assert rita.patch(f"tasks/{pk}/", {"state": "open"}).json()["errors"][0]["code"] == "cancelled"


# --- Activities


def test_an_activity_that_was_deleted_is_not_counted_any_more(world: ApiWorld, rita: Program) -> None:
    call = make.activity_type("call")
    make.condition(world.second, "activity", activity_type=call)
    pk = rita.post("activities/", {"deal": world.deal.pk, "type": "call"}).json()["id"]
    gate = f"deals/{world.deal.pk}/gate/"
    assert rita.get(gate).json()["may_enter"]
    assert delete(rita, f"activities/{pk}/", '"1"').status_code == 204
    assert not rita.get(gate).json()["may_enter"] and rita.get(f"activities/{pk}/").status_code == 404
    assert Activity.objects.get(pk=pk).deleted_by == world.rep


def test_an_activity_is_deleted_by_its_author_or_their_manager_only(world: ApiWorld) -> None:
    make.activity_type("call")
    people.set_member(world.deal, world.stranger, "specialist", by=world.rep, via="page", now=timezone.now())
    pk = Program(world.stranger).post("activities/", {"deal": world.deal.pk, "type": "call"}).json()["id"]
    url = f"activities/{pk}/"
    assert [delete(Program(each, "admin"), url).status_code for each in (world.rep, world.manager)] == [403, 403]
    assert delete(Program(world.stranger, "admin"), url).status_code == 204


def test_an_activity_is_kept_while_a_commitment_rests_on_it(world: ApiWorld, rita: Program) -> None:
    asked = make.condition(world.second, label="Agrees to a demo")
    entry = NewActivity(type=make.activity_type("call"))
    said = logbook.log(world.deal.pk, entry, by=world.rep, via="page", agreed=[asked.pk])
    assert said is not None
    assert "Agrees to a demo" in delete(rita, f"activities/{said.pk}/").json()["detail"]


@pytest.mark.django_db(transaction=True)
def test_of_a_change_and_a_deletion_at_once_none_is_half(transactional_db: None) -> None:
    world = ApiWorld()
    programs = [Program(world.rep, "admin") for _number in range(4)]
    for _round in range(5):
        pk = make.organization(world.rep).pk
        url = f"organizations/{pk}/"
        found = together(
            4, lambda n, url=url: delete(programs[n], url) if n % 2 else programs[n].patch(url, {"city": f"C{n}"})
        )
        codes = [answer.status_code for answer in found]
        changed, deleted = codes[::2], codes[1::2]
        assert sorted(deleted) == [204, 404], codes
        # 204 for a change that was written and deleted before it could be shown.
        assert set(changed) <= {200, 204, 404}, codes
        row = Organization.objects.get(pk=pk)
        assert row.deleted_at is not None and row.version == 2 + sum(code != 404 for code in changed)
        last = Change.objects.filter(object_type="organization", object_id=pk).latest("version")
        assert last.field == "deleted_at"


# --- Every field that a PATCH takes


def test_every_field_that_can_be_changed_is_changed(world: ApiWorld, rita: Program) -> None:
    boss = Program(world.manager, "admin")
    other, tag = make.organization(world.rep), Tag.objects.create(name="T")
    counting = a_task(world, rita)
    Task.objects.filter(pk=counting).update(wanted=9, counted=0)
    values: dict[str, dict[str, Any]] = {
        f"organizations/{world.organization.pk}/": {
            "name": "N", "website": "https://example.com", "phone": "1", "industry": "I", "employees": 5, "street": "S",
            "postal_code": "P", "city": "C", "country": "D", "parent": other.pk, "owner": world.colleague.pk,
        },
        f"contacts/{make.contact(world.rep).pk}/": {
            "name": "N", "title": "T", "email": "n@example.com", "phone": "1", "organization": other.pk, "owner": world.colleague.pk,
        },
        f"tasks/{counting}/": {
            "title": "T", "due_on": "2999-02-01", "owner": world.colleague.pk, "state": "open", "counted": 3,
        },
        f"deals/{world.deal.pk}/": {
            "title": "T", "organization": other.pk, "value": "7.00", "currency": "USD", "expected_close": "2999-01-01",
            "source": make.source().pk, "product": Product.objects.create(name="P").pk, "tags": [tag.pk], "owner": world.colleague.pk,
        },
    }  # fmt: skip
    for url, changes in values.items():
        shape = boss.get(url).json()
        wanted = {name for name, part in SHAPES[url.split("/")[0]].parts().items() if not part.read_only}
        assert set(changes) == wanted, url
        told = boss.patch(url, changes).json()
        assert {name: told[name] for name in changes} == changes
        same = {name for name in changes if shape[name] == changes[name]}
        assert same <= {"state"} and told["version"] > shape["version"]
