"""Somebody who imports, and a pipeline to import into."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from django.core.management import call_command

from crm.models import User
from pipeline.models import Pipeline
from tests import factories as make
from tests.imports.told import Import


@pytest.fixture
def admin() -> User:
    return make.user("admin", name="Anna Admin", email="anna@example.com")


@pytest.fixture
def load(tmp_path: Path, admin: User) -> Import:
    """Imports the text as a file and gives all that the command said."""

    def run(table: str, text: str | bytes, *options: str) -> str:
        path, out = tmp_path / "file.csv", io.StringIO()
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        call_command("import", table, str(path), *options, stdout=out, stderr=out)
        return out.getvalue()

    return run


@pytest.fixture
def sales() -> Pipeline:
    return make.pipeline(name="Sales")
