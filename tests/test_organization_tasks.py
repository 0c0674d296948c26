"""Tasks for an organization itself: who sees and works on them, from its page, through the API, and told to programs."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from crm import verification
from crm.models import Change, User
from leads import organizations
from pipeline import calendar, followups, leaving
from pipeline.api.events import TASK
from pipeline.models import Task
from tests import factories as make
from tests.api_world import Program
from tests.deal_world import digest

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


class World:
    """Rita's organization with one task of hers; Max manages her, Stan has nothing to do with her."""

    def __init__(self) -> None:
        team = make.team()
        self.rita, self.max = make.user(team=team, name="Rita Rep"), make.user("manager", team=team)
        self.mate, self.stan = make.user(team=team), make.user(team=make.team())
        self.organization = make.organization(self.rita, name="Northern Light")
        self.task = self.add("Send the calendar")

    def add(self, title: str, **more: Any) -> Task:
        given = {"by": self.rita, **more}
        made = followups.add_for(self.organization.pk, title, timezone.localdate() + DAY, **given)
        assert made is not None
        return made

    def browser(self, user: User, part: bool = False) -> Client:
        client = Client(headers={"HX-Request": "true"} if part else {})
        client.force_login(user)
        return client

    def act(self, action: str, user: User | None = None, *, part: bool = True, **data: Any) -> Any:
        address = reverse(f"task-{action}", args=[self.task.pk])
        return self.browser(user or self.rita, part).post(address, data)

    def page(self, user: User) -> str:
        address = reverse("organization-tasks", args=[self.organization.pk])
        text: str = self.browser(user).get(address).content.decode()
        return text

    @property
    def state(self) -> str:
        return Task.objects.get(pk=self.task.pk).state


@pytest.fixture
def world() -> World:
    return World()


# --- The rule


def test_a_task_for_an_organization_is_written_with_its_changes(world: World) -> None:
    assert (world.task.organization, world.task.deal, world.task.owner) == (world.organization, None, world.rita)
    assert calendar.day_of(world.task.due_at, world.rita) == timezone.localdate() + DAY
    rows = Change.objects.filter(object_type="task", object_id=world.task.pk)
    assert dict(rows.values_list("field", "new")) == {"title": "Send the calendar", "owner": world.rita.pk}


def test_it_is_finished_opened_again_skipped_postponed_and_called_off(world: World) -> None:
    pk = world.task.pk
    assert followups.complete(pk, by=world.rita) == [] and world.state == "done"
    followups.reopen(pk, by=world.rita)
    followups.reschedule(pk, timezone.localdate() + 9 * DAY, by=world.rita)
    world.task.refresh_from_db()
    assert calendar.day_of(world.task.due_at, world.rita) == timezone.localdate() + 9 * DAY
    followups.skip(pk, by=world.rita)
    assert world.state == "skipped"
    followups.reopen(pk, by=world.rita)
    followups.cancel(pk, by=world.rita)
    assert world.state == "cancelled"


def test_an_organization_with_open_tasks_stays(world: World) -> None:
    with pytest.raises(ValidationError, match="still needed by 1 open task"):
        organizations.delete(world.organization.pk, by=world.rita, via="page")
    followups.complete(world.task.pk, by=world.rita)
    organizations.delete(world.organization.pk, by=world.rita, via="page")
    with pytest.raises(ValidationError, match="no longer there"):
        world.add("Too late")


def test_with_a_deleted_organization_its_tasks_are_gone(world: World) -> None:
    followups.complete(world.task.pk, by=world.rita)
    organizations.delete(world.organization.pk, by=world.rita, via="page")
    assert not Task.objects.visible_to(world.rita).exists() and not Task.objects.visible_to(make.user("admin")).exists()


