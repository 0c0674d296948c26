"""What surrounds every page: headers, sessions that end, log lines, passwords, proxies, probes, static files."""

import json
import logging
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import LazySettings
from django.contrib.auth.hashers import check_password, make_password
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.test import Client, RequestFactory
from django.utils import timezone
from kombu.exceptions import OperationalError

from crm.celery import app
from crm.logs import JsonFormatter
from crm.models import User
from crm.proxy import client_address

# --- Headers


def test_every_answer_carries_the_strict_policy_and_stays_out_of_caches(client: Client) -> None:
    headers = client.get("/healthz").headers
    policy = {part.split()[0]: part.split()[1:] for part in headers["Content-Security-Policy"].split("; ")}
    assert policy == {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "connect-src": ["'self'"],
        "form-action": ["'self'"],
        "base-uri": ["'none'"],
        "frame-ancestors": ["'none'"],
        "report-uri": ["/csp-report"],
    }
    assert headers["Cache-Control"] == "no-store"
    assert "HX-Request" in headers["Vary"]
    assert headers["Referrer-Policy"] == headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "camera=()" in headers["Permissions-Policy"]


# --- Sessions


@pytest.fixture
def signed_in(client: Client, db: None) -> Client:
    client.force_login(User.objects.create(email="rep@example.com"))
    client.get("/healthz")
    return client


def rewind(client: Client, **ages: timedelta) -> None:
    session = client.session
    session.update({key: (timezone.now() - age).isoformat() for key, age in ages.items()})
    session.save()
    client.get("/healthz")


def test_a_session_ends_after_twelve_idle_hours(signed_in: Client) -> None:
    rewind(signed_in, seen=timedelta(hours=11, minutes=59))
    assert "_auth_user_id" in signed_in.session
    rewind(signed_in, seen=timedelta(hours=12, minutes=1))
    assert "_auth_user_id" not in signed_in.session


def test_a_session_ends_after_fourteen_days_however_busy(signed_in: Client) -> None:
    rewind(signed_in, started=timedelta(days=14, minutes=1))
    assert "_auth_user_id" not in signed_in.session


def test_a_visit_moves_the_end_of_a_session_and_costs_a_write_every_five_minutes_only(signed_in: Client) -> None:
    rewind(signed_in, seen=timedelta(minutes=4))
    first = signed_in.session["seen"]
    signed_in.get("/healthz")
    assert signed_in.session["seen"] == first
    rewind(signed_in, seen=timedelta(minutes=6))
    assert signed_in.session["seen"] > first


# --- Log lines


def test_a_log_line_names_the_route_and_the_user_by_number_and_nothing_personal(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "crm.request"):
        client.get("/healthz?q=anna@example.com")
    line = json.loads(JsonFormatter().format(caplog.records[-1]))
    assert line["route"] == "/healthz"
    assert line["status"] == 200
    assert set(line) >= {"at", "ms", "user", "request", "method"}
    assert "anna" not in json.dumps(line)


# --- Passwords


@pytest.mark.real_hashing
def test_passwords_are_kept_by_argon2id_with_19_mib() -> None:
    encoded = make_password("correct horse battery")
    assert encoded.startswith("argon2$argon2id$v=19$m=19456,t=2,p=1$")
    assert check_password("correct horse battery", encoded)
    assert not check_password("x" * 129, encoded)


@pytest.mark.parametrize("password", ["short", "password123", "1" * 129])
def test_a_weak_or_endless_password_is_refused(password: str) -> None:
    with pytest.raises(ValidationError):
        validate_password(password)


# --- Proxies


@pytest.mark.parametrize(
    ("hops", "forwarded", "address"),
    [
        (0, "6.6.6.6", "10.0.0.1"),
        (1, "", "10.0.0.1"),
        (1, "6.6.6.6, 1.2.3.4", "1.2.3.4"),
        (2, "6.6.6.6, 1.2.3.4, 10.0.0.2", "1.2.3.4"),
        (2, "6.6.6.6", "10.0.0.1"),
    ],
)
def test_only_our_own_proxies_are_believed(settings: LazySettings, hops: int, forwarded: str, address: str) -> None:
    settings.TRUSTED_PROXY = hops
    request = RequestFactory().get("/", HTTP_X_FORWARDED_FOR=forwarded, REMOTE_ADDR="10.0.0.1")
    assert client_address(request) == address


# --- Probes


@pytest.mark.django_db
def test_readiness_is_told_to_this_machine_only(client: Client, settings: LazySettings) -> None:
    assert client.get("/readyz").status_code == 200
    assert client.get("/readyz", REMOTE_ADDR="10.0.0.1").status_code == 403
    settings.TRUSTED_PROXY = 1
    assert client.get("/readyz", HTTP_X_FORWARDED_FOR="1.2.3.4").status_code == 403


def test_a_report_of_the_policy_is_logged_without_the_address_of_the_page(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    report = {"document-uri": "/deals/5/", "effective-directive": "script-src-elem", "blocked-uri": "inline"}
    with caplog.at_level(logging.WARNING, "crm.csp"):
        done = client.post("/csp-report", json.dumps({"csp-report": report}), content_type="application/csp-report")
    assert done.status_code == 204
    line = JsonFormatter().format(caplog.records[-1])
    assert "script-src-elem" in line
    assert "/deals/5/" not in line


@pytest.mark.parametrize("body", ["", "[]", "{", '{"csp-report": 3}', '"\\ud800"'])
def test_a_broken_report_is_refused(client: Client, body: str) -> None:
    assert client.post("/csp-report", body, content_type="application/csp-report").status_code == 400


# --- Static files, queue


def test_static_files_get_hashed_names_in_production(settings: LazySettings, tmp_path: Path) -> None:
    settings.STATIC_ROOT = tmp_path
    settings.STORAGES = settings.STORAGES | {"staticfiles": {"BACKEND": "crm.static_files.HashedFilesStorage"}}
    call_command("collectstatic", interactive=False, verbosity=0)
    names = json.loads((tmp_path / "staticfiles.json").read_text())["paths"]
    assert names["tabler.min.css"] != "tabler.min.css"
    assert "sortable.esm.js" in names


def test_a_page_gives_up_on_a_missing_redis_at_once(settings: LazySettings, monkeypatch: pytest.MonkeyPatch) -> None:
    def wait(seconds: float) -> None:
        raise AssertionError("kombu waits for Redis, six seconds in all if one lets it")

    monkeypatch.setattr("kombu.utils.functional.sleep", wait)
    options = settings.BROKER_PATIENCE
    with app.connection("redis://127.0.0.1:1/0", transport_options=options) as broker, pytest.raises(OperationalError):
        app.send_task("crm.jobs.nothing", connection=broker, retry=False)
