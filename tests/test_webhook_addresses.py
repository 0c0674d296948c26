"""No request to inside (promise 28): however an address is spelled, wherever its name leads, nothing connects there."""

from __future__ import annotations

import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import LazySettings
from django.core.exceptions import ValidationError

from crm import checks, environment
from crm.webhooks import addresses, post
from tests import receivers
from tests.receivers import Receiver

# Not one of these may be told: 60 ways to write the inside, and what would hide it.
SPELLINGS = [
    "https://127.0.0.1/", "https://127.1/", "https://127.0.1/", "https://2130706433/", "https://017700000001/",
    "https://0177.0.0.1/", "https://0x7f.0.0.1/", "https://0x7f000001/", "https://0x7F.1/", "https://127.0.0.1./",
    "https://127.000.000.001/", "https://00000177.00.00.01/", "https://0/", "https://0.0.0.0/", "https://localhost/",
    "https://LOCALHOST/", "https://localhost./", "https://10.0.0.1/", "https://012.0.0.1/", "https://167772161/",
    "https://172.16.0.1/", "https://192.168.1.1/", "https://3232235777/", "https://169.254.169.254/",
    "https://2852039166/", "https://0xa9fea9fe/", "https://0251.0376.0251.0376/", "https://100.64.0.1/",
    "https://224.0.0.1/", "https://255.255.255.255/", "https://[::1]/", "https://[::]/", "https://[0:0:0:0:0:0:0:1]/",
    "https://[::ffff:127.0.0.1]/", "https://[::ffff:7f00:1]/", "https://[::127.0.0.1]/", "https://[fe80::1]/",
    "https://[fe80::1%25eth0]/", "https://[fc00::1]/", "https://[fd00:ec2::254]/", "https://[64:ff9b::7f00:1]/",
    "https://[2002:7f00:1::]/", "https://[2001:0:7f00:1::]/", "https://[ff02::1]/", "https://１２７.０.０.１/",
    "https://127。0。0。1/", "https://①②⑦.⓪.⓪.①/", "https://ⓛocalhost/", "https://%31%32%37.0.0.1/",
    "https://user@127.0.0.1/", "https://example.com@127.0.0.1/", "https://example.com:443@10.0.0.1/",
    "https://127.0.0.1#@example.com/", "https://127.0.0.1\\@example.com/", "https://example.com\t@127.0.0.1/",
    " https://127.0.0.1/", "https://127.0.0.1\r\nHost: example.com/", "https:///127.0.0.1/", "https://",
    "http://example.com/", "https://example.com:8443/", "https://example.com:22/", "https://example.com:99999/",
    "https://example.com:x/", "ftp://example.com/", "file:///etc/passwd", "gopher://127.0.0.1:6379/_FLUSHALL",
    "//127.0.0.1/", "https://intranet/", "https://1.2.3.4.5/", "https://example.0x7f/", "https://exa_mple..com/",
    "https://[127.0.0.1]/", "https://[::1", "unix:/var/run/docker.sock", "javascript:alert(1)", "",
]  # fmt: skip

INSIDE = [
    "0.0.0.0", "0.1.2.3",  # noqa: S104
    "10.0.0.1", "100.64.0.1", "100.127.255.255", "127.0.0.1", "127.255.255.254", "169.254.169.254",
    "172.16.0.1", "172.31.255.255", "192.0.0.8", "192.0.0.9", "192.0.2.1", "192.88.99.1", "192.168.0.1", "198.18.0.1",
    "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255", "::", "::1",
    "::ffff:127.0.0.1", "::ffff:8.8.8.8", "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a00:1", "64:ff9b:1::808:808",
    "100::1", "2001::7f00:1", "2001:2::1", "2001:10::1", "2001:db8::1", "2002:7f00:1::", "2002:808:808::", "3fff::1",
    "fc00::1", "fd00:ec2::254", "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1", "no address",
]  # fmt: skip
OUTSIDE = [
    "1.1.1.1", "8.8.8.8", "100.63.255.255", "100.128.0.1", "172.15.0.1", "172.32.0.1", "2606:4700::1111", "64:ff9b::808:808",
]  # fmt: skip


