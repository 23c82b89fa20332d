"""What a reader does on the page, and what is then seen there."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from playwright.sync_api import Locator, Page

from tests.helpers.browser import DESKTOP, IDLE

CHAPTERS = "details.chapter"
_CLOSED = """() => {
    document.querySelectorAll('details').forEach(fold => { fold.open = false; });
    document.getElementById('filters').reset();
    document.getElementById('head-search').value = '';
    history.replaceState(null, '', location.pathname);
    document.activeElement.blur();
    scrollTo(0, 0);
}"""


def reset(page: Page) -> None:
    """Close and undo everything that a reader may have opened and chosen."""
    page.bring_to_front()
    page.set_viewport_size(DESKTOP)
    if page.locator("#head-card").is_visible():
        page.keyboard.press("Escape")
    page.evaluate(_CLOSED)
    settle(page)


def anchors(page: Page) -> list[str]:
    """Of the chapters, in order."""
    return page.locator(CHAPTERS).evaluate_all("found => found.map(chapter => chapter.id)")


def chapter(page: Page, anchor: str) -> Locator:
    """The chapter with this address."""
    return page.locator(f"{CHAPTERS}[id='{anchor}']")


def is_open(page: Page, anchor: str) -> bool:
    """Whether a chapter shows what is in it."""
    return bool(chapter(page, anchor).evaluate("found => found.open"))


def is_in_view(page: Page, anchor: str) -> bool:
    """Whether a chapter, or a part, begins in the window."""
    top = page.locator(f"[id='{anchor}']").evaluate("found => found.getBoundingClientRect().top")
    return bool(-1 <= top < page.viewport_size["height"])  # type: ignore[index]


def unfold(page: Page) -> None:
    """Open every chapter and every fold, and wait until what is in them is drawn."""
    page.evaluate("() => document.querySelectorAll('details').forEach(fold => fold.open = true)")
    settle(page)


def settle(page: Page) -> None:
    """Wait until the page has nothing to do, such as to draw."""
    page.evaluate(IDLE)


def show_phase_space(page: Page) -> Locator:
    """Open the chapter of the interactive plot; its points, once they are there."""
    holder = page.locator(CHAPTERS, has=page.locator("#phase-space-plot"))
    if not holder.evaluate("found => found.open"):
        holder.locator("> summary").click()
    points = page.locator("#phase-space-plot .scatterlayer .points path")
    points.first.wait_for(state="attached")
    return points


def search(page: Page, text: str) -> Locator:
    """Type a head and press Enter; the card, which may or may not be shown."""
    page.locator("#head-search").fill(text)
    page.locator("#head-search").press("Enter")
    settle(page)
    return page.locator("#head-card")


def downloaded(page: Page, button: Locator) -> list[list[str]]:
    """Press the button; the rows of the CSV file that it gives, but for empty ones."""
    with page.expect_download() as waiting:
        button.click()
    text = Path(waiting.value.path()).read_text(encoding="utf-8-sig")
    return [row for row in csv.reader(io.StringIO(text)) if row]


def show_all_heads(page: Page) -> Locator:
    """Open the fold of the table of all heads; the table."""
    fold = page.locator("details", has=page.locator("#heads-table")).last
    if not fold.evaluate("found => found.open"):
        fold.locator("> summary").click()
    page.locator("#heads-table tbody tr").first.wait_for()
    return page.locator("#heads-table")
