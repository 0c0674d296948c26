"""Queries that are written once: they answer as `values_list` does, whatever is given."""

from __future__ import annotations

import pytest

from crm.models import User
from crm.prepared import Among, Prepared
from pipeline.models import DealMember
from tests import factories as make

dated = Prepared(lambda: User.objects.filter(Among("pk", given="people")).values_list("pk", "name", "created_at"))
paired = Prepared(
    lambda: DealMember.objects.filter(Among("deal_id", "user_id", given="pairs")).values_list("deal_id", "user_id")
)


pytestmark = pytest.mark.django_db


def test_rows_are_those_of_the_query_with_times_as_times() -> None:
    wanted = [make.user().pk, make.user().pk]
    make.user()
    expected = User.objects.filter(pk__in=wanted).values_list("pk", "name", "created_at")
    assert sorted(map(tuple, dated(people=wanted))) == sorted(expected)


def test_with_nothing_given_nothing_is_found() -> None:
    make.user()
    assert list(dated(people=[])) == list(paired(pairs=[])) == []


def test_pairs_belong_together() -> None:
    stage, owner = make.stage(make.pipeline("First"), "First"), make.user()
    deals, users = [make.deal(stage, owner) for _ in range(2)], [make.user() for _ in range(2)]
    for deal in deals:
        for user in users:
            DealMember.objects.create(deal=deal, user=user, role="support")
    pairs = [(deal.pk, user.pk) for deal, user in zip(deals, users, strict=True)]
    assert sorted(map(tuple, paired(pairs=pairs))) == pairs


def test_what_was_given_before_is_forgotten() -> None:
    first, second = make.user(), make.user()
    assert [row[0] for row in dated(people=[first.pk])] == [first.pk]
    assert [row[0] for row in dated(people=[second.pk])] == [second.pk]
