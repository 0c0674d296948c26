"""Promise 27: no text that somebody stored runs as a script, on any page; and none even becomes an element of one."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.db import IntegrityError, models, transaction
from django.urls import NoReverseMatch, reverse
from playwright.sync_api import Dialog, Error, Page, sync_playwright

from bench.promises.payloads import SCRIPTS
from bench.promises.report import Report
from bench.promises.stage import Server
from crm.models import Membership, User
from tests.browsing import listen, sign_in
from tests.test_permissions import GRANTS, MATRIX, Row, World, address, body_of

AT_ONCE = 5
"""So many stand in one text, in another order in each row: where there is room for one only, it is another one each time."""
APPS = ("crm", "leads", "pipeline")
TECHNICAL = {
    "asked", "back_to", "base_currency", "body", "compared_with", "contact_role", "content_type", "currency", "digest",
    "email", "evidence_field", "external_id", "field", "icon", "key", "kind", "language", "member_role", "name_key",
    "object_type", "operator", "password", "place", "prefix", "query", "repeat_days", "stored_as", "time_zone", "title_key",
    "former_digest", "former_seed", "seed", "url_name", "via", "weekdays", "when_currency", "when_customer", "working_days", "zone",
}  # fmt: skip
LEFT_OUT = {"deal-file", "deal-stream", "board-stream", "day-stream", "board-changes", "deal-readers"}
"""Downloads, and streams that have no end."""
INJECTED = """() => {
  const marks = [...document.querySelectorAll('*')].filter(e => [...e.attributes].some(a => /^on|^hx-on|srcdoc/.test(a.name)
    || (/^(href|src|data|action|content)$/.test(a.name) && /javascript:|evil\\.example/i.test(a.value))));
  const scripts = [...document.querySelectorAll('script:not([src])')].filter(e => e.textContent.includes('__ran') && !/json/.test(e.type));
  return [window.__ran === 1, marks.concat(scripts).map(e => e.outerHTML.slice(0, 160))];
}"""


def stored() -> Report:
    report = Report(
        27,
        f"{len(SCRIPTS)} payloads in every text that is stored, on every page and in the administration, in Chromium",
    )
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"  # Playwright runs a loop in this thread
    world = World()
    Membership.objects.create(
        team=Membership.objects.get(user=world.owner).team, user=world.admin, started_at=world.deal.created_at
    )
    with Server(debug=True) as server, sync_playwright() as driver:
        flags = ["--disable-gpu", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
        browser = driver.chromium.launch(
            executable_path=os.environ.get("CHROMIUM") or shutil.which("chromium"), args=flags
        )
        visitors = {
            name: _Visitor(browser, server, getattr(world, name), report) for name in ("owner", "boss", "admin")
        }
        for start in range(0, len(SCRIPTS), AT_ONCE):
            report.count("texts stored", _store(SCRIPTS[start : start + AT_ONCE]))
            report.count("payloads", len(SCRIPTS[start : start + AT_ONCE]))
            for actor, url in _pages(world):
                visitors[actor].look(url)
        browser.close()
    return report


class _Visitor:
    def __init__(self, browser: Any, server: Server, user: User, report: Report) -> None:
        self.report, self.base = report, f"http://127.0.0.1:{server.port}"
        context = browser.new_context()
        sign_in(context, self.base, user)
        self.page: Page = context.new_page()
        self.complaints: list[str] = []
        listen(self.page, self.complaints)
        self.page.on("dialog", self._dialog)

    def _dialog(self, dialog: Dialog) -> None:
        self.complaints.append("a dialog opened")
        dialog.dismiss()

    def look(self, url: str) -> None:
        self.complaints.clear()
        try:
            answer = self.page.goto(self.base + url, wait_until="load")
            ran, injected = self.page.evaluate(INJECTED)
        except Error as error:
            self.report.expect(False, f"{url}: {str(error)[:200]}")
            return
        status = answer.status if answer else 0
        self.report.count("pages looked at")
        self.report.expect(status < 500 and status != 404, f"{url}: {status}")
        self.report.expect(not ran, f"{url}: a script ran")
        self.report.expect(not injected, f"{url}: {injected[:2]}")
        self.report.expect(not self.complaints, f"{url}: {self.complaints[:2]}")


def _store(payloads: tuple[str, ...]) -> int:
    """Straight into the columns: also what a form of today would refuse may lie there since yesterday."""
    stored = 0
    for model, column in _texts():
        for row in model._default_manager.all():
            turn = row.pk % len(payloads)
            text = "".join([*payloads[turn:], *payloads[:turn]])
            if column.unique or column.name in ("name", "title"):
                text = f"{row.pk} {text}"
            stored += _write(model, row.pk, column, text)
    return stored


def _write(model: Any, pk: Any, column: Any, text: str) -> int:
    try:
        with transaction.atomic():
            return int(model._default_manager.filter(pk=pk).update(**{column.name: text[: column.max_length or 4000]}))
    except IntegrityError:  # a unique name that another row has already
        return 0
    except Exception as error:
        if "append" in str(error) or "never change" in str(error) or "immutable" in str(error):  # kept by a trigger
            return 0
        raise


def _texts() -> Iterator[tuple[Any, Any]]:
    for model in apps.get_models():
        if model._meta.app_label in APPS:
            for column in model._meta.concrete_fields:
                is_text = isinstance(column, models.CharField | models.TextField) and not isinstance(
                    column, models.SlugField | models.URLField
                )
                if is_text and not column.choices and column.name not in TECHNICAL and not column.primary_key:
                    yield model, column


def _pages(world: World) -> Iterator[tuple[str, str]]:
    """Who looks at it, and where: each page by somebody whom it opens to, and the administration by an admin."""
    for row in MATRIX:
        if row.get and row.name not in LEFT_OUT:
            yield next(each for each in ("owner", "boss", "admin") if each in GRANTS[row.get][0]), _address(row, world)
    for model in apps.get_models():
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        try:
            yield "admin", reverse(f"{name}_changelist")
            first = model._default_manager.order_by("pk").first()
            if first is not None:
                yield "admin", reverse(f"{name}_change", args=[first.pk])
                yield "admin", reverse(f"{name}_history", args=[first.pk])
        except NoReverseMatch:
            continue


def _address(row: Row, world: World) -> str:
    url = address(row, world)
    asked = {"deal-new": "to", "deal-commit": "condition", "approval-ask": "condition"}.get(row.name)
    return (
        f"{url}?q=script" if row.name == "search" else f"{url}?{asked}={body_of(row, world)[asked]}" if asked else url
    )
