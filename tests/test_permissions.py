"""Who may do what: one table, run over every route with every kind of visitor. A route without a row fails."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.conf import settings
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django.utils import timezone

from crm import absences, tokens
from crm.models import Company, Membership, Notice, User
from leads.activities import NewActivity
from leads.models import Activity
from pipeline import approvals, bookmarks, bulk, deals, files, followups, logbook, people, talk
from pipeline.models import Deal, DealMember, StageVisit
from tests import api_matrix, sample_files
from tests import factories as make
from tests.traces import no_trace

pytestmark = pytest.mark.django_db

MISSING = 987_654_321
ACTORS = ["anonymous", "deactivated", "owner", "mate", "member", "stranger", "boss", "other_boss", "admin", "left"]
FEW = ["anonymous", "deactivated", "left", "admin"]
INSIDE = ["owner", "mate", "member", "stranger", "boss", "other_boss", "admin", "left"]


class World:
    """Rita's deal, with all that belongs to it; people of her team, of another one, and one who has just left."""

    def __init__(self) -> None:
        self.sessions: dict[str, str] = {}
        now = timezone.now()
        north, south = make.team(), make.team()
        self.owner, self.mate, self.boss = (
            make.user(team=north),
            make.user(team=north),
            make.user("manager", team=north),
        )
        self.member = make.user(team=south)
        self.stranger, self.other_boss = make.user(team=south), make.user("manager", team=south)
        self.admin = make.user("admin")
        self.left = make.user()
        Membership.objects.create(
            team=north, user=self.left, started_at=now - timedelta(days=9), ended_at=now - timedelta(seconds=1)
        )
        self.deactivated = make.user(team=north)
        self.pipeline, self.other_pipeline = make.pipeline(), make.pipeline()
        self.first, self.second, *_ = self.pipeline.stages.all()
        self.said = make.condition(self.second)
        self.to_approve = make.condition(self.second, "approval")
        self.organization = make.organization(self.owner)
        self.contact = make.contact(self.owner, organization=self.organization)
        self.deal = self.new_deal(self.owner, organization=self.organization, value=Decimal(900))
        people.set_contact(self.deal, self.contact, by=self.owner, via="page", now=now)
        DealMember.objects.create(deal=self.deal, user=self.member, role="specialist")
        self.task = followups.add(self.deal.pk, "Call", (now + timedelta(days=2)).date(), by=self.owner)
        self.approval = approvals.ask(self.deal.pk, self.to_approve.pk, by=self.owner)
        self.file = files.add(
            self.deal.pk, files.check(sample_files.upload("Offer.pdf", sample_files.PDF)), by=self.owner
        )
        self.comment = talk.comment(self.deal.pk, "Shall we?", by=self.owner)
        talk.comment(self.deal.pk, "Look at this", by=self.member)
        self.notice = Notice.objects.get(user=self.owner)
        self.pdf = sample_files.Sent("Signed.pdf", sample_files.PDF)
        self.view = bookmarks.keep(self.pipeline, "board", "", "Rita's view", shared=False, by=self.owner)
        self.call = make.activity_type("call")
        self.run = bulk.start(
            self.pipeline, {self.deal.pk: None}, "close", {"day": "2999-01-01"}, by=self.owner, words="Close later"
        )
        bulk.work(self.run.pk)
        self.visit = StageVisit.objects.get(deal=self.deal)
        self.token = tokens.make(self.owner, "Shop", "read")[0]
        new_year = date(2999, 1, 1)
        self.absence = absences.add(self.owner, new_year, new_year, by=self.owner, via="page", deputy=self.mate)
        self.gone = self.new_deal(self.owner)
        deals.delete(self.gone.pk, by=self.boss, via="page", now=now)
        # What she logged, what she may throw away, and what she threw away.
        self.call_log = logbook.log(self.deal.pk, NewActivity(type=self.call), by=self.owner, via="page")
        self.spare_organization, self.spare_contact = make.organization(self.owner), make.contact(self.owner)
        self.gone_organization = make.organization(self.owner, deleted_at=now, deleted_by=self.owner)
        self.gone_contact = make.contact(self.owner, deleted_at=now, deleted_by=self.owner)
        # What the stranger has: its ids are what Rita may not smuggle in.
        self.foreign_contact = make.contact(self.stranger)
        self.foreign_deal = self.new_deal(self.stranger)
        # The same business a second time, for whoever works on the first.
        self.twin = self.new_deal(self.owner)
        DealMember.objects.create(deal=self.twin, user=self.member, role="specialist")
        self.deal_version = Deal.objects.get(pk=self.deal.pk).version

    def new_deal(self, owner: User, **fields: Any) -> Deal:
        return make.deal(self.first, owner, now=timezone.now() - timedelta(days=3), **fields)

    def browser(self, actor: str, **options: Any) -> Client:
        client = Client(**options)
        if actor in self.sessions:
            client.cookies[settings.SESSION_COOKIE_NAME] = self.sessions[actor]
        elif actor != "anonymous":
            client.force_login(getattr(self, actor))
        return client

    def sign_everybody_in(self) -> None:
        """Once, for thousands of visits: each begins with the session as it is here, whatever the one before did to it."""
        for actor in ACTORS[1:]:
            self.sessions[actor] = self.browser(actor).cookies[settings.SESSION_COOKIE_NAME].value


