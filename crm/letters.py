"""What a notice says in a mail, as text and as HTML, and the signed link by which its kind comes no more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from html import unescape
from typing import Any

from django.conf import settings
from django.core import signing
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone

from crm import notice_choices
from crm.models import OutgoingMail, User
from crm.notice_choices import Kind

SALT = "crm.unsubscribe"


@dataclass(frozen=True)
class Letter:
    """The name of a pair of templates in templates/mail/, and what they are given."""

    template: str
    subject: str
    given: Mapping[str, Any] = field(default_factory=dict)


def write(user: User, letter: Letter, kind: str, address: str) -> tuple[str, str]:
    """The text and the HTML. Days and hours in it are those of its reader."""
    known = notice_choices.kind(kind)
    given = {
        **letter.given, "reader": user, "subject": letter.subject, "site": settings.SITE_URL, "link": f"{settings.SITE_URL}{address}",
        "kind": known, "unsubscribe": unsubscribe_link(user.pk, kind) if known else "",
        "choices": f"{settings.SITE_URL}{reverse('notice-choices')}",
    }  # fmt: skip
    with timezone.override(user.zone):
        # Django escapes what stands in a text as if it were HTML.
        text = unescape(render_to_string(f"mail/{letter.template}.txt", given))
        return text.strip() + "\n", render_to_string(f"mail/{letter.template}.html", given)


@lru_cache(maxsize=4096)
def unsubscribe_link(user_id: int, kind: str) -> str:
    """It does not run out: whoever wants no more of these must not have to sign in for it."""
    token = signing.Signer(salt=SALT).sign_object([user_id, kind])
    return f"{settings.SITE_URL}{reverse('unsubscribe', args=[token])}"


def who_unsubscribes(token: str) -> tuple[User, Kind] | None:
    try:
        user_id, key = signing.Signer(salt=SALT).unsign_object(token)
    except (signing.BadSignature, ValueError, TypeError):
        return None
    user, kind = User.objects.filter(pk=user_id).first(), notice_choices.kind(key)
    return (user, kind) if user and kind else None


# What is told in the app as well waits so long, and is not sent if it was read there meanwhile.
AFTER_THE_BELL = timedelta(minutes=2)


def mail_of(
    user: User, key: str, letter: Letter, kind: str, address: str, *, in_bell: bool, now: datetime
) -> OutgoingMail:
    text, html = write(user, letter, kind, address)
    return OutgoingMail(
        key=f"{key} {user.pk}"[:200], user=user, subject=" ".join(letter.subject.split())[:200], body=text, html=html, kind=kind,
        notice_key=key[:200] if in_bell else "", not_before=now + AFTER_THE_BELL if in_bell else now, created_at=now,
    )  # fmt: skip
