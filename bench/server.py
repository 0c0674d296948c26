"""The product's own web server on a free port, as the container runs it behind a proxy that speaks https."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from types import TracebackType

HEADERS = {"Host": "127.0.0.1", "X-Forwarded-Proto": "https", "X-Forwarded-For": "127.0.0.1"}
"""What the proxy adds."""


class Server:
    """`die` kills it as a power cut would; `start` brings it back on the same port. With `debug` a browser needs no proxy."""

    def __init__(self, workers: int = 2, threads: int = 8, debug: bool = False, api_limit: int = 0) -> None:
        self.port, self.workers, self.threads, self.debug = free_port(), workers, threads, debug
        self.api_limit = api_limit

    def start(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "gunicorn", "crm.wsgi", "--bind", f"127.0.0.1:{self.port}", "--workers", str(self.workers),
             "--threads", str(self.threads), "--worker-class", "gthread", "--log-level", "critical", "--no-control-socket",
             "--limit-request-line", "8190"],
            env={**os.environ, "ALLOWED_HOSTS": "127.0.0.1", "LOG_LEVEL": "CRITICAL",
                 "API_REQUESTS_PER_MINUTE": str(self.api_limit), **self._told()},
            process_group=0,
        )  # fmt: skip
        wait_for(self.port)

    def _told(self) -> dict[str, str]:
        if self.debug:
            return {"DEBUG": "1", "SITE_URL": f"http://127.0.0.1:{self.port}", "TRUSTED_PROXY": "0"}
        return {"DEBUG": "0", "SITE_URL": "https://127.0.0.1", "TRUSTED_PROXY": "1"}

    def warm(self, path: str) -> None:
        client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        client.request("GET", path, headers=HEADERS)
        client.getresponse().read()
        client.close()

    def die(self) -> None:
        """The master and its workers, at once."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(10)

    def __enter__(self) -> Server:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.terminate()
        self.process.wait(30)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_for(port: int) -> None:
    until = time.monotonic() + 30
    while time.monotonic() < until:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise TimeoutError("The web server did not start.")
