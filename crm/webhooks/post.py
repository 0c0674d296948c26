"""One POST to an address that was checked: five seconds for all of it, no redirect, no proxy, 64 KB of answer and not a word kept."""

from __future__ import annotations

import re
import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from crm.webhooks import addresses
from crm.webhooks.addresses import Refused, Target

SECONDS = 5.0
LARGEST = 64 * 1024
POLITE_SECONDS = 0.5
_STATUS = re.compile(rb"HTTP/1\.[01] ([1-5]\d\d)[ \r]")
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d{1,9})\r\n", re.IGNORECASE)


@dataclass(frozen=True)
class Answer:
    """The status, or why there is none. What the receiver wrote is not kept: nobody is to read the inside by it."""

    status: int | None
    trouble: str = ""

    @property
    def ok(self) -> bool:
        return self.status is not None and 200 <= self.status < 300

    @property
    def is_tired(self) -> bool:
        """The receiver, and not this one message, is in trouble: it is left alone for a while."""
        return self.status is None or self.status >= 500 or self.status == 429


def send(url: str, headers: Mapping[str, str], body: bytes) -> Answer:
    """Never raises for what a receiver, its name or the network does."""
    try:
        target = addresses.read(url)
    except ValidationError as error:
        return Answer(None, error.messages[0])
    end = time.monotonic() + SECONDS
    try:
        with _connect(target, end) as connection:
            return _exchange(connection, _request(target, headers, body), end)
    except Refused as refused:
        return Answer(None, str(refused))
    except TimeoutError:
        return Answer(None, _("no answer within five seconds"))
    except ssl.SSLCertVerificationError:
        return Answer(None, _("its certificate is not valid for this name"))
    except (OSError, ValueError) as error:
        return Answer(None, _("no connection (%(error)s)") % {"error": type(error).__name__})


def _connect(target: Target, end: float) -> socket.socket:
    """To the first of the checked addresses that answers. The name is not looked up again."""
    trouble: OSError = TimeoutError()
    for family, place in addresses.find(target, _left(end)):
        connection = socket.socket(family, socket.SOCK_STREAM)
        try:
            connection.settimeout(_left(end))
            connection.connect(place)
            return _secured(connection, target, end) if target.secure else connection
        except OSError as error:
            connection.close()
            trouble = error
    raise trouble


def _secured(connection: socket.socket, target: Target, end: float) -> socket.socket:
    """The certificate is checked against the name, which the receiver is told too."""
    connection.settimeout(_left(end))
    return _tls().wrap_socket(connection, server_hostname=target.host)


def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()


def _request(target: Target, headers: Mapping[str, str], body: bytes) -> bytes:
    lines = {
        "Host": target.named, "User-Agent": "Stagecraft", "Accept": "*/*", "Content-Type": "application/json",
        "Content-Length": str(len(body)), "Connection": "close", **headers,
    }  # fmt: skip
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"POST {target.path} HTTP/1.1\r\n{head}\r\n".encode("ascii") + body


def _exchange(connection: socket.socket, request: bytes, end: float) -> Answer:
    waiting = memoryview(request)
    while waiting:
        connection.settimeout(_left(end))
        waiting = waiting[connection.send(waiting) :]
    head, size = b"", 0
    while b"\r\n\r\n" not in head and size < LARGEST:
        part = _part(connection, end)
        if not part:
            break
        head, size = _without_interim(head + part), size + len(part)
    found = _STATUS.match(head)
    if found is None:
        return Answer(None, _("it does not speak HTTP"))
    _listen_to_the_end(connection, head, size, end)
    status = int(found[1])
    if 300 <= status < 400:
        return Answer(status, _("it leads elsewhere, which is not followed"))
    return Answer(status)


def _without_interim(head: bytes) -> bytes:
    """A server may say 1xx first, as often as it likes."""
    while re.match(rb"HTTP/1\.1 1\d\d[ \r]", head) and b"\r\n\r\n" in head:
        head = head.partition(b"\r\n\r\n")[2]
    return head


def _listen_to_the_end(connection: socket.socket, head: bytes, size: int, end: float) -> None:
    """Out of politeness, and not for long: the status is known."""
    length = _LENGTH.search(head)
    rest, end = len(head.partition(b"\r\n\r\n")[2]), min(end, time.monotonic() + POLITE_SECONDS)
    try:
        while size < LARGEST and (length is None or rest < int(length[1])):
            part = _part(connection, end)
            if not part:
                return
            size, rest = size + len(part), rest + len(part)
    except OSError:
        return


def _part(connection: socket.socket, end: float) -> bytes:
    connection.settimeout(_left(end))
    return connection.recv(8192)


def _left(end: float) -> float:
    left = end - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left
