"""What all tests share: the browser, passwords that cost nothing, a clean end of tests that commit."""

import os
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import LazySettings
from django.db import connection
from django.test import TransactionTestCase

from crm import database_rules

# Playwright's synchronous interface runs an event loop in this thread, which makes Django refuse to touch the database.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    flags = ["--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
    flags += ["--disable-component-update", "--disable-sync", "--disable-dev-shm-usage"]
    if os.geteuid() == 0:
        flags.append("--no-sandbox")
    return {**browser_type_launch_args, "executable_path": os.environ.get("CHROMIUM"), "args": flags}


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args: dict[str, Any]) -> dict[str, Any]:
    return {
        **browser_context_args,
        "viewport": {"width": 1440, "height": 900},
        "locale": "en-GB",
        "timezone_id": "Europe/Berlin",
        "reduced_motion": "reduce",
    }


@pytest.fixture(autouse=True)
def passwords_as_in_production(request: pytest.FixtureRequest, settings: LazySettings) -> None:
    if request.node.get_closest_marker("real_hashing"):
        settings.PASSWORD_HASHERS = settings.REAL_PASSWORD_HASHERS


@pytest.fixture(scope="session", autouse=True)
def tables_can_be_emptied() -> Iterator[None]:
    """Tests that commit end with empty tables. On SQLite Django deletes the rows, which our triggers forbid."""
    empty = TransactionTestCase._fixture_teardown  # type: ignore[attr-defined]

    def teardown(case: TransactionTestCase) -> None:
        if connection.vendor != "sqlite":  # TRUNCATE passes row triggers by
            return empty(case)
        database_rules.uninstall()
        try:
            return empty(case)
        finally:
            database_rules.install()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", teardown)
        yield