# --- What each kind of page grants: to whom it opens. Everybody else who signed in gets the second word.

SEE = {"owner", "member", "boss", "admin"}
GRANTS: dict[str, tuple[set[str], int]] = {
    "all": (set(INSIDE), 0),
    "see": (SEE, 404),
    "edit": (SEE, 404),
    "talk": (SEE, 404),
    "own comment": ({"owner"}, 404),
    "own notice": ({"owner"}, 404),
    "manage": ({"boss", "admin"}, 404),
    "manager": ({"boss", "other_boss", "admin"}, 403),
    "organization": (set(INSIDE), 404),
    "edit organization": ({"owner", "boss", "admin"}, 403),
    "own organization": ({"owner", "boss", "admin"}, 403),
    "own contact": ({"owner", "boss", "admin"}, 404),
    "own activity": ({"owner", "boss", "admin"}, 404),
    "own task": (SEE, 404),
    "own token": ({"owner"}, 404),
    "mine": ({"owner"}, 404),
    "admin": ({"admin"}, 403),
}


@dataclass(frozen=True)
class Row:
    """One route. `get` and `post` name what they grant; `body` is what a form of ours sends."""

    name: str
    get: str = ""
    post: str = ""
    about: str = ""
    body: dict[str, Any] = field(default_factory=dict)
    more: tuple[Any, ...] = ()


