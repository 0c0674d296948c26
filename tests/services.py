"""A throwaway PostgreSQL and Redis from the machine's own programs, on free ports, gone after the tests.

Only standard library: dev.py starts them before any test package is imported.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

WHAT_TO_DO = (
    "Install {what} (Debian: apt install postgresql redis-server), "
    "or give addresses in TEST_DATABASE_URL and TEST_REDIS_URL."
)


class Missing(Exception):
    """A server that the tests need can be neither found nor installed."""


@contextmanager
def started(given: Mapping[str, str | None], durable: bool, say: Callable[[str], None]) -> Iterator[dict[str, str]]:
    """Yields DATABASE_URL and REDIS_URL: those given, and throwaway servers for the rest.

    `durable` keeps PostgreSQL's promises to the disk, for figures that mean something; tests are quicker without.
    """
    addresses = {name: address for name, address in given.items() if address}
    # In /tmp and not in the project, which the user that PostgreSQL runs as may be unable to enter.
    folder = Path(tempfile.mkdtemp(prefix="stagecraft-services-"))
    folder.chmod(0o755)
    postgresql, redis = PostgreSQL(folder / "pg", durable), Redis(folder / "redis")
    try:
        if "DATABASE_URL" not in addresses:
            find_or_install("PostgreSQL 15 or newer", lambda: postgresql.programs() is not None, "postgresql", say)
            addresses["DATABASE_URL"] = postgresql.start()
        if "REDIS_URL" not in addresses:
            find_or_install("Redis", lambda: shutil.which("redis-server") is not None, "redis-server", say)
            addresses["REDIS_URL"] = redis.start()
        yield addresses
    finally:
        postgresql.stop()
        redis.stop()
        shutil.rmtree(folder, ignore_errors=True)


def find_or_install(what: str, found: Callable[[], bool], package: str, say: Callable[[str], None]) -> None:
    if found():
        return
    if shutil.which("apt-get") and os.geteuid() == 0:
        say(f"Installing {what}")
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for command in (["update"], ["install", "-y", "--no-install-recommends", package]):
            subprocess.run(
                ["apt-get", "-qq", *command], env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
            )
    if not found():
        raise Missing(WHAT_TO_DO.format(what=what))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class PostgreSQL:
    def __init__(self, folder: Path, durable: bool) -> None:
        self.folder = folder
        self.durable = durable
        self.running = False

    def programs(self) -> Path | None:
        """The folder of the newest PostgreSQL that is new enough; Debian keeps it out of PATH."""
        homes = [home for home in Path("/usr/lib/postgresql").glob("*/bin") if home.parent.name.isdigit()]
        homes.sort(key=lambda home: int(home.parent.name))
        if homes and int(homes[-1].parent.name) >= 15:
            return homes[-1]
        in_path = shutil.which("initdb")
        return Path(in_path).resolve().parent if in_path else None

    def start(self) -> str:
        self.folder.mkdir()
        if os.geteuid() == 0:
            shutil.chown(self.folder, "postgres")
        port = free_port()
        data = str(self.folder / "data")
        self.call("initdb", "-D", data, "-U", "crm", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync")
        options = f"-p {port} -k '{self.folder}' -c listen_addresses=127.0.0.1 -c max_connections=200"
        if not self.durable:
            options += " -c fsync=off -c synchronous_commit=off -c full_page_writes=off"
        self.running = True
        self.call("pg_ctl", "-s", "-w", "-D", data, "-l", str(self.folder / "log"), "-o", options, "start")
        return f"postgres://crm@127.0.0.1:{port}/postgres"

    def stop(self) -> None:
        # By its own data directory, never by its port: another server may have that by now.
        if self.running:
            self.call("pg_ctl", "-s", "-w", "-m", "immediate", "-D", str(self.folder / "data"), "stop", check=False)

    def call(self, program: str, *arguments: str, check: bool = True) -> None:
        # PostgreSQL refuses to run as root.
        as_postgres = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        command = [*as_postgres, str((self.programs() or Path()) / program), *arguments]
        # Output goes to a file: the server inherits it and would keep a pipe open for ever.
        with tempfile.TemporaryFile("w+") as output:
            done = subprocess.run(
                command, cwd="/", stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, close_fds=True
            )
            if done.returncode and check:
                output.seek(0)
                raise Missing(f"PostgreSQL did not start:\n{output.read()}")


class Redis:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> str:
        self.folder.mkdir()
        port = free_port()
        command = ["redis-server", "--bind", "127.0.0.1", "--port", str(port), "--save", "", "--appendonly", "no"]
        command += ["--dir", str(self.folder), "--logfile", str(self.folder / "log")]
        # A group of its own: Ctrl-C must not stop it before the tests that use it have ended.
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, process_group=0)
        until = time.monotonic() + 10
        while time.monotonic() < until:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return f"redis://127.0.0.1:{port}/0"
            time.sleep(0.02)
        raise Missing("Redis did not start within ten seconds.")

    def stop(self) -> None:
        if self.process:
            self.process.terminate()
            self.process.wait(10)
