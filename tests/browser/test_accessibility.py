"""axe-core finds nothing wrong: contrast, headings, landmarks, names of what can be worked."""

from __future__ import annotations

from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, ViewportSize

from tests.browser.conftest import Open
from tests.helpers.browser import DESKTOP, PHONE
from tests.helpers.reader import search, unfold

RULES = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"],
    "resultTypes": ["violations"],
}


def _violations(page: Page) -> list[str]:
    found = Axe().run(page, options=RULES).response["violations"]
    return [
        f"{violation['id']}: {violation['help']}: {node['html'][:200]}"
        for violation in found
        for node in violation["nodes"][:3]
    ]


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
@pytest.mark.parametrize("what", ["closed", "open", "a card"])
def test_axe_finds_nothing(page: Page, size: ViewportSize, what: str) -> None:
    page.set_viewport_size(size)
    if what == "open":
        # Of rows that are alike, those of one model are enough.
        page.locator("#filter-model").select_option("mini_gpt2_l")
        unfold(page)
    elif what == "a card":
        assert search(page, "mini_gpt2_l L0H2").is_visible()
    assert _violations(page) == []


def test_axe_finds_nothing_where_nothing_was_run(open_tab: Open, empty_report: Path) -> None:
    page = open_tab(empty_report).page
    unfold(page)
    assert _violations(page) == []


def test_axe_sees_what_is_wrong(open_tab: Open, empty_report: Path) -> None:
    page = open_tab(empty_report).page
    page.locator("p.lead").evaluate("p => { p.style.color = '#bbbbbb'; }")
    page.locator("main").evaluate("main => main.append(document.createElement('input'))")
    rules = {violation.partition(":")[0] for violation in _violations(page)}
    assert {"color-contrast", "label"} <= rules