MATRIX = [
    Row("home", get="all"),
    Row("search", get="all"),
    Row("sign-out", post="all"),
    Row("profile", get="all", post="all"),
    Row("password-change", post="all"),
    Row("notices", get="all"),
    Row("notices-count", get="all"),
    Row("notices-read", post="all"),
    Row("notice-open", post="own notice", about="notice"),
    Row("notice-choices", get="all", post="all", body={"due_bell": "on", "digest_email": "on"}),
    Row("quiet-hours", post="all", body={"quiet_from": "20:00", "quiet_until": "07:00"}),
    Row("absences", get="all", post="all", body={"first_day": "2998-01-01", "last_day": "2998-01-09", "note": "Skiing"}),
    Row("absence-remove", post="mine", about="absence"),
    Row("calendar-address", get="all", post="all"),
    Row("calendar-revoke", post="all"),
    Row("tokens", get="all", post="all", body={"name": "Shop", "scope": "read", "once_key": "k10"}),
    Row("token-revoke", post="own token", about="token"),
    Row("api-docs", get="all"),
    Row("organizations", get="all"),
    Row("organization-new", get="all", post="all", body={"name": "New Ltd", "once_key": "k1"}),
    Row("organization", get="organization", about="organization"),
    Row("organization-edit", get="edit organization", post="edit organization", about="organization",
        body={"name": "Renamed", "version": 1}),
    Row("organization-delete", get="own organization", post="own organization", about="spare_organization"),
    Row("organization-restore", post="own organization", about="gone_organization"),
    Row("organization-deals", get="organization", about="organization"),
    Row("organization-tasks", get="organization", about="organization"),
    Row("organization-task-new", get="edit organization", post="edit organization", about="organization",
        body={"title": "Write", "due_on": "in 3 days", "once_key": "k11"}),
    Row("contacts", get="all"),
    Row("contact-new", get="all", post="all", body={"name": "New Person", "once_key": "k2"}),
    Row("contact", get="see", about="contact"),
    Row("contact-edit", get="edit", post="edit", about="contact", body={"name": "Renamed", "version": 1}),
    Row("contact-delete", get="own contact", post="own contact", about="spare_contact"),
    Row("contact-restore", post="own contact", about="gone_contact"),
    Row("contact-deals", get="see", about="contact"),
    Row("board-default", get="all"),
    Row("board", get="all", about="pipeline"),
    Row("board-keys", get="all"),
    Row("deal-list", get="all", about="pipeline"),
    Row("board-views", get="all", about="pipeline"),
    Row("view-new", post="all", about="pipeline", body={"name": "Mine", "shown": "board"}),
    Row("views", get="all"),
    Row("view", get="mine", about="view"),
    Row("view-edit", post="mine", about="view", body={"name": "Renamed"}),
    Row("view-delete", post="mine", about="view"),
    Row("view-first", post="mine", about="view"),
    Row("bulk-ask", post="edit", about="pipeline", body={"deals": "deal", "action": "close"}),
    Row("bulk-start", post="edit", about="pipeline",
        body={"deals": "deal", "action": "close", "day": "2999-01-01", "once_key": "k9"}),
    Row("bulk-run", get="mine", about="run"),
    Row("bulk-take-back", post="mine", about="run"),
    Row("deal-list-filters", get="all", about="pipeline"),
    Row("deal-close-date", post="edit", about="deal", body={"by": "week", "version": 1}),
    Row("board-no-next", get="all", about="pipeline"),
    Row("board-filters", get="all", about="pipeline"),
    Row("board-cards", get="all", about="pipeline"),
    Row("board-stream", get="all", about="pipeline"),
    Row("day-stream", get="all"),
    Row("board-changes", get="all", about="pipeline"),
    Row("board-column", get="all", about="pipeline", more=("first",)),
    Row("deal-new", get="all", post="all", body={"title": "New", "to": "first", "once_key": "k3"}),
    Row("deal-others", get="all"),
    Row("deal", get="see", about="deal"),
    Row("deal-stream", get="see", about="deal"),
    Row("deal-timeline", get="see", about="deal"),
    Row("deal-move", get="edit", post="edit", about="deal", body={"to": "second", "version": 1}),
    Row("deal-quick", get="edit", post="edit", about="deal", body={"value": "900", "currency": "EUR", "version": 1}),
    Row("deal-row", get="see", about="deal"),
    Row("deal-gates", get="edit", about="deal"),
    Row("move-undo", post="edit", about="visit"),
    Row("deal-field", get="edit", post="edit", about="deal", body={"title": "Renamed", "version": 1}, more=("title",)),
    Row("deal-log", get="edit", post="edit", about="deal", body={"type": "call", "text": "Hello", "once_key": "k4"}),
    Row("deal-log-remove", post="own activity", about="deal", more=("call_log",)),
    Row("deal-log-restore", post="own activity", about="deal", more=("call_log",)),
    Row("deal-commit", get="edit", post="edit", about="deal", body={"condition": "said"}),
    Row("deal-withdraw", post="edit", about="deal", body={"condition": "said"}),
    Row("deal-contacts", get="edit", post="edit", about="deal", body={"name": "Somebody", "once_key": "k5"}),
    Row("deal-contact", get="edit", post="edit", about="deal", body={"role": "champion", "stance": "for"}, more=("contact",)),
    Row("deal-contact-remove", post="edit", about="deal", more=("contact",)),
    Row("deal-members", get="edit", post="edit", about="deal", body={"user": "mate", "role": "legal"}),
    Row("deal-member-remove", post="edit", about="deal", more=("membership",)),
    Row("deal-files", get="edit", post="edit", about="deal", body={"file": "pdf", "type": "contract"}),
    Row("deal-file", get="see", about="deal", more=("file",)),
    Row("deal-file-change", get="edit", post="edit", about="deal", body={"type": "offer", "signed": "on"}, more=("file",)),
    Row("deal-file-remove", post="edit", about="deal", more=("file",)),
    Row("deal-comment", post="talk", about="deal", body={"text": "What do you think?", "once_key": "k7"}),
    Row("deal-comment-remove", post="own comment", about="deal", more=("comment",)),
    Row("deal-follow", post="talk", about="deal", body={"follows": "0"}),
    Row("deal-readers", get="see", about="deal"),
    Row("deal-pause", get="edit", post="edit", about="deal", body={"until": "2999-01-01", "reason": "Budget"}),
    Row("deal-resume", post="edit", about="deal"),
    Row("deal-reopen", post="edit", about="deal", body={"to": "first", "version": 1}),
    Row("deal-dates", get="manage", post="manage", about="deal", body={"reason": "Typed late"}),
    Row("deal-pipeline", get="manage", post="manage", about="deal", body={"to": "first"}),
    Row("deal-duplicate", post="edit", about="deal", body={"once_key": "k8"}),
    Row("deal-merge", get="edit", post="edit", about="deal",
        body={"other": "twin", "version": "deal_version", "other_version": 1}),
    Row("deal-delete", get="manage", post="manage", about="deal"),
    Row("deal-restore", post="manage", about="gone"),
    Row("my-day", get="all"),
    Row("tasks", get="all"),
    Row("tasks-bulk-ask", post="own task", body={"tasks": "task", "action": "due"}),
    Row("tasks-bulk", post="own task", body={"tasks": "task", "action": "due", "due_on": "in 3 days", "once_key": "k12"}),
    Row("deal-task-new", get="edit", post="edit", about="deal", body={"title": "Write", "due_on": "in 3 days", "once_key": "k6"}),
    Row("deal-next", get="edit", post="edit", about="deal", body={"title": "Write", "due_on": "in 3 days", "once_key": "k13"}),
    Row("task-done", post="own task", about="task"),
    Row("task-skip", post="own task", about="task"),
    Row("task-reopen", post="own task", about="task"),
    Row("task-reschedule", post="own task", about="task", body={"due_on": "in 3 days"}),
    Row("task-snooze", get="own task", post="own task", about="task", body={"due_on": "in 3 days"}),
    Row("task-back", post="own task", about="task", more=("1",)),
    Row("task-count", post="own task", about="task", body={"counted": "1"}),
    Row("goals", get="all"),
    Row("task-remind", post="own task", about="task", body={"before": "0"}),
    Row("approval-ask", get="edit", post="edit", about="deal", body={"condition": "to_approve"}),
    Row("approvals", get="all"),
    Row("approvals-count", get="all"),
    Row("approval-decide", post="manage", about="approval", body={"approve": "1"}),
]  # fmt: skip
PUBLIC = {
    "sign-in", "password-reset", "password-reset-sent", "password-reset-choose", "password-reset-link", "healthz", "readyz",
    "csp_report", "unsubscribe", "calendar-feed", "api-schema", "api-not-here",
}  # fmt: skip
# Visible but not allowed is 403, not 404: rights that only some of those who see the deal have.
SEEN_ONLY = {"manage": {"owner", "member"}, "edit organization": set(INSIDE), "own organization": set(INSIDE)}


