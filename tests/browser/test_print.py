"""On paper nothing is folded: every chapter, every table, every drawing."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

from playwright.sync_api import Page, ViewportSize

from tests.helpers.reader import CHAPTERS, settle

# A sheet of A4 without the margins of the style sheet.
PAPER = ViewportSize(width=673, height=1000)


def _squeezed(text: str) -> str:
    """Without spaces and hyphens, which lines on paper add."""
    return re.sub(r"[\s\-‐]", "", text)


def test_all_is_on_paper(page: Page, tmp_path: Path) -> None:
    titles = page.locator(f"{CHAPTERS} > summary > h3").all_text_contents()
    captions = page.locator("main figure:not(.interactive) figcaption").all_text_contents()
    cells = page.locator("table.data tbody tr:first-child td:first-child").all_text_contents()
    file = tmp_path / "report.pdf"
    page.pdf(path=file)
    if shutil.which("pdftotext") is None:
        assert len(re.findall(rb"/Type\s*/Page\b", file.read_bytes())) > len(titles)
        return
    run = subprocess.run(["pdftotext", file, "-"], check=True, capture_output=True, text=True)
    printed = _squeezed(run.stdout)
    assert not [title for title in titles if _squeezed(title) not in printed]
    assert not [caption for caption in captions if _squeezed(caption)[:40] not in printed]
    assert not [cell for cell in cells if _squeezed(cell)[:12] not in printed]


def test_folds_open_for_printing(page: Page) -> None:
    page.evaluate("() => dispatchEvent(new Event('beforeprint'))")
    folds = page.locator("details:not(.interactive)")
    assert all(folds.evaluate_all("found => found.map(fold => fold.open)"))


def test_nothing_is_wider_than_the_paper(new_page: Page) -> None:
    page = new_page
    page.set_viewport_size(PAPER)
    page.emulate_media(media="print")
    page.evaluate("() => dispatchEvent(new Event('beforeprint'))")
    settle(page)
    assert page.locator("td:visible").count() > 1000
    cut = page.evaluate(
        """width => [...document.querySelectorAll('th, td, img, p, figcaption, summary')]
            .filter(found => found.checkVisibility()
                && found.getBoundingClientRect().right > width + 1)
            .map(found => [found.closest('details')?.id, found.textContent.trim().slice(0, 60)])""",
        PAPER["width"],
    )
    assert cut == []
