"""Promises 18, 23, 24 and 25: tests of the suite that hold them in full, run on both engines and counted."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path
from xml.etree import ElementTree

from bench.promises.report import Report

ROOT = Path(__file__).resolve().parents[2]
NOT_THEIRS = {
    "DJANGO_SETTINGS_MODULE",
    "DEBUG",
    "SECRET_KEY",
    "ALLOWED_HOSTS",
    "SITE_URL",
    "EMAIL_URL",
    "TRUSTED_PROXY",
}
BAD_INPUT = (
    "api_cases", "api_moves", "import", "tables", "text", "money", "move_view", "logging", "file_kinds", "deal_files", "bulk", "list",
    "board", "organizations", "profile",
)  # fmt: skip
"""Where the catalogue of bad input is tried: programs, files, forms, the board."""
PERMISSIONS = ("permissions", "api_permissions", "access")

Ran = list[tuple[str, str]]
"""(engine and test, how it ended: passed, failed or skipped)."""


def bad_input() -> Report:
    report = Report(18, "the catalogue of bad input at the doors that exist, on PostgreSQL and SQLite")
    return _counted(report, _ran(BAD_INPUT), "")


def matrix() -> Report:
    report = Report(
        23, "every route, method and kind of visitor, for pages and for tokens of each scope, on both engines"
    )
    return _counted(report, _ran(PERMISSIONS), r"test_the_matrix|every_route_has_its_row|another_site|administration")


def no_trace() -> Report:
    report = Report(24, "what was refused to each kind of visitor wrote nothing, statement by statement")
    return _counted(
        report, _ran(PERMISSIONS), r"test_the_matrix|may_read|deleted|does_not_exist|no_column|no_field|not_found"
    )


def foreign_ids() -> Report:
    report = Report(
        25, "ids of what one may not see are refused in every reference, in the words of what does not exist"
    )
    return _counted(report, _ran(PERMISSIONS), r"no_id_of_others|looks_like_what_does_not_exist|cannot_be_is_not_found")


def _counted(report: Report, ran: Ran, names: str) -> Report:
    for name, ended in ran:
        if re.search(names, name):
            report.count(f"{name.partition(':')[0]}: {ended}")
            report.expect(ended != "failed", name)
    report.expect(any(ended == "passed" for _name, ended in ran), "no test ran")
    return report


@cache
def _ran(files: tuple[str, ...]) -> Ran:
    return [*_on("SQLite", files, {"DATABASE_URL", "REDIS_URL"}), *_on("PostgreSQL", files, set())]


def _on(engine: str, files: tuple[str, ...], without: set[str]) -> Ran:
    lane = {"SQLite": "sqlite", "PostgreSQL": "postgres"}[engine]
    environment = {name: value for name, value in os.environ.items() if name not in NOT_THEIRS | without}
    chosen = {"SQLite": "not long and not browser and not postgres", "PostgreSQL": "not long and not browser"}[engine]
    with tempfile.TemporaryDirectory() as folder:
        told = Path(folder) / "tests.xml"
        command = [
            sys.executable,
            "-m",
            "pytest",
            *(f"tests/test_{name}.py" for name in files),
            "-m",
            chosen,
            f"--junitxml={told}",
        ]
        subprocess.run(command, cwd=ROOT, env=environment | {"LANE": f"promises-{lane}"}, stdout=sys.stderr)
        cases = ElementTree.parse(told).iter("testcase")  # noqa: S314  (of our own tests)
        return [(f"{engine}: {case.get('classname')}.{case.get('name')}", _ended(case)) for case in cases]


def _ended(case: ElementTree.Element) -> str:
    if case.find("failure") is not None or case.find("error") is not None:
        return "failed"
    return "skipped" if case.find("skipped") is not None else "passed"