def routes(patterns: list[Any] | None = None, inside: str = "") -> Iterator[tuple[str, str]]:
    """(namespace, name) of every route."""
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        if isinstance(pattern, URLResolver):
            yield from routes(pattern.url_patterns, pattern.namespace or inside)
        elif isinstance(pattern, URLPattern):
            yield inside, str(pattern.name)


def test_every_route_has_its_row() -> None:
    ours = {name for namespace, name in routes() if namespace != "admin"}
    # Those of the API have a table of their own, with scopes.
    assert ours == {row.name for row in MATRIX} | PUBLIC | api_matrix.NAMES


def address(row: Row, world: World, about: Any = None) -> str:
    if not row.about:
        return reverse(row.name)
    pk = getattr(world, row.about).pk if about is None else about
    more = []
    for each in row.more:
        known = {"membership": DealMember.objects.filter(deal=world.deal).first()}.get(each) or getattr(
            world, each, each
        )
        more.append(getattr(known, "pk", known))
    return reverse(row.name, args=[pk, *more])


def body_of(row: Row, world: World) -> dict[str, Any]:
    found = {name: getattr(world, str(value), value) for name, value in row.body.items()}
    return {
        name: value.again() if isinstance(value, sample_files.Sent) else getattr(value, "pk", value)
        for name, value in found.items()
    }


def ask(client: Client, method: str, url: str, body: dict[str, Any]) -> Any:
    answer: Any = client.post(url, body) if method == "post" else client.get(url, body)
    # A file is read to its end, which closes it; a stream of events has none.
    if answer.streaming and "event-stream" not in answer.headers["Content-Type"]:
        answer.getvalue()
    return answer


def words(answer: Any) -> str:
    """The page without what differs each time: tokens, ids of requests, numbers that were asked for."""
    text = re.sub(r"csrfmiddlewaretoken[^>]*>|X-CSRFToken[^}]*}", "", answer.content.decode())
    return re.sub(r"\d{2,}", "#", text)


