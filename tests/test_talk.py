"""Talk on a deal: comments, who is named, who follows, who is told exactly once, and who sees it afterwards."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest
from django.core import mail
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from crm import notice_choices, notices, outbox
from crm.models import Company, Membership, Notice, OutgoingMail, User
from crm.notice_choices import Channels
from pipeline import access, followups, people, talk
from pipeline.models import Comment, Deal, DealFollower, DealMember
from tests import factories as make
from tests.deal_world import World

pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> World:
    return World()


def say(world: World, text: str, by: User | None = None) -> Comment:
    made = talk.comment(world.deal.pk, text, by=by or world.rep)
    assert made is not None
    return made


def told(kind: str = "") -> set[str]:
    rows = Notice.objects.filter(kind=kind) if kind else Notice.objects.all()
    return {row.user.name for row in rows.select_related("user")}


# --- Comments


def test_a_comment_is_sent_by_a_plain_form_and_stands_in_the_timeline_under_its_own_address(world: World) -> None:
    answer = world.post("deal-comment", text="Anna was keen.\nhttps://example.com/notes", once_key="k")
    row = Comment.objects.get()
    assert answer.headers["Location"] == f"/deals/{world.deal.pk}/?entry=comment-{row.pk}#entry-comment-{row.pk}"
    text = world.page()
    assert f'id="entry-comment-{row.pk}"' in text and "Rita Rep wrote" in text
    assert 'Anna was keen.<br><a href="https://example.com/notes"' in text


def test_a_comment_is_text_whatever_is_written_in_it(world: World) -> None:
    say(world, "<script>alert(1)</script> <b>@</b> javascript:alert(1)")
    text = world.page()
    assert "<script>alert" not in text and "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert 'href="javascript' not in text


@pytest.mark.parametrize("text", ["", "  \u200b ", "x" * 5001])
def test_a_comment_without_words_or_without_end_is_refused_in_words(world: World, text: str) -> None:
    answer = world.post("deal-comment", text=text, once_key="k", part=True)
    assert answer.status_code == 422 and "field-error" in answer.content.decode()
    assert not Comment.objects.exists()


def test_a_double_click_comments_once(world: World) -> None:
    for _click in range(2):
        world.post("deal-comment", text="Hello", once_key="same")
    assert Comment.objects.count() == 1


def test_who_only_reads_the_deal_may_talk_and_a_stranger_may_not(world: World) -> None:
    world.let_team_read()
    assert world.post("deal-comment", user=world.colleague, text="May I?", once_key="k").status_code == 302
    assert world.post("deal-comment", user=world.stranger, text="May I?", once_key="k").status_code == 404
    assert Comment.objects.get().by == world.colleague


def test_one_takes_back_only_ones_own_words_and_the_notice_of_them(world: World) -> None:
    row = say(world, "@Max look, a secret")
    assert world.post("deal-comment-remove", row.pk, user=world.manager).status_code == 404
    assert world.post("deal-comment-remove", row.pk).status_code == 302
    text = world.page()
    assert "a secret" not in text and "Rita Rep took a comment back" in text
    assert not Notice.objects.exists()


# --- Entries have addresses


def test_an_old_entry_is_found_by_its_address(world: World) -> None:
    first = say(world, "The very first")
    for number in range(40):
        say(world, f"Comment {number}")
    assert "The very first" not in world.page()
    text = world.get("deal", entry=f"comment-{first.pk}").content.decode()
    assert "The very first" in text and f'id="entry-comment-{first.pk}"' in text
    assert "Show older" in world.get("deal", entry="nonsense-1").content.decode()


# --- Who is named


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("@Max Manager please", {"Max Manager"}),
        ("@max manager, please", {"Max Manager"}),
        ("Ask @Max.", {"Max Manager"}),
        ("(@Ada Admin) and @Max", {"Ada Admin", "Max Manager"}),
        ("@max@example.org", {"Max Manager"}),
        ("mail max@Ada or @Maximilian", set()),
        ("@Stan Stranger", set()),
        ("@Rita Rep", set()),
        ("@", set()),
    ],
)
def test_who_is_named_is_told_if_they_see_the_deal(world: World, text: str, named: set[str]) -> None:
    User.objects.filter(pk=world.manager.pk).update(email="max@example.org")
    say(world, text)
    assert told("mention") == named


def test_a_first_name_of_two_names_nobody_and_the_full_name_does(world: World) -> None:
    other = make.user("admin", name="Max Power")
    assert talk.named_in("@Max", [world.manager, other]) == []
    assert talk.named_in("@Max Power", [world.manager, other]) == [other]


def test_people_who_see_the_deal_are_offered_as_one_types(world: World) -> None:
    shown = world.get("deal-readers", part=True, q="ma").content.decode()
    assert "Max Manager" in shown and "Ada Admin" not in shown
    assert "Ada Admin" in world.get("deal-readers", part=True, q="adm").content.decode()
    assert "Stan" not in world.get("deal-readers", part=True, q="st").content.decode()
    assert world.get("deal-readers", user=world.stranger, q="ma").status_code == 404


# --- Who follows


def test_owner_members_and_who_took_part_hear_of_it_and_the_writer_does_not(world: World) -> None:
    world.join(world.colleague)
    say(world, "One", by=world.admin)
    assert told() == {"Rita Rep", "Cleo Colleague"}
    Notice.objects.all().delete()
    say(world, "Two", by=world.rep)
    assert told() == {"Cleo Colleague", "Ada Admin"}


def test_who_was_named_follows_from_then_on(world: World) -> None:
    say(world, "@Max?")
    Notice.objects.all().delete()
    say(world, "And?")
    assert told("comment") == {"Max Manager"}


def test_who_stops_hears_no_more_except_when_named(world: World) -> None:
    world.join(world.colleague)
    assert "Stop following" in world.page(world.colleague)
    world.post("deal-follow", user=world.colleague, follows="0")
    assert "Stop following" not in world.page(world.colleague)
    say(world, "Hello")
    assert told() == set()
    say(world, "@Cleo hello")
    assert told() == {"Cleo Colleague"}
    assert not DealFollower.objects.get(user=world.colleague).follows


def test_anybody_who_sees_the_deal_may_follow(world: World) -> None:
    world.post("deal-follow", user=world.manager, follows="1")
    say(world, "Hello")
    assert told() == {"Max Manager"}


def test_a_follower_who_sees_the_deal_no_more_is_not_told_and_finds_no_older_news(world: World) -> None:
    world.join(world.colleague)
    say(world, "While you are here")
    assert notices.unread(world.colleague) == 1
    member = DealMember.objects.get(user=world.colleague)
    with followups.holding(world.deal.pk) as locked:
        people.remove_member(locked, member.pk, by=world.rep, via="page", now=timezone.now())
    talk.follow(world.deal.pk, True, by=world.colleague)
    say(world, "Now you are gone")
    gone = User.objects.get(pk=world.colleague.pk)
    assert Notice.objects.filter(user=gone).count() == 1 and notices.unread(gone) == 0
    text = world.client(gone).get(reverse("notices")).content.decode()
    assert world.deal.title not in text and "Nothing new" in text


# --- Notices


def test_a_notice_is_counted_read_by_following_it_and_leads_to_the_words(world: World) -> None:
    row = say(world, "@Max what now?")
    client = world.client(world.manager)
    assert client.get(reverse("notices-count")).content.decode().strip().startswith("1<")
    text = client.get(reverse("notices")).content.decode()
    assert "Rita Rep named you on Meters for 14 shops" in text and "@Max what now?" in text
    answer = client.post(reverse("notice-open", args=[Notice.objects.get().pk]))
    assert answer.headers["Location"] == talk.address_of(row)
    assert client.get(reverse("notices-count")).content.decode().strip() == ""


def test_a_notice_of_somebody_else_does_not_exist(world: World) -> None:
    say(world, "@Max what now?")
    url = reverse("notice-open", args=[Notice.objects.get().pk])
    assert world.client(world.admin).post(url).status_code == 404
    assert Notice.objects.get().read_at is None


def test_all_are_read_at_once(world: World) -> None:
    for _time in range(3):
        say(world, "@Max")
    world.client(world.manager).post(reverse("notices-read"))
    assert notices.unread(world.manager) == 0


def test_a_person_is_told_once_of_one_thing(world: World) -> None:
    row = say(world, "@Max Manager and @Max again, @max manager")
    talk._tell(row, [world.manager], "mention", timezone.now())
    assert Notice.objects.count() == 1 and not OutgoingMail.objects.exists()


def test_who_is_named_and_chose_so_gets_a_mail_and_who_follows_does_not(world: World) -> None:
    notice_choices.choose(world.manager, {"mentioned": Channels(False, email=True)}, by=world.manager, via="page")
    Deal.objects.filter(pk=world.deal.pk).update(title="Two\nlines")
    world.join(world.colleague)
    row = say(world, "@Max what <b>now</b>?")
    assert outbox.deliver_due() == 1
    [sent] = mail.outbox
    assert sent.to == [world.manager.email] and sent.subject == "Rita Rep named you on Two lines"
    assert "what <b>now</b>?" in sent.body and talk.address_of(row) in sent.body


def test_a_refused_comment_tells_nobody(world: World) -> None:
    world.post("deal-comment", text="@Max " + "x" * 5000, once_key="k")
    assert not Notice.objects.exists() and not OutgoingMail.objects.exists()


def test_the_pages_read_as_much_for_many_as_for_one(world: World) -> None:
    client = world.client(world.manager)
    client.get(world.url("deal"))
    counts = []
    for _round in range(2):
        say(world, "@Max")
        for url in (world.url("deal"), reverse("notices")):
            with CaptureQueriesContext(connection) as queries:
                client.get(url)
            counts.append(len(queries))
        for _time in range(8):
            say(world, "@Max", by=world.admin)
    assert counts[:2] == counts[2:]


# --- Who sees a deal, both ways round


@pytest.mark.parametrize("seed", range(12))
def test_who_is_told_is_exactly_who_sees_the_deal(world: World, seed: int) -> None:
    chance = random.Random(seed)
    now = timezone.now()
    Company.objects.create(pk=1, reps_see_team_deals=chance.random() < 0.5)
    top = make.team()
    teams = [top, *(make.team(parent=top) for _each in range(2))]
    teams += [make.team(parent=teams[1]), make.team()]
    everybody = [make.user(chance.choice(["rep", "rep", "manager", "admin"])) for _each in range(14)]
    for person in everybody:
        for team in chance.sample(teams, chance.randint(0, 2)):
            ended = now - timedelta(days=1) if chance.random() < 0.2 else None
            Membership.objects.create(team=team, user=person, started_at=now - timedelta(days=9), ended_at=ended)
    User.objects.filter(pk=everybody[0].pk).update(is_active=False)
    for stage in (world.first, world.won, world.first):
        deal = make.deal(stage, chance.choice(everybody), now=now - timedelta(days=2))
        Deal.objects.filter(pk=deal.pk).update(owner=chance.choice(everybody))
        DealMember.objects.create(deal=deal, user=chance.choice(everybody), role="legal")
        deal.refresh_from_db()
        seen = {
            person for person in User.objects.active() if Deal.objects.visible_to(person).filter(pk=deal.pk).exists()
        }
        assert set(access.readers_of(deal)) == seen
