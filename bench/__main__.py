"""Makes the data once and prints the figures as JSON: `make bench`. `--keep` measures again on data made before."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import sys
import time
from io import StringIO

import django


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "crm.settings")
    django.setup()
    from django.core.management import call_command
    from django.db import connection
    from django.utils import timezone

    from bench import measure
    from bench import search as finding
    from bench.pages import pages
    from bench.seed import Size, seed
    from pipeline.models import Deal, Pipeline

    asked = argparse.ArgumentParser(prog="bench")
    asked.add_argument("--open", type=int, default=100_000, help="open deals; closed ones are 1.3 times as many")
    asked.add_argument("--seconds", type=int, default=20, help="how long 16 clients move at once")
    asked.add_argument("--search", action="store_true", help="only the search, among 500,000 names")
    options = asked.parse_args()
    if connection.vendor != "postgresql":
        sys.exit("The figures are those of PostgreSQL: set DATABASE_URL, or run `make bench`, which starts one.")

    begun = time.perf_counter()
    call_command("migrate", verbosity=0)
    if not Pipeline.objects.exists():
        say("Making the data")
        seed(Size(options.open, options.open * 13 // 10), timezone.now())
    loaded = time.perf_counter() - begun
    if options.search:
        print(json.dumps({"machine": machine(), "search": finding.search()}, indent=2))
        return
    figures = {
        "machine": machine(),
        "data": {
            "open_deals": Deal.objects.open().count(),
            "visits": measure.visits(),
            "seconds_to_make": round(loaded, 1),
        },
        "verify_after_loading": verify(call_command),
        "pages": pages(),
        "move": measure.move(),
        "moving_at_once": measure.moving_at_once(options.seconds),
        "verify_after_moving": verify(call_command),
    }
    print(json.dumps(figures, indent=2))


def machine() -> dict[str, object]:
    return {"cores": os.cpu_count(), "python": platform.python_version()}


def verify(call_command: object) -> dict[str, object]:
    say("Verifying")
    out, begun = StringIO(), time.perf_counter()
    from django.core.management import CommandError

    with contextlib.suppress(CommandError):
        call_command("verify", json=True, stdout=out)  # type: ignore[operator]
    return {"breaks": json.loads(out.getvalue())["breaks"], "seconds": round(time.perf_counter() - begun, 1)}


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
