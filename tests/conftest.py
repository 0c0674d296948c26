"""What all tests share: the browser, passwords that cost nothing, a clean end of tests that commit."""

import os
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import LazySettings
from django.contrib.contenttypes.models import ContentType
from django.core.management import call_command
from django.db import connection
from django.test import TransactionTestCase
from django.test.utils import override_settings

from crm import database_rules
from pipeline.live.hub import hub

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


@pytest.fixture(autouse=True)
def nobody_listens_on(_django_db_marker: None) -> Iterator[None]:
    """A listener that outlives its test would look into the database of the next one; so it ends before the database does."""
    yield
    hub.stop()


@pytest.fixture(scope="session", autouse=True)
def files_of_tests(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test keeps its uploads among those of the developer's own copy."""
    with override_settings(MEDIA_ROOT=tmp_path_factory.mktemp("media")):
        yield


@pytest.fixture(scope="session", autouse=True)
def tables_can_be_emptied() -> Iterator[None]:
    """Tests that commit end with empty tables, and without the rows of types and permissions that Django would write anew."""

    def teardown(_case: TransactionTestCase) -> None:
        if connection.vendor == "sqlite":  # where Django deletes the rows, which our triggers forbid
            database_rules.uninstall()
        try:
            call_command("flush", verbosity=0, interactive=False, inhibit_post_migrate=True)
            ContentType.objects.clear_cache()
        finally:
            database_rules.install()  # the test may have taken one away, to see that it is missed

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", teardown)
        yield
