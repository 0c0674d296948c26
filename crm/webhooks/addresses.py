"""Which addresses may be told: a name in public, all of whose addresses are public.

A number in place of a name is refused in every spelling: octal, hexadecimal, short, mapped. The name is looked up at
each sending, every address it has is checked, and the connection goes to one that was checked and to no other.
"""

from __future__ import annotations

import ipaddress
import re
import socket
import threading
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

LONGEST = 500
_LABEL = r"(?!-)[a-z0-9_-]{1,63}(?<!-)"
# The last part of a name that is no number is never read as an address, by whatever resolver.
_NAME = re.compile(rf"(?:{_LABEL}\.)+(?!0x)[a-z][a-z0-9-]{{0,61}}[a-z0-9]", re.ASCII)
_GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
# Public by the book, and leading elsewhere or nowhere: relays of 6to4, 6to4 and Teredo themselves, examples.
_NOT_TO_BE_USED = [
    ipaddress.ip_network(each)
    for each in (
        "0.0.0.0/8", "192.0.0.0/24", "192.88.99.0/24", "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"
    )
]  # fmt: skip

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Place = tuple[socket.AddressFamily, tuple[str, int]]


class Refused(Exception):
    """Nothing may be sent there; the message is for an administrator and names no address of the inside."""


@dataclass(frozen=True)
class Target:
    secure: bool
    host: str
    port: int
    path: str

    @property
    def named(self) -> str:
        """The Host header."""
        usual = 443 if self.secure else 80
        return self.host if self.port == usual else f"{self.host}:{self.port}"


def read(url: str) -> Target:
    """The parts of an address that may be told. Raises ValidationError with what to write instead."""
    if not url or len(url) > LONGEST or re.search(r"[\x00-\x20\x7f\\]", url):
        raise ValidationError(_("Write an address such as https://example.com/hook, without spaces."), code="address")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise ValidationError(_("This is no address."), code="address") from error
    if parts.scheme != "https" and not (parts.scheme == "http" and settings.WEBHOOKS_TO_LOOPBACK):
        raise ValidationError(_("The address must begin with https://."), code="scheme")
    if "@" in parts.netloc or parts.fragment:
        raise ValidationError(_("Leave out user, password and #."), code="address")
    secure = parts.scheme == "https"
    port = (443 if secure else 80) if port is None else port
    if port != 443 and not settings.WEBHOOKS_TO_LOOPBACK:
        raise ValidationError(_("Only the port of https, 443, may be told."), code="port")
    path = parts.path or "/"
    if not (path + parts.query).isascii():
        raise ValidationError(_("Write special characters of the path as %-signs and numbers."), code="address")
    return Target(secure, _name(parts.hostname or ""), port, f"{path}?{parts.query}" if parts.query else path)


def _name(host: str) -> str:
    try:
        name = host.encode("idna").decode("ascii").lower()
    except UnicodeError as error:
        raise ValidationError(_("This is no address."), code="host") from error
    inside = settings.WEBHOOKS_TO_LOOPBACK and name in ("localhost", "127.0.0.1")
    if not inside and (len(name) > 253 or not _NAME.fullmatch(name)):
        raise ValidationError(
            _("Write the full name of a server on the internet, such as example.com, and no number."), code="host"
        )
    return name


def find(target: Target, seconds: float) -> list[Place]:
    """Where to connect to: every address of the name, all of them checked. Raises Refused, or TimeoutError."""
    found = _look_up(target, seconds)
    if not found:
        raise Refused(_("This name has no address."))
    for _family, place in found:
        if not allowed(place[0]):
            raise Refused(_("This name leads to an address that is not public."))
    return found


def _look_up(target: Target, seconds: float) -> list[Place]:
    """A resolver may take half a minute, and cannot be told to stop: nobody waits longer for it than that."""
    answers: list[list[Place]] = []

    def ask() -> None:
        try:
            found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
        except (OSError, UnicodeError):
            found = []
        # With the last two of IPv6, a scope would choose the network card: a checked address has none.
        answers.append([(family, (str(place[0]), int(place[1]))) for family, _kind, _proto, _called, place in found])

    thread = threading.Thread(target=ask, daemon=True, name="look up")
    thread.start()
    thread.join(seconds)
    if not answers:
        raise TimeoutError
    return answers[0]


def allowed(text: str) -> bool:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:  # with a scope, or nothing we know
        return False
    return is_public(address) or (settings.WEBHOOKS_TO_LOOPBACK and address.is_loopback)


def is_public(address: Address) -> bool:
    if isinstance(address, ipaddress.IPv6Address):
        if address.scope_id is not None:
            return False
        if address in _NAT64:  # how machines with IPv6 alone reach IPv4
            return is_public(ipaddress.IPv4Address(address.packed[-4:]))
        if address not in _GLOBAL_UNICAST:
            return False
    known = not any(address in each for each in _NOT_TO_BE_USED if each.version == address.version)
    return known and address.is_global and not (address.is_multicast or address.is_reserved)