@pytest.fixture(scope="module")
def world(django_db_setup: None, django_db_blocker: Any) -> Iterator[World]:
    """One for all: each test changes it within a transaction of its own that ends with the test."""
    with django_db_blocker.unblock(), transaction.atomic():
        made = World()
        made.sign_everybody_in()
        yield made
        transaction.set_rollback(True)


@pytest.mark.parametrize("row", MATRIX, ids=lambda row: row.name)
def test_the_matrix(row: Row, world: World) -> None:
    User.objects.filter(pk=world.deactivated.pk).update(is_active=False)
    for method, grant in (("get", row.get), ("post", row.post)):
        # A method that is not offered, or a page for all, is the same for everybody: some stand for the rest.
        for actor in ["owner"] if not grant else FEW if grant == "all" else ACTORS:
            with transaction.atomic():
                one_visit(row, world, method, grant, actor)
                transaction.set_rollback(True)


def one_visit(row: Row, world: World, method: str, grant: str, actor: str) -> None:
    client, said = world.browser(actor), f"{actor} {method} {row.name}"
    allowed = bool(grant) and actor in GRANTS[grant][0]
    with nullcontext() if allowed and method == "post" else no_trace(said):
        answer = ask(client, method, address(row, world), body_of(row, world))
    status = answer.status_code
    if not grant:
        assert status in (302, 404, 405), f"{said}: {status}"
    elif actor in ("anonymous", "deactivated"):
        assert status == 302 and answer.headers["Location"].startswith(reverse("sign-in")), f"{said}: {status}"
        part = world.browser(actor, headers={"HX-Request": "true"})
        with no_trace(said):
            told = ask(part, method, address(row, world), body_of(row, world))
        assert (told.status_code, "HX-Redirect" in told.headers) == (401, True), f"{said}: {told.status_code}"
    elif allowed:
        assert status in (200, 204, 302, 409, 422), f"{said}: {status}"
    else:
        only_seen = SEEN_ONLY.get(grant, set()) - ({"member"} if row.about == "gone" else set())
        expected = 403 if actor in only_seen else GRANTS[grant][1]
        assert status == expected, f"{said}: {status}, expected {expected}"


@pytest.mark.parametrize(
    "row", [row for row in MATRIX if row.about and row.about != "pipeline"], ids=lambda row: row.name
)
def test_what_one_may_not_see_looks_like_what_does_not_exist(row: Row, world: World) -> None:
    client = world.browser("stranger")
    for method, grant in (("get", row.get), ("post", row.post)):
        if not grant or "stranger" in GRANTS[grant][0] or grant in ("edit organization", "own organization"):
            continue
        foreign = ask(client, method, address(row, world), body_of(row, world))
        missing = ask(client, method, address(row, world, MISSING), body_of(row, world))
        assert foreign.status_code == missing.status_code == 404
        assert words(foreign) == words(missing)


@pytest.mark.parametrize("row", [row for row in MATRIX if row.about == "deal"], ids=lambda row: row.name)
def test_a_team_that_may_read_talks_and_does_not_write(row: Row, world: World) -> None:
    Company.objects.create(pk=1, reps_see_team_deals=True)
    client = world.browser("mate")
    expected = {"see": 200, "talk": 302, "own comment": 404, "own activity": 404}
    for method, grant in (("get", row.get), ("post", row.post)):
        if grant:
            with nullcontext() if grant == "talk" else no_trace(row.name):
                status = ask(client, method, address(row, world), body_of(row, world)).status_code
            assert status == expected.get(grant, 403), f"{method} {status}"


@pytest.mark.parametrize("row", [row for row in MATRIX if row.about == "deal"], ids=lambda row: row.name)
def test_a_deleted_deal_is_gone_for_all_doors(row: Row, world: World) -> None:
    client = world.browser("admin")
    for method, grant in (("get", row.get), ("post", row.post)):
        if grant:
            status = ask(client, method, address(row, world, world.gone.pk), body_of(row, world)).status_code
            assert status in (404, 410) or (row.name == "deal" and status == 200)


def test_organizations_may_be_closed_to_those_who_have_nothing_to_do_with_them(world: World) -> None:
    Company.objects.create(pk=1, everyone_sees_organizations=False)
    seen = {
        actor: world.browser(actor).get(reverse("organization", args=[world.organization.pk])).status_code
        for actor in INSIDE
    }
    assert seen == {
        "owner": 200, "member": 200, "boss": 200, "admin": 200, "mate": 404, "stranger": 404, "other_boss": 404, "left": 404,
    }  # fmt: skip


