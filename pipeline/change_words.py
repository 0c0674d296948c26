"""Changes of a deal's fields in the words of a salesperson: “Anna changed the value from €1,000 to €2,000”."""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from typing import Any

from django.utils.formats import date_format
from django.utils.translation import gettext as _

from crm import money
from crm.models import Change, User
from leads.models import Contact, Organization, Source
from pipeline.fields import DEAL_FIELDS
from pipeline.models import ContactRole, Deal, DealFile, MemberRole, Product, Stance, Tag

# What moves and closing write is told by the moves.
TOLD_BY_MOVES = [
    "stage", "status", "pipeline", "closed_at", "close_reason", "close_note", "credited_owner", "credited_team", "started_at",
]  # fmt: skip
_LABELS = {field.name: field.label for field in DEAL_FIELDS}
_MODELS: dict[str, Any] = {
    "owner": User, "organization": Organization, "source": Source, "product": Product, "tags": Tag, "contacts": Contact, "members": User,
    "merged": Deal, "merged_into": Deal,
}  # fmt: skip
_ICONS = {
    "paused_until": "clock",
    "contacts": "users",
    "members": "users",
    "files": "paperclip",
    "deleted_at": "trash",
    "history": "calendar",
    "merged": "arrow-merge",
    "merged_into": "arrow-merge",
}


def entries(deal: Deal, limit: int, entry: Callable[..., Any]) -> Iterator[Any]:
    """One a save: fields changed together are one sentence. Creation is told by the first stay."""
    rows = Change.objects.filter(object_type="deal", object_id=deal.pk, version__gt=1).exclude(field__in=TOLD_BY_MOVES)
    saved: dict[int, list[Change]] = defaultdict(list)
    # A save changes few fields, so this many rows hold `limit` saves unless somebody edits everything at once.
    for row in rows.select_related("by").order_by("-at", "-pk")[: limit * 3]:
        saved[row.version].append(row)
    names = _names([row for changes in saved.values() for row in changes])
    for changes in saved.values():
        first = changes[0]
        words = "; ".join(
            text for row in sorted(changes, key=lambda row: row.pk) if (text := _words(row, changes, deal, names))
        )
        if words:
            who = first.by.name if first.by else _("The process")
            notes = [_("Reason: %(why)s") % {"why": first.reason}] if first.reason else []
            icon = _ICONS.get(first.field, "pencil")
            yield entry(
                first.at, first.at, first.by, icon, _("%(who)s %(did)s") % {"who": who, "did": words}, notes,
                small=first.field not in ("merged", "merged_into", "deleted_at"), key=f"change-{first.version}",
                merged=first.new if first.field == "merged" else None,
            )  # fmt: skip


def _words(row: Change, together: Sequence[Change], deal: Deal, names: dict[tuple[str, int], str]) -> str:
    special = _SPECIAL.get(row.field)
    if special is not None:
        return special(row, together, names)
    if row.field not in _LABELS:
        return ""
    given = {
        "field": str(_LABELS[row.field]).lower(),
        "old": _shown(row.field, row.old, row, together, deal, names),
        "new": _shown(row.field, row.new, row, together, deal, names),
    }
    if row.old in (None, "", []):
        return _("set the %(field)s to %(new)s") % given
    if row.new in (None, "", []):
        return _("cleared the %(field)s, which was %(old)s") % given
    return _("changed the %(field)s from %(old)s to %(new)s") % given


def _shown(
    field: str, value: Any, row: Change, together: Sequence[Change], deal: Deal, names: dict[tuple[str, int], str]
) -> str:
    if value is None:
        return "–"
    if field == "value":
        return money.format_money(Decimal(value), _currency(row, value is row.old, together, deal))
    if field == "expected_close":
        return date_format(datetime.date.fromisoformat(value), "j M Y")
    if field == "tags":
        return ", ".join(names.get((field, pk), "?") for pk in value) or "–"
    if field in _MODELS:
        return names.get((field, value), "?")
    return f"“{value}”" if field == "title" else str(value)


def value_words(field: str, value: Any, deal: Deal) -> str:
    """A stored value of a field as people read it."""
    row = Change(field=field, old=None, new=value)
    return _shown(field, value, row, [], deal, _names([row]))


def _currency(row: Change, old: bool, together: Sequence[Change], deal: Deal) -> str:
    """The currency changed with it, or else the deal's own."""
    change = next((other for other in together if other.field == "currency"), None)
    if change is None:
        return deal.currency
    return str(change.old if old else change.new)


# --- What is no field of the form


