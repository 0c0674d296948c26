"""Views kept by name: whose they are, who reads them, what they open, and what they no longer show."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.urls import reverse
from django.utils import timezone

from crm.models import User
from pipeline import bookmarks
from pipeline.models import Pipeline, SavedView, Tag
from tests import factories as make
from tests.deal_world import World

pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> World:
    return World()


def keep(
    world: World, by: User, name: str = "Large", query: str = "", shared: bool = False, shown: str = "board"
) -> SavedView:
    return bookmarks.keep(world.pipeline, shown, query, name, shared=shared, by=by)


def seen(user: User) -> list[str]:
    return [view.name for view in SavedView.objects.visible_to(User.objects.get(pk=user.pk))]


def opened(world: World, view: SavedView, user: User | None = None) -> Any:
    return world.client(user).get(reverse("view", args=[view.pk]), follow=True)


def test_a_view_is_its_makers_until_it_is_shared_and_then_of_the_people_in_sight(world: World) -> None:
    keep(world, world.manager)
    assert [seen(user) for user in (world.manager, world.rep, world.admin)] == [["Large"], [], []]
    keep(world, world.manager, shared=True)
    assert [seen(user) for user in (world.rep, world.colleague, world.admin)] == [["Large"]] * 3
    assert seen(world.stranger) == []
    keep(world, world.admin, "All", shared=True)
    assert seen(world.stranger) == ["All"]


def test_a_manager_of_a_team_above_shares_down_and_not_up(world: World) -> None:
    above = make.team()
    below = make.team(parent=above)
    head, lead, rep = make.user("manager", above), make.user("manager", below), make.user(team=below)
    keep(world, head, "From above", shared=True)
    keep(world, lead, "From below", shared=True)
    assert seen(rep) == ["From above", "From below"] and seen(lead) == ["From above", "From below"]
    assert seen(head) == ["From above", "From below"]


def test_reps_share_nothing(world: World) -> None:
    with pytest.raises(ValidationError):
        keep(world, world.rep, shared=True)
    url = reverse("view-new", args=[world.pipeline.pk])
    world.client().post(url, {"name": "Mine", "shown": "board", "shared": "on"})
    assert SavedView.objects.get().shared is False


def test_who_is_no_manager_any_more_shares_no_more(world: World) -> None:
    keep(world, world.manager, shared=True)
    User.objects.filter(pk=world.manager.pk).update(role="rep")
    assert seen(world.rep) == []


def test_it_opens_the_board_or_the_list_with_its_filters(world: World) -> None:
    board, listed = (
        keep(world, world.rep, "a", "q=Meters&order=value"),
        keep(world, world.rep, "b", "status=all&sort=-value", shown="list"),
    )
    client = world.client()
    assert client.get(reverse("view", args=[board.pk])).headers["Location"] == world_url(
        world, "board", "?q=Meters&order=value"
    )
    assert client.get(reverse("view", args=[listed.pk])).headers["Location"] == world_url(
        world, "deal-list", "?status=all&sort=-value"
    )


def world_url(world: World, name: str, query: str = "") -> str:
    return reverse(name, args=[world.pipeline.pk]) + query


def test_what_is_out_of_sight_is_dropped_and_said_without_its_name(world: World) -> None:
    tag = Tag.objects.create(name="secret word")
    view = keep(world, world.admin, query=f"owner={world.stranger.pk}&tag={tag.pk}&q=Meters", shared=True)
    tag.delete()
    answer = opened(world, view)
    text = answer.content.decode()
    assert answer.redirect_chain[-1][0] == world_url(world, "board", "?q=Meters")
    assert "these filters were left out: Owner, Tag" in text and "Stan" not in text and "secret" not in text


def test_the_board_opens_with_the_view_that_one_chose(world: World) -> None:
    view, client = keep(world, world.manager, query="over=1", shared=True), world.client()
    client.post(reverse("view-first", args=[view.pk]))
    assert client.get(reverse("board-default"), follow=True).redirect_chain[-1][0] == world_url(
        world, "board", "?over=1"
    )
    bookmarks.rename(view.pk, "Large", shared=False, by=world.manager)
    assert client.get(reverse("board-default")).headers["Location"] == world_url(world, "board")
    bookmarks.rename(view.pk, "Large", shared=True, by=world.manager)
    client.post(reverse("view-first", args=[view.pk]), {"off": "1"})
    assert client.get(reverse("board-default")).headers["Location"] == world_url(world, "board")


def test_a_view_of_a_pipeline_out_of_use_says_so(world: World) -> None:
    view = keep(world, world.rep)
    bookmarks.open_first(view, by=world.rep)
    Pipeline.objects.filter(pk=world.pipeline.pk).update(retired_at=timezone.now())
    assert "no longer in use" in opened(world, view).content.decode()
    assert world.client().get(reverse("board-default")).status_code == 200


def test_the_menu_names_the_views_and_keeps_what_is_shown(world: World) -> None:
    keep(world, world.rep, "Mine", "q=Meters")
    client = world.client(part=True)
    text = client.get(world_url(world, "board-views", "?shown=board&q=Meters")).content.decode()
    assert 'aria-current="true"' in text and 'name="query" value="q=Meters"' in text
    assert (
        'aria-current="true"'
        not in client.get(world_url(world, "board-views", "?shown=list&q=Meters")).content.decode()
    )
    data = {"name": "Late ones", "shown": "list", "query": "late=1&sort=close", "first": "on"}
    answer = world.client().post(reverse("view-new", args=[world.pipeline.pk]), data)
    made = SavedView.objects.get(name="Late ones")
    assert answer.headers["Location"] == world_url(world, "deal-list", "?late=1&sort=close")
    assert (made.query, made.shown) == ("late=1&sort=close", "list") and bookmarks.first_of(world.rep) == made


@pytest.mark.parametrize(
    "data", [{"query": "ownr=1"}, {"query": "owner=999"}, {"shown": "wall"}, {"query": "sort=title"}]
)
def test_only_filters_that_there_are_are_kept(world: World, data: dict[str, str]) -> None:
    answer = world.client().post(reverse("view-new", args=[world.pipeline.pk]), {"name": "x", "shown": "board", **data})
    assert answer.status_code == 400 and not SavedView.objects.exists()


def test_the_same_name_twice_is_one_view_with_the_newest_filters(world: World) -> None:
    keep(world, world.rep, query="over=1")
    keep(world, world.rep, query="idle=1")
    assert SavedView.objects.get().query == "idle=1"
    other = keep(world, world.rep, "Other")
    with pytest.raises(ValidationError):
        bookmarks.rename(other.pk, "Large", shared=False, by=world.rep)


def test_it_is_renamed_and_deleted_by_its_maker_and_a_shared_one_by_admins(world: World) -> None:
    view = keep(world, world.manager, shared=True)
    edit, delete = reverse("view-edit", args=[view.pk]), reverse("view-delete", args=[view.pk])
    assert [world.client().post(url, {"name": "x"}).status_code for url in (edit, delete)] == [403, 403]
    assert [world.client(world.stranger).post(url, {"name": "x"}).status_code for url in (edit, delete)] == [404, 404]
    world.client(world.admin).post(edit, {"name": "Larger", "shared": "on"})
    assert (
        SavedView.objects.get().name == "Larger" and "Larger" in world.client().get(reverse("views")).content.decode()
    )
    world.client(world.admin).post(delete)
    assert not SavedView.objects.exists()


def test_nobody_keeps_more_views_than_they_can_look_through(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bookmarks, "MOST", 2)
    for name in ("a", "b"):
        keep(world, world.rep, name)
    with pytest.raises(ValidationError):
        keep(world, world.rep, "c")
    keep(world, world.rep, "a", "over=1")
