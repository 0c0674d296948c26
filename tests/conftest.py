"""What all tests share: the browser, passwords that cost nothing, a clean end of tests that commit."""

import importlib.util
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from importlib import import_module
from typing import Any

import pytest
from django.conf import LazySettings
from django.test import TransactionTestCase

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


def rules_lifted() -> AbstractContextManager[object]:
    """`crm.database_rules.lifted()`, once that module has it: lets the tables with append-only rows be emptied."""
    if importlib.util.find_spec("crm.database_rules") is None:
        return nullcontext()
    lifted = getattr(import_module("crm.database_rules"), "lifted", nullcontext)
    result: AbstractContextManager[object] = lifted()
    return result


@pytest.fixture(scope="session", autouse=True)
def empty_tables_with_rules_lifted() -> Iterator[None]:
    """Tests that commit end with empty tables, which our triggers forbid: on SQLite, Django empties by DELETE."""
    empty = TransactionTestCase._fixture_teardown  # type: ignore[attr-defined]

    def teardown(case: TransactionTestCase) -> None:
        with rules_lifted():
            empty(case)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", teardown)
        yield
