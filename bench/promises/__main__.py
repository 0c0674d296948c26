"""Tries the promises that are named, or all that have a script, one after the other on one database."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import time

import django

WHERE = {
    1: "moving:one_wins", 2: "moving:unlocked", 3: "retries:once", 4: "edits:nothing_lost", 6: "process:under_traffic",
    7: "gates:every_door", 8: "sums:columns", 9: "reminding:exactly_once",
    11: "broker:flushed", 12: "broker:away", 13: "reminding:after_a_silence",
    14: "reminding:poison", 15: "reminding:wall_time_kept", 18: "suites:bad_input", 19: "generated:requests",
    23: "suites:matrix", 24: "suites:no_trace", 25: "suites:foreign_ids", 26: "scopes:random_worlds", 27: "scripts:stored",
    29: "injected:parameters", 30: "columns:mass_assignment", 90: "reminding:looking",
}  # fmt: skip
"""Promise → module and function. 9 tries 10 along; 90 is what looking for reminders costs."""


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "crm.settings")
    django.setup()
    from bench.promises import stage
    from bench.promises.report import Report

    asked = argparse.ArgumentParser(prog="bench promises")
    asked.add_argument("numbers", nargs="*", type=int, metavar="number", help=f"of {', '.join(map(str, WHERE))}")
    numbers = asked.parse_args().numbers or list(WHERE)
    if unknown := [number for number in numbers if number not in WHERE]:
        sys.exit(f"There is no script for {unknown}; there are {', '.join(map(str, WHERE))}.")
    stage.prepare()
    broken = 0
    for number in numbers:
        module, _colon, name = WHERE[number].partition(":")
        begun = time.perf_counter()
        report: Report = getattr(importlib.import_module(f"bench.promises.{module}"), name)()
        differing = stage.totals_differ()  # promise 8 holds after each of the others, too
        report.expect(not differing, f"totals: {differing[:3]}")
        print(report.line(time.perf_counter() - begun), flush=True)
        broken += bool(report.broken)
    sys.exit(1 if broken else 0)


if __name__ == "__main__":
    main()
