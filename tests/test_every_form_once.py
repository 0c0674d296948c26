"""Every form acts once: a double click, a reload of its answer and the back button find what the first one did.

The forms are those of the table of routes, so that a new one is looked at too.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.apps import apps
from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.utils import timezone

from crm import feeds, tokens
from crm.models import ApiToken, Record
from leads.models import Activity
from pipeline import commitments, deals, followups, logbook, merging, moves
from pipeline.models import Deal, EntryCondition, StageVisit, Task
from tests import factories as make
from tests.deal_world import digest
from tests.test_api_once import together
from tests.test_permissions import GRANTS, MATRIX, Row, World, address, ask, body_of

pytestmark = pytest.mark.django_db

NOTHING_TO_DO = {
    "sign-out": "ends a session, which is no row of ours",
    "bulk-ask": "asks what is to be done with the deals, and does nothing",
    "tasks-bulk-ask": "asks what is to be done with the tasks, and does nothing",
}
FORMS = [row for row in MATRIX if row.post and row.name not in NOTHING_TO_DO]
Sent = dict[str, Any]


def sender(row: Row) -> str:
    """Somebody who may."""
    return next(actor for actor in ("owner", "boss", "admin") if actor in GRANTS[row.post][0])


# --- What has to be so that a form acts, where the table's own row is refused or changes nothing


def _stage_without_conditions(world: World) -> Sent:
    EntryCondition.objects.update(retired_at=timezone.now())
    return {"version": fresh(world).version}


def _moved(world: World) -> Sent:
    _stage_without_conditions(world)
    moves.move_deal(world.deal.pk, world.second.pk, by=world.owner, via="page")
    return {"about": StageVisit.objects.filter(deal=world.deal).latest("pk")}


def _lost(world: World) -> Sent:
    lost = world.pipeline.stages.get(kind="lost")
    close = moves.Close(reason=make.lost_reason())
    moves.move_deal(world.deal.pk, lost.pk, by=world.owner, via="page", close=close)
    return {}


def _late(world: World) -> Sent:
    day = {"expected_close": timezone.localdate() - timedelta(days=3)}
    deals.edit(world.deal.pk, day, version=None, by=world.owner, via="page")
    return {"version": fresh(world).version}


def _paused(world: World) -> Sent:
    followups.pause(world.deal.pk, timezone.localdate() + timedelta(days=9), "Budget", by=world.owner)
    return {}


def _finished(world: World) -> Sent:
    followups.complete(Task.objects.get(deal=world.deal).pk, by=world.owner)
    return {}


def _said(world: World) -> Sent:
    with followups.holding(world.deal.pk) as deal:
        commitments.record(deal, world.said.pk, by=world.owner)
    return {}


def _deleted_call(world: World) -> Sent:
    logbook.delete(Activity.objects.get(deal_links__deal=world.deal).pk, by=world.owner, via="page")
    return {}


def _twins(world: World) -> Sent:
    versions = {"version": fresh(world).version, "other_version": fresh(world, world.twin).version}
    return versions | dict.fromkeys(merging.FIELDS, "mine")


def _with_a_calendar(world: World) -> Sent:
    feeds.make(world.owner, by=world.owner, via="page")
    return {}


def _counting(world: World) -> Sent:
    Task.objects.filter(deal=world.deal).update(wanted=9, counted=0)
    return {}


def _dates(world: World) -> Sent:
    return {f"day_{world.visit.pk}": "2026-01-05", f"time_{world.visit.pk}": ""}


ACTS: dict[str, Callable[[World], Sent]] = {
    "profile": lambda world: {"name": "Renamed", "time_zone": "Europe/Berlin", "theme": "dark"},
    "password-change": lambda world: {
        "old_password": make.PASSWORD, "new_password1": "quite another sentence", "new_password2": "quite another sentence",
    },
    "deal-close-date": _late,
    "deal-move": _stage_without_conditions,
    "deal-quick": lambda world: {"value": "901", "version": fresh(world).version},
    "move-undo": _moved,
    "deal-log-restore": _deleted_call,
    "deal-withdraw": _said,
    "approval-ask": lambda world: {"why": "They sign this week"},
    "deal-pause": lambda world: {"until": timezone.localdate() + timedelta(days=9)},
    "deal-resume": _paused,
    "deal-reopen": _lost,
    "deal-dates": _dates,
    "deal-pipeline": lambda world: {"stage": world.other_pipeline.stages.all()[0].pk, "version": fresh(world).version},
    "deal-merge": _twins,
    "task-reopen": _finished,
    "calendar-revoke": _with_a_calendar,
    "task-count": _counting,
}  # fmt: skip


def fresh(world: World, deal: Deal | None = None) -> Deal:
    return Deal.objects.get(pk=(deal or world.deal).pk)


def prepared(row: Row, world: World) -> tuple[str, Sent]:
    more = ACTS[row.name](world) if row.name in ACTS else {}
    about = more.pop("about", None)
    return address(row, world, about and about.pk), body_of(row, world) | more


@pytest.fixture(scope="module")
def world(django_db_setup: None, django_db_blocker: Any) -> Iterator[World]:
    """One for all: each test changes it within a transaction of its own that ends with the test."""
    with django_db_blocker.unblock(), transaction.atomic():
        yield World()
        transaction.set_rollback(True)


SHOWN_ONCE = ("tokens", "calendar-address")
"""What they make is shown in their answer: of two answers the second is seen, so its value is the one that works."""


@pytest.mark.parametrize("row", [row for row in FORMS if row.name not in SHOWN_ONCE], ids=lambda row: row.name)
def test_a_form_that_is_sent_again_changes_nothing_more(row: Row, world: World) -> None:
    client, (url, body) = world.browser(sender(row)), prepared(row, world)
    before = digest()
    first = ask(client, "post", url, body)
    once = digest()
    assert once != before, f"it did nothing at all: {first.status_code}"
    for _way in ("reloaded", "after the back button"):
        again = ask(client, "post", url, body | body_of(row, world) if "file" in body else body)
        assert again.status_code < 500 and digest() == once, f"{first.status_code}, then {again.status_code}"


def test_a_form_that_makes_a_token_shows_a_value_that_works_and_makes_one(world: World) -> None:
    """Of a double click the second answer is seen: the value of the first would be lost."""
    client, body = world.browser("owner"), {"name": "Shop", "scope": "read", "once_key": "clicked twice"}
    values = [
        re.findall(r'readonly value="(sc_[^"]+)"', client.post("/profile/tokens/", body).content.decode())
        for _click in range(2)
    ]
    assert [tokens.authenticate(value) is not None for (value,) in values] == [False, True]
    assert ApiToken.objects.of(world.owner).in_use().count() == 2  # with the one that she had


def test_a_form_that_makes_a_calendar_address_shows_one_that_works_and_makes_one(world: World) -> None:
    client = world.browser("owner")
    shown = [
        re.findall(r"/calendar/([^/]+)\.ics", client.post("/profile/calendar/").content.decode())[0] for _click in "12"
    ]
    assert [client.get(f"/calendar/{secret}.ics").status_code for secret in shown] == [404, 200]


def test_a_form_of_a_token_that_is_sent_again_later_takes_no_value_away(world: World) -> None:
    now = timezone.now()
    made, value = tokens.make(world.owner, "Shop", "read", once_key="k", now=now)
    with pytest.raises(ValidationError, match="sent already"):
        tokens.make(world.owner, "Shop", "read", once_key="k", now=now + timedelta(minutes=5))
    assert tokens.authenticate(value) == made
    with pytest.raises(ValidationError, match="sent already"):  # it is in use by now
        tokens.make(world.owner, "Shop", "read", once_key="k", now=now)


# --- Two at the same moment

ALONE = {*ACTS, "deal-delete", "view-first", "task-done", "task-skip", "task-reschedule"}
"""What others leave of the world would not do for these, or what these leave for others."""


def _counted() -> str:
    """One statement for all tables: how many rows each has, and how often its records were written."""
    parts = []
    for app in ("crm", "leads", "pipeline"):
        for model in apps.get_app_config(app).get_models(include_auto_created=True):
            written = "coalesce(sum(version), 0)" if issubclass(model, Record) else "0"
            parts.append(f"SELECT '{model.__name__}', count(*), {written} FROM {model._meta.db_table}")  # noqa: S608
    return " UNION ALL ".join(parts)


def rows_and_versions() -> dict[str, tuple[int, int]]:
    with connection.cursor() as cursor:
        cursor.execute(_counted())
        return {name: (rows, int(written)) for name, rows, written in cursor.fetchall()}


def effect(act: Callable[[], Any]) -> dict[str, tuple[int, int]]:
    before = rows_and_versions()
    act()
    after = rows_and_versions()
    return {
        name: (after[name][0] - rows, after[name][1] - written)
        for name, (rows, written) in before.items()
        if after[name] != (rows, written)
    }


def fault_of_a_double_click(row: Row, world: World) -> str:
    url, body = prepared(row, world)
    clients, statuses = [world.browser(sender(row)) for _click in range(2)], []

    def click(number: int) -> None:
        sent = body | body_of(row, world) if "file" in body else body
        statuses.append(ask(clients[number], "post", url, sent).status_code)

    with transaction.atomic():
        once = effect(lambda: click(0))
        transaction.set_rollback(True)
    twice = effect(lambda: together(2, click))
    well = twice == once and len(statuses) == 3 and max(statuses) < 500
    return "" if well else f"{row.name}: {statuses}, {twice} instead of {once}"


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_a_double_click_on_any_form_has_the_effect_of_one(transactional_db: None) -> None:
    shared = World()
    rows = [row for row in FORMS if row.name != "calendar-address"]  # see SHOWN_ONCE: it makes one anew each time
    faults = [fault_of_a_double_click(row, World() if row.name in ALONE else shared) for row in rows]
    assert not any(faults), "\n".join(filter(None, faults))
