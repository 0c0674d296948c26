"""Promise 29: what stands in an address reaches the database as a value or not at all."""

from __future__ import annotations

import time
from collections.abc import Iterator
from urllib.parse import quote

from django.db import connection
from django.test import Client

from bench.promises.payloads import STATEMENTS
from bench.promises.report import Report
from bench.promises.stage import Program, World, browser, nothing_broken
from crm.api.schema import document

SLOW = 1.0
"""Seconds; the payloads that sleep ask for three."""
TRIES = 3
PAGES = {
    "/board/{pipeline}/": (
        "q",
        "owner",
        "team",
        "tag",
        "over",
        "idle",
        "no_next",
        "close_from",
        "close_to",
        "order",
        "late",
        "limit",
    ),
    "/board/{pipeline}/list/": ("q", "owner", "status", "sort", "page", "stage", "close_from"),
    "/search/": ("q",),
    "/organizations/": ("q", "page"),
    "/contacts/": ("q", "page"),
    "/deals/{deal}/timeline/": ("skip",),
}


def parameters() -> Report:
    report = Report(
        29, f"{len(STATEMENTS)} payloads in each parameter of each address of the API, and in those of the pages"
    )
    world = World(deals=3)
    client, token = browser(world.admin, part=False), Program(world.admin, "admin")
    tables = _tables()
    for address, name in [*_of_api(world), *_of_pages(world)]:
        report.count("parameters")
        for payload in STATEMENTS:
            _try(
                report,
                client,
                f"{address}{'&' if '?' in address else '?'}{name}={quote(payload, errors='surrogatepass')}",
                token.token,
            )
    report.expect(_tables() == tables, "a table is gone, or has come")
    nothing_broken(report)
    return report


def _of_api(world: World) -> Iterator[tuple[str, str]]:
    for path, methods in document()["paths"].items():
        if "get" in methods:
            address = path.replace("{id}", str(world.deals[0].pk)) + (
                f"?pipeline={world.pipeline.pk}" if path.endswith("/board/") else ""
            )
            names = [each["name"] for each in methods["get"]["parameters"] if each["in"] == "query"]
            yield from ((address, name) for name in [*names, "unknown", "_connector"] if f"{name}=" not in address)


def _of_pages(world: World) -> Iterator[tuple[str, str]]:
    for address, names in PAGES.items():
        url = address.format(pipeline=world.pipeline.pk, deal=world.deals[0].pk)
        yield from ((url, name) for name in names)


def _try(report: Report, client: Client, url: str, token: str) -> None:
    headers = {"Authorization": f"Bearer {token}"} if url.startswith("/api/") else {}
    for _time in range(TRIES):  # a busy machine may be slow once; a query that sleeps is slow each time
        begun = time.perf_counter()
        answer = client.get(url, headers=headers)
        seconds = time.perf_counter() - begun
        if seconds < SLOW:
            break
    report.took(seconds)
    report.count(f"answered {answer.status_code}")
    report.expect(seconds < SLOW, f"{url}: {seconds:.1f} s")
    report.expect(answer.status_code < 500, f"{url}: {answer.status_code}")
    if "unknown=" in url or "_connector=" in url:
        report.expect(
            answer.status_code in (400, 404), f"{url}: an unknown parameter is answered with {answer.status_code}"
        )


def _tables() -> list[str]:
    return sorted(connection.introspection.table_names())