@pytest.fixture
def connections(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Where anything tried to connect to. None gets through but to this machine."""
    made: list[Any] = []
    real = socket.socket.connect

    def connect(self: socket.socket, place: Any) -> None:
        made.append(place)
        if place[0] != "127.0.0.1":
            raise ConnectionRefusedError
        real(self, place)

    monkeypatch.setattr(socket.socket, "connect", connect)
    return made


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """Makes a resolver: at each look-up the next list of addresses, the last one again and again."""

    def resolve(*answers: list[str]) -> list[str]:
        asked: list[str] = []

        def look_up(host: str, port: int, **_: Any) -> list[Any]:
            found = answers[min(len(asked), len(answers) - 1)]
            asked.append(host)
            kinds = [(socket.AF_INET6 if ":" in each else socket.AF_INET, each) for each in found]
            return [(kind, socket.SOCK_STREAM, 6, "", (each, port)) for kind, each in kinds]

        monkeypatch.setattr(socket, "getaddrinfo", look_up)
        return asked

    return resolve


@pytest.fixture
def receiver(settings: LazySettings) -> Iterator[Receiver]:
    settings.WEBHOOKS_TO_LOOPBACK = True
    made = Receiver()
    yield made
    made.stop()


def send(url: str) -> post.Answer:
    return post.send(url, {"Stagecraft-Event": "test"}, b"{}")


def test_there_are_sixty_spellings_and_more() -> None:
    assert len(set(SPELLINGS)) >= 60


@pytest.mark.parametrize("url", SPELLINGS, ids=lambda url: url.encode("ascii", "backslashreplace").decode()[:50])
def test_no_spelling_of_the_inside_is_taken_looked_up_or_connected_to(
    url: str, connections: list[Any], names: Callable[..., list[str]]
) -> None:
    asked = names(["127.0.0.1"])
    with pytest.raises(ValidationError):
        addresses.read(url)
    assert send(url).status is None and (connections, asked) == ([], [])


@pytest.mark.parametrize("address", INSIDE)
def test_a_name_that_leads_inside_is_not_connected_to(
    address: str, connections: list[Any], names: Callable[..., list[str]]
) -> None:
    names([address])
    answer = send("https://inside.example.com/")
    assert not answer.ok and "not public" in answer.trouble and address not in answer.trouble and connections == []


@pytest.mark.parametrize("address", OUTSIDE)
def test_a_public_address_is_connected_to_as_it_was_checked(
    address: str, connections: list[Any], names: Callable[..., list[str]]
) -> None:
    asked = names([address])
    send("https://example.com/")
    assert connections == [(address, 443)] and asked == ["example.com"]


def test_one_inside_address_among_public_ones_is_enough_to_refuse(
    connections: list[Any], names: Callable[..., list[str]]
) -> None:
    names(["8.8.8.8", "2606:4700::1111", "10.0.0.1"])
    assert "not public" in send("https://example.com/").trouble and connections == []


def test_a_name_that_leads_elsewhere_the_second_time_is_asked_once(
    connections: list[Any], names: Callable[..., list[str]]
) -> None:
    """Rebinding: public while it is checked, inside when it is connected to."""
    asked = names(["8.8.8.8"], ["127.0.0.1"])
    send("https://rebinding.example.com/")
    assert asked == ["rebinding.example.com"] and connections == [("8.8.8.8", 443)]
    assert "not public" in send("https://rebinding.example.com/").trouble and len(connections) == 1


def test_the_next_address_is_tried_when_one_does_not_answer(
    connections: list[Any], names: Callable[..., list[str]]
) -> None:
    names(["2606:4700::1111", "8.8.8.8"])
    assert not send("https://example.com/").ok
    assert [place[0] for place in connections] == ["2606:4700::1111", "8.8.8.8"]


def test_proxies_of_the_environment_are_not_used(
    connections: list[Any], names: Callable[..., list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("https_proxy", "HTTPS_PROXY", "all_proxy", "http_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:3128")
    names(["8.8.8.8"])
    send("https://example.com/")
    assert connections == [("8.8.8.8", 443)]


def test_a_name_without_addresses_is_said(names: Callable[..., list[str]], connections: list[Any]) -> None:
    names([])
    assert send("https://example.com/").trouble == "This name has no address."


def test_a_resolver_that_hangs_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(post, "SECONDS", 0.1)

    def hang(*_: Any, **__: Any) -> list[Any]:
        time.sleep(1)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    began = time.monotonic()
    assert send("https://example.com/").trouble == "no answer within five seconds" and time.monotonic() - began < 0.5


@pytest.mark.parametrize(
    "url", ["https://example.com", "https://hooks.example.com/a/b?key=1%20", "https://Bücher.example/", "https://example.com:443/x"]
)  # fmt: skip
def test_an_ordinary_address_is_taken(url: str) -> None:
    assert addresses.read(url).secure


def test_this_machine_is_told_in_development_alone(settings: LazySettings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEBHOOKS_TO_LOOPBACK", "1")
    assert environment.webhooks_to_loopback(debug=True)
    with pytest.raises(SystemExit, match="for development"):
        environment.webhooks_to_loopback(debug=False)
    settings.WEBHOOKS_TO_LOOPBACK, settings.DEBUG = True, False
    assert [found.id for found in checks.webhooks_stay_outside(None)] == ["crm.E003"]
    assert addresses.allowed("127.0.0.1") and not addresses.allowed("10.0.0.1")


# --- The answer


def test_a_redirect_is_not_followed(receiver: Receiver, connections: list[Any]) -> None:
    receiver.answer = receivers.redirect
    answer = send(receiver.url)
    assert (answer.status, answer.ok) == (302, False) and "not followed" in answer.trouble
    assert len(receiver.told) == len(connections) == 1


def test_of_a_long_answer_64_kilobytes_are_read_and_its_status_counts(receiver: Receiver) -> None:
    sizes: list[int] = []
    receiver.answer = receivers.flood(sizes)
    assert send(receiver.url).ok
    end = time.monotonic() + 3
    while not sizes and time.monotonic() < end:
        time.sleep(0.01)
    assert sizes[0] < 6 * 1024 * 1024  # what lies in the buffers of the machine was sent too


def test_of_a_long_answer_no_more_is_taken_in(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[int] = []
    real = post._part

    def part(*given: Any) -> bytes:
        found = real(*given)
        taken.append(len(found))
        return found

    monkeypatch.setattr(post, "_part", part)
    receiver.answer = receivers.flood([])
    assert send(receiver.url).ok and 64 * 1024 <= sum(taken) <= 72 * 1024


@pytest.mark.parametrize("answer", [receivers.silence(2), receivers.drip])
def test_a_slow_answer_ends_after_the_time_for_all_of_it(
    receiver: Receiver, answer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(post, "SECONDS", 0.4)
    receiver.answer = answer
    began = time.monotonic()
    assert send(receiver.url).trouble == "no answer within five seconds"
    assert time.monotonic() - began < 1


def test_a_receiver_that_does_not_hang_up_is_left(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    def hold(handler: Any) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\n\r\nsome")
        time.sleep(2)

    monkeypatch.setattr(post, "POLITE_SECONDS", 0.1)
    receiver.answer = hold
    began = time.monotonic()
    assert send(receiver.url).ok and time.monotonic() - began < 1


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"HTTP/1.1 204 No Content\r\n\r\n", 204), (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\n\r\n", 201),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nyes", 200), (b"SSH-2.0-OpenSSH_9\r\n", None), (b"", None),
        (b"HTTP/1.1 999 No\r\n\r\n", None), (b"HTTP/1.1 200", None), (b"-ERR unknown command\r\n" * 9000, None),
    ],
)  # fmt: skip
def test_an_answer_is_its_status_and_nothing_else(receiver: Receiver, raw: bytes, status: int | None) -> None:
    def say(handler: Any) -> None:
        handler.wfile.write(raw)

    receiver.answer = say
    answer = send(receiver.url)
    assert answer.status == status and "ERR" not in answer.trouble and "SSH" not in answer.trouble


def test_nobody_there_is_a_trouble_and_no_error(receiver: Receiver) -> None:
    receiver.stop()
    assert send(receiver.url).trouble == "no connection (ConnectionRefusedError)"


# --- The certificate


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """For receiver.example.com, of nobody anybody trusts."""
    key, made = tmp_path / "key.pem", tmp_path / "cert.pem"
    command = (
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=receiver.example.com"
    )
    command += " -addext subjectAltName=DNS:receiver.example.com"
    try:
        subprocess.run([*command.split(), "-keyout", key, "-out", made], check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("openssl is not here to make a certificate")
    return made, key


def test_the_certificate_must_be_valid_for_the_name_while_the_connection_goes_to_the_address(
    receiver: Receiver, certificate: tuple[Path, Path], names: Callable[..., list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    asked: list[Any] = []
    context.sni_callback = lambda _socket, name, _context: asked.append(name)
    receiver.server.socket = context.wrap_socket(receiver.server.socket, server_side=True)
    port = receiver.server.server_address[1]
    names(["127.0.0.1"])
    right, wrong = f"https://receiver.example.com:{port}/x", f"https://other.example.com:{port}/x"
    assert "certificate" in send(right).trouble and receiver.told == []
    trusting = ssl.create_default_context(cafile=str(certificate[0]))
    monkeypatch.setattr(post, "_tls", lambda: trusting)
    assert send(right).status == 200 and receiver.told[0].headers["Host"] == f"receiver.example.com:{port}"
    assert "certificate" in send(wrong).trouble and len(receiver.told) == 1
    assert asked == ["receiver.example.com", "receiver.example.com", "other.example.com"]


def test_looking_up_leaves_no_thread_behind(names: Callable[..., list[str]], connections: list[Any]) -> None:
    names(["10.0.0.1"])
    before = threading.enumerate()  # the slow name of another test may still be asked
    send("https://example.com/")
    assert not [thread for thread in threading.enumerate() if thread not in before and thread.name == "look up"]
