"""The one writer of access tokens, by which programs act for somebody: never more than their owner may."""

from __future__ import annotations

import hashlib
import secrets
from datetime import UTC, datetime, timedelta

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from crm import clock, once, records
from crm.fields import Field, FieldKind
from crm.models import ApiToken, Change, User

BEGINS = "sc_"
SHOWN = 11
"""Characters of a value by which its owner knows it again: too few to help anybody guess the rest."""
LENGTH = len(BEGINS) + 43
DOUBLE_CLICK = timedelta(seconds=10)
MOST = 50
"""Tokens in use of one person."""


def make(user: User, name: str, scope: str, *, once_key: str = "", now: datetime | None = None) -> tuple[ApiToken, str]:
    """The token and its value, which is known only here and now. Raises ValidationError by field.

    The same `once_key` twice is a double click: it gives the same token another value, for the first was not seen.
    """
    if scope not in ApiToken.Scope.values:
        raise ValidationError({"scope": _("Choose read, write or admin.")})
    if not user.is_active:
        raise ValidationError(_("%(name)s no longer works here.") % {"name": user.name})
    if ApiToken.objects.of(user).in_use().count() >= MOST:
        raise ValidationError(_("At most %(count)d tokens: revoke one that is no longer needed.") % {"count": MOST})
    value, name = BEGINS + secrets.token_urlsafe(32), _checked(name)
    with transaction.atomic():
        now = now or clock.now()
        claim = once.claim(user, once_key, now) if once_key else None
        if once_key and claim is None:
            return _made_before(user, once.result(user, once_key), value, now), value
        token = ApiToken(user=user, name=name, scope=scope, created_at=now)
        _set_value(token, value)
        if claim is not None:
            once.note(claim, token.pk)
        return token, value


def _made_before(user: User, pk: int | None, value: str, now: datetime) -> ApiToken:
    fresh = ApiToken.objects.of(user).in_use().filter(created_at__gt=now - DOUBLE_CLICK, last_used_on=None)
    token = fresh.select_for_update().filter(pk=pk or 0).first()
    if token is None:
        raise ValidationError(_("This form was sent already; its token is in the list."), code="once")
    _set_value(token, value)
    return token


def _set_value(token: ApiToken, value: str) -> None:
    token.prefix, token.digest = value[:SHOWN], _digest(value)
    token.save()


def _checked(name: str) -> str:
    try:
        checked: str = Field("name", _("Name"), FieldKind.TEXT, required=True, max_length=60).check(name)
    except ValidationError as error:
        raise ValidationError({"name": error}) from error
    return checked


def revoke(user: User, token_id: int, *, by: User, via: str, now: datetime | None = None) -> bool:
    """One of the user's; twice is once. False: it is not theirs, or not there. Whether `by` may is for the caller."""
    now = now or clock.now()
    own = ApiToken.objects.of(user).filter(pk=token_id)
    if not own.exists():
        return False
    with transaction.atomic():
        if own.in_use().update(revoked_at=now):
            Change.objects.create(
                object_type="apitoken", object_id=token_id, version=0, field="revoked_at", old=None, new=records.stored(now),
                at=now, by=by, via=via,
            )  # fmt: skip
    return True


def revoke_all(user: User, *, now: datetime | None = None) -> int:
    return ApiToken.objects.of(user).in_use().update(revoked_at=now or clock.now())


def authenticate(value: str, *, now: datetime | None = None) -> ApiToken | None:
    """The token of this value with its owner, if it is in use and the owner still works here."""
    if len(value) != LENGTH or not value.startswith(BEGINS) or not value.isascii():
        return None
    found = ApiToken.objects.in_use().select_related("user").filter(digest=_digest(value), user__is_active=True)
    token = found.first()
    if token is not None:
        _note_use(token, now or datetime.now(UTC))
    return token


def _note_use(token: ApiToken, now: datetime) -> None:
    today = now.astimezone(UTC).date()
    if token.last_used_on is None or token.last_used_on < today:
        stale = Q(last_used_on__isnull=True) | Q(last_used_on__lt=today)
        ApiToken.objects.filter(stale, pk=token.pk).update(last_used_on=today)


def _digest(value: str) -> str:
    return hashlib.sha256(value.encode()).hexdigest()


def remove_old(now: datetime | None = None) -> int:
    """Tokens revoked a year ago: nobody looks for them any more."""
    return ApiToken.objects.filter(revoked_at__lt=(now or clock.now()) - timedelta(days=365)).delete()[0]
