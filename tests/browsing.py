"""People in front of a browser: signed in, and heard when the content policy or a script complains."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.conf import settings
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, Page

from crm.models import User

Open = Callable[..., Page]
"""(user, deaf=False, **options of the browser's context) → the page, in a browser of their own."""


def sign_in(context: BrowserContext, address: str, user: User) -> None:
    client = Client()
    client.force_login(user)
    name = settings.SESSION_COOKIE_NAME
    context.add_cookies([{"name": name, "value": client.cookies[name].value, "url": address}])


def listen(page: Page, complaints: list[str], *, every_error: bool = False) -> None:
    """What the content policy and scripts complain about; on request whatever the console calls an error."""
    page.on(
        "console",
        lambda said: (
            complaints.append(said.text)
            if "Content Security" in said.text or (every_error and said.type == "error")
            else None
        ),
    )
    page.on("pageerror", lambda error: complaints.append(str(error)))


def until(page: Page, expression: str, seconds: float = 10) -> None:
    """Asked from outside again and again: the page itself may not evaluate text, so it cannot wait for one."""
    end = time.monotonic() + seconds
    while not page.evaluate(expression):
        assert time.monotonic() < end, f"not within {seconds} s: {expression}"
        page.wait_for_timeout(20)


@contextmanager
def visitors(browser: Browser, arguments: dict[str, object], address: str, first: User) -> Iterator[Open]:
    """Opens the address for `first` or somebody else, each in a browser of their own. A complaint of any of them fails."""
    complaints: list[str] = []
    contexts: list[BrowserContext] = []

    def visit(user: User | None = None, deaf: bool = False, **options: object) -> Page:
        context = browser.new_context(**{**arguments, **options})  # type: ignore[arg-type]
        contexts.append(context)
        sign_in(context, address, user or first)
        if deaf:  # it does not hear of what others do
            context.route("**/board/*/stream/**", lambda route: route.fulfill(status=204))
            context.route("**/board/*/changes/**", lambda route: route.fulfill(status=304))
        page = context.new_page()
        page.set_default_timeout(10_000)
        page.set_default_navigation_timeout(30_000)  # the first page of a run draws everything for the first time
        listen(page, complaints)
        page.goto(address)
        return page

    yield visit
    for context in contexts:
        context.close()
    assert complaints == [], complaints  # pytest explains no assertion of a module that holds no tests