@pytest.mark.parametrize("row", [row for row in MATRIX if row.post], ids=lambda row: row.name)
def test_a_form_of_another_site_is_refused(row: Row, world: World) -> None:
    client = world.browser("admin", enforce_csrf_checks=True)
    with no_trace(row.name):
        assert client.post(address(row, world), body_of(row, world)).status_code == 403


@pytest.mark.parametrize("actor", ["owner", "boss"])
def test_the_administration_is_for_admins(world: World, actor: str) -> None:
    client = world.browser(actor)
    for namespace, name in routes():
        if namespace == "admin" and name not in ("None", "logout"):
            arguments: list[Any] = []
            for count in range(3):
                try:
                    url = reverse(f"admin:{name}", args=arguments)
                except Exception:
                    arguments = [1] * (count + 1)
                    continue
                with no_trace(url):
                    assert client.get(url).status_code in (302, 403, 404), url
                break


@pytest.mark.parametrize("actor", ACTORS)
def test_only_an_admin_revokes_the_token_of_another(world: World, actor: str) -> None:
    User.objects.filter(pk=world.deactivated.pk).update(is_active=False)
    url = reverse("admin:crm_user_token_revoke", args=[world.owner.pk, world.token.pk])
    client = world.browser(actor)
    with nullcontext() if actor == "admin" else no_trace(actor):
        status = client.post(url).status_code
    assert status == (302 if actor in ("anonymous", "deactivated", "admin") else 403)
    world.token.refresh_from_db()
    assert (world.token.revoked_at is not None) == (actor == "admin")


SMUGGLED = [
    ("deal-field", ("organization",), {"organization": "foreign_organization"}),
    ("deal-field", ("owner",), {"owner": "stranger"}),
    ("deal-contacts", (), {"contact": "foreign_contact"}),
    ("deal-log", (), {"type": "call", "text": "Hello", "with": "foreign_contact", "contacts": "foreign_contact"}),
    ("deal-move", (), {"to": "foreign_stage", "version": 1}),
    ("deal-pipeline", (), {"to": "second"}),
    ("deal-merge", (), {"other": "foreign_deal", "other_version": "1", "title": "theirs"}),
]


@pytest.mark.parametrize(("name", "more", "body"), SMUGGLED, ids=lambda value: str(value)[:40])
def test_no_id_of_others_is_taken(world: World, name: str, more: tuple[str, ...], body: dict[str, Any]) -> None:
    Company.objects.create(pk=1, everyone_sees_organizations=False)
    world.foreign_organization = make.organization(world.stranger)  # type: ignore[attr-defined]
    world.foreign_stage = world.other_pipeline.stages.first()  # type: ignore[attr-defined]
    client = world.browser("boss" if name == "deal-pipeline" else "owner")
    sent = {key: getattr(getattr(world, str(value), value), "pk", value) for key, value in body.items()}
    fresh = Deal.objects.get(pk=world.deal.pk)
    client.post(reverse(name, args=[world.deal.pk, *more]), {**sent, "version": fresh.version, "once_key": "s1"})
    after = Deal.objects.get(pk=world.deal.pk)
    assert (after.organization, after.owner, after.stage) == (fresh.organization, fresh.owner, fresh.stage)
    assert not after.people.filter(contact=world.foreign_contact).exists()
    assert not Activity.objects.filter(contacts=world.foreign_contact).exists()


def test_no_field_is_written_that_a_form_does_not_offer(world: World) -> None:
    client, fresh = world.browser("owner"), Deal.objects.get(pk=world.deal.pk)
    sent = {f.name: "1" for f in Deal._meta.concrete_fields if f.name not in ("title", "version")}
    answer = client.post(
        reverse("deal-field", args=[fresh.pk, "title"]), {**sent, "title": "Renamed", "version": fresh.version}
    )
    after = Deal.objects.get(pk=fresh.pk)
    changes = {"title", "title_key", "version", "updated_at", "updated_by", "card_changed_at"}
    assert answer.status_code < 400 and after.title == "Renamed"
    assert all(
        getattr(after, f.name) == getattr(fresh, f.name) for f in Deal._meta.concrete_fields if f.name not in changes
    )


def test_a_field_that_is_not_for_people_has_no_page(world: World) -> None:
    client = world.browser("admin")
    for name in ("version", "status", "stage", "closed_at", "created_by", "deleted_at", "password"):
        assert (
            client.post(reverse("deal-field", args=[world.deal.pk, name]), {name: "1", "version": 1}).status_code == 404
        )
