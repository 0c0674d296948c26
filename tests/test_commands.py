"""The two commands, the settings and the containers: what a fresh machine and an operator meet first."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import pytest
import yaml

import dev
from crm import environment

ROOT = Path(__file__).resolve().parent.parent
GOOD = {
    "DEBUG": "0",
    "SECRET_KEY": "kW3pVdZ0yqT8nB5rJx1uHc7mLs9fAe2gQo4iXtNvRzYbUwPjKlMh6D",
    "ALLOWED_HOSTS": "crm.example.com",
    "SITE_URL": "https://crm.example.com",
    "EMAIL_URL": "consolemail://",
    "DATABASE_URL": "sqlite://:memory:",
    "TRUSTED_PROXY": "1",
}


# --- Settings


@pytest.fixture(autouse=True)
def own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*GOOD, "REDIS_URL", "PORT", "VAR"):
        monkeypatch.delenv(name, raising=False)


READERS = {
    "SECRET_KEY": lambda: environment.secret_key(debug=False),
    "ALLOWED_HOSTS": lambda: environment.allowed_hosts(debug=False),
    "SITE_URL": lambda: environment.site_url(debug=False),
    "EMAIL_URL": lambda: environment.email(False, Path()),
    "DATABASE_URL": lambda: environment.database(ROOT, ROOT / "var" / "unused.sqlite3"),
    "REDIS_URL": environment.redis,
    "TRUSTED_PROXY": lambda: environment.number("TRUSTED_PROXY", 0),
    "DEBUG": lambda: environment.flag("DEBUG"),
}


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("SECRET_KEY", "", "is missing"),
        ("SECRET_KEY", "short", "too easy to guess"),
        ("SECRET_KEY", "a" * 60, "too easy to guess"),
        ("ALLOWED_HOSTS", "", "is missing"),
        ("ALLOWED_HOSTS", "crm.example.com,*", "contains “*”"),
        ("SITE_URL", "", "is missing"),
        ("SITE_URL", "crm.example.com", "must be an absolute address"),
        ("SITE_URL", "ftp://crm.example.com", "must be an absolute address"),
        ("SITE_URL", "https://crm.example.com:port", "is no address"),
        ("SITE_URL", "https://crm.example.com/crm", "without a path"),
        ("SITE_URL", "http://crm.example.com", "must begin with https://"),
        ("EMAIL_URL", "", "is missing"),
        ("EMAIL_URL", "pigeon://mail.example.com", "begins with “pigeon”"),
        ("EMAIL_URL", "smtp://mail.example.com:port", "is no address"),
        ("DATABASE_URL", "mysql://user:secret@db/crm", "begins with “mysql”"),
        ("DATABASE_URL", "postgres://user:secret@db", "names no database"),
        ("DATABASE_URL", "postgres://user:secret@db:port/crm", "is no address"),
        ("REDIS_URL", "localhost:6379", "is no address"),
        ("TRUSTED_PROXY", "-1", "must be a whole number"),
        ("DEBUG", "maybe", "must be 1 or 0"),
    ],
)
def test_a_wrong_value_is_refused_in_one_sentence(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, why: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit) as refused:
        READERS[name]()
    sentence = str(refused.value)
    assert sentence.startswith(f"Stagecraft does not start: {name} ")
    assert why in sentence
    assert "secret@" not in sentence, "a password is never shown"


def test_a_value_may_come_from_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "key").write_text(GOOD["SECRET_KEY"] + "\n")
    monkeypatch.setenv("SECRET_KEY_FILE", str(tmp_path / "key"))
    assert environment.secret_key(debug=False) == GOOD["SECRET_KEY"]
    monkeypatch.setenv("SECRET_KEY", GOOD["SECRET_KEY"])
    with pytest.raises(SystemExit, match="keep one of them"):
        environment.secret_key(debug=False)


def test_a_file_that_cannot_be_read_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SECRET_KEY_FILE", str(tmp_path / "nothing"))
    with pytest.raises(SystemExit, match="SECRET_KEY_FILE names .*nothing, which cannot be read"):
        environment.secret_key(debug=False)


def test_in_development_everything_has_a_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "8123")
    assert environment.site_url(debug=True) == "http://127.0.0.1:8123"
    assert environment.secret_key(debug=True)
    assert environment.allowed_hosts(debug=True) == ["localhost", "127.0.0.1", "[::1]"]


def manage(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    clean = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    command = [sys.executable, str(ROOT / "manage.py"), *arguments]
    return subprocess.run(command, env=clean | variables, capture_output=True, text=True, cwd=ROOT)


def test_a_refusal_is_all_that_an_operator_sees() -> None:
    done = manage("check", **(GOOD | {"SITE_URL": "example"}))
    assert done.returncode == 1
    assert done.stderr.strip().count("\n") == 0
    assert "Traceback" not in done.stderr + done.stdout


def test_production_starts_without_a_warning_and_an_unnamed_proxy_is_one() -> None:
    deploy = ("check", "--deploy", "--fail-level", "WARNING")
    done = manage(*deploy, **GOOD)
    assert done.returncode == 0, done.stderr
    assert "crm.W001" in manage(*deploy, **(GOOD | {"TRUSTED_PROXY": "0"})).stderr


# --- Locks


@pytest.mark.parametrize("name", ["base.txt", "dev.txt", "node.txt", "uv.txt"])
def test_a_lock_file_holds_digests_and_no_address(name: str) -> None:
    text = (ROOT / "requirements" / name).read_text()
    assert not re.search(r"https?:|file:|--(extra-)?index|--find-links", text)
    for package in re.split(r"\n(?=\S)", text.strip()):
        assert "==" in package
        assert "--hash=sha256:" in package


def test_the_lock_of_the_front_end_holds_digests_and_no_address() -> None:
    text = (ROOT / "package-lock.json").read_text()
    assert "resolved" not in text
    assert "http" not in text
    assert text.count('"integrity"') == text.count('"version"')


def test_each_dependency_says_why_it_is_there() -> None:
    for name in ("base.in", "dev.in"):
        lines = (ROOT / "requirements" / name).read_text().splitlines()
        assert [line for line in lines if line and not line.startswith(("#", "-r")) and "#" not in line] == []


# --- Containers


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    return content


def test_no_service_runs_as_root_or_may_become_it(compose: dict[str, Any]) -> None:
    assert set(compose["services"]) == {"web", "worker", "beat", "migrate", "postgres", "redis"}
    for name, service in compose["services"].items():
        assert service["user"] not in {"", "root", "0"}, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["read_only"], name
        assert service["healthcheck"], name


def test_only_the_web_service_can_be_reached_and_only_from_this_machine(compose: dict[str, Any]) -> None:
    published = {name: service["ports"] for name, service in compose["services"].items() if "ports" in service}
    assert published == {"web": ["127.0.0.1:${PORT:-8000}:8000"]}
    assert compose["networks"]["inside"]["internal"]
    assert compose["services"]["postgres"]["networks"] == compose["services"]["redis"]["networks"] == ["inside"]


def test_no_password_has_a_default(compose: dict[str, Any]) -> None:
    text = (ROOT / "docker-compose.yml").read_text()
    assert not re.search(r"(PASSWORD|SECRET_KEY|DATABASE_URL|REDIS_URL)\w*: *(?!/run/secrets/)\S", text)
    for name, secret in compose["secrets"].items():
        assert secret == {"file": f"./var/secrets/{name}"}


def test_the_product_waits_for_its_migrations(compose: dict[str, Any]) -> None:
    for name in ("web", "worker", "beat"):
        waits = compose["services"][name]["depends_on"]
        assert waits["migrate"] == {"condition": "service_completed_successfully"}


def test_the_image_has_a_user_a_health_check_and_a_way_to_stop() -> None:
    text = (ROOT / "Dockerfile").read_text()
    final = text[text.rindex("\nFROM ") :]
    assert "USER 10001:10001" in final
    assert "HEALTHCHECK" in final
    assert "STOPSIGNAL SIGTERM" in final
    assert "--require-hashes" in text


def test_secrets_are_made_once_and_fit_together(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(dev, "VAR", tmp_path)
    dev.secrets([])
    made = {path.name: path.read_text() for path in (tmp_path / "secrets").iterdir()}
    assert made["postgres_password"] in made["database_url"]
    assert made["redis_password"] in made["redis_url"]
    assert len(made["secret_key"]) >= 50
    assert (tmp_path / "secrets").stat().st_mode & 0o077 == 0
    dev.secrets([])
    assert {path.name: path.read_text() for path in (tmp_path / "secrets").iterdir()} == made


# --- make run

Run = tuple[subprocess.Popen[str], int]


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Run]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    variables = dev.clean_environment() | {"PORT": str(port), "VAR": str(tmp_path)}
    variables.pop("DJANGO_SETTINGS_MODULE", None)
    command = [sys.executable, str(ROOT / "dev.py"), "run"]
    with subprocess.Popen(
        command, env=variables, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            wait_for_page(port, process)
            yield process, port
        finally:
            process.kill()


def wait_for_page(port: int, process: subprocess.Popen[str]) -> None:
    for _ in range(600):
        assert process.poll() is None, process.communicate()[0]
        try:
            assert urlopen(f"http://127.0.0.1:{port}/", timeout=5).status == 200
            return
        except (URLError, ConnectionError):
            time.sleep(0.1)
    raise AssertionError("no page within a minute")


def children(process: subprocess.Popen[str]) -> list[int]:
    done = subprocess.run(["ps", "-o", "pid=", "--ppid", str(process.pid)], capture_output=True, text=True)
    return [int(pid) for pid in done.stdout.split()]


def alive(pid: int) -> bool:
    # A zombie that nobody has collected yet is dead.
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True).stdout.strip()
    return bool(state) and not state.startswith("Z")


@pytest.mark.long
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_web_server_and_worker(running: Run, number: signal.Signals) -> None:
    process, _ = running
    started = children(process)
    assert len(started) == 2
    process.send_signal(number)
    assert process.wait(15) == 0
    assert [pid for pid in started if alive(pid)] == []


@pytest.mark.long
def test_when_the_worker_dies_the_web_server_is_stopped_and_both_are_named(running: Run) -> None:
    process, port = running
    web, worker = children(process)
    os.kill(worker, signal.SIGKILL)
    assert process.wait(15) == 1
    assert process.stdout is not None
    assert "The background worker stopped" in process.stdout.read()
    assert not alive(web)


@pytest.mark.long
def test_nothing_stays_behind_when_the_command_itself_is_killed(running: Run) -> None:
    process, _ = running
    started = children(process)
    process.kill()
    process.wait()
    for _ in range(150):
        if not any(alive(pid) for pid in started):
            return
        time.sleep(0.1)
    raise AssertionError("orphans")


def test_a_taken_port_is_refused_with_a_way_out() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(SystemExit, match="cannot be used .*make run PORT="):
            dev.refuse_taken_port(str(other.getsockname()[1]))
