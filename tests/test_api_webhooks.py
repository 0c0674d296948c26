"""Webhooks through the API: for administrators with the widest scope, and a secret is in one answer only."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from crm.models import Answer, Change, Webhook, WebhookDelivery
from crm.webhooks import keeping, reading
from pipeline import deals
from tests.api_matrix import A_WEBHOOK
from tests.api_world import ApiWorld, Program
from tests.traces import no_trace

pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> ApiWorld:
    return ApiWorld()


@pytest.fixture
def ada(world: ApiWorld) -> Program:
    program = Program(world.admin, "admin")
    program.get("choices/")  # the day of a token's last use is written with its first request
    return program


def made(ada: Program, **more: Any) -> dict[str, Any]:
    answer = ada.post("webhooks/", {**A_WEBHOOK, **more})
    assert answer.status_code == 201, answer.content
    told: dict[str, Any] = answer.json()
    return told


def test_a_webhook_is_made_with_a_secret_that_is_told_once(world: ApiWorld, ada: Program) -> None:
    told = made(ada, pipeline=world.pipeline.pk, team=world.team.pk, with_imports=True)
    hook = Webhook.objects.get()
    assert told["secret"].startswith("whsec_") and (hook.owner, hook.pipeline, hook.team) == (
        world.admin, world.pipeline.pk, world.team,
    )  # fmt: skip
    shown = [ada.get(f"webhooks/{hook.pk}/").json(), *ada.get("webhooks/").json()["results"]]
    assert shown == [{name: value for name, value in told.items() if name != "secret"}] * 2
    assert set(Change.objects.filter(object_type="webhook").values_list("by", "via")) == {(world.admin.pk, "api")}


def test_a_repeated_request_makes_no_second_webhook_and_keeps_no_secret(ada: Program) -> None:
    answers = [ada.post("webhooks/", A_WEBHOOK, Idempotency_Key="k1").json() for _time in range(2)]
    assert answers[1] == answers[0] | {"secret": None} and Webhook.objects.count() == 1
    assert answers[0]["secret"] not in str(list(Answer.objects.values()))


def test_a_new_secret_is_told_once_too(ada: Program) -> None:
    told = made(ada)
    new = ada.ask("POST", f"webhooks/{told['id']}/secret/").json()["secret"]
    assert new and new != told["secret"]


@pytest.mark.parametrize(
    ("body", "field", "code"),
    [
        ({"url": "http://example.com/"}, "url", ""),
        ({"url": "https://127.0.0.1/"}, "url", ""),
        ({"events": ["deal.exploded"]}, "events", "choice"),
        ({"events": []}, "events", ""),
        ({"pipeline": 987_654_321}, "pipeline", "does_not_exist"),
        ({"team": 987_654_321}, "team", "does_not_exist"),
        ({"owner": 1}, "owner", "read_only"),
        ({"seed": "x"}, "seed", "unknown_field"),
    ],
    ids=str,
)
def test_what_cannot_be_is_refused_by_its_field(ada: Program, body: dict[str, Any], field: str, code: str) -> None:
    with no_trace():
        told = ada.post("webhooks/", A_WEBHOOK | body).json()
    assert (told["status"], told["errors"][0]["field"]) == (400, field)
    assert told["errors"][0]["code"] == code or not code


def test_a_change_names_the_version_that_was_read(ada: Program) -> None:
    url = f"webhooks/{made(ada)['id']}/"
    tag = ada.get(url).headers["ETag"]
    changed = ada.patch(url, {"events": ["deal.lost"]}, tag)
    assert (changed.status_code, changed.json()["events"]) == (200, ["deal.lost"])
    with no_trace():
        stale = ada.patch(url, {"name": "Late"}, tag)
        assert ada.ask("PATCH", url, {"name": "Late"}).status_code == 428
    assert (stale.status_code, stale.headers["ETag"]) == (412, changed.headers["ETag"])


def test_a_paused_webhook_is_told_nothing_until_it_is_resumed(world: ApiWorld, ada: Program) -> None:
    url = f"webhooks/{made(ada, events=['deal.changed'])['id']}/"
    paused = ada.post(f"{url}pause/", {"reason": "Moving"}).json()
    assert paused["paused_at"] and paused["paused_reason"] == "Moving"
    deals.edit(world.deal.pk, {"title": "Unheard"}, version=None, by=world.rep, via="page")
    assert ada.ask("POST", f"{url}resume/").json()["paused_at"] is None
    deals.edit(world.deal.pk, {"title": "Heard"}, version=None, by=world.rep, via="page")
    reading.queue_new()
    assert WebhookDelivery.objects.get().version == 3


def test_what_was_given_up_is_sent_again_one_or_all(world: ApiWorld, ada: Program) -> None:
    hook = made(ada, events=["deal.changed"])["id"]
    for title in ("One", "Two"):
        deals.edit(world.deal.pk, {"title": title}, version=None, by=world.rep, via="page")
    reading.queue_new()
    WebhookDelivery.objects.update(state="parked", attempts=5, last_error="503")
    listed = ada.get(f"deliveries/?webhook={hook}&state=parked").json()["results"]
    first = ada.ask("POST", f"deliveries/{listed[0]['id']}/resend/").json()
    assert first == listed[0] | {"state": "queued", "attempts": 0, "last_error": "", "not_before": first["not_before"]}
    assert ada.ask("POST", f"webhooks/{hook}/resend/").json() == {"sent_again": 1}
    assert set(WebhookDelivery.objects.values_list("state", flat=True)) == {"queued"}


def test_only_administrators_with_the_widest_scope_come_near_webhooks(world: ApiWorld) -> None:
    hook = keeping.make(A_WEBHOOK, by=world.admin, now=timezone.now())[0]
    assert Program(world.manager, "admin").get("webhooks/").status_code == 403
    assert Program(world.manager, "admin").get(f"webhooks/{hook.pk}/").status_code == 404
    narrow = Program(world.admin, "write")
    for path in ("webhooks/", f"webhooks/{hook.pk}/", "deliveries/"):
        assert narrow.get(path).json()["scope_needed"] == "admin"


# --- A warning where somebody works with an organization already


def test_a_new_deal_warns_of_open_deals_with_its_organization(world: ApiWorld) -> None:
    body = {"title": "Second", "stage": world.first.pk, "organization": world.organization.pk}
    told = Program(world.rep).post("deals/", body).json()["open_deals"]
    assert [(each["deal"], each["owner"]) for each in told] == [(world.deal.pk, world.rep.pk)]
    assert "Northern Light has an open deal already: “Meters”, First" in told[0]["message"]


def test_of_a_deal_that_one_does_not_see_the_warning_names_its_owner_only(world: ApiWorld) -> None:
    body = {"title": "Second", "stage": world.first.pk, "organization": world.organization.pk}
    told = Program(world.stranger).post("deals/", body).json()["open_deals"]
    assert told == [
        {
            "message": "Northern Light has an open deal already, owned by Rita Rep.",
            "deal": None,
            "owner": world.rep.pk,
        }
    ]


def test_a_first_deal_is_warned_of_nothing(world: ApiWorld) -> None:
    alone = {"title": "New", "stage": world.first.pk}
    assert Program(world.rep).post("deals/", alone).json()["open_deals"] == []
