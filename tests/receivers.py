"""A receiver of webhooks: a real server on this machine that keeps what it was told."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Told:
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """`answers` with a status, or by a function that writes whatever it likes."""

    answer: int | Callable[[BaseHTTPRequestHandler], None] = 200
    told: list[Told] = field(default_factory=list)

    def __post_init__(self) -> None:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.told.append(Told(self.path, dict(self.headers.items()), body))
                if callable(receiver.answer):
                    receiver.answer(self)
                else:
                    self.send_response(receiver.answer)
                    self.send_header("Content-Length", "2")
                    self.end_headers()
                    self.wfile.write(b"ok")

            def log_message(self, *_: Any) -> None:
                pass

            def handle(self) -> None:
                with suppress(OSError):  # whoever asked has gone
                    super().handle()

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://localhost:{self.server.server_address[1]}/hook"

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()


def redirect(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(302)
    handler.send_header("Location", handler.headers["X-Where"] or "/elsewhere")
    handler.end_headers()


def silence(seconds: float) -> Callable[[BaseHTTPRequestHandler], None]:
    def wait(handler: BaseHTTPRequestHandler) -> None:
        time.sleep(seconds)

    return wait


def drip(handler: BaseHTTPRequestHandler) -> None:
    """A byte now and then, for ever: each comes before a time limit of its own would end."""
    for byte in b"HTTP/1.1 200 OK\r\n" + b"X-Long: " + b"a" * 10_000:
        handler.wfile.write(bytes([byte]))
        time.sleep(0.05)


def flood(sizes: list[int]) -> Callable[[BaseHTTPRequestHandler], None]:
    """Ten megabytes; `sizes` keeps how many bytes could be sent before the other side had enough."""

    def pour(handler: BaseHTTPRequestHandler) -> None:
        handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16 * 1024)
        handler.send_response(200)
        handler.end_headers()
        sent = 0
        with suppress(OSError):
            for _part in range(1280):
                sent += handler.connection.send(b"x" * 8192)
        sizes.append(sent)

    return pour
