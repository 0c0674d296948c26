"""Adds up the lanes of one `make test`: the last one prints what each lane ran, and its summary counts all of them.

dev.py starts pytest once a lane, for a Django process knows one database, and loads this plugin with `-p tests.lanes`.
"""

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from _pytest.terminal import TerminalReporter

OUTCOMES = ("passed", "failed", "error", "skipped", "xfailed", "xpassed")
LANE = os.environ["LANE"]
LANES = os.environ["LANES"].split(",")
RESULTS = Path(os.environ["LANE_RESULTS"])
STARTED = time.monotonic()


@pytest.hookimpl(wrapper=True)
def pytest_sessionfinish(session: pytest.Session) -> Iterator[None]:
    """A lane without tests fails, also where pytest itself would let it pass."""
    yield
    if hasattr(session.config, "workerinput"):
        return
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    assert isinstance(reporter, TerminalReporter)
    ran = {outcome: [_name(report) for report in reporter.stats.get(outcome, [])] for outcome in OUTCOMES}
    result = {"lane": LANE, "ran": ran, "seconds": time.monotonic() - STARTED, "exit": int(session.exitstatus)}
    (RESULTS / f"{LANE}.json").write_text(json.dumps(result))


def _report(lane: str, name: str) -> pytest.TestReport:
    return pytest.TestReport(f"{lane}: {name}", ("", None, ""), {}, "failed", None, "call")


def _name(report: object) -> str:
    return str(getattr(report, "nodeid", ""))


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: TerminalReporter) -> None:
    if LANES[-1] != LANE:
        return
    results = [json.loads((RESULTS / f"{lane}.json").read_text()) for lane in LANES if _ran(lane)]
    for earlier in results[:-1] if _ran(LANE) else results:
        for outcome, names in earlier["ran"].items():
            # pytest's closing line counts what is in here.
            terminalreporter.stats.setdefault(outcome, []).extend(_report(earlier["lane"], name) for name in names)
        start = terminalreporter._session_start
        object.__setattr__(start, "perf_count", start.perf_count - earlier["seconds"])
    terminalreporter._set_main_color()
    terminalreporter.section("lanes")
    for lane in LANES:
        terminalreporter.write_line(_line(lane, next((each for each in results if each["lane"] == lane), None)))


def _ran(lane: str) -> bool:
    return (RESULTS / f"{lane}.json").exists()


def _line(lane: str, result: dict[str, object] | None) -> str:
    if result is None:
        return f"{lane:10} DID NOT RUN to its end; its output stands above"
    ran = result["ran"]
    assert isinstance(ran, dict)
    counts = ", ".join(f"{len(names)} {outcome}" for outcome, names in ran.items() if names) or "NO TESTS"
    return f"{lane:10} {counts} in {result['seconds']:.0f} s"
