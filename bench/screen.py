"""What a rep waits for in front of a browser: until the board answers keys, and until a drop shows what came of it.

    ./dev.py bench screen       100,000 open deals, Chromium beside the server

The processor of the page is slowed fourfold for the first, by Chromium itself; files and pages come over loopback.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
from typing import Any

import django

from bench.server import Server

LOADS, DROPS, SLOWED = 9, 15, 4


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "crm.settings")
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    django.setup()
    from django.conf import settings
    from django.core.management import call_command
    from django.utils import timezone
    from playwright.sync_api import sync_playwright

    from bench.seed import Size, seed
    from crm.models import User
    from pipeline.models import Pipeline

    asked = argparse.ArgumentParser(prog="bench screen")
    asked.add_argument("--open", type=int, default=100_000, help="open deals; closed ones are 1.3 times as many")
    options = asked.parse_args()
    settings.SESSION_COOKIE_NAME = "stagecraft_session"  # as the server has it with DEBUG, over plain http
    call_command("migrate", verbosity=0)
    if not Pipeline.objects.exists():
        seed(Size(options.open, options.open * 13 // 10), timezone.now())
    rep = User.objects.filter(role="rep").order_by("pk")[0]
    with Server(debug=True) as server, sync_playwright() as driver:
        flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
        browser = driver.chromium.launch(executable_path=os.environ.get("CHROMIUM"), args=flags)
        seen = _Seen(browser, server, rep)
        figures = {
            "first visit": seen.interactive(fresh=True),
            "again": seen.interactive(fresh=False),
            "drop": seen.drops(),
        }
        browser.close()
    print(json.dumps(figures, indent=2))


class _Seen:
    def __init__(self, browser: Any, server: Server, rep: Any) -> None:
        from django.urls import reverse

        from pipeline.models import Pipeline

        self.browser, self.rep = browser, rep
        self.site = f"http://127.0.0.1:{server.port}"
        self.board = self.site + reverse("board", args=[Pipeline.objects.get().pk])

    def interactive(self, fresh: bool) -> dict[str, Any]:
        """From the click until the scripts of the page have run, that is until it answers; one key after it proves that."""
        times = []
        page = self._page()
        page.goto(self.board)
        for _load in range(LOADS):
            if fresh:
                page.context.close()
                page = self._page()
            self._slow(page, SLOWED)
            page.goto(self.board, wait_until="domcontentloaded")
            times.append(page.evaluate("performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd"))
            page.keyboard.press("ArrowDown")
            page.wait_for_selector(".deal-card:focus")
        page.context.close()
        return {"processor slowed": SLOWED, **_summary(times)}

    def drops(self) -> dict[str, Any]:
        """From letting go until the card stands in its new column as the server drew it, with the heads of both."""
        from pipeline.models import Deal, Kind, Stage
        from tests.browsing import until

        open_ones = list(Stage.objects.in_use().filter(kind=Kind.OPEN).order_by("order"))
        held = Deal.objects.open().filter(owner=self.rep)
        second = max(open_ones[1:], key=lambda stage: held.filter(stage=stage).count())
        first = open_ones[open_ones.index(second) - 1]
        page, times = self._page(), []
        page.goto(self.board)
        for _drop in range(DROPS):
            card = page.locator(f"#cards-{second.pk} > .deal-card").first
            pk = int((card.get_attribute("id") or "").removeprefix("deal-"))
            page.evaluate(_WATCH, f"#cards-{first.pk} > #deal-{pk}:not(.is-moving)")
            _drag(page, f"#deal-{pk} .deal-days", f"#cards-{first.pk}")
            until(page, "window.taken !== undefined")
            times.append(page.evaluate("window.taken"))
            assert Deal.objects.get(pk=pk).stage_id == first.pk
        page.context.close()
        return _summary(times)

    def _page(self) -> Any:
        from tests.browsing import sign_in

        context = self.browser.new_context(viewport={"width": 1440, "height": 900})
        sign_in(context, self.site, self.rep)
        return context.new_page()

    def _slow(self, page: Any, times: int) -> None:
        page.context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": times})


_WATCH = """wanted => {
  delete window.taken;
  let begun = 0;
  addEventListener("pointerup", () => { begun = performance.now(); }, { capture: true, once: true });
  new MutationObserver((_, observer) => {
    if (!begun || !document.querySelector(wanted)) return;
    observer.disconnect();
    window.taken = performance.now() - begun;
  }).observe(document.getElementById("board"), { subtree: true, childList: true, attributes: true });
}"""


def _drag(page: Any, held: str, to: str) -> None:
    start, end = page.locator(held).bounding_box(), page.locator(to).bounding_box()
    page.mouse.move(start["x"] + start["width"] / 3, start["y"] + start["height"] / 2)
    page.mouse.down()
    page.mouse.move(end["x"] + end["width"] / 2, end["y"] + 40, steps=8)
    page.wait_for_timeout(150)
    page.mouse.up()


def _summary(times: list[float]) -> dict[str, float]:
    return {"median_ms": round(statistics.median(times)), "max_ms": round(max(times)), "times": len(times)}


if __name__ == "__main__":
    main()
