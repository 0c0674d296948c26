"""A new password by a link in a mail: valid for an hour, once, and never for somebody who has left."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.urls import reverse
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_decode, urlsafe_base64_encode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from crm import clock
from crm.models import User
from crm.outbox import queue_mail
from crm.sign_in import account_key, count_try, network_key

HOUR = timedelta(hours=1)
MAILS_PER_ACCOUNT = 5
ASKED_PER_NETWORK = 50

RESET = gettext_noop(
    """Hello %(name)s,

somebody, probably you, asked for a new password for Stagecraft.
This link lets you choose one. It works once, for an hour:

%(link)s

If it was not you, nothing happens: your password stays as it is.
"""
)
INVITATION = gettext_noop(
    """Hello %(name)s,

you can now use Stagecraft, where your team keeps its deals.
This link lets you choose your password. It works once, for an hour:

%(link)s

After that, sign in with %(email)s. If the hour is over, ask for a new link
with “Forgot your password?” where you sign in.
"""
)


class _Tokens(PasswordResetTokenGenerator):
    key_salt = "crm.password_reset"

    def _make_hash_value(self, user: User, timestamp: int) -> str:
        # Django's own hash holds the password, the last sign-in and the email: each of them ends the link when it changes.
        return f"{super()._make_hash_value(user, timestamp)}{user.is_active}"


tokens = _Tokens()


def ask(email: str, *, address: str, now: datetime | None = None) -> None:
    """Queues the mail if there is such a person. Says nothing either way: the page is the same for all."""
    now = now or clock.now()
    allowed = [
        count_try(f"reset-{account_key(email)}", MAILS_PER_ACCOUNT, window=HOUR, now=now),
        count_try(f"reset-{network_key(address)}", ASKED_PER_NETWORK, window=HOUR, now=now),
    ]
    user = User.objects.active().filter(email=email.strip().lower()).first()
    if user and all(allowed):
        _mail_link(user, _("Your new password for Stagecraft"), _(RESET), now)


def invite(user: User, *, now: datetime | None = None) -> None:
    """Lets a new colleague set the first password."""
    _mail_link(user, _("Welcome to Stagecraft"), _(INVITATION), now or clock.now())


def link_for(user: User) -> str:
    uid = urlsafe_base64_encode(force_bytes(user.pk))
    path = reverse("password-reset-link", args=[uid, tokens.make_token(user)])
    # Never the host of the request: whoever asks could name another one.
    return f"{settings.SITE_URL}{path}"


def user_of(uid: str, token: str) -> User | None:
    """Whose link this is, if it is still valid."""
    try:
        pk = int(urlsafe_base64_decode(uid))
    except ValueError:
        return None
    user = User.objects.active().filter(pk=pk).first()
    return user if user and tokens.check_token(user, token) else None


def _mail_link(user: User, subject: str, text: str, now: datetime) -> None:
    body = text % {"name": user.name, "email": user.email, "link": link_for(user)}
    queue_mail(f"password:{user.pk}:{secrets.token_hex(8)}", user, subject, body, now)
