"""A request that is sent again acts once; two at once do not both act; one token does not hold up the others."""

from __future__ import annotations

import threading
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.db import close_old_connections, connection
from django.utils import timezone

from crm import answers
from crm.api.access import PerToken
from crm.jobs import tidy_up
from crm.models import Answer
from pipeline.models import Deal, MoveAttempt, StageVisit
from tests import factories as make
from tests.api_world import ApiWorld, Program
from tests.traces import no_trace


@pytest.fixture
def world(db: None) -> ApiWorld:
    return ApiWorld()


@pytest.fixture
def rita(world: ApiWorld) -> Program:
    return Program(world.rep)


def test_the_same_key_gives_the_same_answer_and_one_deal(world: ApiWorld, rita: Program) -> None:
    body = {"title": "New", "stage": world.first.pk}
    first = rita.post("deals/", body, Idempotency_Key="k1")
    with no_trace():
        again = rita.post("deals/", body, Idempotency_Key="k1")
    assert (again.status_code, again.json()) == (first.status_code, first.json()) and first.status_code == 201
    assert (again.headers["ETag"], again.headers["Location"]) == (first.headers["ETag"], first.headers["Location"])
    assert again.headers["Idempotency-Replayed"] == "true"
    assert Deal.objects.filter(title="New").count() == 1


def test_the_same_key_for_something_else_is_refused(world: ApiWorld, rita: Program) -> None:
    body = {"title": "New", "stage": world.first.pk}
    rita.post("deals/", body, Idempotency_Key="k1")
    for path, other in [("deals/", {**body, "title": "Other"}), ("organizations/", body)]:
        answer = rita.post(path, other, Idempotency_Key="k1")
        assert (answer.status_code, answer.json()["code"]) == (422, "key_reused")
    assert Deal.objects.filter(title__in=["New", "Other"]).count() == 1


def test_the_key_of_another_person_is_another_key(world: ApiWorld, rita: Program) -> None:
    body = {"title": "New", "stage": world.first.pk}
    rita.post("deals/", body, Idempotency_Key="k1")
    assert Program(world.manager).post("deals/", body, Idempotency_Key="k1").status_code == 201
    assert Deal.objects.filter(title="New").count() == 2


def test_a_refused_move_is_told_again_and_tried_once(world: ApiWorld, rita: Program) -> None:
    make.condition(world.second)
    url, body = f"deals/{world.deal.pk}/move/", {"stage": world.second.pk, "version": 1}
    first = rita.post(url, body, Idempotency_Key="k1")
    again = rita.post(url, body, Idempotency_Key="k1")
    assert first.status_code == again.status_code == 422 and first.json() == again.json()
    assert again.headers["Content-Type"] == "application/problem+json"
    assert MoveAttempt.objects.filter(outcome="refused").count() == 1


def test_what_was_wrong_with_a_body_is_judged_anew(world: ApiWorld, rita: Program) -> None:
    assert rita.post("deals/", {"title": "New"}, Idempotency_Key="k1").status_code == 400
    assert not Answer.objects.exists()
    assert rita.post("deals/", {"title": "New", "stage": world.first.pk}, Idempotency_Key="k1").status_code == 201


def test_a_change_and_a_deletion_are_repeated_too(world: ApiWorld) -> None:
    boss, url = Program(world.manager, "admin"), f"deals/{world.deal.pk}/"
    for _time in range(2):
        assert boss.patch(url, {"title": "New"}, '"1"', Idempotency_Key="k1").json()["version"] == 2
    for _time in range(2):
        assert boss.ask("DELETE", url, None, If_Match='"2"', Idempotency_Key="k2").status_code == 204
    assert world.fresh().version == 3


def test_answers_are_kept_for_seven_days(world: ApiWorld, rita: Program) -> None:
    rita.post("organizations/", {"name": "New"}, Idempotency_Key="k1")
    assert answers.remove_old(timezone.now() + timedelta(days=6)) == 0
    Answer.objects.update(created_at=timezone.now() - timedelta(days=8))
    tidy_up()
    assert not Answer.objects.exists()


