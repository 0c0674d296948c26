"""The demo data: who may have it, that it is the same each time, and that it tells its story."""

from __future__ import annotations

import datetime
import hashlib
from collections import Counter
from collections.abc import Callable, Iterator
from decimal import Decimal
from io import StringIO
from statistics import median
from typing import Any

import pytest
from django.conf import LazySettings
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.db.models import Count, F, Q

from crm import demo, verification
from crm.demo.company import ZONE, Staff
from crm.demo.world import World
from crm.models import Change, Company, Membership, Team, User
from leads.models import Activity, Contact, Organization
from pipeline import approvals
from pipeline.models import (
    Approval,
    AttemptCondition,
    Commitment,
    Deal,
    DealActivity,
    DealContact,
    Kind,
    MoveAttempt,
    Pipeline,
    Stage,
    StageVisit,
    Task,
)
from pipeline.moves.move import missing_for

TODAY = datetime.date(2026, 9, 15)
"""A Tuesday in the middle of a month."""


def tell(seed: int = 1, today: datetime.date = TODAY) -> World:
    world = World(seed, today, Company(time_zone=ZONE).zone)
    demo.tell(world)
    return world


def digest() -> str:
    """Of what the rows say, without their numbers."""
    said = [
        Organization.objects.values_list("name", "city", "employees", "phone", "owner__email", "created_at"),
        Contact.objects.values_list("name", "title", "email", "phone", "organization__name"),
        Deal.objects.values_list("title", "organization__name", "value", "expected_close", "owner__email", "source__name"),
        Deal.objects.values_list("title", "last_worked_at", "next_task_due_at", "paused_until", "closed_at", "version"),
        StageVisit.objects.values_list("deal__title", "seq", "stage__name", "entered_at", "left_at", "let_in", "reason"),
        MoveAttempt.objects.values_list("deal__title", "to_stage__name", "at", "outcome", "by__email"),
        AttemptCondition.objects.values_list("attempt__deal__title", "condition__label", "result"),
        Activity.objects.values_list("text", "happened_at", "type__key", "outcome__name", "by__email"),
        Task.objects.values_list("title", "due_at", "state", "owner__email", "deal__title"),
        Commitment.objects.values_list("condition__label", "evidence", "happened_at", "contact__name"),
        Approval.objects.values_list("deal__title", "why", "asked_at", "decision", "decided_at"),
        DealContact.objects.values_list("deal__title", "contact__name", "role", "stance", "is_primary"),
        Change.objects.values_list("object_type", "field", "at", "version"),
    ]  # fmt: skip
    return hashlib.sha256("\n".join(repr(sorted(rows, key=repr)) for rows in said).encode()).hexdigest()


@pytest.fixture(scope="module")
def world(django_db_setup: None, django_db_blocker: Any) -> Iterator[World]:
    """The story once for all tests of this file."""
    with django_db_blocker.unblock(), transaction.atomic():
        yield tell()
        transaction.set_rollback(True)


def rate(deals: Q, **credited: str) -> float:
    closed = Deal.objects.filter(deals, **credited).exclude(close_reason__not_real=True)
    won = closed.filter(status=Kind.WON).count()
    return won / (won + closed.filter(status=Kind.LOST).count())


