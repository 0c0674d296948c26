"""How deals are found, by their title or by the organization, and the people whose deals one may look at."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.db.models import BooleanField, ExpressionWrapper, OuterRef, Q, Subquery
from django.urls import reverse
from django.utils.translation import get_language, to_locale
from django.utils.translation import gettext as _

from crm import opened
from crm.access import reach
from crm.finding import Found, Names, Rank, Wanted, find, rank_of
from crm.models import User
from crm.money import format_money
from crm.search import Hit, ranked
from crm.text import same_name_key
from leads.models import Organization
from pipeline.models import Deal, Kind, Pipeline, Stage
from pipeline.models.deals import DealQuerySet

MOST_ORGANIZATIONS = 50
_CLOSED = ExpressionWrapper(Q(closed_at__isnull=False), BooleanField())


def find_deals(wanted: Wanted) -> list[Hit]:
    rows = Deal.objects.visible_to(wanted.user)
    # Open deals first: who searches wants to work on one.
    names = Names(rows, "title_key", first=Q(closed_at__isnull=True))
    found = find(names, wanted, opened.ids(wanted.user, "deal"))
    if len(found) < wanted.limit and not wanted.alike:
        found += _of_organizations(rows, wanted, {row.pk for row in found})
    return ranked(found, _shown(rows, [row.pk for row in found]))


def _of_organizations(rows: DealQuerySet, wanted: Wanted, known: set[int]) -> list[Found]:
    """Deals whose organization is called so. Who sees a deal reads the name of its organization there."""
    named = {"name_key__contains" if wanted.long else "name_key__startswith": wanted.key}
    some = Organization.objects.existing().filter(**named).order_by().values("pk")[:MOST_ORGANIZATIONS]
    theirs = rows.filter(organization__in=some).exclude(pk__in=known).order_by(_CLOSED.asc(), "-pk")
    left = wanted.limit - len(known)
    return [Found(pk, "", Rank.ELSEWHERE, True, 0.0) for pk in theirs.values_list("pk", flat=True)[:left]]


def show_deals(user: User, ids: Sequence[int]) -> dict[int, Hit]:
    return _shown(Deal.objects.visible_to(user), ids)


def _shown(rows: DealQuerySet, ids: Sequence[int]) -> dict[int, Hit]:
    columns = ("pk", "title", "organization__name", "stage__name", "value", "currency")
    some = rows.filter(pk__in=ids).values_list(*columns) if ids else ()
    return {pk: Hit(title, _detail(*rest), reverse("deal", args=[pk])) for pk, title, *rest in some}


def _detail(organization: str | None, stage: str, value: Decimal | None, currency: str) -> str:
    amount = format_money(value, currency, to_locale(get_language() or "en")) if value is not None else ""
    return " · ".join(part for part in (organization, stage, amount) if part)


# --- People: their deals on the board


def find_people(wanted: Wanted) -> list[Hit]:
    boards = _boards(wanted.user)
    if not boards or wanted.alike:
        return []
    hits = [
        Hit(name, _("Deals on the board"), f"{boards[0].url}?owner={pk}", rank)
        for pk, name, email in _in_sight(wanted.user)
        if (rank := _rank_of_person(name, email, wanted)) is not None
    ]
    return sorted(hits, key=lambda hit: (hit.rank, hit.title))[: wanted.limit]


def _in_sight(user: User) -> Iterable[tuple[int, str, str]]:
    """Whose deals one may look at, as in the filter of the board."""
    bounds, people = reach(user), User.objects.active()
    if not bounds.everyone:
        people = people.filter(pk__in={user.pk, *bounds.managed_users, *bounds.team_mates})
    return people.order_by().values_list("pk", "name", "email")


def _rank_of_person(name: str, email: str, wanted: Wanted) -> Rank | None:
    rank = rank_of(same_name_key(name), wanted)
    return Rank.ELSEWHERE if rank is None and wanted.long and wanted.text.lower() in email else rank


# --- Pages and actions


@dataclass(frozen=True)
class _Board:
    name: str
    url: str
    first_stage: int | None


def _boards(user: User) -> list[_Board]:
    """The pipelines in use, with the stage in which a new deal begins. Read once a request, like the user's reach."""
    known: list[_Board] | None = getattr(user, "_boards", None)
    if known is None:
        stages = Stage.objects.in_use().filter(pipeline=OuterRef("pk"), kind=Kind.OPEN).order_by("order", "pk")
        rows = Pipeline.objects.in_use().values_list("pk", "name", Subquery(stages.values("pk")[:1]))
        known = [_Board(name, reverse("board", args=[pk]), stage) for pk, name, stage in rows]
        user._boards = known  # type: ignore[attr-defined]
    return known


def pages(user: User) -> list[Hit]:
    title = _("Board") if len(_boards(user)) < 2 else _("Board: %(pipeline)s")
    hits = [Hit(title % {"pipeline": each.name}, "", each.url, icon="layout-kanban") for each in _boards(user)]
    if user.is_manager:
        hits.append(Hit(_("Waiting for you"), "", reverse("approvals"), icon="shield-check"))
    return hits


def actions(user: User) -> list[Hit]:
    title = _("New deal") if len(_boards(user)) < 2 else _("New deal in %(pipeline)s")
    return [
        Hit(title % {"pipeline": each.name}, "", f"{reverse('deal-new')}?to={each.first_stage}", icon="briefcase")
        for each in _boards(user)
        if each.first_stage
    ]
