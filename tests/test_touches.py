"""How often somebody was in touch, how long it took, and how a stage says that its tasks are done here."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from leads import touches as of_organizations
from leads.activities import NewActivity
from leads.models import Activity
from pipeline import definition, logbook, moves, touches
from pipeline.models import Resource, StageTask
from tests import factories as make
from tests.api_world import Program
from tests.deal_world import World

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture
def world() -> World:
    world = World()
    world.deal.organization = make.organization(world.rep)
    world.deal.save(update_fields=["organization"])
    return world


def log(world: World, key: str = "call", back: timedelta = timedelta(), **more: Any) -> Activity:
    type = make.activity_type(key, counts_as_touch=key != "note")
    entry = NewActivity(type, happened_at=timezone.now() - back, **more)
    made = logbook.log(world.deal.pk, entry, by=world.rep, via="page")
    assert made is not None
    return made


def test_touches_in_all_and_since_entering_the_stage(world: World) -> None:
    log(world, back=DAY)
    moves.move_deal(world.deal.pk, world.second.pk, by=world.rep, via="board")
    last = log(world, "email")
    log(world, "note", text="They like blue")
    logbook.delete(log(world).pk, by=world.rep, via="page")
    expected = {"touches": 2, "touches_in_stage": 1, "last_touch_at": last.happened_at}
    assert touches.of(world.fresh()) == expected
    told = Program(world.rep).get(f"deals/{world.deal.pk}/").json()
    assert (told["touches"], told["touches_in_stage"]) == (2, 1) and told["last_touch_at"]


def test_the_page_says_so_and_a_deal_without_any_too(world: World) -> None:
    assert "Nobody has been in touch yet." in world.page()
    log(world)
    assert "1 touch" in world.page() and "1 in First" in world.page()


def test_a_list_of_deals_counts_them_in_the_same_query(world: World) -> None:
    rita = Program(world.rep)

    def cost() -> int:
        with CaptureQueriesContext(connection) as asked:
            rita.get("deals/")
        return len(asked)

    cost()
    one = cost()
    for _ in range(5):
        make.deal(world.first, world.rep)
        log(world)
    assert cost() == one and rita.get("deals/").json()["results"][-1]["touches"] == 5


def test_an_organization_counts_what_its_reader_may_know(world: World) -> None:
    log(world)
    organization = world.deal.organization
    assert organization is not None
    assert (
        of_organizations.of(organization, world.rep).count == 1
        and of_organizations.of(organization, world.stranger).count == 0
    )
    address = reverse("organization", args=[organization.pk])
    assert "none yet that you see" in world.client(world.stranger).get(address).content.decode()
    assert "the last one:" in world.client().get(address).content.decode()


def test_the_length_is_logged_and_told(world: World) -> None:
    call = make.activity_type("call")
    sent: dict[str, Any] = {"type": call.pk, "text": "Long one", "minutes": 35, "once_key": "k"}
    world.post("deal-log", part=True, **sent)
    assert Activity.objects.get().minutes == 35 and "35 minutes" in world.page()
    body = {"deal": world.deal.pk, "type": "call", "minutes": 5}
    assert Program(world.rep).post("activities/", body).json()["minutes"] == 5


@pytest.mark.parametrize("minutes", [0, 1441, "x"])
def test_a_length_that_cannot_be_is_refused(world: World, minutes: Any) -> None:
    call = make.activity_type("call")
    answer = world.post("deal-log", part=True, type=call.pk, text="x", minutes=minutes, once_key="k")
    assert answer.status_code == 422 and not Activity.objects.exists()
    body = {"deal": world.deal.pk, "type": "call", "minutes": minutes}
    assert Program(world.rep).post("activities/", body).status_code == 400
    if isinstance(minutes, int):
        with pytest.raises(ValidationError):
            log(world, minutes=minutes)


# --- How a stage task is done here


def test_a_task_says_by_which_channel_with_which_template_and_how_many_a_day(world: World) -> None:
    letter = Resource.objects.create(stage=world.second, title="First email", text="Three lines.", kind="template")
    make.stage_task(world.second, "Write", channel="email", template=letter, per_day=30)
    moves.move_deal(world.deal.pk, world.second.pk, by=world.rep, via="board")
    page = world.page()
    assert "by email · 30 a day" in page and page.count("Three lines.") == 1


def test_channel_and_template_are_part_of_the_version(world: World) -> None:
    letter = Resource.objects.create(stage=world.second, title="First email", text="Three lines.")
    task = StageTask(stage=world.second, title="Write", channel="email", template=letter, per_day=30)
    version = definition.save_changes(world.pipeline, [task], by=world.admin)
    stage = next(each for each in version.definition["stages"] if each["id"] == world.second.pk)
    [kept] = stage["tasks"]
    assert (kept["channel"], kept["template_id"], kept["per_day"]) == ("email", letter.pk, 30)


def test_what_ships_names_channels_and_templates() -> None:
    pipeline = definition.load_template("standard", by=None)
    tasks = StageTask.objects.filter(stage__pipeline=pipeline)
    assert tasks.get(title="First call").channel == "phone"
    mail = tasks.select_related("template").get(title="Email with three lines and that reason")
    assert mail.channel == "email" and mail.template is not None and mail.template.title == "First email"