def test_the_database_holds_no_task_on_both_and_none_of_a_stage_without_a_deal(world: World) -> None:
    first = make.pipeline().stages.all()[0]
    deal, template = make.deal(first, world.rita), make.stage_task(first)
    for broken in ({"deal": deal}, {"stage_task": template}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Task.objects.filter(pk=world.task.pk).update(**broken)
    assert [found for found in verification.run() if found.breaks] == []


def test_whoever_leaves_gives_it_to_the_successor(world: World) -> None:
    assert leaving.waiting_work(world.rita) == ["1 open task"]
    leaving.hand_over(world.rita, world.mate, world.max, timezone.now())
    assert Task.objects.get(pk=world.task.pk).owner == world.mate


# --- Who


def test_its_owner_the_organizations_editors_and_the_owners_managers_work_on_it(world: World) -> None:
    to_stan = world.add("Check the imprint", owner=world.stan)
    seen = {
        user: set(Task.objects.editable_by(user).values_list("pk", flat=True))
        for user in (world.rita, world.max, world.mate, world.stan)
    }
    both = {world.task.pk, to_stan.pk}
    assert seen == {world.rita: both, world.max: both, world.mate: set(), world.stan: {to_stan.pk}}


def test_the_owner_of_a_deal_there_edits_the_organization_and_its_tasks(world: World) -> None:
    make.deal(make.pipeline().stages.all()[0], world.stan, organization=world.organization)
    assert Task.objects.editable_by(world.stan).filter(pk=world.task.pk).exists()


@pytest.mark.parametrize("action", ["done", "skip", "reopen", "reschedule"])
def test_others_find_no_task(world: World, action: str) -> None:
    clients = [world.browser(world.mate), world.browser(world.stan)]
    before = digest()
    address = reverse(f"task-{action}", args=[world.task.pk])
    assert [client.post(address, {"due_on": "2999-01-01"}).status_code for client in clients] == [404, 404]
    assert digest() == before


def test_who_reads_the_organization_sees_on_its_page_what_is_theirs_to_do(world: World) -> None:
    world.add("Check the imprint", owner=world.stan)
    assert "Send the calendar" in world.page(world.rita) and "Add task" in world.page(world.rita)
    stans = world.page(world.stan)
    assert "Check the imprint" in stans and "Send the calendar" not in stans and "Add task" not in stans


# --- The page


def test_a_task_is_added_from_the_page_once(world: World) -> None:
    address = reverse("organization-task-new", args=[world.organization.pk])
    sent = {"title": "Ask for the branch list", "due_on": "in 3 days", "once_key": "k"}
    answer = world.browser(world.rita, part=True).post(address, sent)
    assert "Ask for the branch list" in answer.content.decode() and "Task added." in answer.content.decode()
    again = world.browser(world.rita, part=True).post(address, sent)
    assert "saved already" in again.content.decode() and Task.objects.open().count() == 2


@pytest.mark.parametrize(
    ("bad", "words"),
    [({"title": ""}, "This field is required."), ({"due_on": "2026-02-30"}, "“2026-02-30”"), ({"due_on": "9999-12-31"}, "day")],
)  # fmt: skip
def test_a_bad_task_is_told_in_the_form(world: World, bad: dict[str, str], words: str) -> None:
    address = reverse("organization-task-new", args=[world.organization.pk])
    before = digest()
    sent = {"title": "Call", "due_on": "in 3 days", "once_key": "k", **bad}
    answer = world.browser(world.rita).post(address, sent)
    assert answer.status_code == 422 and words in answer.content.decode() and digest() == before


def test_done_and_reopen_answer_with_the_list(world: World) -> None:
    text = world.act("done").content.decode()
    assert 'id="organization-tasks"' in text and "1 finished" in text and "Done: Send the calendar." in text
    assert "Open again" in world.act("reopen").content.decode() and world.state == "open"


def test_without_scripts_one_comes_back_to_the_organization(world: World) -> None:
    answer = world.act("done", part=False)
    assert answer["Location"] == reverse("organization", args=[world.organization.pk])


def test_a_required_task_or_a_bad_day_is_refused_in_words(world: World) -> None:
    Task.objects.filter(pk=world.task.pk).update(required=True)
    assert "cannot be skipped" in world.act("skip").content.decode() and world.state == "open"
    assert 'role="alert"' in world.act("reschedule", due_on="2026-02-30").content.decode()


def test_the_page_of_the_organization_asks_for_its_tasks(world: World) -> None:
    page = world.browser(world.stan).get(reverse("organization", args=[world.organization.pk])).content.decode()
    assert f'hx-get="{reverse("organization-tasks", args=[world.organization.pk])}"' in page


def test_the_list_costs_the_same_whatever_its_length(world: World) -> None:
    client, address = world.browser(world.rita, part=True), reverse("organization-tasks", args=[world.organization.pk])
    client.get(address)  # the first visit writes down that somebody is here
    with CaptureQueriesContext(connection) as one:
        client.get(address)
    for number in range(30):
        world.add(f"Task {number}", owner=world.stan if number % 2 else world.rita)
    with CaptureQueriesContext(connection) as many:
        assert "Task 29" in client.get(address).content.decode()
    assert len(many) == len(one) <= 10


# --- Programs


def test_the_api_plans_it_and_lists_it_by_organization(world: World) -> None:
    rita = Program(world.rita)
    body = {"organization": world.organization.pk, "title": "Write", "due_on": "2999-01-01"}
    told = rita.post("tasks/", body).json()
    assert (told["organization"], told["deal"]) == (world.organization.pk, None)
    make.deal(make.pipeline().stages.all()[0], world.rita)
    listed = rita.get(f"tasks/?organization={world.organization.pk}").json()["results"]
    assert {row["title"] for row in listed} == {"Send the calendar", "Write"}
    assert rita.patch(f"tasks/{told['id']}/", {"state": "done"}).json()["state"] == "done"


@pytest.mark.parametrize("about", ["neither", "both"])
def test_the_api_wants_a_deal_or_an_organization(world: World, about: str) -> None:
    deal = make.deal(make.pipeline().stages.all()[0], world.rita)
    both = {"deal": deal.pk, "organization": world.organization.pk} if about == "both" else {}
    answer = Program(world.rita).post("tasks/", {"title": "Write", "due_on": "2999-01-01", **both})
    assert answer.status_code == 400 and answer.json()["errors"][0]["code"] == "one_of_two"
    assert Task.objects.count() == 1


def test_the_api_takes_no_organization_that_one_only_reads(world: World) -> None:
    body = {"organization": world.organization.pk, "title": "Write", "due_on": "2999-01-01"}
    assert Program(world.stan).post("tasks/", body).status_code == 400 and Task.objects.count() == 1


def test_a_webhook_is_told_of_it_as_its_owner_sees_it(world: World) -> None:
    shown = TASK.shown(world.rita, world.task.pk)
    assert shown is not None and shown["organization"] == world.organization.pk
    assert TASK.shown(world.stan, world.task.pk) is None
    assert TASK.within is not None and not Task.objects.filter(TASK.within(make.pipeline().pk)).exists()
