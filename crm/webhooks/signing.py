"""The secret that a receiver shares with us, and the signature by which it knows that we wrote.

A secret is made of a random seed and SECRET_KEY, and kept nowhere: whoever reads the database alone cannot sign.
"""

from __future__ import annotations

import hashlib
import hmac
from base64 import urlsafe_b64encode
from datetime import datetime

from django.conf import settings
from django.utils.crypto import get_random_string, salted_hmac

from crm.models import Webhook

BEGINS = "whsec_"


def new_seed() -> str:
    return get_random_string(43)


def secret_of(seed: str) -> str:
    return _made(seed, settings.SECRET_KEY)


def digest_of(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def secrets_in_force(webhook: Webhook, now: datetime) -> list[str]:
    """The newest first. Empty: SECRET_KEY was replaced and the former one is no longer among the fallbacks."""
    found = [_known(webhook.seed, webhook.digest)]
    if webhook.former_until is not None and now < webhook.former_until:
        found.append(_known(webhook.former_seed, webhook.former_digest))
    return [secret for secret in found if secret] if found[0] else []


def header(secrets: list[str], body: bytes, now: datetime) -> str:
    """t is when it was sent, and part of what is signed: a receiver refuses what is old."""
    stamp = int(now.timestamp())
    signed = f"{stamp}.".encode() + body
    return ",".join(
        [f"t={stamp}", *(f"v1={hmac.new(each.encode(), signed, hashlib.sha256).hexdigest()}" for each in secrets)]
    )


def _known(seed: str, digest: str) -> str:
    for key in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS):
        secret = _made(seed, key)
        if hmac.compare_digest(digest_of(secret), digest):
            return secret
    return ""


def _made(seed: str, key: str) -> str:
    made = salted_hmac("crm.webhooks.secret", seed, secret=key, algorithm="sha256").digest()
    return BEGINS + urlsafe_b64encode(made).decode().rstrip("=")