# --- At once


def together(count: int, act: Any) -> list[Any]:
    """What each of the threads got."""
    found: list[Any] = [None] * count
    start = threading.Barrier(count)

    def run(number: int) -> None:
        try:
            start.wait()
            found[number] = act(number)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=[number]) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    close_old_connections()
    return found


@pytest.mark.django_db(transaction=True)
def test_five_at_once_with_one_key_make_one_deal(transactional_db: None) -> None:
    world = ApiWorld()
    programs = [Program(world.rep) for _number in range(5)]
    body = {"title": "New", "stage": world.first.pk}
    for round in range(4):
        answers_ = together(
            5, lambda number, key=f"k{round}": programs[number].post("deals/", body, Idempotency_Key=key)
        )
        codes = Counter(answer.status_code for answer in answers_)
        assert set(codes) <= {201, 409} and codes[201] >= 1, codes
        assert len({answer.json()["id"] for answer in answers_ if answer.status_code == 201}) == 1
        assert all(answer.headers["Retry-After"] for answer in answers_ if answer.status_code == 409)
        assert programs[0].post("deals/", body, Idempotency_Key=f"k{round}").status_code == 201
    assert Deal.objects.filter(title="New").count() == 4


@pytest.mark.django_db(transaction=True)
def test_of_those_who_read_one_version_one_changes_it(transactional_db: None) -> None:
    world = ApiWorld()
    programs = [Program(world.rep) for _number in range(6)]
    url = f"deals/{world.deal.pk}/"
    found = together(6, lambda number: programs[number].patch(url, {"title": f"Mine {number}"}, '"1"'))
    assert Counter(answer.status_code for answer in found) == {200: 1, 412: 5}
    assert world.fresh().version == 2


@pytest.mark.django_db(transaction=True)
def test_of_those_who_move_one_deal_one_wins_and_the_others_see_where_it_is(transactional_db: None) -> None:
    world = ApiWorld()
    programs, targets = [Program(world.rep) for _number in range(6)], [world.second, world.third]
    url = f"deals/{world.deal.pk}/move/"
    found = together(
        6, lambda number: programs[number].post(url, {"stage": targets[number % 2].pk, "version": 1})
    )  # fmt: skip
    codes = Counter(answer.status_code for answer in found)
    # Whoever asked for the stage that it is in already has what they wanted.
    assert set(codes) == {200, 409} and codes[409] == 3
    assert StageVisit.objects.filter(deal=world.deal).count() == 2
    assert {answer.json()["deal"]["stage"] for answer in found} == {world.fresh().stage_id}


# --- How often


@pytest.fixture
def three_a_minute(settings: Any) -> Any:
    settings.API_REQUESTS_PER_MINUTE = 3
    cache.clear()
    yield
    cache.clear()


def test_each_answer_says_how_often_a_token_may_still_ask(world: ApiWorld, rita: Program, three_a_minute: None) -> None:
    left = [rita.get("choices/").headers["RateLimit-Remaining"] for _time in range(3)]
    refused = rita.get("choices/")
    assert left == ["2", "1", "0"] and (refused.status_code, refused.json()["code"]) == (429, "too_many")
    assert 1 <= int(refused.headers["Retry-After"]) <= 60 and refused.headers["RateLimit-Limit"] == "3"
    assert Program(world.rep).get("choices/").status_code == 200


def test_without_a_cache_nobody_is_held_up(
    world: ApiWorld, rita: Program, three_a_minute: None, monkeypatch: Any
) -> None:
    def away(*_: Any) -> None:
        raise ConnectionError

    monkeypatch.setattr(cache, "add", away)
    monkeypatch.setattr(PerToken, "away_until", 0.0)
    assert [rita.get("choices/").status_code for _time in range(5)] == [200] * 5
