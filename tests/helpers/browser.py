"""A real browser that opens pages, and everything that it complains about on the way."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

_COMMANDS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_FLAGS = (
    "--no-sandbox",  # there is none for root in a container
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
_INSIDE = ("file:", "data:", "blob:", "about:")
# A page that is not in front is never asked to draw: what waits for that must not wait for ever.
IDLE = """() => new Promise(done => {
    requestAnimationFrame(() => requestIdleCallback(done, {timeout: 2000}));
    setTimeout(done, 3000);
})"""
DESKTOP = ViewportSize(width=1440, height=900)
PHONE = ViewportSize(width=390, height=844)


class NoBrowser(Exception):
    """There is no Chromium; the message says how to get one."""


@dataclass(frozen=True)
class Tab:
    """One open page.

    Attributes:
        page: playwright's.
        seconds: from the address to the first quiet moment after the page has loaded.
        problems: what it wrote to the console as an error or warning, and errors of its scripts.
        requests: addresses that it asked the network for.
    """

    page: Page
    seconds: float
    problems: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)


def chromium() -> str:
    """The path of a Chromium: that of the variable CHROMIUM, or the first that is installed.

    Raises:
        NoBrowser: there is none.
    """
    named = (os.environ.get("CHROMIUM", ""), *_COMMANDS)
    found = next(filter(None, map(shutil.which, filter(None, named))), None)
    if found is None:
        raise NoBrowser(
            "no Chromium is installed: apt-get install chromium, or name one in CHROMIUM"
        )
    return found


@contextmanager
def launched() -> Iterator[Browser]:
    """A headless Chromium without a network of its own.

    Raises:
        NoBrowser: there is none.
    """
    path = chromium()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(_FLAGS))
        yield browser
        browser.close()


@contextmanager
def opened(browser: Browser, file: Path, anchor: str = "") -> Iterator[Tab]:
    """``file`` in a tab of its own, in which nothing is left of other tabs.

    Args:
        anchor: what stands behind ``#`` in the address.
    """
    context = browser.new_context(viewport=DESKTOP, reduced_motion="reduce", offline=True)
    page = context.new_page()
    page.set_default_timeout(10_000)
    problems: list[str] = []
    requests: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on(
        "console",
        lambda said: problems.append(said.text) if said.type in {"error", "warning"} else None,
    )
    page.on(
        "request",
        lambda asked: None if asked.url.startswith(_INSIDE) else requests.append(asked.url),
    )
    start = time.perf_counter()
    page.goto(file.resolve().as_uri() + (f"#{anchor}" if anchor else ""), wait_until="load")
    page.evaluate(IDLE)
    yield Tab(page, time.perf_counter() - start, problems, requests)
    context.close()