def _paused(row: Change, together: Sequence[Change], names: dict[tuple[str, int], str]) -> str:
    if row.new is None:
        return _("ended the pause")
    why = next((other.new for other in together if other.field == "pause_reason"), "")
    day = date_format(datetime.datetime.fromisoformat(row.new), "j M Y")
    return (
        _("paused it until %(day)s: %(why)s") % {"day": day, "why": why}
        if why
        else _("paused it until %(day)s") % {"day": day}
    )


def _deleted(row: Change, together: Sequence[Change], names: dict[tuple[str, int], str]) -> str:
    if any(other.field == "merged_into" for other in together):
        return ""
    return _("brought it back") if row.new is None else _("deleted it")


def _merged(row: Change, together: Sequence[Change], names: dict[tuple[str, int], str]) -> str:
    return _("merged “%(title)s” into this deal") % {"title": names.get((row.field, int(row.new or 0)), "?")}


def _merged_into(row: Change, together: Sequence[Change], names: dict[tuple[str, int], str]) -> str:
    return _("merged it into “%(title)s”") % {"title": names.get((row.field, int(row.new or 0)), "?")}


def _history(row: Change, together: Sequence[Change], names: dict[tuple[str, int], str]) -> str:
    return _("corrected the dates of the stages")


def _contact(row: Change, together: Sequence[Change], names: dict[tuple[str, int], str]) -> str:
    old, new = _person(row.old, names), _person(row.new, names)
    if new is None:
        return _("removed %(name)s from the deal") % {"name": old[0] if old else "?"}
    name, about = new
    if old is None:
        return (_("added %(name)s (%(about)s)") if about else _("added %(name)s")) % {"name": name, "about": about}
    return _("noted %(name)s as: %(about)s") % {"name": name, "about": about or _("no role")}


def _person(value: str | None, names: dict[tuple[str, int], str]) -> tuple[str, str] | None:
    """“12 champion for main” → the name, and what the person is on the deal. The role may be empty."""
    if value is None:
        return None
    pk, role, stance, *main = value.split(" ")
    said = [str(ContactRole(role).label)] if role in ContactRole.values else []
    said += [str(Stance(stance).label)] if stance in Stance.values and stance != Stance.UNKNOWN else []
    said += [_("main contact")] if main else []
    return names.get(("contacts", int(pk)), "?"), ", ".join(said).lower()


def _member(row: Change, together: Sequence[Change], names: dict[tuple[str, int], str]) -> str:
    pk, role = str(row.new or row.old).split(" ", 1)
    given = {
        "name": names.get(("members", int(pk)), "?"),
        "role": str(MemberRole(role).label).lower() if role in MemberRole.values else role,
    }
    return (_("added %(name)s as %(role)s") if row.new else _("removed %(name)s as %(role)s")) % given


def _file(row: Change, together: Sequence[Change], names: dict[tuple[str, int], str]) -> str:
    file: dict[str, Any] = row.new or {}
    type = file.get("type", "")
    label = str(DealFile.Type(type).label).lower() if type in DealFile.Type.values else type
    given = {"name": file.get("name", "?"), "type": label}
    signed, unsigned = _("noted “%(name)s” as: %(type)s, signed"), _("noted “%(name)s” as: %(type)s, not signed")
    return (signed if file.get("signed") else unsigned) % given


_SPECIAL: dict[str, Callable[..., str]] = {
    "paused_until": _paused,
    "pause_reason": lambda row, together, names: "",
    "deleted_at": _deleted,
    "history": _history,
    "merged": _merged,
    "merged_into": _merged_into,
    "contacts": _contact,
    "members": _member,
    "files": _file,
}


def _names(rows: Sequence[Change]) -> dict[tuple[str, int], str]:
    """Field and id → the name as it is now: at most one query a kind of record."""
    wanted: dict[Any, dict[str, set[int]]] = defaultdict(lambda: defaultdict(set))
    for row in rows:
        model = _MODELS.get(row.field)
        for value in (row.old, row.new):
            if model is not None and value is not None:
                wanted[model][row.field].update(_ids(row.field, value))
    found: dict[tuple[str, int], str] = {}
    for model, by_field in wanted.items():
        named = model.objects.in_bulk(set().union(*by_field.values()))
        found |= {(name, pk): str(named[pk]) for name, ids in by_field.items() for pk in ids if pk in named}
    return found


def _ids(field: str, value: Any) -> set[int]:
    if field == "tags":
        return set(value)
    if field in ("contacts", "members"):
        return {int(str(value).split(" ", 1)[0])}
    return {value} if isinstance(value, int) else set()
