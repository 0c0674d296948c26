"""Sends thousands of generated requests to the API, from its own description: no 5xx, no answer that it does not describe.

`./dev.py bench fuzz` installs Schemathesis, which the product itself does not need, and gives it a PostgreSQL. It fills an
empty database with the demo, and what the requests write stays in it.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
from io import StringIO
from pathlib import Path

import django

from bench.server import HEADERS, Server

# Left out: a body can fit its schema and still be refused, because the schema knows no rows (an id that is not there, a
# condition that is not met, a key used before); and 428 is not among the answers that the check of missing headers knows.
LEFT_OUT = "positive_data_acceptance,use_after_free,missing_required_header"


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "crm.settings")
    os.environ["API_REQUESTS_PER_MINUTE"] = "0"
    django.setup()
    asked = argparse.ArgumentParser(prog="bench.fuzz")
    asked.add_argument("--examples", type=int, default=200, help="generated requests of each operation")
    asked.add_argument("--seed", type=int, default=1)
    options = asked.parse_args()
    sys.exit(run(prepared(), options.examples, options.seed)[0])


def prepared() -> str:
    """The value of an admin's token, on a database that holds something."""
    from django.core.management import call_command

    from crm.models import User

    call_command("migrate", verbosity=0)
    if not User.objects.exists():
        # With a known password, and therefore only made with DEBUG.
        subprocess.run(
            [sys.executable, "manage.py", "demo"], check=True, stdout=sys.stderr, env={**os.environ, "DEBUG": "1"}
        )
    admin, out = User.objects.active().filter(role=User.Role.ADMIN)[0], StringIO()
    call_command("token", admin.email, "--scope", "admin", "--name", "bench.fuzz", stdout=out)
    return out.getvalue().strip()


def run(token: str, examples: int, seed: int) -> tuple[int, int, list[str]]:
    """Exit code, requests, and what they found, with all of it printed to stderr."""
    with Server() as server:
        for _time in range(6):  # each worker writes the schema once, and then has it
            server.warm("/api/schema/")
        headers = [f"Authorization: Bearer {token}", *(f"{name}: {value}" for name, value in HEADERS.items())]
        command = [
            str(Path(sys.executable).with_name("st")), "--config-file", str(Path(__file__).with_name("schemathesis.toml")), "run",
            f"http://127.0.0.1:{server.port}/api/schema/", *(part for header in headers for part in ("-H", header)),
            "--phases=examples,coverage,fuzzing", f"--max-examples={examples}", "--workers=2", f"--exclude-checks={LEFT_OUT}",
            "--continue-on-failure", "--request-timeout=60", "--no-shrink", f"--seed={seed}", "--warnings=off", "--no-color",
        ]  # fmt: skip
        done = subprocess.run(command, cwd=tempfile.gettempdir(), stdout=subprocess.PIPE, text=True)
    print(done.stdout, file=sys.stderr, flush=True)
    sent = re.search(r"([\d,]+) generated", done.stdout)
    return (
        done.returncode,
        int(sent[1].replace(",", "")) if sent else 0,
        re.findall(r"^- (ST\d+ .*|.*rror.*)$", done.stdout, re.M),
    )


if __name__ == "__main__":
    main()
