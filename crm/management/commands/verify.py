from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from crm import verification


class Command(BaseCommand):
    help = "Checks every invariant in plain SQL, says what it checked, and exits with 1 on any break."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="one JSON object instead of lines")

    def handle(self, *args: Any, **options: Any) -> None:
        findings = []
        for finding in verification.run():
            findings.append(finding)
            if not options["json"]:
                state = self.style.SUCCESS("ok    ") if not finding.breaks else self.style.ERROR("BROKEN")
                self.stdout.write(f"{state} {finding.looked_at:>9,}  {finding.sentence}")
                for example in finding.examples[: verification.SHOWN]:
                    self.stdout.write(f"                  {finding.invariant}: {example}")
        breaks = sum(finding.breaks for finding in findings)
        if options["json"]:
            self.stdout.write(json.dumps({"breaks": breaks, "findings": [asdict(finding) for finding in findings]}))
        elif not breaks:
            self.stdout.write(f"{len(findings)} invariants hold.")
        if breaks:
            raise CommandError(f"{breaks} breaks of {sum(1 for f in findings if f.breaks)} invariants.", returncode=1)