def month(world: World, back: int) -> Q:
    """Closed in the month that lies so many months before the one of the story's end."""
    index = world.today.year * 12 + world.today.month - 1 - back
    first, after = (
        datetime.datetime(number // 12, number % 12 + 1, 1, tzinfo=world.zone) for number in (index, index + 1)
    )
    return Q(closed_at__gte=first, closed_at__lt=after)


def shown() -> list[Deal]:
    return list(Deal.objects.open().select_related("stage", "owner", "organization"))


def share(deals: list[Deal], holds: Callable[[Deal], bool]) -> float:
    return sum(map(holds, deals)) / len(deals)


# --- Who may have it


@pytest.mark.django_db
def test_without_debug_it_refuses(settings: LazySettings) -> None:
    settings.DEBUG = False
    with pytest.raises(CommandError, match="only made with DEBUG on"):
        call_command("demo")
    assert not User.objects.exists()


@pytest.mark.django_db
def test_a_database_in_use_is_left_as_it_is(settings: LazySettings) -> None:
    settings.DEBUG = True
    User.objects.create_user("somebody@example.com", "a long enough password", name="Somebody")
    call_command("demo", "--if-empty", stdout=(said := StringIO()))
    with pytest.raises(CommandError, match="needs an empty one"):
        call_command("demo")
    assert User.objects.count() == 1 and not Deal.objects.exists() and said.getvalue() == ""


def test_the_accounts_are_told_again_as_long_as_their_password_holds(world: World, settings: LazySettings) -> None:
    settings.DEBUG = True
    call_command("demo", "--if-empty", stdout=(said := StringIO()))
    for role in ("rep", "manager", "admin"):
        assert f"{role}@brightwater.example" in said.getvalue()
    for account in world.of(Staff).accounts:
        assert account.user.check_password(account.password)
    assert sum(user.has_usable_password() for user in User.objects.all()) == 3


# --- The same each time, and sound


@pytest.mark.long
@pytest.mark.django_db
def test_the_same_seed_and_day_tell_the_same_story() -> None:
    digests = []
    for _telling in range(2):
        with transaction.atomic():
            tell()
            digests.append(digest())
            transaction.set_rollback(True)
    assert digests[0] == digests[1]


def test_every_fact_holds(world: World) -> None:
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    assert [finding for finding in verification.run() if finding.breaks] == []


def test_nothing_lies_in_the_future_and_nothing_outside_a_deals_life(world: World) -> None:
    assert not Activity.objects.filter(happened_at__gte=world.now).exists()
    assert not Task.objects.filter(closed_at__gte=world.now).exists()
    assert not Commitment.objects.filter(happened_at__lt=F("deal__started_at")).exists()
    links = DealActivity.objects.filter(activity__happened_at__lt=F("deal__started_at"))
    assert not links.exists() and not Organization.objects.filter(deals__started_at__lt=F("created_at")).exists()


@pytest.mark.long
@pytest.mark.django_db
@pytest.mark.parametrize("today", ["2027-03-01", "2026-12-31", "2028-02-29"])
def test_on_other_days_and_from_other_seeds_too(today: str) -> None:
    tell(seed=7, today=datetime.date.fromisoformat(today))
    test_every_fact_holds(World(7, TODAY, Company(time_zone=ZONE).zone))


# --- The story


def test_the_company(world: World) -> None:
    assert Company.current().name == "Brightwater Controls"
    assert set(Team.objects.values_list("name", flat=True)) == {"Inbound", "Field sales", "Renewals"}
    assert User.objects.filter(role="rep").count() == Membership.objects.filter(user__role="rep").count() == 12
    assert Pipeline.objects.count() == 3 and 380 <= len(shown()) <= 420
    first = Deal.objects.order_by("started_at")[0].started_at
    assert 520 <= (world.now - first).days <= 560


def test_shares_of_the_open_deals(world: World) -> None:
    deals = shown()
    paused = share(deals, lambda deal: deal.paused_until is not None)
    without = share(deals, lambda deal: deal.next_task_due_at is None and deal.paused_until is None)
    late = share(deals, lambda deal: deal.expected_close is not None and deal.expected_close < world.today)
    assert 0.07 <= without <= 0.09 and 0.04 <= paused <= 0.06 and 0.11 <= late <= 0.13
    stages = list(Stage.objects.all())
    assert 0.2 <= Deal.objects.over_target(stages, world.now).count() / len(deals) <= 0.4
    assert 0.1 <= Deal.objects.idle(stages, world.now).count() / len(deals) <= 0.2


def test_tasks_are_overdue_due_today_and_later(world: World) -> None:
    days = Counter(
        (deal.next_task_due_at.astimezone(deal.owner.zone).date() > world.today)
        - (deal.next_task_due_at.astimezone(deal.owner.zone).date() < world.today)
        for deal in shown()
        if deal.next_task_due_at
    )
    total = len(shown())
    assert 0.14 <= days[-1] / total <= 0.22 and 0.1 <= days[0] / total <= 0.18 and 0.45 <= days[1] / total <= 0.65


def test_concerns_is_slow_where_no_decision_maker_is_named(world: World) -> None:
    named = set(DealContact.objects.filter(role="decision_maker").values_list("deal_id", flat=True))
    days: dict[bool, list[float]] = {True: [], False: []}
    for visit in StageVisit.objects.standing().filter(stage__name="Concerns", left_at__isnull=False):
        assert visit.left_at
        days[visit.deal_id in named].append((visit.left_at - visit.entered_at) / datetime.timedelta(days=1))
    assert 21 <= median(days[False]) <= 25 and median(days[True]) <= 14
    assert len(days[False]) > 80 and len(days[True]) > 80


def test_one_rep_climbs_and_one_slides(world: World) -> None:
    climbs = [rate(month(world, back), credited_owner__name="Niamh Gallagher") for back in (6, 5, 4, 3, 2, 1)]
    slides = [rate(month(world, back), credited_owner__name="Piotr Zieliński") for back in (6, 5, 4, 3, 2, 1)]
    assert [round(climbs[0], 2), round(climbs[-1], 2)] == [0.22, 0.38] and climbs == sorted(climbs)
    assert slides[0] > 0.33 and slides[-1] <= 0.21 and slides == sorted(slides, reverse=True)


def test_one_rep_closes_large_deals_late(world: World) -> None:
    large = Deal.objects.filter(status=Kind.WON, value__gte=Decimal(40_000))
    late = {
        who: [(deal.closed_at.date() - deal.expected_close).days for deal in deals if deal.closed_at and deal.expected_close]
        for who, deals in (
            ("he", large.filter(owner__name="Emre Yıldız")),
            ("others", large.exclude(owner__name="Emre Yıldız")),
        )
    }  # fmt: skip
    assert len(late["he"]) >= 5 and min(late["he"]) > 20 and abs(median(late["others"])) <= 5


def test_referrals_convert_three_times_as_well_as_cold_mail(world: World) -> None:
    times = rate(Q(source__name="Customer referral")) / rate(Q(source__name="Cold email"))
    assert 2.5 <= times <= 3.6


def test_concerns_settled_is_refused_most_and_overridden_mostly_by_one_manager(world: World) -> None:
    stopped = Counter(AttemptCondition.objects.filter(result="stopped").values_list("condition__label", flat=True))
    assert stopped.most_common(1)[0][0].startswith("Concerns settled")
    overridden = AttemptCondition.objects.filter(result="overridden", condition__label__startswith="Concerns settled")
    by = Counter(overridden.values_list("attempt__by__name", flat=True))
    assert by.most_common(1)[0][0] == "Marek Dvořák" and by["Marek Dvořák"] > 2 * (by.total() - by["Marek Dvořák"]) > 0
    assert StageVisit.objects.filter(let_in="override").exclude(reason="").count() == by.total()


def test_each_deal_has_named_people_and_three_to_twelve_activities(world: World) -> None:
    deals = Deal.objects.annotate(said=Count("activity_links", distinct=True))
    assert not deals.exclude(said__gte=3, said__lte=12).exists()
    assert not Deal.objects.exclude(people__is_primary=True).exists()
    assert not Deal.objects.filter(people__contact__organization_id__isnull=True).exists()
    assert not Activity.objects.filter(Q(text="") | Q(text__contains="{")).exists()
    assert not Deal.objects.filter(title__contains="{").exists()


def test_past_the_second_stage_something_is_agreed_with_evidence(world: World) -> None:
    proven = set(Commitment.objects.exclude(evidence="").values_list("deal_id", flat=True))
    second = {each.pk: [stage.pk for stage in each.stages.order_by("order")[:2]] for each in Pipeline.objects.all()}
    beyond = [deal for deal in shown() if deal.stage_id not in second[deal.pipeline_id]]
    assert len(beyond) > 150 and not [deal for deal in beyond if deal.pk not in proven]


def test_lost_deals_say_why(world: World) -> None:
    lost = Deal.objects.filter(status=Kind.LOST)
    assert not lost.filter(close_reason__isnull=True).exists()
    assert not lost.filter(close_note="").exclude(close_reason__asks_note="").exists()
    assert lost.values("close_reason").distinct().count() >= 8


def test_the_board_of_the_demo_rep(world: World) -> None:
    rep = User.objects.get(email="rep@brightwater.example")
    mine = [deal for deal in shown() if deal.owner_id == rep.pk]
    assert 32 <= len(mine) <= 38 and sum(bool(d.next_task_due_at and d.next_task_due_at < world.now) for d in mine) >= 4
    asked: Counter[tuple[str, ...]] = Counter()
    for deal in mine:
        following = deal.pipeline.stages.filter(order__gt=deal.stage.order).order_by("order")[0]
        verdicts = missing_for(deal, following, rep, world.now)
        asked[tuple(verdict.state for verdict in verdicts if verdict.stops)] += 1
    assert asked[()] >= 1 and asked["missing",] >= 1 and asked["waiting",] == 1


def test_three_deals_wait_for_the_demo_manager(world: World) -> None:
    manager = User.objects.get(email="manager@brightwater.example")
    waiting = approvals.waiting_for(manager)
    assert waiting.count() == 3 == Approval.objects.filter(decision="").count()
    assert all(each.value and each.value >= 50_000 and each.why for each in waiting)
