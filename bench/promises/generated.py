"""Promise 19: requests made from the schema of the API find no fault of ours and no answer that it does not describe."""

from __future__ import annotations

from bench import fuzz
from bench.promises.report import Report
from bench.promises.stage import nothing_broken

LEAST = 10_000
EXAMPLES = 180
"""Of each operation; with the examples and edges of the schema it makes more than LEAST."""


def requests() -> Report:
    report = Report(
        19, "requests generated from the OpenAPI schema by Schemathesis, with an admin's token, to a real server"
    )
    code, sent, found = fuzz.run(fuzz.prepared(), EXAMPLES, seed=19)
    report.count("requests", sent)
    report.expect(sent >= LEAST, f"{sent} requests are fewer than {LEAST}")
    report.expect(code == 0, f"Schemathesis ended with {code}")
    for each in found:
        report.expect(False, each)
    nothing_broken(report)
    return report
