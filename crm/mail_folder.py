"""Mails as files in a folder, where no mail server is given: an administrator reads them on a page."""

from __future__ import annotations

import re
import uuid
from collections.abc import Sequence
from email import message_from_bytes, policy
from email.message import EmailMessage as Parsed
from pathlib import Path

from django.conf import settings
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend

from crm import outbox
from crm.models import OutgoingMail

_DIGEST = re.compile(r"<([0-9a-f]{32})@")


class Backend(BaseEmailBackend):
    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        """A mail that is sent twice is one file, as it is one mail to a server that knows its Message-ID."""
        folder = Path(settings.EMAIL_FILE_PATH)
        folder.mkdir(parents=True, exist_ok=True)
        for message in email_messages:
            found = _DIGEST.match(message.extra_headers.get("Message-ID", ""))
            name = found.group(1) if found else uuid.uuid4().hex
            written = folder / f"{name}.part"
            written.write_bytes(message.message().as_bytes())
            written.rename(folder / f"{name}.eml")
        return len(email_messages)


def text_of(mail: OutgoingMail) -> str:
    """What the mail says, if it went into the folder; empty if it went elsewhere."""
    if settings.EMAIL_BACKEND != "crm.mail_folder.Backend":
        return ""
    try:
        raw = (Path(settings.EMAIL_FILE_PATH) / f"{outbox.digest_of(mail)}.eml").read_bytes()
    except OSError:
        return ""
    parsed = message_from_bytes(raw, _class=Parsed, policy=policy.default)
    part = parsed.get_body(("plain",))
    return str(part.get_content()) if part else ""
