"""On a phone nothing is wider than the screen, but what scrolls inside its own frame."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, ViewportSize

from tests.helpers.browser import PHONE
from tests.helpers.reader import search, unfold

# What reaches beyond the screen, and lies in nothing that scrolls.
BEYOND = """() => {
    const wide = document.documentElement.clientWidth;
    const scrolls = found => { for (let up = found.parentElement; up && up !== document.body;
        up = up.parentElement) if (getComputedStyle(up).overflowX !== 'visible') return true; };
    return [...document.body.querySelectorAll('*')].filter(found => found.checkVisibility()
        && found.getBoundingClientRect().width > 0
        && found.getBoundingClientRect().right > wide + 1 && !scrolls(found))
        .map(found => found.outerHTML.slice(0, 150)); }"""


@pytest.mark.parametrize("width", [PHONE["width"], 768])
@pytest.mark.parametrize("what", ["closed", "open", "a card"])
def test_the_page_does_not_scroll_sideways(page: Page, width: int, what: str) -> None:
    page.set_viewport_size(ViewportSize(width=width, height=PHONE["height"]))
    if what == "open":
        unfold(page)
    elif what == "a card":
        assert search(page, "mini_gpt2_l L0H2").is_visible()
    assert page.evaluate(BEYOND) == []
    assert page.evaluate("() => document.documentElement.scrollWidth") <= width
