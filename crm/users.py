"""The only writer of people: who they are, what they may, and when they leave. Each change is a row of the audit trail."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.contrib.sessions.models import Session
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from crm import clock, handover, records, reminders, tokens
from crm.models import User
from crm.sign_in import account_key, forget_tries
from crm.text import clean_text

PROFILE = ("name", "time_zone", "theme")
QUIET = ("quiet_from", "quiet_until")


class LastAdmin(ValidationError):
    """Somebody must be able to configure, and to let others in again."""

    def __init__(self) -> None:
        super().__init__(_("This is the last administrator: make somebody else one first."), code="last_admin")


@transaction.atomic
def create(
    email: str, name: str, *, role: str, by: User | None, via: str, time_zone: str = "UTC", password: str | None = None,
    now: datetime | None = None,
) -> User:  # fmt: skip
    """Without a password, the person sets one by the link that `password_reset.invite` sends."""
    now = now or clock.now()
    user = User.objects.create_user(
        clean_text(email), password, name=clean_text(name), role=role, time_zone=time_zone, created_at=now
    )
    records.note_person(
        user, {"email": (None, user.email), "name": (None, user.name), "role": (None, role)}, by=by, via=via, now=now
    )
    return user


@transaction.atomic
def edit_profile(user: User, changes: Mapping[str, Any], *, by: User, via: str, now: datetime | None = None) -> User:
    """Name, time zone, theme and quiet hours, nothing else. Raises ValidationError by field."""
    unknown = set(changes) - {*PROFILE, *QUIET}
    if unknown:
        raise ValidationError({name: ValidationError(f"{name}?", code="unknown_field") for name in unknown})
    # Weaker than the lock of a deletion: a worker that tells this person something refers to the row, and must not wait.
    locked = User.objects.select_for_update(no_key=True).get(pk=user.pk)
    values = {**changes, "name": clean_text(changes["name"])} if "name" in changes else dict(changes)
    zone, now = locked.time_zone, now or clock.now()
    edited = _write(locked, values, by=by, via=via, now=now)
    if edited.time_zone != zone:
        reminders.zone_changed(edited, now)
    return edited


@transaction.atomic
def set_password(user: User, password: str, *, by: User | None, via: str, now: datetime | None = None) -> None:
    """All sessions of the person end, except one that its page keeps; tries to guess the old password are forgotten."""
    user.set_password(password)
    user.save(update_fields=["password"])
    forget_tries(account_key(user.email))
    records.note_person(user, {"password": (None, None)}, by=by, via=via, now=now or clock.now())


@transaction.atomic
def change_role(user: User, role: str, *, by: User, via: str, now: datetime | None = None) -> User:
    """Raises LastAdmin. Whoever may more or less than before signs in again."""
    locked = _lock_with_admins(user)
    if locked.role == User.Role.ADMIN and role != User.Role.ADMIN:
        _refuse_last_admin(locked)
    if locked.role != role:
        end_sessions(locked)
    return _write(locked, {"role": role}, by=by, via=via, now=now or clock.now())


@transaction.atomic
def deactivate(
    user: User, *, deals_to: User | None, by: User, via: str = "admin", now: datetime | None = None
) -> dict[str, int]:
    """Ends every session and token at once and hands deals, tasks and other records to `deals_to`. Gives how many of each.

    Raises LastAdmin, and ValidationError when there is something to hand over and nobody who can take it.
    """
    now = now or clock.now()
    locked = _lock_with_admins(user)
    _refuse_last_admin(locked)
    if deals_to is None and handover.held_by(locked):
        raise ValidationError(
            {"deals_to": ValidationError(_("Say who takes over the deals and tasks."), code="required")}
        )
    if deals_to is not None and (deals_to.pk == locked.pk or not deals_to.is_active):
        raise ValidationError({"deals_to": ValidationError(_("Choose somebody who stays."), code="invalid")})
    _write(locked, {"is_active": False}, by=by, via=via, now=now)
    end_sessions(locked)
    tokens.revoke_all(locked, now=now)
    return handover.hand_over_all(locked, deals_to, by=by, now=now) if deals_to else {}


@transaction.atomic
def reactivate(user: User, *, by: User, via: str = "admin", now: datetime | None = None) -> User:
    """The person may sign in again; what was handed over stays where it is."""
    locked = User.objects.select_for_update().get(pk=user.pk)
    return _write(locked, {"is_active": True}, by=by, via=via, now=now or clock.now())


def end_sessions(user: User) -> None:
    """A session does not say whose it is until it is read; there are few of them, and this is seldom done."""
    for session in Session.objects.iterator():
        if session.get_decoded().get("_auth_user_id") == str(user.pk):
            session.delete()


def _write(user: User, values: Mapping[str, Any], *, by: User, via: str, now: datetime) -> User:
    changed = {name: (getattr(user, name), new) for name, new in values.items() if getattr(user, name) != new}
    for name, (_old, new) in changed.items():
        setattr(user, name, new)
    user.full_clean()
    user.save(update_fields=list(changed))
    records.note_person(user, changed, by=by, via=via, now=now)
    return user


def _lock_with_admins(user: User) -> User:
    """Locks the person and every admin in one order, so that two admins cannot demote each other at once."""
    admins = User.objects.filter(role=User.Role.ADMIN).values("pk")
    locked = {
        each.pk: each
        for each in User.objects.select_for_update().filter(pk__in={user.pk, *_pks(admins)}).order_by("pk")
    }
    return locked[user.pk]


def _pks(rows: Any) -> list[int]:
    return [row["pk"] for row in rows]


def _refuse_last_admin(user: User) -> None:
    others = User.objects.active().filter(role=User.Role.ADMIN).exclude(pk=user.pk)
    if user.is_admin and not others.exists():
        raise LastAdmin
