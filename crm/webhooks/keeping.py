"""The one writer of webhooks: made, changed, paused and resumed, their secrets, and what is sent again."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Max
from django.utils.translation import gettext as _

from crm import clock, outbox, records
from crm.models import Change, User, Webhook, WebhookDelivery
from crm.models.audit import Via
from crm.webhooks import addresses, kinds, signing

State = WebhookDelivery.State
BOTH_FOR = timedelta(days=1)
"""So long a former secret still signs beside the new one."""
MOST = 50
FIELDS = ("name", "url", "events", "pipeline", "team", "with_imports")
KEEP_SENT, KEEP_UNSENT = timedelta(days=30), timedelta(days=90)


def make(
    values: Mapping[str, Any], *, by: User, via: str = Via.ADMIN, now: datetime | None = None
) -> tuple[Webhook, str]:
    """The webhook and its secret, which is shown only here and now. Raises ValidationError by field."""
    with transaction.atomic():
        now = now or clock.now()
        if Webhook.objects.count() >= MOST:
            raise ValidationError(_("At most %(count)d webhooks.") % {"count": MOST})
        seed = signing.new_seed()
        secret = signing.secret_of(seed)
        hook = Webhook(owner=by, seed=seed, digest=signing.digest_of(secret), since=_newest(), created_at=now)
        _set(hook, values, by, via, now)
        return hook, secret


def change(
    webhook_id: int, values: Mapping[str, Any], *, by: User, via: str = Via.ADMIN, now: datetime | None = None
) -> Webhook:
    with transaction.atomic():
        hook = _lock(webhook_id)
        _set(hook, values, by, via, now or clock.now())
        return hook


def _set(hook: Webhook, values: Mapping[str, Any], by: User, via: str, now: datetime) -> None:
    before = _told(hook) if hook.pk else {}
    for name in FIELDS:
        if name in values:
            setattr(hook, name, values[name])
    _check(hook)
    hook.save()
    after = _told(hook)
    changed = {name: (before.get(name), new) for name, new in after.items() if before.get(name) != new}
    _note(hook, changed, by, via, now)


def _check(hook: Webhook) -> None:
    errors: dict[str, Any] = {}
    known = kinds.known()
    try:
        addresses.read(hook.url)
    except ValidationError as error:
        errors["url"] = error
    if not hook.name.strip():
        errors["name"] = _("Give it a name.")
    if not hook.events:
        errors["events"] = _("Choose at least one event.")
    elif not set(hook.events) <= known.keys():
        errors["events"] = _("There is no such event.")
    if hook.pipeline is not None and hook.pipeline not in dict(kinds.pipelines()):
        errors["pipeline"] = _("There is no such pipeline.")
    if errors:
        raise ValidationError(errors)
    hook.events = [each for each in known if each in hook.events]


def new_secret(webhook_id: int, *, by: User, via: str = Via.ADMIN, now: datetime | None = None) -> str:
    """The new one, shown only here and now. The one before holds for a day beside it."""
    with transaction.atomic():
        hook, now = _lock(webhook_id), now or clock.now()
        hook.former_seed, hook.former_digest, hook.former_until = hook.seed, hook.digest, now + BOTH_FOR
        hook.seed = signing.new_seed()
        secret = signing.secret_of(hook.seed)
        hook.digest = signing.digest_of(secret)
        hook.save(update_fields=["seed", "digest", "former_seed", "former_digest", "former_until"])
        _note(hook, {"secret": (None, None)}, by, via, now)
        return secret


def pause(webhook_id: int, reason: str, *, by: User | None, via: str = Via.ADMIN, now: datetime | None = None) -> None:
    """Nothing is sent, and what happens meanwhile is not told. What waits already goes out when it is resumed."""
    with transaction.atomic():
        hook, now = _lock(webhook_id), now or clock.now()
        if hook.paused_at is None:
            hook.paused_at, hook.paused_reason = now, reason[:200]
            hook.save(update_fields=["paused_at", "paused_reason"])
            _note(hook, {"paused_reason": (None, hook.paused_reason)}, by, via, now)


def resume(webhook_id: int, *, by: User, via: str = Via.ADMIN, now: datetime | None = None) -> None:
    """Whoever resumes a webhook whose owner has left becomes its owner."""
    with transaction.atomic():
        hook, now = _lock(webhook_id), now or clock.now()
        if hook.paused_at is None:
            return
        changed: dict[str, tuple[Any, Any]] = {"paused_reason": (hook.paused_reason, None)}
        if not hook.owner.is_active:
            changed["owner"] = (hook.owner_id, by.pk)
            hook.owner = by
        hook.paused_at, hook.paused_reason, hook.since, hook.rest_until = None, "", _newest(), None
        hook.save(update_fields=["paused_at", "paused_reason", "since", "rest_until", "owner"])
        _note(hook, changed, by, via, now)
        _wake()


def stop_without_owner(hook: Webhook) -> bool:
    """It tells what its owner sees; nobody is there to see. Gives False: it does not listen any more."""
    pause(hook.pk, _("%(name)s no longer works here.") % {"name": hook.owner.name}, by=None)
    return False


def send_again(delivery_id: int, *, now: datetime | None = None) -> bool:
    """The same event with the same id, with five new attempts. False: it is waiting or under way already."""
    done = WebhookDelivery.objects.filter(pk=delivery_id, state__in=[State.SENT, State.PARKED, State.DROPPED])
    return _again(done, now) == 1


def send_parked_again(webhook_id: int, *, now: datetime | None = None) -> int:
    return _again(WebhookDelivery.objects.parked().filter(webhook=webhook_id).exclude(event=kinds.TEST), now)


def _again(rows: Any, now: datetime | None) -> int:
    with transaction.atomic():
        count: int = rows.update(
            state=State.QUEUED, attempts=0, not_before=now or clock.now(), status=None, last_error="", sent_at=None
        )
        _wake()
    return count


def queue_test(webhook_id: int, *, now: datetime | None = None) -> WebhookDelivery:
    """An event of no record, for the button that tries a webhook."""
    now = now or clock.now()
    return WebhookDelivery.objects.create(
        webhook_id=webhook_id, key=f"{kinds.TEST}:{uuid.uuid4()}", event=kinds.TEST, happened_at=now, not_before=now, created_at=now
    )  # fmt: skip


def remove_old(now: datetime | None = None) -> int:
    now = now or clock.now()
    old = WebhookDelivery.objects.filter(state=State.SENT, sent_at__lt=now - KEEP_SENT)
    unsent = WebhookDelivery.objects.filter(state__in=[State.PARKED, State.DROPPED], created_at__lt=now - KEEP_UNSENT)
    tests = WebhookDelivery.objects.filter(event=kinds.TEST, created_at__lt=now - KEEP_SENT)
    return sum(rows.delete()[0] for rows in (old, unsent, tests))


def _lock(webhook_id: int) -> Webhook:
    return Webhook.objects.select_for_update().get(pk=webhook_id)


def _wake() -> None:
    transaction.on_commit(partial(outbox.wake, "crm.jobs.deliver_webhooks"), robust=True)


def _newest() -> int:
    """The last change that can be seen: what comes after it is told."""
    return Change.objects.aggregate(last=Max("pk"))["last"] or 0


def _told(hook: Webhook) -> dict[str, Any]:
    """For the audit trail: of the address only its host, because the rest may be a secret of the receiver."""
    values = {name: records.stored(getattr(hook, name)) for name in FIELDS if name not in ("url", "events")}
    return {**values, "url": hook.host, "events": list(hook.events)}


def _note(hook: Webhook, changed: dict[str, tuple[Any, Any]], by: User | None, via: str, now: datetime) -> None:
    Change.objects.bulk_create(
        Change(
            object_type=records.object_type(hook), object_id=hook.pk, version=0, field=name, old=old, new=new, at=now,
            by=by, via=via if by else Via.PROCESS,
        )
        for name, (old, new) in changed.items()
    )  # fmt: skip
