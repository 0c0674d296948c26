"""The pictures of the README, taken of the demo data in a database of their own: `make screenshots`."""

from __future__ import annotations

import os
import sys
import tempfile
import threading
from pathlib import Path
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

HERE = Path(__file__).resolve().parent
PASSWORD = "look-around-first"  # noqa: S105  (of the demo accounts, which exist only where DEBUG is on)
REP, MANAGER, ADMIN = "rep@brightwater.example", "manager@brightwater.example", "admin@brightwater.example"
WIDE: ViewportSize = {"width": 1440, "height": 900}
PHONE: ViewportSize = {"width": 390, "height": 844}


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {
            "DATABASE_URL": f"sqlite:///{folder}/shots.sqlite3",
            "VAR": folder,
            "DJANGO_ALLOW_ASYNC_UNSAFE": "1",
            "DJANGO_SETTINGS_MODULE": "crm.settings",
        }
        import django

        django.setup()
        from django.core.management import call_command

        call_command("migrate", verbosity=0)
        call_command("demo", stdout=sys.stderr)
        address = _serve()
        with sync_playwright() as driver:
            flags = ["--disable-gpu", "--no-sandbox"] if os.geteuid() == 0 else ["--disable-gpu"]
            browser = driver.chromium.launch(executable_path=os.environ.get("CHROMIUM"), args=flags)
            _take_all(browser, address)
            browser.close()


class _Server(ThreadingMixIn, WSGIServer):
    """An open board keeps a stream, which must not keep all others waiting."""

    daemon_threads = True


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


def _serve() -> str:
    from django.contrib.staticfiles.handlers import StaticFilesHandler

    from crm.wsgi import application

    server = make_server("127.0.0.1", 0, StaticFilesHandler(application), _Server, _Quiet)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}"


def _take_all(browser: Browser, address: str) -> None:
    rep = _signed_in(browser, address, REP)
    rep.goto(f"{address}/my-day/")
    _shoot(rep, "my-day")
    rep.goto(f"{address}/board/")
    _shoot(rep, "board")
    _open_gate(rep)
    _shoot(rep, "gate")
    rep.keyboard.press("Escape")
    rep.locator(".column").nth(3).locator(".deal-title").first.click()
    rep.wait_for_url("**/deals/**")
    _shoot(rep, "deal")
    dark = _signed_in(browser, address, REP, dark=True)
    dark.goto(f"{address}/board/")
    _shoot(dark, "board-dark")
    phone = _signed_in(browser, address, REP, size=PHONE)
    phone.goto(f"{address}/board/")
    _shoot(phone, "board-phone")
    admin = _signed_in(browser, address, ADMIN)
    admin.goto(f"{address}/admin/")
    _shoot(admin, "administration")


def _open_gate(page: Page) -> None:
    """What the next stage still asks of the first card in the column before Contract."""
    page.locator(".column").nth(4).locator(".deal-card > a:not([class])").first.click()
    page.locator("#dialog[open]").wait_for()


def _signed_in(
    browser: Browser, address: str, email: str, *, size: ViewportSize | None = None, dark: bool = False
) -> Page:
    context = browser.new_context(
        viewport=size or WIDE, color_scheme="dark" if dark else "light", locale="en-GB", timezone_id="Europe/Berlin",
        reduced_motion="reduce",
    )  # fmt: skip
    page = context.new_page()
    page.goto(f"{address}/sign-in/")
    page.get_by_label("Email").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: "sign-in" not in url)
    return page


def _shoot(page: Page, name: str) -> None:
    page.wait_for_load_state("load")
    page.wait_for_timeout(500)  # what loads by itself; the network is never idle while a board is open
    page.screenshot(path=HERE / f"{name}.png")
    print(f"docs/{name}.png", file=sys.stderr)


if __name__ == "__main__":
    main()
